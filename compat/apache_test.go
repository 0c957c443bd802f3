//go:build compat

package compat_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/compat/record"
	"wxlogin/internal/programs"
)

const apacheModules = "/usr/lib/apache2/modules/"

// mod_auth_openidc of Debian, with the lines that server client show prints for it:
// it knows who somebody is, and forgets the one session that was logged out at
// wxlogin, because it is told so from server to server.
func TestApache(t *testing.T) {
	program := programs.Find(t, "Debian: apt-get install apache2", "apache2")
	if _, err := os.Stat(apacheModules + "mod_auth_openidc.so"); err != nil {
		programs.Absent(t, err.Error())
	}
	record.Of(t, record.Clients, "mod_auth_openidc", debianVersion("libapache2-mod-auth-openidc"), "a login and a refusal")("signs in; forgets the one session that was logged out at wxlogin; somebody outside the group gets 403")
	s := startService(t)
	address := freeAddress(t)
	site := "http://" + address
	lines := s.linesFor(t, "apache", "Shop", "--redirect-uri", site+"/login/back", "--backchannel", site+"/login/back?logout=backchannel")
	startApache(t, program, address, lines)

	lin, wang := person(t, "lin"), person(t, "wang")
	for _, browser := range []*http.Client{lin, wang} {
		if status, body := open(t, browser, site+"/page"); status != http.StatusOK || body != "for members" {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, user := visit(t, lin, site+"/page"); status != http.StatusOK || !strings.HasPrefix(user, "wx_") {
		t.Errorf("Apache knows %q, %d", user, status)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.issuer+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", s.issuer)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := lin.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, user := visit(t, lin, site+"/page")
		if status == http.StatusUnauthorized { // what asks for no page is sent nowhere
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("logged out at wxlogin (%s), Apache still knows %q, %d", res.Status, user, status)
		}
	}
	if status, _ := visit(t, wang, site+"/page"); status != http.StatusOK {
		t.Errorf("who did not log out: %d", status)
	}
	s.client(t, "edit", "Shop", "--groups", "staff")
	if status, body := open(t, person(t, "wang"), site+"/page"); status != http.StatusForbidden {
		t.Errorf("somebody outside the group: %d %s", status, body)
	}
}

// visit asks for one page, and does not go where it leads.
func visit(t *testing.T, browser *http.Client, address string) (status int, user string) {
	t.Helper()
	stays := *browser
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := stays.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode, res.Header.Get("Remote-User")
}

// startApache runs a site that has one page, for people that the lines let in.
func startApache(t *testing.T, program, address, lines string) {
	t.Helper()
	folder := t.TempDir()
	conf := fmt.Sprintf("ServerRoot %[1]s\nServerName %[2]s\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\nErrorLog /dev/stderr\nListen %[2]s\nDocumentRoot %[1]s/pages\n", folder, address)
	if os.Geteuid() == 0 {
		conf += "User www-data\nGroup www-data\n"
	}
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "headers", "auth_openidc"} {
		conf += fmt.Sprintf("LoadModule %s_module %smod_%[1]s.so\n", module, apacheModules)
	}
	conf += lines + `
<Location />
  AuthType openid-connect
  Require valid-user
  Header set Remote-User "expr=%{REMOTE_USER}"
</Location>
`
	pages := filepath.Join(folder, "pages")
	if err := os.Mkdir(pages, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{filepath.Join(pages, "page"): "for members", filepath.Join(folder, "apache.conf"): conf} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{folder, filepath.Dir(folder)} { // www-data reads the page
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	apache := exec.Command(program, "-X", "-f", filepath.Join(folder, "apache.conf"))
	apache.Stderr = os.Stderr
	start(t, apache)
	reachable(t, address)
}
