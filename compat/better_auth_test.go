//go:build compat

package compat_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"wxlogin/compat/record"
)

// better-auth ends a login without an e-mail address; with --email it makes an account,
// finds it again, and refuses people outside the group.
func TestBetterAuth(t *testing.T) {
	folder := npmProject(t, "testdata/better-auth")
	record.Of(t, record.Clients, "better-auth, genericOAuth", moduleVersion(t, folder, "better-auth"), "a login and a refusal")("needs --email: signs in twice as one account; without, email_not_found; somebody outside the group gets no session")
	s := startService(t)
	site := func(name string, flags ...string) (origin string) {
		address := freeAddress(t)
		var made struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		add := append([]string{"add", name, "--trusted", "--json", "--redirect-uri", "http://" + address + "/api/auth/callback/wechat"}, flags...)
		if err := json.Unmarshal(s.client(t, add...), &made); err != nil {
			t.Fatal(err)
		}
		site := exec.Command("node", "--experimental-global-webcrypto" /* for 18 */, filepath.Join(folder, "serve.mjs"))
		site.Env = append(os.Environ(), "ADDRESS="+address, "ISSUER="+s.issuer, "CLIENT_ID="+made.ID, "CLIENT_SECRET="+made.Secret)
		site.Stderr = os.Stderr
		start(t, site)
		reachable(t, address)
		return "http://" + address
	}

	bare := site("Bare")
	if status, body := open(t, person(t, "lin"), bare+"/login"); status != http.StatusForbidden || body != "email_not_found" {
		t.Errorf("without an address: %d %s", status, body)
	}

	origin := site("Site", "--email")
	var first string
	for range 2 { // in two browsers
		status, body := open(t, person(t, "lin"), origin+"/login")
		var got struct {
			Session struct {
				User struct{ ID, Name, Email, Image string }
			}
			Accounts []string
			Users    int
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%d %s", status, body)
		}
		user := got.Session.User
		if status != http.StatusOK || user.Name != nickname || user.Image == "" || got.Users != 1 || len(got.Accounts) != 1 || user.Email != got.Accounts[0]+"@wechat.invalid" {
			t.Errorf("%d %s", status, body)
		}
		if first == "" {
			first = user.ID
		}
		if user.ID == "" || user.ID != first {
			t.Errorf("the second login finds %s, the first made %s", user.ID, first)
		}
	}
	s.client(t, "edit", "Site", "--groups", "staff")
	wang := person(t, "wang")
	if status, body := open(t, wang, origin+"/login"); status != http.StatusForbidden {
		t.Errorf("somebody outside the group: %d %s", status, body)
	}
	if status, body := open(t, wang, origin+"/"); status != http.StatusUnauthorized {
		t.Errorf("somebody outside the group has a session: %d %s", status, body)
	}
}
