package doctor_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"wxlogin/internal/auth"
	"wxlogin/internal/doctor"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
	"wxlogin/templates"
)

// clinic is an operator's machine with a simulated WeChat.
type clinic struct {
	*testing.T
	sim  *wechatsim.Simulator
	vars map[string]string
	dir  string
}

const (
	clinicSecret = "5ecre7-0f-the-account-nobody-sees"
	clinicKey    = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	verifyName   = "MP_verify_abcdefgh12345678.txt"
)

// newClinic has settings that are right, and no service yet.
func newClinic(t *testing.T) *clinic {
	t.Parallel()
	c := &clinic{T: t, dir: t.TempDir()}
	c.sim = wechatsim.New(wechatsim.Config{AppID: "wx0123456789abcdef", Secret: clinicSecret})
	wechat := httptest.NewServer(c.sim)
	t.Cleanup(wechat.Close)
	verify := filepath.Join(c.dir, verifyName)
	c.write(verify, "abcdefgh12345678", 0o644)
	c.vars = map[string]string{
		"WXLOGIN_PUBLIC_URL":      "http://" + deadAddress(t) + "/wx",
		"WXLOGIN_ADDR":            deadAddress(t),
		"WXLOGIN_APPID":           c.sim.AppID(),
		"WXLOGIN_APPSECRET":       clinicSecret,
		"WXLOGIN_KEYS":            clinicKey,
		"WXLOGIN_DATABASE_URL":    "sqlite:" + filepath.Join(c.dir, "wxlogin.db"),
		"WXLOGIN_VERIFY_FILE":     verify,
		"WXLOGIN_WECHAT_OPEN_URL": wechat.URL,
		"WXLOGIN_WECHAT_API_URL":  wechat.URL,
	}
	return c
}

// serves starts a service on the public URL: its pages, on the database of the settings.
func (c *clinic) serves() *clinic {
	c.Helper()
	front := httptest.NewUnstartedServer(nil)
	c.vars["WXLOGIN_ADDR"] = front.Listener.Addr().String()
	c.vars["WXLOGIN_PUBLIC_URL"] = "http://" + c.vars["WXLOGIN_ADDR"] + "/wx"
	s := c.settings()
	config, err := s.Parse()
	if err != nil {
		c.Fatal(err)
	}
	keys, err := s.Keyring()
	if err != nil {
		c.Fatal(err)
	}
	db, err := store.Open(c.Context(), store.Config{URL: s.DatabaseURL, Keys: keys, Migrations: migrations.FS})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	rules := auth.Rules{AppID: config.AppID, Accounts: config.Accounts, Mode: config.Mode, Idle: config.Idle, Lifetime: config.Lifetime}
	front.Config.Handler, err = web.New(web.Config{
		PublicURL: config.PublicURL, ReturnHosts: config.ReturnHosts, CookieDomain: config.CookieDomain, TrustedProxies: config.Proxies,
		Lang: config.Lang, Zone: config.Zone, Keys: keys, RootFiles: config.RootFiles,
		Auth:     auth.New(auth.Config{Store: db, Rules: rules, Now: time.Now, Log: log}),
		Sessions: db, Ready: db.Ready, Templates: templates.FS, Now: time.Now, Log: log,
	})
	if err != nil {
		c.Fatal(err)
	}
	front.Start()
	c.Cleanup(front.Close)
	return c
}

// settings are those of the clinic's variables.
func (c *clinic) settings() *settings.Settings {
	c.Helper()
	var s settings.Settings
	parser, err := kong.New(&s, kong.Resolvers(settings.Resolver(c.vars)))
	if err != nil {
		c.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		c.Fatal(err)
	}
	s.TakeSecrets(c.vars)
	return &s
}

// visitorsMeet puts another handler at the public URL.
func (c *clinic) visitorsMeet(h http.Handler) string {
	c.Helper()
	front := httptest.NewServer(h)
	c.Cleanup(front.Close)
	c.vars["WXLOGIN_PUBLIC_URL"] = front.URL + "/wx"
	return front.URL
}

func (c *clinic) write(path, content string, mode os.FileMode) {
	c.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		c.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		c.Fatal(err)
	}
}

// report is what doctor printed.
type report struct {
	*testing.T
	text string
	err  error // that something failed
}

// doctor examines the clinic.
func (c *clinic) doctor() report { return c.examine(false) }

// offline examines what needs no network.
func (c *clinic) offline() report { return c.examine(true) }

func (c *clinic) examine(offline bool) report {
	c.Helper()
	client := func(config settings.Config, account auth.Account) *wechat.Client {
		return wechat.New(wechat.Config{
			AppID: account.AppID, AppSecret: config.Secrets[account.Name], OpenURL: config.OpenURL, APIURL: config.APIURL, Lang: config.Lang,
		})
	}
	var out strings.Builder
	err := doctor.Examine(c.Context(), doctor.Config{Settings: c.settings(), Client: client, Offline: offline}, &out)
	text := out.String()
	for _, secret := range []string{clinicSecret, strings.TrimPrefix(clinicKey, "k1:")} {
		if strings.Contains(text+fmt.Sprint(err), secret) {
			c.Errorf("doctor prints a secret:\n%s%v", text, err)
		}
	}
	if failed := strings.Contains("\n"+text, "\nFAIL "); failed != (err != nil) {
		c.Errorf("the error %v does not go with\n%s", err, text)
	}
	return report{c.T, text, err}
}

var lineStart = regexp.MustCompile(`(?m)^(?:ok|warn|FAIL|skip) `)

// wants asks for a line with this verdict and subject, and for words in it or
// in its advice.
func (r report) wants(verdict, subject string, words ...string) report {
	r.Helper()
	starts := append(lineStart.FindAllStringIndex(r.text, -1), []int{len(r.text), 0})
	var found []string
	for i, start := range starts[:len(starts)-1] {
		part := r.text[start[0]:starts[i+1][0]]
		if !strings.HasPrefix(strings.Join(strings.Fields(part), " "), verdict+" "+subject+" ") {
			continue
		}
		found = append(found, part)
		if (verdict == "FAIL" || verdict == "warn") && subject != "settings" && !strings.Contains(part, "→ ") {
			r.Errorf("no advice: %s", part)
		}
	}
	for _, part := range found {
		missing := ""
		for _, word := range words {
			if !strings.Contains(part, word) {
				missing = word
			}
		}
		if missing == "" {
			return r
		}
	}
	r.Errorf("no line %q about %q with %q in\n%s", verdict, subject, words, r.text)
	return r
}

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	return listener.Addr().String()
}
