package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
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

// What is no text has no place in a database, and is the sender's mistake in each: a
// stranger does not make the service say that its database is down.
func TestWhatIsNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	phone := w.phone("lin")
	phone.signsIn()
	for _, evil := range []string{"\x00", "\xff", "a\x00b", "\xed\xa0\x80"} {
		if p := phone.get("/oidc/authorize?client_id=" + url.QueryEscape(evil)); p.Status != http.StatusBadRequest {
			t.Errorf("%q as client_id: status %d", evil, p.Status)
		}
		if told := app.told(phone, param("nonce", evil)); told.Get("error") != "invalid_request" {
			t.Errorf("%q as nonce: %v", evil, told)
		}
		if p := phone.get("/oidc/logout?client_id=" + url.QueryEscape(evil)); p.Status != http.StatusOK {
			t.Errorf("%q at logout: status %d", evil, p.Status)
		}
		form := app.tokenForm("x")
		form.Set("client_id", evil)
		app.wantRefused(form, "invalid_client")
		for _, name := range []string{"code", "code_verifier", "redirect_uri"} {
			form := app.tokenForm("x")
			form.Set(name, evil)
			app.wantRefused(form, "invalid_grant")
		}
	}
}

// Who has agreed to tell an application their name is asked again before it is told
// WeChat's numbers of them too, by what it holds already no less than by a new login.
func TestConsentIsForWhatGoesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeEmail, auth.ScopeOffline)
	phone := w.phone("lin")
	before, _ := app.login(phone)
	waiting := app.told(phone)
	verifier := app.verifier
	asked := phone.get(app.begins(param("prompt", "consent")))
	app.client.WeChat, app.client.Email = true, true
	check(t, w.admins.EditClient(t.Context(), admin.CommandLine(), app.client))
	wantOld := func(name string, told map[string]any) {
		t.Helper()
		if told["sub"] == nil || told["name"] == nil || told["wechat"] != nil || told["email"] != nil {
			t.Errorf("%s tells %v", name, told)
		}
	}
	info, err := app.userinfo(before)
	check(t, err)
	wantOld("an access token from before", info)
	p := w.call(t, "/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {before.RefreshToken}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}})
	wantOld("a refresh token from before", app.claims(tokenOf(t, p)))
	app.verifier = verifier
	token, err := app.redeem(waiting)
	check(t, err)
	wantOld("a code from before", app.claims(token))
	// A page from before does not list what the client would get: it is shown again.
	phone.agrees(asked).wantPage(http.StatusOK, "openid")
	var agreed string
	check(t, w.raw().QueryRow("SELECT scopes FROM consents").Scan(&agreed))
	if strings.Contains(agreed, auth.ScopeWeChat) || strings.Contains(agreed, auth.ScopeEmail) {
		t.Errorf("agreed to %s by a page that did not say so", agreed)
	}
	phone.get(app.begins()).wantPage(http.StatusOK, `value="yes"`)
	if told := app.told(phone, param("prompt", "none")); told.Get("error") != "consent_required" {
		t.Errorf("%v", told)
	}
	token, claims := app.login(phone)
	if info, err = app.userinfo(token); err != nil || claims["wechat"] == nil || claims["email"] == nil || info["wechat"] == nil || info["email"] == nil {
		t.Errorf("%v, %v, %v", claims, info, err)
	}
	if scope, _ := token.Extra("scope").(string); strings.Contains(scope, "wechat") {
		t.Errorf("scope %s", scope)
	}
	if p := phone.get(app.begins()); p.Status != http.StatusSeeOther {
		t.Errorf("asked again: status %d", p.Status)
	}
	// What is taken away is told no more, at once, and the pages say so.
	boss, person := w.admin(), "/admin/users/"+w.user("lin").ID
	wantSays := func(what string, says bool) {
		t.Helper()
		for who, p := range map[string]*page{"the person": phone.get("/me"), "an admin": boss.get(person)} {
			if strings.Contains(p.Body, what) != says || !strings.Contains(p.Body, "账号编号 / 昵称和头像") {
				t.Errorf("%s reads that %s goes over: %t", who, what, !says)
			}
		}
	}
	wantSays("微信标识", true)
	wantSays("占位邮箱地址", true)
	app.client.WeChat, app.client.Email = false, false
	check(t, w.admins.EditClient(t.Context(), admin.CommandLine(), app.client))
	wantSays("微信标识", false)
	wantSays("占位邮箱地址", false)
	info, err = app.userinfo(token)
	check(t, err)
	wantOld("an access token from when it was allowed", info)
}

// An application that is trusted no more has to ask the people whom it did not ask, and
// what it holds of them is no good until then.
func TestTrustedNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	phone := w.phone("lin")
	token, _ := app.login(phone)
	if scope, _ := token.Extra("scope").(string); scope != "openid profile offline_access" {
		t.Errorf("scope %s", scope)
	}
	app.wantIn(token)
	waiting := app.tokenForm(app.told(phone).Get("code"))
	app.client.Trusted = false
	check(t, w.admins.EditClient(t.Context(), admin.CommandLine(), app.client))
	app.wantOut(token)
	app.wantRefused(waiting, "invalid_grant")
	app.wantRefused(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}}, "invalid_grant")
	phone.get(app.begins()).wantPage(http.StatusOK, `value="yes"`)
	agreed, _ := app.login(phone)
	app.wantIn(agreed)
	app.wantOut(token)
}

// Scripts of an application whose redirect URI names the usual port ask from an origin
// without it.
func TestOriginWithoutPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.app("Wiki", func(c *auth.Client) {
		c.RedirectURIs = []string{"https://app.example.com:443/cb", "https://b.example.com:8443/cb"}
	})
	for origin, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "https://b.example.com:8443": "https://b.example.com:8443",
		"https://b.example.com": "", "http://app.example.com": "", "https://app.example.com:8443": "",
	} {
		if p := w.call(t, "/oidc/token", nil, "Origin", origin); p.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%s: %q", origin, p.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

// Whoever asks for a scan spells the address that it leads to in another way, so that
// the person with the phone is not told which application it opens.
func TestScanNamesTheApplicationHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	desktop := w.browser(desktopWeb)
	query := "?client_id=" + app.client.ID
	for _, address := range []string{
		"/oidc/authorize" + query, "/oidc/authorize/" + query, w.public + "/oidc/authorize" + query,
		strings.Replace(w.public, "http", "HTTP", 1) + "/oidc/authorize" + query,
	} {
		desktop.get("/scan?return_to="+url.QueryEscape(address)).wantPage(http.StatusOK, "Wiki")
	}
	for _, address := range []string{"/me" + query, "/oidc/authorize?client_id=x", "https://other.example.com/oidc/authorize" + query} {
		if p := desktop.get("/scan?return_to=" + url.QueryEscape(address)); strings.Contains(p.Body, "Wiki") {
			t.Errorf("%s names it", address)
		}
	}
}

// A code is good for a minute and an access token for five, and no longer,
// whatever is remembered of the grant meanwhile.
func TestEndsOfCodesAndTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	wiki, phone := w.app("Wiki", nil), w.phone("lin")
	told := wiki.told(phone)
	w.clock.pass(auth.CodeLifetime - 10*time.Second)
	token, err := wiki.redeem(told)
	check(t, err)
	w.clock.pass(auth.AccessLifetime - 10*time.Second)
	wiki.wantIn(token)
	w.clock.pass(10 * time.Second)
	wiki.wantOut(token)

	told = wiki.told(phone)
	w.clock.pass(auth.CodeLifetime)
	wiki.wantRefused(wiki.tokenForm(told.Get("code")), "invalid_grant")
}
