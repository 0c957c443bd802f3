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

// Auth.js, with the provider that server client show prints for it: it reads the ID
// token and nothing else, and checks iss and PKCE. Who is not of the group gets no session.
func TestAuthJS(t *testing.T) {
	folder := npmProject(t, "testdata/authjs")
	record.Of(t, record.Clients, "Auth.js (@auth/core)", moduleVersion(t, folder, "@auth/core"), "a login and a refusal")("signs in by the ID token alone; somebody outside the group gets no session")
	s := startService(t)
	address := freeAddress(t)
	origin := "http://" + address
	lines, secret := s.made(t, "authjs", "Site", "--redirect-uri", origin+"/auth/callback/wechat", "--email")
	if err := os.WriteFile(filepath.Join(folder, "provider.mjs"), []byte("export default "+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	site := exec.Command("node", "--experimental-global-webcrypto" /* for 18 */, filepath.Join(folder, "serve.mjs"))
	site.Env = append(os.Environ(), "ADDRESS="+address, "AUTH_WECHAT_SECRET="+secret)
	site.Stderr = os.Stderr
	start(t, site)
	reachable(t, address)

	lin := person(t, "lin")
	status, body := open(t, lin, origin+"/login")
	var got struct {
		Session struct {
			User    struct{ Name, Email, Image string }
			Profile map[string]any
		}
		Wrong string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%d %s", status, body)
	}
	user := got.Session.User
	if status != http.StatusOK || user.Name != nickname || !strings.HasSuffix(user.Email, "@wechat.invalid") || user.Image == "" || got.Session.Profile["iss"] != s.issuer {
		t.Errorf("%d %s", status, body)
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
