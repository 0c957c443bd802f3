//go:build compat

package compat_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wxlogin/compat/record"
)

// site is a small one around a library: /login begins, and the page that follows is what
// the library says of who came.
type site struct {
	origin string
	edit   func(flags ...string)
}

// startSite makes a client and starts the site's program with it.
func (s *service) startSite(t *testing.T, name, callback string, flags []string, variables []string, program string, args ...string) *site {
	t.Helper()
	address := freeAddress(t)
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	add := append([]string{"add", name, "--trusted", "--json", "--redirect-uri", "http://" + address + callback}, flags...)
	if err := json.Unmarshal(s.client(t, add...), &made); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "ADDRESS="+address, "ISSUER="+s.issuer, "CLIENT_ID="+made.ID, "CLIENT_SECRET="+made.Secret)
	command.Env = append(command.Env, variables...)
	command.Stderr = os.Stderr
	start(t, command)
	reachable(t, address)
	return &site{"http://" + address, func(flags ...string) { s.client(t, append([]string{"edit", name}, flags...)...) }}
}

// knows signs somebody in and returns what the site's library says of them.
func (s *site) knows(t *testing.T, who string) (claims map[string]any) {
	t.Helper()
	status, body := open(t, person(t, who), s.origin+"/login")
	if err := json.Unmarshal([]byte(body), &claims); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s", s.origin, status, body)
	}
	if sub, _ := claims["sub"].(string); sub == "" || claims["name"] != nickname {
		t.Errorf("the site knows %v", claims)
	}
	return claims
}

// wantKeptOut lets in members of a group only, and somebody else come.
func (s *site) wantKeptOut(t *testing.T) {
	t.Helper()
	s.edit("--groups", "staff")
	wang := person(t, "wang")
	if status, body := open(t, wang, s.origin+"/login"); status != http.StatusForbidden {
		t.Errorf("somebody outside the group: %d %s", status, body)
	}
	if status, body := open(t, wang, s.origin+"/"); status == http.StatusOK {
		t.Errorf("somebody outside the group has a session: %s", body)
	}
}

// goth, which Gitea signs people in with: the secret in the form, no PKCE, no nonce, a
// state with signs in it.
func TestGoth(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "goth")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir, build.Env = "testdata/goth", append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	record.Of(t, record.Clients, "goth (Gitea's client)", libraryVersion(t, []string{program}, "goth"), "a login and a refusal")("signs in, with and without an e-mail address; somebody outside the group gets 403")
	s := startService(t)
	for name, flags := range map[string][]string{"Bare": nil, "Forge": {"--email"}} {
		site := s.startSite(t, name, "/callback", flags, nil, program)
		claims := site.knows(t, "lin")
		email, _ := claims["email"].(string)
		if strings.HasSuffix(email, "@wechat.invalid") != (flags != nil) || !strings.HasPrefix(claims["nick"].(string), "wx_") {
			t.Errorf("%s: the site knows %v", name, claims)
		}
		site.wantKeptOut(t)
	}
}

// express-openid-connect, told to ask for a code.
func TestExpressOpenIDConnect(t *testing.T) {
	folder := npmInstall(t, "testdata/express-openid-connect", "install", "--ignore-scripts")
	record.Of(t, record.Clients, "express-openid-connect", moduleVersion(t, folder, "express-openid-connect"), "a login and a refusal")("signs in with `response_type: \"code\"`, which is not its default; somebody outside the group gets no session")
	s := startService(t)
	site := s.startSite(t, "Site", "/callback", []string{"--email"}, nil, "node", filepath.Join(folder, "serve.mjs"))
	claims := site.knows(t, "lin")
	if info, _ := claims["userinfo"].(map[string]any); info["sub"] != claims["sub"] || !strings.HasSuffix(claims["email"].(string), "@wechat.invalid") {
		t.Errorf("the site knows %v", claims)
	}
	site.wantKeptOut(t)
}

// Logto's connector, which reads the ID token alone, and an e-mail address only when it
// is told to trust what nobody has verified.
func TestLogto(t *testing.T) {
	folder := npmProject(t, "testdata/logto")
	record.Of(t, record.Clients, "@logto/connector-oidc", moduleVersion(t, folder, "@logto/connector-oidc"), "a login and a refusal")("signs in by the ID token alone; takes the e-mail address with “Trust Unverified Email” only; somebody outside the group gets access_denied")
	s := startService(t)
	for name, trusts := range map[string]bool{"Careful": false, "Trusting": true} {
		variable := map[bool]string{false: "TRUST_EMAIL=false", true: "TRUST_EMAIL=true"}[trusts]
		site := s.startSite(t, name, "/callback", []string{"--email"}, []string{variable}, "node", filepath.Join(folder, "serve.mjs"))
		claims := site.knows(t, "lin")
		if email, _ := claims["email"].(string); strings.HasSuffix(email, "@wechat.invalid") != trusts || claims["avatar"] == nil {
			t.Errorf("%s: the site knows %v", name, claims)
		}
		site.wantKeptOut(t)
	}
}
