package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"wxlogin/internal/auth"
)

// Each group of routes has a budget of its own, by who asks and by where from.
func TestBudgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 60
		w := newWorld(t, options{rateLimit: limit})
		lin := w.signedIn("lin")
		cookie := http.Header{"Cookie": {w.cookieName("wxlogin") + "=" + lin.cookie("wxlogin")}}
		passes := func(remote, path string, header http.Header) (n int) {
			for n = 0; n < 10*limit; n++ {
				res := w.from(remote, path, header)
				if res.StatusCode == http.StatusTooManyRequests {
					if res.Header.Get("Retry-After") == "" {
						t.Errorf("%s: no Retry-After", path)
					}
					return n
				}
			}
			return n
		}
		if n := passes("203.0.113.1:1", "/me", cookie); n != 20 {
			t.Errorf("/me passes %d times", n)
		}
		for _, path := range []string{"/api/me/export", "/erase"} { // the same budget, from any address
			if n := passes("203.0.113.2:1", path, cookie); n != 0 {
				t.Errorf("%s passes %d times", path, n)
			}
		}
		if n := passes("203.0.113.3:1", "/me", nil); n != limit {
			t.Errorf("/me of strangers passes %d times", n)
		}
		// Strangers at an address do not use up what the signed-in there have.
		for _, path := range []string{"/", "/consent", "/scan/qr.png"} {
			if n := passes("203.0.113.4:1", path, nil); path == "/" && n != 4*limit || path != "/" && n != 0 {
				t.Errorf("%s of strangers passes %d times", path, n)
			}
		}
		if n := passes("203.0.113.4:1", "/", cookie); n < limit-8 || n > limit { // signing in has opened it
			t.Errorf("/ passes %d times", n)
		}
		for _, path := range []string{"/api/me", "/verify"} {
			if n := passes("203.0.113.4:1", path, cookie); n != 10*limit {
				t.Errorf("%s passes %d times", path, n)
			}
		}
		s := w.browser(desktopWeb).scans("/")
		if n := passes("203.0.113.5:1", s.poll, nil); n != 300 {
			t.Errorf("waiting passes %d times", n)
		}
		if n := passes("203.0.113.5:1", w.browser(desktopWeb).scans("/").poll, nil); n != 300 {
			t.Errorf("waiting with another ticket passes %d times", n)
		}
	})
}

// Guessing secrets, codes and tokens ends, and a back end at the same address goes on
// logging people in.
func TestGuesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 20
		w := newWorld(t, options{rateLimit: limit})
		app, script := w.app("Wiki", nil), w.app("Page", public)
		phone := w.phone("lin")
		token, _ := app.login(phone)
		bad := app.tokenForm("x")
		bad.Set("client_secret", string(auth.NewToken()))
		unknown := app.tokenForm("x")
		unknown.Set("client_id", auth.NewClientID())
		guess := script.tokenForm("x")
		tooMany := func(p *page) bool {
			if p.Status == http.StatusTooManyRequests && (p.Header.Get("Retry-After") == "" || p.oauthError() != "temporarily_unavailable" || p.Header.Get("WWW-Authenticate") != "") {
				t.Errorf("%s, %v", p.Body, p.Header)
			}
			return p.Status == http.StatusTooManyRequests
		}
		// What its browsers bring to a back end that has its secret is not counted.
		for range 2 * limit {
			app.wantRefused(app.tokenForm("x"), "invalid_grant")
		}
		passed := 0
		for i := range 2 * limit {
			for _, form := range []url.Values{bad, unknown} {
				if !tooMany(w.call(t, []string{"/oidc/token", "/oidc/revoke"}[i%2], form)) {
					passed++
				}
			}
		}
		if passed != limit {
			t.Errorf("%d guesses passed", passed)
		}
		if p := w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer "+string(auth.NewToken())); !tooMany(p) {
			t.Errorf("an unknown token: status %d", p.Status)
		}
		if p := w.call(t, "/oidc/token", guess); !tooMany(p) {
			t.Errorf("an unknown code: status %d", p.Status)
		}
		// The right ones, from the same address.
		app.wantIn(token)
		for range 2 * limit {
			if p := w.call(t, "/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}}); p.Status != http.StatusBadRequest {
				t.Fatalf("status %d %s", p.Status, p.Body)
			}
		}
		again, _ := app.login(phone)
		app.wantIn(again)
		// A public client's good code is refused and not spent.
		told := script.told(phone)
		if p := w.call(t, "/oidc/token", script.tokenForm(told.Get("code"))); !tooMany(p) {
			t.Errorf("a public client at an address that has guessed too much: status %d", p.Status)
		}
		replica := w.replica(options{})
		if p := replica.call(t, "/oidc/token", script.tokenForm(told.Get("code"))); p.Status != http.StatusOK {
			t.Errorf("elsewhere: status %d %s", p.Status, p.Body)
		}
	})
}

// One ticket has a handful of streams, and leaves the others to others.
func TestStreamsOfOneTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{rateLimit: 6000})
	s := w.browser(desktopWeb).scans("/")
	for range 4 {
		s.listens().wantEvent("waiting")
	}
	if p := s.get(s.events); p.Status != http.StatusNoContent {
		t.Errorf("a fifth stream: status %d", p.Status)
	}
	w.browser(desktopWeb).scans("/").listens().wantEvent("waiting")
	s.wantStatus("waiting")
}

// Two exports of one person are under way at a time; others have theirs.
func TestExportsAtOnce(t *testing.T) {
	w := newWorld(t, options{rateLimit: 600})
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	w.signedInOften(w.user("lin").ID, 2_000, 5_000) // more than the connection takes before anybody reads
	for range 2 {
		lin.asksForExport()
	}
	p := lin.get("/api/me/export")
	if p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") == "" {
		t.Errorf("a third: status %d, Retry-After %q", p.Status, p.Header.Get("Retry-After"))
	}
	wang.get("/api/me/export").wantPage(http.StatusOK, w.person("wang").OpenID)
}
