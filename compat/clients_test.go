//go:build compat

package compat_test

import (
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/compat/record"
)

// service is server demo, with a database that the command line can reach.
type service struct{ program, issuer, database string }

func startService(t *testing.T) *service {
	t.Helper()
	folder := t.TempDir()
	s := &service{program: filepath.Join(folder, "server"), database: "sqlite:" + filepath.Join(folder, "data", "wxlogin.db")}
	if out, err := exec.Command("go", "build", "-o", s.program, "../cmd/server").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := exec.Command(s.program, "demo", "--empty", "--data", filepath.Join(folder, "data"), "--simulator-addr", "127.0.0.1:0", "--app-addr", "127.0.0.1:0")
	command.Env = append(os.Environ(), "WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_RATE_LIMIT=0") // one address is everybody's
	said := start(t, command)
	for s.issuer == "" {
		if found := regexp.MustCompile(`visitor\s+(http://\S+)/$`).FindStringSubmatch(said()); found != nil {
			s.issuer = found[1]
		}
	}
	return s
}

// client runs server client and returns what it prints.
func (s *service) client(t *testing.T, args ...string) []byte {
	t.Helper()
	command := exec.Command(s.program, append([]string{"client"}, args...)...)
	command.Env = append(os.Environ(), "WXLOGIN_PUBLIC_URL="+s.issuer, "WXLOGIN_APPID="+appID, "WXLOGIN_APPSECRET="+secret, "WXLOGIN_DATABASE_URL="+s.database)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// person is a browser inside WeChat that says yes.
func person(t *testing.T, key string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, []*http.Cookie{
		{Name: "wechatsim_person", Value: key}, {Name: "wechatsim_consent", Value: "allow"},
	})
	return &http.Client{Jar: jar, Timeout: patience}
}

// open goes where pages lead until one leads nowhere.
func open(t *testing.T, browser *http.Client, address string) (status int, body string) {
	t.Helper()
	leads := regexp.MustCompile(`content="0; url=([^"]+)"|href="([^"]*/login\?consent=1[^"]*)"`)
	for range 10 {
		req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", android())
		req.Header.Set("Accept", "text/html")
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		found := leads.FindStringSubmatch(string(content))
		if found == nil {
			return res.StatusCode, string(content)
		}
		next, err := res.Request.URL.Parse(html.UnescapeString(found[1] + found[2]))
		if err != nil {
			t.Fatal(err)
		}
		address = next.String()
	}
	t.Fatalf("goes round at %s", address)
	return 0, ""
}

// freeAddress is of this machine, for a program that has to be told its port.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// goInstall builds a program of the Go proxy and returns the folder that has it.
func goInstall(t *testing.T, module string) string {
	t.Helper()
	folder := t.TempDir()
	install := exec.Command("go", "install", module)
	install.Dir, install.Env = folder, append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// npmProject is a copy of a folder with what its lock names.
func npmProject(t *testing.T, name string) (folder string) {
	t.Helper()
	return npmInstall(t, name, "ci", "--ignore-scripts")
}

// linesFor makes a trusted client and returns the lines to paste into the
// application, with the secret in them.
func (s *service) linesFor(t *testing.T, application, name string, flags ...string) string {
	t.Helper()
	lines, secret := s.made(t, application, name, flags...)
	return regexp.MustCompile(`\bCLIENT_SECRET\b`).ReplaceAllLiteralString(lines, secret) // not in OAUTH2_CLIENT_SECRET
}

// made makes a trusted client and returns the lines as they are printed, and its secret.
func (s *service) made(t *testing.T, application, name string, flags ...string) (lines, secret string) {
	t.Helper()
	var made struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(s.client(t, append([]string{"add", name, "--trusted", "--json"}, flags...)...), &made); err != nil {
		t.Fatal(err)
	}
	return string(s.client(t, "show", name, "--for", application)), made.Secret
}

// reachable waits until a program listens.
func reachable(t *testing.T, address string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
}

// oauth2-proxy in front of a site, with the lines that server client show prints for it.
func TestOAuth2Proxy(t *testing.T) {
	program := filepath.Join(goInstall(t, "github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6"), "oauth2-proxy")
	record.Of(t, record.Clients, "oauth2-proxy", programVersion(t, program), "a login and a refusal")("signs in with and without an e-mail address; somebody outside the group gets 403")
	s := startService(t)
	for _, flags := range [][]string{nil, {"--email"}} {
		address := freeAddress(t)
		name := "Proxy" + strings.Join(flags, "")
		lines := s.linesFor(t, "oauth2-proxy", name, append([]string{"--redirect-uri", "http://" + address + "/oauth2/callback"}, flags...)...)
		config := filepath.Join(t.TempDir(), "proxy.cfg")
		if err := os.WriteFile(config, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		proxy := exec.Command(program, "--config="+config, "--http-address="+address,
			"--cookie-secret=0123456789abcdef0123456789abcdef", "--cookie-secure=false", "--upstream=static://202", "--skip-provider-button")
		proxy.Stderr = os.Stderr
		start(t, proxy)
		reachable(t, address)
		lin := person(t, "lin")
		if status, body := open(t, lin, "http://"+address+"/"); status != http.StatusAccepted {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if _, body := open(t, lin, "http://"+address+"/oauth2/userinfo"); !strings.Contains(body, `"preferredUsername":"wx_`) {
			t.Errorf("%s: the proxy knows %s", name, body)
		}
		s.client(t, "edit", name, "--groups", "staff")
		if status, body := open(t, person(t, "lin"), "http://"+address+"/"); status != http.StatusForbidden {
			t.Errorf("%s: somebody outside the group: %d %s", name, status, body)
		}
	}
}
