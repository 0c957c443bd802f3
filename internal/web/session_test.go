package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func TestSessionTokenChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.setCookie(w.url, "wxlogin", "a-token-that-somebody-planted")
	phone.wantNobody()
	phone.signsIn()
	first := phone.cookie("wxlogin")
	if first == "a-token-that-somebody-planted" || len(first) < 43 {
		t.Fatalf("session token %q", first)
	}
	phone.signsIn()
	second := phone.cookie("wxlogin")
	if second == first {
		t.Fatal("the token did not change with a new login")
	}
	phone.setCookie(w.url, "wxlogin", first)
	phone.wantNobody()
}

func TestGoodCookieBehindJunk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	b := w.browser(iPhone)
	req := b.request(http.MethodGet, "/api/me", nil)
	req.Header.Set("Cookie", w.cookieName("wxlogin")+"=junk; "+w.cookieName("wxlogin")+"="+phone.cookie("wxlogin"))
	p, err := b.fetch(req)
	check(t, err)
	p.wantPage(http.StatusOK, w.person("lin").OpenID)
}

// WXLOGIN_APPID is changed and the database kept: a session from before would give
// applications the other account's openid, so it does not count, and the next login makes a
// person of this account.
func TestSessionsOfAnotherAccount(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	before := newWorld(t, options{keys: keys})
	phone := before.phone("lin")
	phone.signsIn()
	theirs := before.person("lin").OpenID

	after := newWorld(t, options{replicaOf: before, keys: keys, dbPath: before.dbPath,
		sim: wechatsim.New(wechatsim.Config{AppID: "wxffffffffffffffff", Now: before.clock.now})})
	phone.w = after
	phone.wantNobody()
	for _, path := range []string{"/verify", "/api/me/export", "/api/admin/users"} {
		if p := phone.get(path); p.Status != http.StatusUnauthorized || strings.Contains(p.Body, theirs) {
			t.Errorf("%s: status %d", path, p.Status)
		}
	}
	phone.get("/").wantRedirect("/login?return_to=%2F")
	phone.w = before // nothing is lost: the AppID may have been a mistake
	phone.wantMe("lin")
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		w.clock.pass(720*time.Hour - time.Minute)
		phone.wantMe("lin")
	})
	t.Run("idle too long", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		w.clock.pass(720*time.Hour + time.Minute)
		phone.wantNobody()
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone, tablet := w.phone("lin"), w.phone("lin")
	phone.signsIn()
	tablet.signsIn()
	token := phone.cookie("wxlogin")

	if p := phone.get("/logout"); p.Status != http.StatusMethodNotAllowed {
		t.Fatalf("GET /logout: status %d", p.Status)
	}
	phone.wantMe("lin")

	p := phone.post("/logout", nil)
	p.wantRedirect("/")
	exchanges := w.sim.Exchanges()
	phone.follow(p).wantPage(http.StatusOK, "/login?return_to=%2F")
	w.wantExchanges(exchanges)
	phone.setCookie(w.url, "wxlogin", token)
	phone.wantNobody()
	tablet.wantMe("lin")

	phone.opens("/login").wantPage(http.StatusOK, "林小满")
	phone.submits("/logout", url.Values{"scope": {"all"}})
	phone.wantNobody()
	tablet.wantNobody()
}

func TestCrossSiteForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req := phone.request(http.MethodPost, "/logout", url.Values{})
		req.Header.Del("Origin")
		req.Header.Set(name, value)
		p, err := phone.fetch(req)
		check(t, err)
		p.wantPage(http.StatusForbidden, "")
		phone.wantMe("lin")
	}
}
