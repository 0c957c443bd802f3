package web_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"

	"wxlogin/internal/admin"
)

// A ticket that we have not made is told from one that we have, whatever is
// wrong with it, and the answer is a page.
func TestScanTampered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	s := w.browser(desktopWeb).scans("/")
	var bad []string
	for i := range s.ticket {
		bad = append(bad, s.ticket[:i]+flip(s.ticket[:i+1])[i:]+s.ticket[i+1:])
		if i > 0 {
			bad = append(bad, s.ticket[:i])
		}
	}
	bad = append(bad, s.ticket+"A", s.ticket+"=", s.ticket[:4]+"%0A"+s.ticket[4:], strings.Repeat("A", 4000), "x", "%00", "..%2f", "中文",
		newWorld(t, options{}).browser(desktopWeb).scans("/").ticket)
	for _, ticket := range bad {
		phone.opens("/scan/"+ticket).wantPage(http.StatusForbidden, "二维码已失效")
		phone.post("/scan/"+ticket, url.Values{"answer": {"confirm"}}).wantPage(http.StatusForbidden, "二维码已失效")
		query := "?ticket=" + ticket
		s.get("/scan/qr.png"+query).wantPage(http.StatusForbidden, "")
		s.get("/scan/status"+query).wantPage(http.StatusOK, `"expired"`)
		s.get("/scan/done" + query).wantRedirect("/scan?return_to=%2F")
	}
	s.wantNobody()
	s.wantStatus("waiting")
	for _, cookie := range []string{"", "x", flip(s.cookie("wxlogin_scan")), strings.Repeat("A", 43)} {
		req := s.request(http.MethodGet, s.poll, nil)
		req.Header.Set("Cookie", w.cookieName("wxlogin_scan")+"="+cookie)
		p, err := w.browser(desktopWeb).fetch(req)
		check(t, err)
		p.wantPage(http.StatusOK, `"expired"`)
	}
}

// The desktop is told of each step, and the stream ends with the last.
func TestScanEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	s := w.browser(desktopWeb).scans("/")
	stream := s.listens()
	stream.wantEvent("waiting")
	phone.opens(s.path)
	stream.wantEvent("opened")
	phone.answers(s, "confirm")
	stream.wantEvent("confirmed")
	stream.wantEvent("")

	s = w.browser(desktopWeb).scans("/")
	stream = s.listens()
	stream.wantEvent("waiting")
	w.clock.pass(2 * time.Minute)
	stream.wantEvent("expired")
	stream.wantEvent("")
}

// Desktops that wait do not keep a process from stopping.
func TestScanEventsEndWithTheProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	s := w.browser(desktopWeb).scans("/")
	stream := s.listens()
	stream.wantEvent("waiting")
	close(w.stopping)
	stream.wantEvent("")
}

// HEAD would do for nobody what GET does for somebody.
func TestScanByHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	s := w.browser(desktopWeb).scans("/")
	for path, b := range map[string]*browser{s.path: phone, s.events: s.browser, s.done: s.browser} {
		p, err := b.fetch(b.request(http.MethodHead, path, nil))
		check(t, err)
		p.wantPage(http.StatusMethodNotAllowed, "")
	}
	s.wantStatus("waiting")
}

// Strangers who ask for codes, look at them, wait for them and open them write
// nothing at all.
func TestScanByStrangersWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.signedIn("lin")
	// The picture and the time of the last visit are written in the background.
	w.pictures.Close(t.Context())
	db, err := sql.Open("sqlite", "file:"+w.dbPath+"?mode=ro")
	check(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	check(t, err)
	defer conn.Close()
	version := func() (n int) {
		check(t, conn.QueryRowContext(t.Context(), `PRAGMA data_version`).Scan(&n))
		return n
	}
	before := version()
	for range 20 {
		s := w.browser(desktopWeb).scans("/")
		s.get("/")
		s.get(s.picture)
		s.wantStatus("waiting")
		s.get(s.done).wantPage(http.StatusOK, s.number)
		w.browser(desktopWeb).get(s.path)
		w.browser(iPhone).get(s.path).wantRedirect("/login?return_to=" + url.QueryEscape(s.path))
		w.browser(iPhone).post(s.path, url.Values{"answer": {"confirm"}}).wantPage(http.StatusUnauthorized, "/login?return_to="+url.QueryEscape(s.path))
		w.phone("").opens(s.path)
	}
	if after := version(); after != before {
		t.Fatalf("strangers wrote to the database: version %d, then %d", before, after)
	}
}

// Codes are counted, and the questions of the desktop that waits are not.
func TestScanRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		w := newWorld(t, options{rateLimit: 3})
		s := w.browser(desktopWeb).scans("/")
		for range 20 {
			s.wantStatus("waiting")
			s.get(s.done).wantPage(http.StatusOK, s.number)
			s.get(s.picture).wantPage(http.StatusOK, "PNG")
		}
		w.browser(iPhone).get(s.path).wantPage(http.StatusFound, "")
		w.browser(desktopWeb).get("/scan").wantPage(http.StatusOK, "")
		w.browser(desktopWeb).get("/scan").wantPage(http.StatusTooManyRequests, "")
		w.browser(iPhone).get(s.path).wantPage(http.StatusTooManyRequests, "")
		s.wantStatus("waiting")
	})
}

// Two minutes, for the phone and for the desktop, and a moment more to fetch what
// was confirmed in the last second.
func TestScanExpires(t *testing.T) {
	t.Parallel()
	late := 100 * time.Second // and the time that the test itself takes
	tests := map[string]func(w *world, s scan, phone *browser){
		"before it is opened": func(w *world, s scan, phone *browser) {
			w.clock.pass(2 * time.Minute)
			phone.opens(s.path).wantPage(http.StatusForbidden, "二维码已失效")
			s.wantStatus("expired")
			s.get(s.done).wantRedirect("/scan?return_to=%2Fx")
		},
		"before it is answered": func(w *world, s scan, phone *browser) {
			w.clock.pass(late)
			phone.opens(s.path).wantPage(http.StatusOK, s.number)
			w.clock.pass(20 * time.Second)
			phone.answers(s, "confirm").wantPage(http.StatusForbidden, "二维码已失效")
			s.wantStatus("expired")
			s.wantNothing()
		},
		"before it is fetched": func(w *world, s scan, phone *browser) {
			w.clock.pass(late)
			phone.confirms(s)
			w.clock.pass(50 * time.Second)
			s.wantStatus("expired")
			s.get(s.done).wantRedirect("/scan?return_to=%2Fx")
			s.wantNobody()
		},
		"in time": func(w *world, s scan, phone *browser) {
			w.clock.pass(late)
			phone.confirms(s)
			w.clock.pass(30 * time.Second)
			s.collects("lin")
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{})
			phone := w.signedIn("lin")
			test(w, w.browser(desktopWeb).scans("/x"), phone)
		})
	}
}

// A yes counts no longer when the person has been shut out, has ended all their
// sessions or is gone before the desktop comes.
func TestScanOfSomebodyGone(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(w *world, phone *browser){
		"blocked": func(w *world, _ *browser) {
			check(t, w.admins.Block(t.Context(), admin.CommandLine(), w.user("lin").ID, ""))
		},
		"blocked and let in again": func(w *world, _ *browser) {
			check(t, w.admins.Block(t.Context(), admin.CommandLine(), w.user("lin").ID, ""))
			check(t, w.admins.Unblock(t.Context(), admin.CommandLine(), w.user("lin").ID))
		},
		"signed out everywhere": func(_ *world, phone *browser) {
			phone.post("/logout", url.Values{"scope": {"all"}})
		},
		"erased": func(_ *world, phone *browser) { phone.post("/api/me/erase", url.Values{}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{})
			phone := w.signedIn("lin")
			s := w.browser(desktopWeb).scans("/")
			phone.confirms(s)
			goes(w, phone)
			s.wantNothing()
		})
	}
}
