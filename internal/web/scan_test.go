package web_test

import (
	"bytes"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"rsc.io/qr"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// The whole walk: a desktop shows a code, a phone that nobody knows yet scans
// it, signs in, is asked, says yes; the desktop has a session of its own.
func TestScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	desktop, phone := w.browser(desktopWeb), w.phone("lin")
	s := desktop.scans("/shop?a=1&b=2")
	s.wantStatus("waiting")

	back := "return_to=" + url.QueryEscape(w.prefix()+s.path)
	phone.opens(s.path).wantPage(http.StatusOK, "/login?consent=1&amp;"+back)
	asked := phone.opens("/login?consent=1&" + back)
	for _, want := range []string{"<b>" + s.number + "</b>", "Linux · Chrome", "127.0.0.1", " 秒前", "林小满", "如果这个二维码是别人发给你的"} {
		asked.wantPage(http.StatusOK, want)
	}
	s.wantStatus("opened")
	s.wantNothing()

	phone.answers(s, "confirm").wantPage(http.StatusOK, "已确认")
	s.wantStatus("confirmed")
	desktop.get(s.done).wantRedirect("/shop?a=1&b=2")
	desktop.wantMe("lin")
	phone.wantMe("lin")
	if desktop.cookie("wxlogin") == phone.cookie("wxlogin") {
		t.Fatal("desktop and phone share a session")
	}
	if count := desktop.me()["login_count"]; count != 2.0 {
		t.Fatalf("login_count %v, want 2", count)
	}
	user := w.user("lin")
	sessions, err := w.db.UserSessions(t.Context(), user.ID)
	check(t, err)
	if len(sessions) != 2 || sessions[0].Device.UserAgent != desktopWeb && sessions[1].Device.UserAgent != desktopWeb {
		t.Fatalf("sessions %+v", sessions)
	}
	logins, err := w.db.UserLogins(t.Context(), user.ID, 10)
	check(t, err)
	if len(logins) != 2 || logins[0].Scope != auth.ScopeScan || logins[0].Outcome != auth.SignedIn {
		t.Fatalf("history %+v", logins)
	}
	w.wantExchanges(2) // the phone's own two; the desktop asks WeChat nothing
}

// user is the stored person of a key.
func (w *world) user(key string) auth.User {
	w.t.Helper()
	user, err := w.db.UserByOpenID(w.t.Context(), w.sim.AppID(), w.person(key).OpenID)
	check(w.t, err)
	return user
}

// The code is a picture that WeChat can read: the right text, coarse, with a
// white margin, at least 180 pixels wide, and the page lets its script run.
func TestScanCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	s := w.browser(desktopWeb).scanOn(w.browser(desktopWeb).opens("/"))
	if len(s.ticket) > 92 {
		t.Errorf("a ticket of %d characters makes a fine code", len(s.ticket))
	}
	p := s.get(s.picture)
	if p.Status != http.StatusOK || p.Header.Get("Content-Type") != "image/png" {
		t.Fatalf("picture: %d %s", p.Status, p.Header.Get("Content-Type"))
	}
	want, err := qr.Encode(w.url+s.path, qr.L)
	check(t, err)
	picture, err := png.Decode(bytes.NewReader([]byte(p.Body)))
	check(t, err)
	size := picture.Bounds().Dx()
	scale := size / (want.Size + 8)
	if size < 180 || scale*(want.Size+8) != size || picture.Bounds().Dy() != size {
		t.Fatalf("%d pixels for %d modules and a margin", size, want.Size)
	}
	for y := range size {
		for x := range size {
			black := picture.At(x, y) == color.Color(color.Gray{}) || luminance(picture.At(x, y)) == 0
			if black != want.Black(x/scale-4, y/scale-4) {
				t.Fatalf("pixel %d, %d is black: %v", x, y, black)
			}
		}
	}
	policy := s.page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self'") || !strings.Contains(policy, "connect-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if policy := w.browser(desktopWeb).get("/consent").Header.Get("Content-Security-Policy"); strings.Contains(policy, "script-src") {
		t.Errorf("policy of another page %q", policy)
	}
}

func luminance(c color.Color) uint32 {
	r, g, b, _ := c.RGBA()
	return r + g + b
}

// A code is shown by one replica, confirmed on another, and fetched from a third
// that has begun since, with a newer key before the old one.
func TestScanAcrossReplicas(t *testing.T) {
	t.Parallel()
	old := auth.NewKey()
	keys, err := auth.ParseKeys(old)
	check(t, err)
	a := newWorld(t, options{keys: keys})
	b := a.replica(options{})
	desktop, phone := a.browser(desktopWeb), a.signedIn("lin")
	s := desktop.scans("/")
	phone.w = b
	phone.confirms(s)

	rotated, err := auth.ParseKeys(auth.NewKey() + "," + old)
	check(t, err)
	desktop.w = a.replica(options{keys: rotated})
	s.wantStatus("confirmed")
	s.collects("lin")
	desktop.w = a
	desktop.wantMe("lin")
}

// Whoever has the code without the cookie gets nothing, and neither does the
// cookie without a yes. A forwarded code signs in the browser that it was made
// for and no other.
func TestScanIsBoundToTheDesktop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	desktop, phone := w.browser(desktopWeb), w.signedIn("wang")
	s := desktop.scans("/")
	thief := w.browser(desktopWeb)
	prepared := w.browser(desktopWeb)
	prepared.scans("/") // has a cookie, of its own
	steal := func() {
		t.Helper()
		for _, b := range []*browser{thief, prepared} {
			stolen := s
			stolen.browser = b
			stolen.wantStatus("expired")
			b.get(s.done).wantRedirect("/scan?return_to=%2F")
			b.wantNobody()
			stolen.listens().wantEvent("expired")
		}
	}
	steal()
	s.wantNothing()
	phone.opens(s.path)
	steal()
	s.wantNothing()
	phone.answers(s, "confirm")
	steal()
	s.collects("wang")
	steal()
	sessions, err := w.db.UserSessions(t.Context(), w.user("wang").ID)
	check(t, err)
	if len(sessions) != 2 {
		t.Fatalf("%d sessions, want the phone's and one desktop's", len(sessions))
	}
}

// Twenty requests at once make one session, and every answer hands it out; once
// it has ended, the same code opens nothing, for nobody.
func TestScanIsUsedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	desktop, phone := w.browser(desktopWeb), w.signedIn("lin")
	s := desktop.scans("/page")
	held := desktop.cookie("wxlogin_scan")
	phone.confirms(s)
	phone.answers(s, "confirm").wantPage(http.StatusOK, "已确认") // pressed twice

	var wait sync.WaitGroup
	tokens := make(chan string, 20)
	for range 20 {
		wait.Go(func() {
			req := desktop.request(http.MethodGet, s.done, nil)
			req.Header.Set("Cookie", w.cookieName("wxlogin_scan")+"="+held)
			p, err := w.browser(desktopWeb).fetch(req)
			if err != nil || p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/page" {
				t.Errorf("%v: %+v", err, p)
				return
			}
			for _, line := range p.Header.Values("Set-Cookie") {
				if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == w.cookieName("wxlogin") {
					tokens <- cookie.Value
				}
			}
		})
	}
	wait.Wait()
	close(tokens)
	distinct := map[string]bool{}
	for token := range tokens {
		distinct[token] = true
	}
	sessions, err := w.db.UserSessions(t.Context(), w.user("lin").ID)
	check(t, err)
	if len(distinct) != 1 || len(sessions) != 2 {
		t.Fatalf("%d tokens and %d sessions", len(distinct), len(sessions))
	}

	s.collects("lin")
	if desktop.cookie("wxlogin_scan") != "" {
		t.Error("the desktop keeps the cookie of the code")
	}
	desktop.post("/logout", nil)
	desktop.setCookie(w.url, "wxlogin_scan", held)
	s.wantNothing()
	for _, b := range []*browser{phone, w.signedIn("wang")} {
		b.opens(s.path).wantPage(http.StatusForbidden, "二维码已失效")
	}
	w.signedIn("wang").answers(s, "confirm").wantPage(http.StatusForbidden, "二维码已失效")
	s.wantNothing()
}

// Who opens a code first is the one who answers.
func TestScanAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	s := w.browser(desktopWeb).scans("/")
	lin.answers(s, "confirm").wantPage(http.StatusForbidden, "") // never opened
	lin.opens(s.path).wantPage(http.StatusOK, s.number)
	lin.opens(s.path).wantPage(http.StatusOK, s.number)
	wang.opens(s.path).wantPage(http.StatusForbidden, "二维码已失效")
	wang.answers(s, "confirm").wantPage(http.StatusForbidden, "")
	s.wantStatus("opened")

	lin.get(s.path+"?answer=confirm").wantPage(http.StatusOK, s.number)
	lin.answers(s, "maybe").wantPage(http.StatusBadRequest, "")
	w.phone("lin").post(s.path, url.Values{"answer": {"confirm"}}).wantPage(http.StatusUnauthorized, "/login?return_to="+url.QueryEscape(s.path))
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req := lin.request(http.MethodPost, s.path, url.Values{"answer": {"confirm"}})
		req.Header.Del("Origin")
		req.Header.Set(name, value)
		p, err := lin.fetch(req)
		check(t, err)
		p.wantPage(http.StatusForbidden, "")
	}
	s.wantStatus("opened")

	lin.answers(s, "refuse").wantPage(http.StatusOK, "已拒绝")
	s.wantStatus("refused")
	lin.answers(s, "confirm").wantPage(http.StatusForbidden, "")
	s.get(s.done).wantPage(http.StatusOK, "已在手机上拒绝")
	s.wantNobody()
}

// All tabs of a browser can wait at once; a login on the desktop ends the
// session that it held before.
func TestScanTabs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	desktop := w.browser(desktopWeb)
	first, second := desktop.scans("/1"), desktop.scans("/2")
	w.signedIn("lin").confirms(first)
	first.collects("lin")
	before := desktop.cookie("wxlogin")
	desktop.get(second.done).wantRedirect("/2") // signed in already

	third := desktop.scans("/3")
	w.signedIn("wang").confirms(third)
	third.collects("wang")
	desktop.setCookie(w.url, "wxlogin", before)
	desktop.wantNobody()
}

// return_to is kept byte for byte, or is home.
func TestScanReturnTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{returnHosts: []string{"shop.example.com"}})
	phone := w.signedIn("lin")
	for asked, want := range map[string]string{
		"/a%20b?q=%E4%BD%A0%26%3D#x":       "/a%20b?q=%E4%BD%A0%26%3D#x",
		"https://shop.example.com/pay?i=7": "https://shop.example.com/pay?i=7",
		"https://evil.example/":            "/",
		"//evil.example":                   "/",
		"":                                 "/",
	} {
		s := w.browser(desktopWeb).scans(asked)
		phone.confirms(s)
		s.get(s.done).wantRedirect(want)
	}
	s := w.browser(desktopWeb).scans("/")
	phone.confirms(s)
	s.get(strings.Replace(s.done, "return_to=%2F", "return_to=https%3A%2F%2Fevil.example", 1)).wantRedirect("/")
}

// An admin opens the admin pages on a desktop by their phone, and is told there
// what the desktop could do.
func TestScanLetsAdminsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
	check(t, err)
	desktop := w.browser(desktopWeb)
	desktop.opens("/admin").wantPage(http.StatusUnauthorized, `href="/scan?return_to=%2Fadmin"`)
	s := desktop.scans("/admin")
	phone.opens(s.path).wantPage(http.StatusOK, "管理后台")
	phone.answers(s, "confirm")
	desktop.opens(s.done).wantPage(http.StatusOK, "/admin/users")
}

// Outside of WeChat a code says where it wants to be opened.
func TestScanOpenedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	s := w.browser(desktopWeb).scans("/")
	w.browser(desktopWeb).opens(s.path).wantPage(http.StatusOK, "扫一扫")
	s.wantStatus("waiting")
}
