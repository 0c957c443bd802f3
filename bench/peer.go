package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wxlogin/bench/rig"
)

// npm's oidc-provider makes the same trips in the same minutes: on SQLite, with every write
// synced to disk, RSA-2048, and people who are signed in and have agreed. It is installed on
// request.

//go:embed peer/package.json peer/provider.mjs
var peerFiles embed.FS

// peer is another provider that is running.
type peer struct {
	*provider
	*rig.Process
}

const (
	peerClient = "bench"
	peerSecret = "a-secret-of-the-bench-and-nobody-else"
)

// startPeer installs and starts oidc-provider.
func (m *measurement) startPeer(ctx context.Context) (*peer, error) {
	folder := filepath.Join(m.world.Folder, "oidc-provider")
	if m.peerFolder != "" {
		folder = filepath.Join(m.peerFolder, "oidc-provider")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"package.json", "provider.mjs"} {
		text, err := peerFiles.ReadFile("peer/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider")); err != nil {
		m.progress("installing npm oidc-provider; better-sqlite3 is compiled, which takes minutes")
		// With the headers of the installed Node.js, if its package has them.
		install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--foreground-scripts", "--nodedir=/usr")
		install.Dir = folder
		if out, err := install.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm install: %w\n%s", err, out)
		}
	}
	keys, err := peerKeys()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	process, err := rig.Start(m.world.Folder, []string{
		"NODE_ENV=production", "ISSUER=http://" + address, "FILE=" + filepath.Join(m.world.Folder, "oidc-provider.db"), "JWKS=" + keys,
		"CLIENT_ID=" + peerClient, "CLIENT_SECRET=" + peerSecret, "REDIRECT_URI=" + tripRedirect,
	}, "node", filepath.Join(folder, "provider.mjs"))
	if err != nil {
		return nil, err
	}
	p := &peer{Process: process, provider: &provider{
		name: "oidc-provider 9.13.3 (Node.js)", target: rig.Target{Address: address, PID: process.PID()}, host: address,
		token: "/token", userinfo: "/me", clientID: peerClient, secret: peerSecret,
	}}
	if _, err := process.Wait(ctx, `"msg":"peer is ready"`); err != nil {
		return p, err
	}
	return p, p.start(func(k int) (tripBrowser, error) {
		b := &peerBrowser{conn: rig.NewConn(address), host: address, name: fmt.Sprintf("person-%d", k)}
		return b, b.signsIn(time.Now().Add(time.Minute))
	})
}

// peerBrowser is a browser that is signed in at the peer.
type peerBrowser struct {
	conn       *rig.Conn
	host, name string
	jar        rig.Jar
}

func (b *peerBrowser) close() { b.conn.Close() }

func (b *peerBrowser) comes(query string, deadline time.Time) (string, error) {
	return b.ask(http.MethodGet, "/auth?"+query, nil, deadline)
}

// ask sends a request and returns where the answer redirects to.
func (b *peerBrowser) ask(method, path string, form url.Values, deadline time.Time) (string, error) {
	if err := b.conn.Do(rig.NewRequestTo(b.host, method, path, b.jar.Header(), []byte(form.Encode())), deadline); err != nil {
		return "", err
	}
	b.jar.Take(b.conn)
	location := rig.Location(b.conn)
	if location == "" {
		return "", fmt.Errorf("%s answers %d %.200s", path, b.conn.Status, b.conn.Body)
	}
	return location, nil
}

// signsIn goes through the peer's pages once: login and consent.
func (b *peerBrowser) signsIn(deadline time.Time) error {
	location, err := b.comes(url.Values{
		"client_id": {peerClient}, "redirect_uri": {tripRedirect}, "response_type": {"code"}, "scope": {"openid profile"},
		"code_challenge": {tripChallenge}, "code_challenge_method": {"S256"},
	}.Encode(), deadline)
	for range 8 {
		if err != nil || strings.HasPrefix(location, tripRedirect) {
			return err
		}
		u, bad := url.Parse(location)
		if bad != nil {
			return bad
		}
		if !strings.HasPrefix(u.Path, "/interaction/") {
			location, err = b.ask(http.MethodGet, u.RequestURI(), nil, deadline)
			continue
		}
		if err := b.conn.Do(rig.NewRequestTo(b.host, http.MethodGet, u.RequestURI(), b.jar.Header(), nil), deadline); err != nil {
			return err
		}
		form := url.Values{"prompt": {"consent"}}
		if strings.Contains(string(b.conn.Body), `value="login"`) {
			form = url.Values{"prompt": {"login"}, "login": {b.name}, "password": {"any"}}
		}
		location, err = b.ask(http.MethodPost, u.RequestURI(), form, deadline)
	}
	return errors.New("the pages of oidc-provider lead nowhere")
}

// peerKeys makes a key set with one key of RSA-2048, as JSON.
func peerKeys() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "bench", Algorithm: "RS256", Use: "sig"}}})
	return string(text), err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
