package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// A code that a client has got is worth what the client could get now: not without PKCE
// once it is a public one, and not at an address that was taken from it.
func TestCodesOfAChangedClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	for name, change := range map[string]func(*app, url.Values){
		"made public": func(a *app, form url.Values) {
			a.client.SecretHash = ""
			form.Del("client_secret")
		},
		"without the address": func(a *app, _ url.Values) { a.client.RedirectURIs = []string{"https://new.example.com/callback"} },
	} {
		t.Run(name, func(t *testing.T) {
			app := w.app(name, nil)
			form := app.tokenForm(phone.comesBack(phone.get(app.oauth.AuthCodeURL("s"))).Get("code"))
			form.Del("code_verifier")
			change(app, form)
			check(t, w.admins.EditClient(t.Context(), admin.CommandLine(), app.client))
			app.wantRefused(form, "invalid_grant")
		})
	}
}

// An application is told what it has, not what it had asked for while it might.
func TestScopesOfAChangedClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Email = true })
	app.oauth.Scopes = []string{auth.ScopeOpenID, auth.ScopeEmail}
	told := app.told(w.phone("lin"))
	app.client.Email = false
	check(t, w.admins.EditClient(t.Context(), admin.CommandLine(), app.client))
	token, err := app.redeem(told)
	check(t, err)
	if scope, email := token.Extra("scope"), app.claims(token)["email"]; scope != auth.ScopeOpenID || email != nil {
		t.Errorf("scope %q, email %v", scope, email)
	}
}

// A page that asked one person is not another's answer, who has signed in meanwhile in
// the same browser; and where nobody is signed in any more, the yes leads to a login.
func TestConsentIsOfWhomThePageNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	asked := lin.get(app.begins())
	wang.agrees(asked).wantPage(http.StatusOK, `value="yes"`)
	wang.get(app.begins()).wantPage(http.StatusOK, `value="yes"`)
	lin.post("/logout", nil)
	p := lin.agrees(asked).wantPage(http.StatusOK, `http-equiv="refresh"`)
	if to := p.refresh(); !strings.HasPrefix(to, "/oidc/authorize?") || !strings.Contains(to, app.client.ID) {
		t.Errorf("leads to %s", to)
	}
	lin.signsIn()
	lin.get(p.refresh()).wantPage(http.StatusOK, `value="yes"`)
}

// What is missing, or comes in another form, is the request's fault and not the
// secret's or the code's: whoever builds an application looks for it in the right place.
func TestMalformedCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	for _, missing := range []string{"code", "refresh_token"} {
		form := app.tokenForm("x")
		form.Del(missing)
		if missing == "refresh_token" {
			form.Set("grant_type", missing)
		}
		app.wantRefused(form, "invalid_request")
	}
	form := app.tokenForm("x")
	for _, path := range []string{"/oidc/token", "/oidc/revoke"} {
		for _, kind := range []string{"application/json", "text/plain", "multipart/form-data; boundary=x", "", ";"} {
			if p := w.call(t, path, form, "Content-Type", kind); p.Status != http.StatusBadRequest || p.oauthError() != "invalid_request" {
				t.Errorf("%s as %q: status %d %s", path, kind, p.Status, p.Body)
			}
		}
	}
	phone := w.phone("lin")
	token, _ := app.login(phone)
	headers := func(path string, values ...string) *page {
		req := w.browser("an application").request(http.MethodPost, path, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}})
		req.Header.Del("Origin")
		req.Header["Authorization"] = values
		p, err := w.browser("an application").fetch(req)
		check(t, err)
		return p
	}
	req := w.browser("an application").request(http.MethodGet, "/", nil)
	req.SetBasicAuth(app.client.ID, string(app.secret))
	right := req.Header.Get("Authorization")
	if p := headers("/oidc/token", right, "Basic eDp4"); p.oauthError() != "invalid_request" {
		t.Errorf("two clients: status %d %s", p.Status, p.Body)
	}
	if p := headers("/oidc/token", right); p.oauthError() != "invalid_grant" {
		t.Errorf("one client: status %d %s", p.Status, p.Body)
	}
	for name, p := range map[string]*page{
		"in two headers": headers("/oidc/userinfo", "Bearer "+token.AccessToken, "Bearer x"),
		"in two ways":    w.call(t, "/oidc/userinfo", url.Values{"access_token": {token.AccessToken}}, "Authorization", "Bearer "+token.AccessToken),
		"twice":          w.call(t, "/oidc/userinfo", url.Values{"access_token": {token.AccessToken, token.AccessToken}}),
	} {
		if p.Status != http.StatusBadRequest || p.oauthError() != "invalid_request" || p.Header.Get("WWW-Authenticate") != `Bearer error="invalid_request"` {
			t.Errorf("an access token %s: status %d %s", name, p.Status, p.Body)
		}
	}
}

// A form from another site's page that is too long to be sent on as an address gets our
// answer, and not that of whoever reads addresses, which knows neither the application
// nor the person.
func TestLongForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	u, err := url.Parse(app.begins())
	check(t, err)
	for _, name := range []string{"x", "request"} {
		form := u.Query()
		form.Set(name, strings.Repeat("A", 60000))
		p := w.call(t, "/oidc/authorize", form)
		told, err := url.Parse(p.Header.Get("Location"))
		check(t, err)
		if p.Status != http.StatusSeeOther || told.Host != "app.example.com" || told.Query().Get("error") != "invalid_request" || told.Query().Get("state") != "the state" {
			t.Errorf("%s: status %d %s", name, p.Status, told)
		}
	}
	form := u.Query()
	form.Set("redirect_uri", "https://evil.example/"+strings.Repeat("A", 60000))
	if p := w.call(t, "/oidc/authorize", form); p.Status != http.StatusBadRequest {
		t.Errorf("at another address: status %d", p.Status)
	}
	if p := w.call(t, "/oidc/logout", url.Values{"id_token_hint": {strings.Repeat("A", 60000)}}); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("logout: status %d", p.Status)
	}
}

// The ID token of a person in many groups is a hint like any other, though an address to
// come back to has no room for it: who comes back has to be that person.
func TestLongHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	lin := w.phone("lin")
	_, claims := app.login(lin)
	claims["groups"] = strings.Split(strings.Repeat("a-group-with-a-long-name ", 200), " ")
	long, err := w.idTokens.Sign(t.Context(), app.client.Alg, "JWT", claims)
	check(t, err)
	for _, prompt := range []string{"none", "", "login"} {
		if told := app.told(lin, param("id_token_hint", long), param("prompt", prompt)); told.Get("code") == "" {
			t.Errorf("prompt=%s: %v", prompt, told)
		}
		for name, b := range map[string]*browser{"not signed in": w.phone("wang"), "signed in": w.signedIn("wang")} {
			if told := app.told(b, param("id_token_hint", long), param("prompt", prompt)); told.Get("error") != "login_required" {
				t.Errorf("another person %s, prompt=%s: %v", name, prompt, told)
			}
		}
	}
	if told := app.told(w.phone("lin"), param("id_token_hint", long)); told.Get("code") == "" {
		t.Errorf("not signed in: %v", told)
	}
}
