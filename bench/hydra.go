package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"wxlogin/bench/rig"
)

// ory/hydra makes the same trips on PostgreSQL: on SQLite its writers lock one another out
// when eight browsers come at once. It has no pages of its own: for each login and each
// consent, even of a known person who has agreed, it redirects the browser to the pages of
// another program, which answers by hydra's admin API. The pages are played here and cost
// hydra nothing; the calls are part of its design, and count.

const hydraModule = "github.com/ory/hydra/v2"

// hydraProgram builds hydra from the Go proxy, unless it is built already. `go install`
// refuses it, as its go.mod replaces modules, so it is built with a copy of that file.
func (m *measurement) hydraProgram(ctx context.Context) (string, error) {
	folder := filepath.Join(m.world.Folder, "hydra")
	if m.peerFolder != "" {
		folder = filepath.Join(m.peerFolder, "hydra")
	}
	program := filepath.Join(folder, "hydra")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	m.progress("building hydra, which takes minutes")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	run := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir, cmd.Env = folder, append(cmd.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
		}
		return out, nil
	}
	out, err := run("mod", "download", "-json", hydraModule+"@v2.3.0")
	if err != nil {
		return "", err
	}
	var module struct{ GoMod, Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	text, err := os.ReadFile(module.GoMod)
	if err != nil {
		return "", err
	}
	own := regexp.MustCompile(`(?m)^(module .*|toolchain .*|replace .* => \./.*)$`).ReplaceAllString(string(text), "")
	sums, err := os.ReadFile(filepath.Join(module.Dir, "go.sum"))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module peer\nrequire "+hydraModule+" v2.3.0\n"+own), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600); err != nil {
		return "", err
	}
	_, err = run("build", "-o", program, hydraModule)
	return program, err
}

// startHydra builds and starts hydra.
func (m *measurement) startHydra(ctx context.Context) (*peer, error) {
	program, err := m.hydraProgram(ctx)
	if err != nil {
		return nil, err
	}
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	adminAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	port := func(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
	variables := []string{
		"DSN=" + m.hydraDatabase,
		"SECRETS_SYSTEM=a secret of the bench alone", "LOG_LEVEL=error", "SQA_OPT_OUT=true",
		"URLS_SELF_ISSUER=http://" + public, "URLS_LOGIN=http://127.0.0.1/login", "URLS_CONSENT=http://127.0.0.1/consent",
		"SERVE_PUBLIC_HOST=127.0.0.1", "SERVE_PUBLIC_PORT=" + port(public), "SERVE_ADMIN_HOST=127.0.0.1", "SERVE_ADMIN_PORT=" + port(adminAddress),
		"SERVE_PUBLIC_ACCESS_LOG_DISABLE_FOR_HEALTH=true", "DISABLE_NEW_VERSION_CHECK=true",
	}
	migrate := exec.CommandContext(ctx, program, "migrate", "sql", "-e", "--yes")
	migrate.Dir, migrate.Env = m.world.Folder, append(migrate.Environ(), variables...)
	if out, err := migrate.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hydra migrate: %w\n%s", err, out)
	}
	process, err := rig.Start(m.world.Folder, variables, program, "serve", "all", "--dev")
	if err != nil {
		return nil, err
	}
	p := &peer{Process: process, provider: &provider{
		name: "ory/hydra v2.3.0 (Go, PostgreSQL)", target: rig.Target{Address: public, PID: process.PID()}, host: public,
		token: "/oauth2/token", userinfo: "/userinfo", clientID: peerClient, secret: peerSecret,
	}}
	if err := hydraSetUp(ctx, "http://"+adminAddress); err != nil {
		return p, fmt.Errorf("%w\n%s", err, process.Tail())
	}
	return p, p.start(func(k int) (tripBrowser, error) {
		b := &hydraBrowser{peerBrowser: peerBrowser{conn: rig.NewConn(public), host: public, name: fmt.Sprintf("person-%d", k)}, admin: rig.NewConn(adminAddress)}
		_, err := b.comes(url.Values{
			"client_id": {peerClient}, "redirect_uri": {tripRedirect}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"a-first-trip"},
			"code_challenge": {tripChallenge}, "code_challenge_method": {"S256"},
		}.Encode(), time.Now().Add(time.Minute))
		return b, err
	})
}

// hydraSetUp waits for hydra, and gives it a client and a key of RSA-2048, as its own has
// 4096 bits.
func hydraSetUp(ctx context.Context, admin string) error {
	keys, err := peerKeys()
	if err != nil {
		return err
	}
	client, err := json.Marshal(map[string]any{
		"client_id": peerClient, "client_secret": peerSecret, "redirect_uris": []string{tripRedirect}, "grant_types": []string{"authorization_code"},
		"response_types": []string{"code"}, "scope": "openid profile", "skip_consent": true,
	})
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		res, err := http.Get(admin + "/health/ready")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(began) > time.Minute || ctx.Err() != nil {
			return fmt.Errorf("hydra is not ready: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, call := range []struct{ method, path, body string }{
		{http.MethodPut, "/admin/keys/hydra.openid.id-token", keys}, {http.MethodPost, "/admin/clients", string(client)},
	} {
		req, err := http.NewRequestWithContext(ctx, call.method, admin+call.path, strings.NewReader(call.body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode >= 300 {
			return fmt.Errorf("hydra answers %s with %s", call.path, res.Status)
		}
	}
	return nil
}

// hydraBrowser is a browser, together with the pages to which hydra redirects it.
type hydraBrowser struct {
	peerBrowser
	admin *rig.Conn
	known bool // has been here before
}

func (b *hydraBrowser) close() {
	b.peerBrowser.close()
	b.admin.Close()
}

func (b *hydraBrowser) comes(query string, deadline time.Time) (string, error) {
	location, err := b.ask(http.MethodGet, "/oauth2/auth?"+query, nil, deadline)
	for range 6 {
		if err != nil || strings.HasPrefix(location, tripRedirect) {
			b.known = err == nil
			return location, err
		}
		u, bad := url.Parse(location)
		if bad != nil {
			return "", bad
		}
		switch {
		case u.Query().Has("login_challenge"):
			location, err = b.accept("login", u.Query().Get("login_challenge"), fmt.Sprintf(`{"subject":%q,"remember":%t,"remember_for":3600}`, b.name, !b.known), deadline)
		case u.Query().Has("consent_challenge"):
			location, err = b.accept("consent", u.Query().Get("consent_challenge"),
				`{"grant_scope":["openid","profile"],"remember":true,"remember_for":3600,"session":{"id_token":{"name":"林小满","preferred_username":"person"}}}`, deadline)
		default:
			location, err = b.ask(http.MethodGet, u.RequestURI(), nil, deadline)
		}
	}
	return "", fmt.Errorf("hydra leads to %q", location)
}

// accept accepts a login or consent request, as the button of its page does.
func (b *hydraBrowser) accept(what, challenge, body string, deadline time.Time) (string, error) {
	request := fmt.Appendf(nil, "PUT /admin/oauth2/auth/requests/%s/accept?%s_challenge=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		what, what, url.QueryEscape(challenge), len(body), body)
	if err := b.admin.Do(request, deadline); err != nil {
		return "", err
	}
	var answer struct {
		To string `json:"redirect_to"`
	}
	if err := json.Unmarshal(b.admin.Body, &answer); err != nil || answer.To == "" {
		return "", fmt.Errorf("hydra's %s answers %d %.300s", what, b.admin.Status, b.admin.Body)
	}
	return answer.To, nil
}
