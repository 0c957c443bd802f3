package main_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// With --tls a program that asks WeChat's own names ends at the simulator, and
// trusts it by the file that it has written; nobody else is vouched for by it.
func TestSimulatorUnderWeChatsNames(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "wechatsim-ca.pem")
	run := func() (*process, *http.Client) {
		p := startIn(t, folder, nil, "simulator", "--tls", "--lenient", "--addr=127.0.0.1:0", "--tls-addr=127.0.0.1:0")
		address := regexp.MustCompile(`It answers at (\S+) under`).FindStringSubmatch(p.stdout.wait(t, "It answers at"))[1]
		line := strings.Fields(p.stdout.wait(t, "open.weixin.qq.com"))
		if line[0] != "127.0.0.1" || !slices.Equal(line[1:], wechatsim.Hosts()) {
			t.Errorf("line for the hosts file: %q", line)
		}
		if said := p.stdout.wait(t, "NODE_EXTRA_CA_CERTS"); !strings.HasSuffix(said, "="+file) {
			t.Errorf("says %q, the file is %s", said, file)
		}
		return p, trusting(t, file, address)
	}
	p, client := run()
	for _, host := range append(wechatsim.Hosts(), "localhost", "127.0.0.1", "[::1]") {
		res, err := client.Get("https://" + host + "/sns/auth")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK || res.Header.Get("X-Wechatsim-Parameter") != "access_token" {
			t.Errorf("%s answers %d, %v", host, res.StatusCode, res.Header)
		}
	}
	if _, err := client.Get("https://weixin.qq.com/"); err == nil {
		t.Error("another name is vouched for")
	}
	ask := func(path, body string, into any) {
		t.Helper()
		var res *http.Response
		var err error
		if body == "" {
			res, err = client.Get("https://api.weixin.qq.com" + path)
		} else {
			res, err = client.Post("https://api.weixin.qq.com"+path, "application/json", strings.NewReader(body))
		}
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var config struct{ AppID, Secret string }
	ask("/_sim/config", "", &config)
	var switches wechatsim.Switches
	ask("/_sim/switches", "", &switches)
	if switches != switches.Lenient() {
		t.Errorf("--lenient sets %+v", switches)
	}

	// The pictures' addresses are reached the same way.
	var code struct{ Code string }
	ask("/_sim/codes", `{"person":"lin","scope":"snsapi_userinfo"}`, &code)
	var token struct {
		Access string `json:"access_token"`
		OpenID string `json:"openid"`
	}
	ask("/sns/oauth2/access_token?grant_type=authorization_code&appid="+config.AppID+"&secret="+config.Secret+"&code="+code.Code, "", &token)
	var person struct{ HeadImgURL string }
	ask("/sns/userinfo?access_token="+token.Access+"&openid="+token.OpenID, "", &person)
	if res, err := client.Get(person.HeadImgURL); err != nil || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("picture %s: %v", person.HeadImgURL, err)
	}

	// The next one has a CA of its own, and replaces the file.
	before := readFile(t, file)
	p.cmd.Process.Kill()
	<-p.exited
	_, client = run()
	if readFile(t, file) == before {
		t.Error("the CA is the same at the next start")
	}
	if _, err := client.Get("https://api.weixin.qq.com/"); err != nil {
		t.Error(err)
	}
}

// What is no CA of a simulator's is not overwritten, whatever it is.
func TestSimulatorOverwritesNothing(t *testing.T) {
	folder := t.TempDir()
	certificate, key := newCertificate(t, folder)
	for _, file := range []string{certificate, key, folder} {
		before := ""
		if file != folder {
			before = readFile(t, file)
		}
		p := startIn(t, folder, nil, "simulator", "--tls", "--addr=127.0.0.1:0", "--tls-addr=127.0.0.1:0", "--tls-ca="+file)
		p.wantExit(1)
		if said := p.stderr.text(); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "server: --tls-ca: ") || !strings.Contains(said, file) {
			t.Errorf("%s: %s", file, said)
		}
		if file != folder && readFile(t, file) != before {
			t.Errorf("%s has changed", file)
		}
	}
	taken := must(net.Listen("tcp", "127.0.0.1:0"))
	defer taken.Close()
	p := startIn(t, folder, nil, "simulator", "--tls", "--addr=127.0.0.1:0", "--tls-addr="+taken.Addr().String())
	p.wantExit(1)
	if said := p.stderr.text(); !strings.HasPrefix(said, "server: --tls-addr: "+taken.Addr().String()+" is taken") {
		t.Error(said)
	}
}

// trusting is a client that finds every name at the address and trusts the file
// alone.
func trusting(t *testing.T, file, address string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(readFile(t, file))) {
		t.Fatalf("%s holds no certificate", file)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	transport := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// What the simulator says to set for three accounts is what a server takes.
func TestSimulatorSaysWhatToSet(t *testing.T) {
	p := startIn(t, t.TempDir(), nil, "simulator", "--addr=127.0.0.1:0")
	p.stdout.wait(t, "WXLOGIN_APPSECRET_APP")
	vars := []string{"WXLOGIN_PUBLIC_URL=http://127.0.0.1:8007", "WXLOGIN_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	vars = append(vars, regexp.MustCompile(`WXLOGIN_[A-Z_]+=\S+`).FindAllString(p.stdout.text(), -1)...)
	doctor := runs(t, vars, "doctor")
	<-doctor.exited
	for _, account := range []string{"main", "pc", "app"} {
		if !regexp.MustCompile(`(?m)^ok +account +` + account + `: `).MatchString(doctor.stdout.text()) {
			t.Errorf("%s: %s%s", account, doctor.stdout.text(), doctor.stderr.text())
		}
	}
}
