package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

// What carries a code, a token or a person is kept by nobody on its way, and an address
// with a code or a state in it is told to no other site; what everybody may know is kept
// for a while. Who calls without a right is told what would be one.
func TestHeadersOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
	phone := w.phone("lin")
	ended, _ := app.login(phone)
	w.clock.pass(auth.AccessLifetime + time.Second)
	token, _ := app.login(phone)
	secret := func(form url.Values) url.Values {
		form.Set("client_id", app.client.ID)
		form.Set("client_secret", string(app.secret))
		return form
	}
	const invalid = `Bearer error="invalid_token"`
	for name, test := range map[string]struct {
		p            *page
		status       int
		cache        string
		referrer     string // empty: any
		authenticate string
	}{
		"authorize with a code":       {phone.get(app.begins()), 303, "no-store", "no-referrer", ""},
		"authorize with an error":     {phone.get(app.begins(param("prompt", "x"))), 303, "no-store", "no-referrer", ""},
		"authorize on a page of ours": {phone.get("/oidc/authorize?client_id=x"), 400, "no-store", "no-referrer", ""},
		"authorize before a login":    {w.browser(iPhone).get(app.begins()), 302, "no-store", "no-referrer", ""},
		"authorize by form":           {phone.post("/oidc/authorize", url.Values{"client_id": {"x"}}), 303, "no-store", "no-referrer", ""},
		"token":                       {w.call(t, "/oidc/token", app.tokenForm(app.told(phone).Get("code"))), 200, "no-store", "", ""},
		"token for a wrong code":      {w.call(t, "/oidc/token", app.tokenForm("x")), 400, "no-store", "", ""},
		"token for nobody":            {w.call(t, "/oidc/token", url.Values{}), 401, "no-store", "", `Basic realm="wxlogin"`},
		"userinfo":                    {w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer "+token.AccessToken), 200, "no-store", "", ""},
		"userinfo, without a token":   {w.call(t, "/oidc/userinfo", nil), 401, "no-store", "", "Bearer"},
		"userinfo, a made-up token":   {w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer x"), 401, "no-store", "", invalid},
		"userinfo, a token that was":  {w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer "+ended.AccessToken), 401, "no-store", "", invalid},
		"userinfo, one in the body":   {w.call(t, "/oidc/userinfo", url.Values{"access_token": {ended.AccessToken}}), 401, "no-store", "", invalid},
		"revoke":                      {w.call(t, "/oidc/revoke", secret(url.Values{"token": {"x"}})), 200, "no-store", "", ""},
		"revoke for nobody":           {w.call(t, "/oidc/revoke", url.Values{"token": {"x"}}), 401, "no-store", "", `Basic realm="wxlogin"`},
		"logout":                      {phone.get("/oidc/logout"), 200, "no-store", "same-origin", ""},
		"logout by form":              {phone.post("/oidc/logout", url.Values{"client_id": {"x"}}), 303, "no-store", "", ""},
		"discovery":                   {phone.get("/.well-known/openid-configuration"), 200, "public, max-age=300", "", ""},
		"keys":                        {phone.get("/oidc/jwks"), 200, "public, max-age=300", "", ""},
	} {
		h := test.p.Header
		if test.p.Status != test.status || h.Get("Cache-Control") != test.cache || h.Get("WWW-Authenticate") != test.authenticate ||
			test.referrer != "" && h.Get("Referrer-Policy") != test.referrer {
			t.Errorf("%s: status %d, Cache-Control %q, Referrer-Policy %q, WWW-Authenticate %q", name, test.p.Status, h.Get("Cache-Control"), h.Get("Referrer-Policy"), h.Get("WWW-Authenticate"))
		}
	}
}

// Whatever an application stores or sends has no sign in it that a header, a form or an
// address would have to escape: libraries do it in different ways, and a ":" ends a name.
func TestPlainCharacters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	told := app.told(w.phone("lin"))
	token, err := app.redeem(told)
	check(t, err)
	claims := app.claims(token)
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]{16,}$`)
	for name, value := range map[string]any{
		"client_id": app.client.ID, "client_secret": string(app.secret), "code": told.Get("code"), "access token": token.AccessToken,
		"refresh token": token.RefreshToken, "sub": claims["sub"], "sid": claims["sid"], "kid": headerOf(t, token.Extra("id_token").(string)).KID,
	} {
		if text, _ := value.(string); !plain.MatchString(text) {
			t.Errorf("%s has other signs, or few", name)
		}
	}
}

// An application that hangs up while its code or refresh token is on its way has used
// it: what it sent may have been read by others, and is good no more.
func TestApplicationThatHangsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Page", public)
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	phone := w.phone("lin")
	grants := auth.NewGrants(w.db, w.keys, w.rules, w.clock.now)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()

	code := app.told(phone).Get("code")
	if _, err := grants.Redeem(gone, &app.client, auth.Secret(code), appURI, app.verifier); err != nil {
		t.Errorf("redeem: %v", err)
	}
	app.wantRefused(app.tokenForm(code), "invalid_grant")

	token, _ := app.login(phone)
	if _, err := grants.Refresh(gone, &app.client, auth.Secret(token.RefreshToken)); err != nil {
		t.Errorf("refresh: %v", err)
	}
	w.clock.pass(time.Minute)
	app.wantRefused(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {app.client.ID}}, "invalid_grant")
	if p := w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer "+token.AccessToken); p.Status != http.StatusUnauthorized {
		t.Errorf("status %d after a refresh token was used again", p.Status)
	}
}
