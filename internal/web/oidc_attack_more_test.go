package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

// Who finds a browser that is signed in does not pass for its owner where an
// application asks for a login of this moment: a mark that was had without a session,
// or with one's own, makes no old session a new one.
func TestBorrowedMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	owner, other := w.phone("lin"), w.phone("wang")
	app.login(owner)
	app.login(other)
	for _, asked := range []string{"prompt=login", "max_age=60"} {
		w.clock.pass(time.Hour)
		name, value, _ := strings.Cut(asked, "=")
		for whose, b := range map[string]*browser{"nobody's": w.browser(desktopWeb), "another's": other} {
			address := app.begins(param(name, value))
			var marked string
			if b == other {
				marked = b.get(b.stops(address, "/callback?")).location()
			} else {
				scan, err := url.Parse(b.get(address).Header.Get("Location"))
				check(t, err)
				marked = scan.Query().Get("return_to")
			}
			if !strings.Contains(marked, "wxlogin_fresh=") {
				t.Fatalf("%s: no mark in %s", whose, marked)
			}
			if p := owner.get(marked); strings.Contains(p.Header.Get("Location"), "code=") {
				t.Errorf("%s, %s mark: an old session passes for a new one", asked, whose)
			}
		}
	}
}

// Nobody has asked for what a browser fetches ahead or shows a picture of.
func TestNoCodeAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	phone := w.phone("lin")
	phone.signsIn()
	for name, value := range map[string]string{"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Purpose": "preview", "X-Moz": "prefetch"} {
		req := phone.request(http.MethodGet, app.begins(), nil)
		req.Header.Set(name, value)
		p, err := phone.fetch(req)
		check(t, err)
		if p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%s: status %d to %q", name, p.Status, p.Header.Get("Location"))
		}
	}
	if n := w.rows("grants"); n != 0 {
		t.Errorf("%d codes", n)
	}
}
