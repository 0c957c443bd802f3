package web_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// phoneJar keeps cookies as a phone does. What has no lifetime is gone when the app
// is closed.
type phoneJar struct {
	http.CookieJar
	phone wechatsim.Phone
	kept  http.CookieJar
}

func newPhoneJar(phone wechatsim.Phone) *phoneJar {
	return &phoneJar{newJar(), phone, newJar()}
}

func newJar() http.CookieJar {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	return jar
}

func (j *phoneJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.SameSite == http.SameSiteNoneMode && j.phone.DropsSameSiteNone {
			continue
		}
		j.CookieJar.SetCookies(u, []*http.Cookie{c})
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			j.kept.SetCookies(u, []*http.Cookie{c})
		}
	}
}

// plays makes a browser that sends what a phone sends and keeps what it keeps.
func (w *world) plays(phone wechatsim.Phone, person string) *browser {
	w.t.Helper()
	b := w.browser(phone.UserAgent)
	b.client.Jar = newPhoneJar(phone)
	b.plays = &phone
	b.setCookie(w.simURL, wechatsim.CookiePerson, person)
	b.setCookie(w.simURL, wechatsim.CookieConsent, wechatsim.AnswerAllow)
	return b
}

// script is a phone's fetch.
func (b *browser) script(method, address string) *page {
	b.w.t.Helper()
	req := b.request(method, address, nil)
	b.plays.Fetches(req.Header, "same-origin")
	p, err := b.fetch(req)
	check(b.w.t, err)
	return p
}

// Every browser that people have finds its way: pages lead to the login or to the
// code, scripts are told, people who have sent a form see a page, forms of this site
// count and others' do not, and who has signed in still is when the app was closed.
func TestEveryPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, phone := range wechatsim.Phones() {
		b := w.plays(phone, "lin")
		failed := func(format string, args ...any) {
			t.Helper()
			t.Errorf(phone.Name+": "+format, args...)
		}

		// A proxy with forward auth asks with what the browser has sent.
		asked := b.get("/verify?login=redirect")
		if to := asked.Header.Get("Location"); asked.Status != http.StatusFound || phone.InWeChat() != strings.HasPrefix(to, w.url+"/login?") || !phone.InWeChat() && !strings.HasPrefix(to, w.url+"/scan?") {
			failed("a page gets %d to %q", asked.Status, to)
		}
		if p := b.script(http.MethodGet, "/verify?login=redirect"); p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, `"login_url"`) {
			failed("a script gets %d\n%s", p.Status, excerpt(p.Body))
		}
		if p := b.post("/verify?login=redirect", url.Values{"a": {"1"}}); p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, "<html") {
			failed("a form gets %d\n%s", p.Status, excerpt(p.Body))
		}
		// An old iPhone's person who opens the address of an API looks like a program.
		if p := b.get("/api/me"); phone.Name != "iphone-old" && (p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, "<html")) {
			failed("somebody who opens /api/me sees %d\n%s", p.Status, excerpt(p.Body))
		}
		if p := b.script(http.MethodGet, "/api/me"); p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, `"login_url"`) {
			failed("a script that asks /api/me gets %d\n%s", p.Status, excerpt(p.Body))
		}

		if !phone.InWeChat() {
			if p := b.opens("/"); p.Status != http.StatusOK || !strings.Contains(p.Body, "/qr.png") {
				failed("sees no code, but %d\n%s", p.Status, excerpt(p.Body))
			}
			continue
		}
		if p := b.signsIn(); strings.Contains(p.Body, `lang="en"`) != (phone.AcceptLanguage == "en-US,en;q=0.9") {
			failed("the page is in the wrong language:\n%s", excerpt(p.Body))
		}
		if p := b.get("/verify?login=redirect&groups=staff"); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "<html") {
			failed("a page for others gets %d\n%s", p.Status, excerpt(p.Body))
		}
		b.client.Jar.(*phoneJar).CookieJar = b.client.Jar.(*phoneJar).kept
		if b.me() == nil {
			failed("is signed out when the app is closed")
		}
		evil := b.request(http.MethodPost, "/logout", url.Values{})
		evil.Header.Set("Origin", "https://evil.example")
		if p, err := b.fetch(evil); err != nil || p.Status != http.StatusForbidden || b.me() == nil {
			failed("another site signs out: %v, %d", err, p.Status)
		}
		if p := b.post("/logout", url.Values{}); p.Status != http.StatusSeeOther || b.me() != nil {
			failed("signing out gets %d", p.Status)
		}
	}
}
