package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/programs"
)

// nodeLogin is a login by openid-client, in a process of its own.
type nodeLogin struct {
	t     *testing.T
	lines *bufio.Scanner
	stdin io.WriteCloser
}

// nodeSays is what that process says, a line at a time.
type nodeSays struct {
	Authorize, Logout, Error string
	Claims, Userinfo         map[string]any
	After                    any // what userinfo says after the refresh token is revoked
}

// openidClient installs the library for Node.js once, as its lock file says.
func openidClient(t *testing.T) string {
	t.Helper()
	programs.Wanted(t)
	folder := t.TempDir()
	check(t, os.CopyFS(folder, os.DirFS("testdata/openid-client")))
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		programs.Absent(t, fmt.Sprintf("npm ci: %v\n%s", err, out))
	}
	return folder
}

// node begins a login of the application.
func (a *app) node(t *testing.T, folder string) (*nodeLogin, nodeSays) {
	t.Helper()
	command := exec.Command("node", "--experimental-global-webcrypto" /* for 18 */, filepath.Join(folder, "login.mjs"))
	command.Dir = folder
	command.Env = append(os.Environ(), "ISSUER="+a.w.public, "ID="+a.client.ID, "SECRET="+string(a.secret), "REDIRECT="+a.client.RedirectURIs[0])
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	check(t, err)
	stdout, err := command.StdoutPipe()
	check(t, err)
	check(t, command.Start())
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	login := &nodeLogin{t: t, lines: bufio.NewScanner(stdout), stdin: stdin}
	return login, login.says()
}

func (l *nodeLogin) says() (said nodeSays) {
	l.t.Helper()
	if !l.lines.Scan() {
		l.t.Fatalf("openid-client has ended: %v", l.lines.Err())
	}
	check(l.t, json.Unmarshal(l.lines.Bytes(), &said))
	return said
}

// finish tells the application where the browser was sent to.
func (l *nodeLogin) finish(told url.Values) nodeSays {
	l.t.Helper()
	_, err := io.WriteString(l.stdin, appURI+"?"+told.Encode()+"\n")
	check(l.t, err)
	return l.says()
}

// A whole login, userinfo, refresh, revocation and logout with a certified library that
// checks every answer, for both kinds of client and signature; and refusals in words
// that it understands.
func TestOpenIDClient(t *testing.T) {
	folder := openidClient(t)
	for _, c := range []struct {
		name   string
		change func(*auth.Client)
	}{
		{"confidential, RS256", func(c *auth.Client) { c.Alg = auth.RS256 }},
		{"public, ES256", public},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, options{path: "/wx"})
			app := w.app("Wiki", c.change)
			phone := w.phone("lin")
			login, begun := app.node(t, folder)
			if begun.Error != "" {
				t.Fatalf("discovery: %s", begun.Error)
			}
			told := phone.comesBack(phone.get(begun.Authorize))
			got := login.finish(told)
			me := phone.me()
			if got.Error != "" || got.Claims["sub"] != me["id"] || got.Userinfo["name"] != me["nickname"] || got.After != 401.0 {
				t.Errorf("the application has %+v, want %v, and 401 in the end", got, me)
			}
			if bye, err := url.Parse(got.Logout); err != nil || bye.Path != "/wx/oidc/logout" {
				t.Errorf("logout at %q, %v", got.Logout, err)
			}
			// A code that was spent, and one of a login that was another's.
			login, begun = app.node(t, folder)
			told.Set("state", query(t, begun.Authorize).Get("state"))
			if got := login.finish(told); got.Error != "invalid_grant" {
				t.Errorf("a spent code: %+v, want invalid_grant", got)
			}
			// An answer that does not say whose it is.
			login, begun = app.node(t, folder)
			told = phone.comesBack(phone.get(begun.Authorize))
			told.Del("iss")
			if got := login.finish(told); got.Error == "" {
				t.Errorf("an answer without iss is taken: %+v", got)
			}
			// No.
			login, begun = app.node(t, folder)
			told = w.phone("chen").comesBack(w.phone("chen").get(begun.Authorize + "&prompt=none"))
			if got := login.finish(told); got.Error != "login_required" {
				t.Errorf("a stranger, without a page: %+v, want login_required", got)
			}
		})
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	check(t, err)
	return u.Query()
}
