package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// sends is a request with these cookies, as a browser on our own page makes it, and
// with none of the browser's.
func (w *world) sends(method, path, cookies string, form url.Values) *page {
	w.t.Helper()
	b := w.browser(iPhone)
	req := b.request(method, path, form)
	req.Header.Set("Cookie", cookies)
	p, err := b.fetch(req)
	check(w.t, err)
	return p
}

// junkCookies are n cookies of a name, all different, that cannot be tokens of ours.
func junkCookies(name string, n int) (cookies string) {
	for i := range n {
		cookies += fmt.Sprintf("%s=junk%d; ", name, i)
	}
	return cookies
}

// However much junk stands in front of it, the good cookie is found.
func TestJunkInFrontLocksNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, admin := w.signedIn("lin"), w.admin()
	forged := func(name string) (cookies string) { // well formed, and nobody's
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq" {
			cookies += name + "=" + strings.Repeat(string(c), 43) + "; "
		}
		return cookies
	}
	for _, junk := range []func(name string) string{
		func(name string) string { return junkCookies(name, 3) },
		func(name string) string { return junkCookies(name, 300) },
		func(name string) string { return strings.Repeat(name+"="+strings.Repeat("A", 43)+"; ", 100) },
		forged,
	} {
		w.sends(http.MethodGet, "/api/me", junk(w.cookieName("wxlogin"))+w.cookieName("wxlogin")+"="+lin.cookie("wxlogin"), nil).wantPage(http.StatusOK, w.person("lin").OpenID)
		w.sends(http.MethodGet, "/admin", junk(w.cookieName("wxlogin_desk"))+w.cookieName("wxlogin_desk")+"="+admin.cookie("wxlogin_desk"), nil).wantPage(http.StatusOK, "")
	}
	// The cookie that a desktop waits with is one of them.
	s := w.browser(desktopWeb).scans("/")
	w.sends(http.MethodGet, s.poll, junkCookies(w.cookieName("wxlogin_scan"), 30)+w.cookieName("wxlogin_scan")+"="+s.cookie("wxlogin_scan"), nil).wantPage(http.StatusOK, `"waiting"`)
}

// A browser that holds two live cookies of one name is signed out of both.
func TestSigningOutEndsAllCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	first, second := w.signedIn("lin").cookie("wxlogin"), w.signedIn("lin").cookie("wxlogin")
	name := w.cookieName("wxlogin")
	both := junkCookies(name, 3) + name + "=" + strings.Repeat("A", 43) + "; " + name + "=" + first + "; " + name + "=" + second
	w.sends(http.MethodPost, "/logout", both, url.Values{}).wantRedirect("/")
	for _, token := range []string{first, second} {
		w.sends(http.MethodGet, "/api/me", w.cookieName("wxlogin")+"="+token, nil).wantPage(http.StatusUnauthorized, "")
	}
	a, b := w.admin().cookie("wxlogin_desk"), w.admin().cookie("wxlogin_desk")
	w.sends(http.MethodPost, "/admin/logout", w.cookieName("wxlogin_desk")+"="+a+"; "+w.cookieName("wxlogin_desk")+"="+b, url.Values{}).wantPage(http.StatusOK, "已退出管理后台")
	for _, token := range []string{a, b} {
		w.sends(http.MethodGet, "/admin", w.cookieName("wxlogin_desk")+"="+token, nil).wantPage(http.StatusUnauthorized, "")
	}
}
