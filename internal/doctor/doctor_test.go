package doctor_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/doctor"
	"wxlogin/internal/store"
	"wxlogin/internal/terminal"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
)

func TestDoctorOfAHealthyService(t *testing.T) {
	c := newClinic(t).serves()
	r := c.doctor()
	if r.err != nil {
		t.Fatalf("%v:\n%s", r.err, r.text)
	}
	for _, subject := range []string{"settings", "domain", "keys", "proxies", "wechat", "clock", "account", "service", "public URL", "MP_verify"} {
		r.wants("ok", subject)
	}
	r.wants("ok", "database", "schema current")
	r.wants("skip", "authorize", "only WeChat on a phone can tell")
	if strings.Contains(r.text, "FAIL") || strings.Contains(r.text, "warn") {
		t.Errorf("nothing is wrong, and doctor says\n%s", r.text)
	}
}

func TestDoctorOfAServiceNotYetStarted(t *testing.T) {
	c := newClinic(t)
	delete(c.vars, "WXLOGIN_KEYS")
	r := c.doctor()
	r.wants("ok", "keys", "the first start makes")
	r.wants("warn", "database", "is not there yet")
	r.wants("warn", "service", "not running", "server serve")
	r.wants("warn", "public URL", "not reachable", "nothing listens", "server serve")
	r.wants("skip", "MP_verify", "public URL")
	files, err := os.ReadDir(c.dir)
	if err != nil || len(files) != 1 {
		t.Errorf("doctor has made files: %v %v", files, err)
	}
}

func TestDoctorOfBrokenSettings(t *testing.T) {
	c := newClinic(t)
	for _, name := range []string{"WXLOGIN_PUBLIC_URL", "WXLOGIN_APPID", "WXLOGIN_APPSECRET"} {
		c.vars[name] = ""
	}
	r := c.doctor()
	r.wants("FAIL", "settings", "WXLOGIN_PUBLIC_URL").wants("FAIL", "settings", "WXLOGIN_APPID").wants("FAIL", "settings", "WXLOGIN_APPSECRET")
	r.wants("skip", "domain", "not checked: ").wants("skip", "public URL", "not checked: ").wants("skip", "account", "not checked: ")
	r.wants("ok", "keys").wants("ok", "wechat").wants("ok", "clock") // what can be checked is
}

func TestDoctorOffline(t *testing.T) {
	c := newClinic(t).serves()
	visits := 0
	c.visitorsMeet(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits++ }))
	r := c.offline()
	for _, subject := range []string{"wechat", "clock", "account", "authorize", "service", "public URL"} {
		r.wants("skip", subject, "not checked: --offline")
	}
	r.wants("ok", "MP_verify", "can be read")
	if r.err != nil || visits != 0 || len(c.sim.Calls(wechatsim.Endpoints()...)) != 0 {
		t.Errorf("%v, %d visits, calls %v", r.err, visits, c.sim.Calls(wechatsim.Endpoints()...))
	}
}

func TestDoctorExplains(t *testing.T) {
	var out strings.Builder
	if err := doctor.Explain(&out, terminal.Words{}, []string{"10003", "40164"}); err != nil || !strings.Contains(out.String(), "网页授权域名") || !strings.Contains(out.String(), "IP白名单") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, unknown := range []string{"4242", "1000x", ""} {
		out.Reset()
		if err := doctor.Explain(&out, terminal.Words{}, []string{"10003", unknown}); err == nil || !strings.Contains(out.String(), "not in our list") {
			t.Errorf("%q: %v\n%s", unknown, err, out.String())
		}
	}
}

func TestDoctorOfDomains(t *testing.T) {
	for url, want := range map[string][3]string{
		"https://h5.example.com/wx":   {"ok", "register exactly this: h5.example.com\n", "网页授权域名"},
		"https://h5.example.com:443":  {"ok", "register exactly this: h5.example.com\n", "网页授权域名"},
		"https://h5.example.com:8443": {"FAIL", "10003", "port 8443"},
		"https://203.0.113.7":         {"warn", "IP address", "10003"},
		"https://intranet":            {"warn", "without a dot", "备案"},
	} {
		t.Run(url, func(t *testing.T) {
			c := newClinic(t)
			c.vars["WXLOGIN_PUBLIC_URL"] = url
			c.offline().wants(want[0], "domain", want[1:]...)
		})
	}
	t.Run("loopback", func(t *testing.T) {
		c := newClinic(t)
		delete(c.vars, "WXLOGIN_WECHAT_OPEN_URL")
		delete(c.vars, "WXLOGIN_WECHAT_API_URL")
		c.offline().wants("warn", "domain", "no phone can open it")
	})
}

func TestDoctorOfProxies(t *testing.T) {
	c := newClinic(t)
	c.vars["WXLOGIN_PUBLIC_URL"] = "https://h5.example.com"
	c.offline().wants("warn", "proxies", "WXLOGIN_TRUSTED_PROXIES=127.0.0.1/32")
	c.vars["WXLOGIN_TRUSTED_PROXIES"] = "0.0.0.0/0"
	c.offline().wants("warn", "proxies", "trusts everybody")
	c.vars["WXLOGIN_TRUSTED_PROXIES"] = "10.0.0.0/8"
	c.offline().wants("ok", "proxies", "10.0.0.0/8")
}

func TestDoctorOfKeysAndDatabase(t *testing.T) {
	c := newClinic(t)
	database := filepath.Join(c.dir, "wxlogin.db")
	delete(c.vars, "WXLOGIN_KEYS")
	c.write(database+".keys", clinicKey, 0o640)
	c.offline().wants("FAIL", "keys", "mode 0640", "chmod 600")
	c.write(database+".keys", "k1:short", 0o600)
	c.offline().wants("FAIL", "keys", "server keygen")
	c.write(database+".keys", clinicKey, 0o600)
	c.write(database, strings.Repeat("no database ", 100), 0o600)
	c.offline().wants("ok", "keys", "k1").wants("FAIL", "database", "no database", "WXLOGIN_DATABASE_URL")
	os.Remove(database + ".keys")
	c.offline().wants("FAIL", "keys", "is gone").wants("skip", "database", "not checked")
	c.vars["WXLOGIN_DATABASE_URL"] = "sqlite:" + filepath.Join(c.dir, "no", "folder", "wxlogin.db")
	c.offline().wants("FAIL", "database", "cannot be made", "make the folder")
}

func TestDoctorOfDisks(t *testing.T) {
	for want, line := range map[string]string{
		"ok":   doctor.DiskLine(10<<30, ""),
		"warn": doctor.DiskLine(100<<20, "") + doctor.DiskLine(10<<30, "NFS"),
		"FAIL": doctor.DiskLine(1<<20, ""),
	} {
		for l := range strings.Lines(line) {
			if !strings.HasPrefix(l, want) && !strings.HasPrefix(l, "      → ") {
				t.Errorf("want %s: %s", want, l)
			}
		}
	}
}

func TestDoctorOfCertificates(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if line := doctor.CertificateLine(now.AddDate(0, 0, 13), now); !strings.HasPrefix(line, "warn ") || !strings.Contains(line, "2026-12-05") {
		t.Error(line)
	}
	if line := doctor.CertificateLine(now.AddDate(0, 0, 15), now); !strings.HasPrefix(line, "ok ") {
		t.Error(line)
	}
}

// Sites that the session does not reach make browsers go round; doctor compares.
func TestDoctorOfReturnHosts(t *testing.T) {
	c := newClinic(t)
	c.vars["WXLOGIN_PUBLIC_URL"] = "https://login.example.com"
	for _, test := range []struct{ hosts, domain, verdict, says string }{
		{"shop.example.com", "", "warn", "not set"},
		{"shop.example.com,shop.example.org", "example.com", "warn", "does not reach shop.example.org, as WXLOGIN_COOKIE_DOMAIN is example.com"},
		{"evilexample.com", "example.com", "warn", "evilexample.com"},
		{"shop.example.com,example.com:8443", ".example.com", "ok", "2"},
		{"login.example.com:8443", "", "ok", "1"},
		{"", "", "ok", "none"},
		{"", "example.com", "warn", "WXLOGIN_RETURN_HOSTS"},
		{"shop.example.com", "example.org", "skip", "not valid"},
	} {
		c.vars["WXLOGIN_RETURN_HOSTS"], c.vars["WXLOGIN_COOKIE_DOMAIN"] = test.hosts, test.domain
		c.offline().wants(test.verdict, "return to", test.says)
	}
	c.vars["WXLOGIN_RETURN_HOSTS"], c.vars["WXLOGIN_COOKIE_DOMAIN"] = "shop.example.com，blog.example.com", ""
	c.offline().wants("FAIL", "settings", "comma of ASCII")
}

// doctor opens a protected site and looks whether the login leads back to it.
func TestDoctorOfForwardAuth(t *testing.T) {
	c := newClinic(t)
	lines := http.Header{"X-Forwarded-Proto": {"http"}}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, c.vars["WXLOGIN_PUBLIC_URL"]+"/verify?login=redirect", nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = r.Header.Clone()
		for name, values := range lines {
			req.Header[name] = values
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		w.Header().Set("Location", res.Header.Get("Location"))
		w.WriteHeader(res.StatusCode)
	}))
	defer site.Close()
	host := strings.TrimPrefix(site.URL, "http://")
	c.vars["WXLOGIN_RETURN_HOSTS"], c.vars["WXLOGIN_TRUSTED_PROXIES"] = host, "127.0.0.1/32"
	c.serves()
	c.doctor().wants("FAIL", "forward auth", host, "X-Forwarded-Host")
	lines["X-Forwarded-Host"], lines["X-Forwarded-Uri"] = []string{host}, []string{"/wxlogin-doctor?from=doctor"}
	c.doctor().wants("ok", "forward auth", "and back")
}

// Sessions of another AppID do not count, and doctor says how many there are.
func TestDoctorCountsSessionsOfAnotherAccount(t *testing.T) {
	c := newClinic(t)
	keys, err := auth.ParseKeys(clinicKey)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{
		URL: c.vars["WXLOGIN_DATABASE_URL"], Keys: keys, Migrations: migrations.FS, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, appID := range []string{"wxffffffffffffffff", "wxffffffffffffffff", c.sim.AppID()} {
		hash := auth.Hash(fmt.Sprint("token ", i))
		_, err := db.SaveLogin(t.Context(), auth.SaveLogin{
			Login: auth.Login{ID: auth.NewID(), AppID: appID, StateHash: hash, CodeHash: hash, SessionHash: hash,
				Scope: auth.ScopeBase, Outcome: auth.SignedIn, StartedAt: now, FinishedAt: now},
			OpenID: fmt.Sprint("o", i), Scope: auth.ScopeBase,
			Session: auth.Session{ID: auth.NewID(), TokenHash: hash, Kind: auth.VisitorSession, CreatedAt: now, LastSeenAt: now, EndsAt: now.Add(time.Hour)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	c.offline().wants("warn", "database", "2 sessions are of people of another AppID", "WXLOGIN_APPID")
	c.vars["WXLOGIN_APPID"] = "wxffffffffffffffff"
	c.offline().wants("warn", "database", "1 sessions are of people of another AppID")
}
