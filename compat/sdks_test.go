//go:build compat

package compat_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/compat/record"
)

const (
	appID    = "wx0123456789abcdef"
	secret   = "0123456789abcdef0123456789abcdef"
	nickname = "林小满" // of lin
	patience = time.Minute
)

// TestSDKs signs somebody in by each library of docs/simulator.md, under WeChat's
// own names: with the switches that the document names for it and no others. With
// the switches of "without" it is refused, by the page for the parameter or by the
// API with the error.
func TestSDKs(t *testing.T) {
	const empty, order, post = `"empty_state":true`, `"any_order":true`, `"allow_post":true`
	sim := startSimulator(t)
	inGo, inNode := goLibraries(t), nodeLibraries(t)
	for _, c := range []struct {
		run      []string
		site     bool // it signs in by the website application
		name     string
		callback string
		needs    string // "never": the page refuses it with every switch
		without  string
		refused  string // parameter
		fails    string // error
	}{
		{run: inGo, name: "silenceper/wechat"},
		{run: inGo, site: true, name: "goth"},
		{run: inNode, site: true, name: "@logto/connector-wechat-web"},
		{run: inNode, name: "passport-wechat", needs: empty, without: order + "," + post, refused: "state"},
		{run: inNode, name: "passport-wechat with state"},
		{run: inNode, site: true, name: "passport-wechat website"},
		{run: inNode, name: "node-easywechat", needs: order, without: empty + "," + post, refused: "scope"},
		{run: inNode, name: "wechat-jssdk"},
		{run: inNode, name: "@auth/core", callback: "/auth/callback/wechat", needs: "never", without: order + "," + empty + "," + post, refused: "state"},
		{run: inNode, name: "@auth/core with pkce", callback: "/auth/callback/wechat", needs: order + "," + post, without: order, fails: "access_token"},
		{run: inNode, name: "@auth/core with pkce", callback: "/auth/callback/wechat", needs: order + "," + post, without: post, refused: "scope"},
		{run: inNode, site: true, name: "@auth/core website", callback: "/auth/callback/wechat", needs: post, without: order, fails: "access_token"},
		{run: inNode, site: true, name: "better-auth", callback: "/api/auth/callback/wechat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sees := record.Of(t, record.SDKs, c.name, libraryVersion(t, c.run, c.name), "a whole login")
			if c.callback == "" {
				c.callback = "/callback"
			}
			if c.without != "" {
				sim.set(t, c.without)
				switch got := sim.login(t, c.run, c.name, c.callback, c.site); {
				case c.refused != "" && got.Refused != c.refused:
					t.Errorf("without the switches: %+v, want a refusal for %s", got, c.refused)
				case c.fails != "" && !strings.Contains(got.Error, c.fails):
					t.Errorf("without the switches: %+v, want the error %s", got, c.fails)
				}
			}
			if c.needs == "never" {
				sees("WeChat's page refuses it for %s, with every switch", c.refused)
				return
			}
			switch switches := strings.ReplaceAll(strings.ReplaceAll(c.needs, ":true", ""), `"`, "`"); {
			case switches == "":
				sees("signs in, without a switch")
			case c.refused != "":
				sees("signs in with %s, without which WeChat's page refuses it for %s", switches, c.refused)
			default:
				sees("signs in with %s, without which the exchange fails", switches)
			}
			sim.set(t, c.needs)
			got := sim.login(t, c.run, c.name, c.callback, c.site)
			if got.Nickname != nickname || got.OpenID == "" && got.UnionID == "" {
				t.Errorf("signed in %+v, want %s", got, nickname)
			}
		})
	}
}

// outcome is what a login came to, in the words of the library's program.
type outcome struct {
	Authorize string // where the browser is sent to
	Refused   string // parameter that WeChat's page refuses
	OpenID    string
	UnionID   string
	Nickname  string
	Error     string
}

type simulator struct {
	plain, tls, ca string
	site           struct{ AppID, Secret string } // of the website application
	phone          *http.Client
}

// startSimulator builds the program and runs server simulator --tls.
func startSimulator(t *testing.T) *simulator {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "server")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/server").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := &simulator{ca: filepath.Join(folder, "ca.pem")}
	command := exec.Command(program, "simulator", "--tls", "--addr=127.0.0.1:0", "--tls-addr=127.0.0.1:0",
		"--tls-ca="+s.ca, "--appid="+appID, "--appsecret="+secret, "--callback-hosts=app.example.com")
	command.Stderr = os.Stderr
	said := start(t, command)
	for s.plain == "" || s.tls == "" {
		line := said()
		if found := regexp.MustCompile(`control page: (http://\S+)/$`).FindStringSubmatch(line); found != nil {
			s.plain = found[1]
		}
		if found := regexp.MustCompile(`^It answers at (\S+) `).FindStringSubmatch(line); found != nil {
			s.tls = found[1]
		}
	}
	var config struct {
		Apps []struct{ AppID, Secret, Kind string }
	}
	res, err := http.Get(s.plain + "/_sim/config")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&config); err != nil || len(config.Apps) < 2 || config.Apps[1].Kind != "website" {
		t.Fatalf("%+v, %v", config, err)
	}
	s.site.AppID, s.site.Secret = config.Apps[1].AppID, config.Apps[1].Secret
	roots := x509.NewCertPool()
	if content, err := os.ReadFile(s.ca); err != nil || !roots.AppendCertsFromPEM(content) {
		t.Fatal("no CA ", err)
	}
	s.phone = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				if strings.HasPrefix(to, "open.weixin.qq.com:") {
					to = s.tls
				}
				return new(net.Dialer).DialContext(ctx, network, to)
			},
		},
	}
	return s
}

// set turns these switches of the simulator on, and those not named off.
func (s *simulator) set(t *testing.T, switches string) {
	t.Helper()
	body := `{"any_order":false,"empty_state":false,"allow_post":false`
	if switches != "" {
		body += "," + switches
	}
	res, err := http.Post(s.plain+"/_sim/switches", "application/json", strings.NewReader(body+"}"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("switches: %s", res.Status)
	}
}

// login runs the library's program and is the phone of lin, who consents.
func (s *simulator) login(t *testing.T, run []string, name, callback string, site bool) outcome {
	t.Helper()
	appID, secret := appID, secret
	if site {
		appID, secret = s.site.AppID, s.site.Secret
	}
	command := exec.Command(run[0], append(run[1:len(run):len(run)], name)...)
	command.Dir = filepath.Dir(run[len(run)-1])
	command.Env = append(os.Environ(), "APPID="+appID, "SECRET="+secret, "CALLBACK=https://app.example.com"+callback,
		"PLAIN="+s.plain, "SIMULATOR="+s.tls, "NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := start(t, command)
	got := read(t, said())
	if got.Authorize == "" {
		return got
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", got.Authorize, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", android())
	req.Header.Set("Cookie", "wechatsim_person=lin; wechatsim_consent=allow")
	res, err := s.phone.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusFound {
		return outcome{Refused: res.Header.Get("X-Wechatsim-Parameter")}
	}
	if _, err := io.WriteString(stdin, res.Header.Get("Location")+"\n"); err != nil {
		t.Fatal(err)
	}
	return read(t, said())
}

func read(t *testing.T, line string) (got outcome) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("the library's program says %q", line)
	}
	return got
}

// start runs a program until the test ends; the result reads its next line.
func start(t *testing.T, command *exec.Cmd) func() string {
	t.Helper()
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return func() string {
		t.Helper()
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("%s has ended", command)
			}
			return line
		case <-time.After(patience):
			t.Fatalf("%s says nothing", command)
			return ""
		}
	}
}

// goLibraries builds the program of the libraries in Go, a module of its own.
func goLibraries(t *testing.T) []string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "login")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "testdata/sdks/go"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return []string{program}
}

// nodeLibraries installs the libraries for Node.js beside a copy of their program.
func nodeLibraries(t *testing.T) []string {
	t.Helper()
	folder := npmInstall(t, "testdata/sdks/node", "install", "--no-package-lock", "--ignore-scripts")
	return []string{"node", "--require", filepath.Join(folder, "names.cjs"), filepath.Join(folder, "login.mjs")}
}
