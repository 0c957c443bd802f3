package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"wxlogin/internal/auth"
)

// Refresh tokens: a confidential client keeps its own, a public one gets another each
// time; one that was replaced gets the same answer for a moment, and then ends all.
func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	refresh := func(a *app, token string) *page {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {a.client.ID}}
		if a.secret != "" {
			form.Set("client_secret", string(a.secret))
		}
		return w.call(t, "/oidc/token", form)
	}
	read := func(p *page) *oauth2.Token { return tokenOf(t, p) }
	wiki, page_, other := w.app("Wiki", nil), w.app("Page", public), w.app("Board", nil)
	phone := w.phone("lin")
	plain, _ := wiki.login(phone)
	if plain.RefreshToken != "" {
		t.Error("a refresh token that nobody asked for")
	}
	for _, a := range []*app{wiki, page_} {
		a.oauth.Scopes = append(a.oauth.Scopes, auth.ScopeOffline)
	}
	token, claims := wiki.login(phone)
	for range 3 {
		w.clock.pass(time.Hour)
		again := read(refresh(wiki, token.RefreshToken))
		if again.RefreshToken != "" {
			t.Error("a confidential client got another refresh token")
		}
		wiki.wantIn(again)
		if now := wiki.claims(again); now["sub"] != claims["sub"] || now["auth_time"] != claims["auth_time"] || now["sid"] != claims["sid"] || now["nonce"] != nil {
			t.Errorf("%v, and was %v", now, claims)
		}
	}
	wiki.wantOut(token) // its five minutes are over
	if p := refresh(other, token.RefreshToken); p.oauthError() != "invalid_grant" {
		t.Errorf("another client: status %d %s", p.Status, p.Body)
	}
	for _, evil := range []string{"x", token.AccessToken, token.RefreshToken[:64] + "!"} {
		if p := refresh(wiki, evil); p.oauthError() != "invalid_grant" {
			t.Errorf("%.10q: status %d %s", evil, p.Status, p.Body)
		}
	}

	first, _ := page_.login(phone)
	second := read(refresh(page_, first.RefreshToken))
	if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken {
		t.Errorf("not rotated: %q", second.RefreshToken)
	}
	w.clock.pass(9 * time.Second)
	if lost := read(refresh(page_, first.RefreshToken)); lost.RefreshToken != second.RefreshToken {
		t.Error("the answer that was lost is another one")
	}
	third := read(refresh(page_, second.RefreshToken))
	w.clock.pass(11 * time.Second)
	if p := refresh(page_, first.RefreshToken); p.oauthError() != "invalid_grant" {
		t.Errorf("used again: status %d %s", p.Status, p.Body)
	}
	page_.wantOut(third)
	if p := refresh(page_, third.RefreshToken); p.oauthError() != "invalid_grant" {
		t.Errorf("after reuse: status %d %s", p.Status, p.Body)
	}
}

// tokenOf reads the answer to a call for tokens.
func tokenOf(t *testing.T, p *page) *oauth2.Token {
	t.Helper()
	var raw map[string]any
	check(t, json.Unmarshal([]byte(p.Body), &raw))
	if p.Status != http.StatusOK {
		t.Fatalf("status %d %s", p.Status, p.Body)
	}
	token := &oauth2.Token{TokenType: "Bearer"}
	token.AccessToken, _ = raw["access_token"].(string)
	token.RefreshToken, _ = raw["refresh_token"].(string)
	return token.WithExtra(raw)
}

// Logout ends the session's tokens, and what was given for when nobody is there stays.
func TestLogoutEndsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app, offline := w.app("Wiki", nil), w.app("Board", nil)
	offline.oauth.Scopes = append(offline.oauth.Scopes, auth.ScopeOffline)
	phone := w.phone("lin")
	token, _ := app.login(phone)
	kept, _ := offline.login(phone)
	waiting := app.told(phone)
	phone.post("/logout", nil)
	app.wantOut(token)
	offline.wantOut(kept)
	app.wantRefused(app.tokenForm(waiting.Get("code")), "invalid_grant")
	p := w.call(t, "/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {kept.RefreshToken}, "client_id": {offline.client.ID}, "client_secret": {string(offline.secret)}})
	if p.Status != http.StatusOK {
		t.Errorf("status %d %s", p.Status, p.Body)
	}
}

// A logout that a client begins: at once with a hint, and back to it if the address is
// registered; WeChat does not sign the person in again at once.
func TestClientLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Backchannel = "https://app.example.com/logout" })
	const bye = "https://app.example.com/bye"
	elsewhere := w.phone("lin")
	elsewhere.signsIn()
	notices := 0
	for name, test := range map[string]struct {
		query url.Values
		to    string // where it leads; empty: our own page
		asks  bool
	}{
		"with all":             {url.Values{"id_token_hint": {"HINT"}, "post_logout_redirect_uri": {bye}, "state": {"a:%2F b"}}, bye + "?state=a%3A%252F+b", false},
		"without state":        {url.Values{"id_token_hint": {"HINT"}, "post_logout_redirect_uri": {bye}}, bye, false},
		"not registered":       {url.Values{"id_token_hint": {"HINT"}, "post_logout_redirect_uri": {bye + "/"}}, "", false},
		"no address":           {url.Values{"id_token_hint": {"HINT"}}, "", false},
		"no hint":              {url.Values{"post_logout_redirect_uri": {bye}, "client_id": {"CLIENT"}, "state": {"s"}}, bye + "?state=s", true},
		"nothing":              {url.Values{}, "", true},
		"state alone":          {url.Values{"state": {"s"}}, "", true},
		"a query added":        {url.Values{"id_token_hint": {"HINT"}, "post_logout_redirect_uri": {bye + "?x=1"}}, "", false},
		"a hint for another":   {url.Values{"id_token_hint": {"HINT"}, "client_id": {"x"}, "post_logout_redirect_uri": {bye}}, "", true},
		"a form of the client": {url.Values{"id_token_hint": {"HINT"}, "post_logout_redirect_uri": {bye}, "form": {"1"}}, bye, false},
	} {
		phone := w.phone("lin")
		token, _ := app.login(phone)
		w.clock.pass(2 * time.Hour) // the hint may have expired
		for _, values := range test.query {
			values[0] = strings.NewReplacer("HINT", token.Extra("id_token").(string), "CLIENT", app.client.ID).Replace(values[0])
		}
		var p *page
		if test.query.Has("form") {
			req := phone.request(http.MethodPost, "/oidc/logout", test.query)
			req.Header.Set("Origin", "https://app.example.com")
			var err error
			p, err = phone.fetch(req)
			check(t, err)
			p = phone.get(p.Header.Get("Location"))
		} else {
			p = phone.get("/oidc/logout?" + test.query.Encode())
		}
		if test.asks {
			p.wantPage(http.StatusOK, `action="/oidc/logout/confirm"`)
			phone.wantMe("lin")
			p = phone.post("/oidc/logout/confirm", url.Values{"client_id": {p.hidden("client_id")}, "post_logout_redirect_uri": {p.hidden("post_logout_redirect_uri")}, "state": {p.hidden("state")}})
		}
		phone.wantNobody()
		switch {
		case test.to == "":
			phone.follow(p).wantPage(http.StatusOK, "已退出")
		case test.asks:
			if p.refresh() != test.to {
				t.Errorf("%s: leads to %s", name, p.refresh())
			}
		case p.Header.Get("Location") != test.to:
			t.Errorf("%s: status %d to %s", name, p.Status, p.Header.Get("Location"))
		}
		app.wantOut(token)
		if notices++; w.rows("outbox") != notices {
			t.Errorf("%s: %d are to be told of %d logouts", name, w.rows("outbox"), notices)
		}
		elsewhere.wantMe("lin") // it is one browser's logout
		if told := app.told(phone, param("prompt", "none")); told.Get("error") != "login_required" {
			t.Errorf("%s: afterwards %v", name, told)
		}
		// The application asks again at once: a page, and a button.
		before := w.sim.Exchanges()
		p = phone.opens(app.begins()).wantPage(http.StatusOK, "已退出")
		if w.sim.Exchanges() != before {
			t.Errorf("%s: signed in again", name)
		}
		if told := phone.comesBack(phone.get(p.linkTo("/login?"))); told.Get("code") == "" {
			t.Errorf("%s: %v", name, told)
		}
	}
}
