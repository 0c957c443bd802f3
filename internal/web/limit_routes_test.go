package web_test

import (
	"net/http"
	"testing"
	"testing/synctest"
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
