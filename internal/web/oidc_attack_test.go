package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// oauthError is the error of an answer to a call.
func (p *page) oauthError() string {
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal([]byte(p.Body), &body)
	return body.Error
}

// tokenForm is what a client sends with a code.
func (a *app) tokenForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.oauth.RedirectURL}, "code_verifier": {a.verifier},
		"client_id": {a.client.ID}, "client_secret": {string(a.secret)},
	}
}

func (a *app) wantRefused(form url.Values, want string) {
	a.w.t.Helper()
	if p := a.w.call(a.w.t, "/oidc/token", form); p.oauthError() != want {
		a.w.t.Errorf("status %d %s, want %s", p.Status, p.Body, want)
	}
}

// told is what a signed-in browser brings to the application.
func (a *app) told(b *browser, options ...oauth2.AuthCodeOption) url.Values {
	a.w.t.Helper()
	return b.comesBack(b.get(a.begins(options...)))
}

// grants counts the rows of codes and tokens.
func (w *world) rows(table string) (n int) {
	w.t.Helper()
	check(w.t, w.raw().QueryRow("SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

// A hint that we have not signed, or that is for another client, is refused.
func TestForgedHints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app, other := w.app("Wiki", nil), w.app("Board", nil)
	phone := w.phone("lin")
	token, _ := app.login(phone)
	good := token.Extra("id_token").(string)
	part := strings.Split(good, ".")
	kid := headerOf(t, good).KID
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	jwks := w.browser(desktopWeb).get("/oidc/jwks").Body
	mac := hmac.New(sha256.New, []byte(jwks))
	hs256 := encode(`{"alg":"HS256","kid":"`+kid+`"}`) + "." + part[1]
	mac.Write([]byte(hs256))
	otherToken, _ := other.login(phone)
	told := app.claims(token)
	notice, err := w.idTokens.Sign(t.Context(), app.client.Alg, "logout+jwt", map[string]any{
		"iss": told["iss"], "aud": told["aud"], "sub": told["sub"], "sid": told["sid"],
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
	check(t, err)
	for name, evil := range map[string]string{
		"none":           encode(`{"alg":"none"}`) + "." + part[1] + ".",
		"HS256":          hs256 + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"foreign kid":    encode(`{"alg":"ES256","kid":"x"}`) + "." + part[1] + "." + part[2],
		"other alg":      encode(`{"alg":"RS256","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2],
		"changed":        part[0] + "." + encode(`{"iss":"`+w.public+`","sub":"x","aud":"`+app.client.ID+`","sid":"x"}`) + "." + part[2],
		"another client": otherToken.Extra("id_token").(string),
		"logout token":   notice,
		"nonsense":       "x",
	} {
		told := app.told(phone, oauth2.SetAuthURLParam("id_token_hint", evil))
		if told.Get("error") != "invalid_request" || told.Get("code") != "" {
			t.Errorf("%s: %v", name, told)
		}
		if name != "another client" { // which is a hint of ours, for a client that may ask
			leaving := w.phone("lin")
			leaving.signsIn()
			p := leaving.get("/oidc/logout?" + url.Values{"id_token_hint": {evil}, "post_logout_redirect_uri": {"https://app.example.com/bye"}, "state": {"s"}}.Encode())
			p.wantPage(http.StatusOK, `action="/oidc/logout/confirm"`)
			leaving.wantMe("lin")
			// Nor does a yes lead to an application that nobody has proved.
			p = leaving.post("/oidc/logout/confirm", url.Values{"client_id": {p.hidden("client_id")}, "post_logout_redirect_uri": {p.hidden("post_logout_redirect_uri")}, "state": {p.hidden("state")}})
			leaving.follow(p).wantPage(http.StatusOK, "已退出")
			leaving.wantNobody()
		}
	}
	if told := app.told(phone, oauth2.SetAuthURLParam("id_token_hint", good)); told.Get("code") == "" {
		t.Errorf("a good one: %v", told)
	}
	wang := w.phone("wang")
	app.login(wang)
	for _, prompt := range []string{"", "none"} {
		if told := app.told(wang, oauth2.SetAuthURLParam("id_token_hint", good), param("prompt", prompt)); told.Get("error") != "login_required" || told.Get("code") != "" {
			t.Errorf("for another person, prompt=%s: %v", prompt, told)
		}
	}
}

// tokenHeader is the first part of a token.
type tokenHeader struct {
	Alg auth.Alg `json:"alg"`
	KID string   `json:"kid"`
}

func headerOf(t *testing.T, token string) (h tokenHeader) {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	check(t, err)
	check(t, json.Unmarshal(text, &h))
	return h
}

// A page of another site signs nobody out, agrees to nothing, and gets no code.
func TestClientForgeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	phone.signsIn()
	wang := w.phone("wang")
	mallory, _ := app.login(wang)

	// Logout: without a hint, with somebody else's, by a form.
	hint := url.QueryEscape(mallory.Extra("id_token").(string))
	for _, address := range []string{"/oidc/logout", "/oidc/logout?id_token_hint=" + hint, "/oidc/logout?client_id=" + app.client.ID} {
		phone.get(address).wantPage(http.StatusOK, `action="/oidc/logout/confirm"`)
		phone.wantMe("lin")
	}
	for _, form := range []string{"/oidc/logout/confirm", "/oidc/consent"} {
		req := phone.request(http.MethodPost, form, url.Values{"answer": {"yes"}, "query": {strings.SplitN(app.begins(), "?", 2)[1]}})
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		p, err := phone.fetch(req)
		check(t, err)
		p.wantPage(http.StatusForbidden, "")
		phone.wantMe("lin")
	}
	if n := w.rows("consents"); n != 1 { // mallory's own
		t.Errorf("%d consents", n)
	}

	// Consent in a frame.
	req := phone.request(http.MethodGet, app.begins(), nil)
	req.Header.Set("Sec-Fetch-Dest", "iframe")
	p, err := phone.fetch(req)
	check(t, err)
	if strings.Contains(p.Body, `value="yes"`) {
		t.Error("asked in a frame")
	}
	p = phone.get(app.begins()).wantPage(http.StatusOK, `value="yes"`)
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || p.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("consent may be framed: %s", csp)
	}

	// HEAD and previews make no code, for whom one would be made.
	app.told(phone)
	before := w.rows("grants")
	head, err := phone.fetch(phone.request(http.MethodHead, app.begins(), nil))
	check(t, err)
	preview := phone.request(http.MethodGet, app.begins(), nil)
	preview.Header.Set("Sec-Purpose", "prefetch;prerender")
	p, err = phone.fetch(preview)
	check(t, err)
	if head.Header.Get("Location") != "" || p.Header.Get("Location") != "" || w.rows("grants") != before {
		t.Errorf("HEAD led to %q, a preview to %q; %d grants and %d", head.Header.Get("Location"), p.Header.Get("Location"), before, w.rows("grants"))
	}
}

// A flood of strangers writes nothing.
func TestStrangersWriteNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	tables := []string{"grants", "consents", "outbox", "sessions", "logins", "users", "clients", "signing_keys"}
	before := make(map[string]int)
	for _, table := range tables {
		before[table] = w.rows(table)
	}
	for _, agent := range []string{iPhone, desktopWeb} {
		b := w.browser(agent)
		for range 100 {
			b.get(app.begins())
			b.get(app.begins(oauth2.SetAuthURLParam("prompt", "none")))
			w.call(t, "/oidc/token", app.tokenForm("x"))
			w.call(t, "/oidc/revoke", url.Values{"client_id": {app.client.ID}, "client_secret": {string(app.secret)}, "token": {"x"}})
			b.get("/oidc/jwks")
			b.get("/oidc/logout?post_logout_redirect_uri=https://app.example.com/bye&client_id=" + app.client.ID)
		}
	}
	for _, table := range tables {
		if n := w.rows(table); n != before[table] {
			t.Errorf("%s had %d rows and has %d", table, before[table], n)
		}
	}
}

// Who guesses the names of clients learns nothing, and nobody's code comes back.
func TestGuessedClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	phone.signsIn()
	for _, id := range []string{"", "x", strings.ToUpper(app.client.ID), app.client.ID + " ", "Wiki", "1", strings.Repeat("x", 5000)} {
		p := phone.get(strings.Replace(app.begins(), app.client.ID, url.QueryEscape(id), 1))
		if p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%.20q: status %d to %q", id, p.Status, p.Header.Get("Location"))
		}
		form := app.tokenForm("x")
		form.Set("client_id", id)
		app.wantRefused(form, "invalid_client")
	}
	form := app.tokenForm("x")
	form.Set("client_secret", string(auth.NewToken()))
	p := w.call(t, "/oidc/token", form)
	if p.Status != http.StatusUnauthorized || p.oauthError() != "invalid_client" || !strings.HasPrefix(p.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("status %d %s", p.Status, p.Body)
	}
	public := w.app("Page", public)
	form = public.tokenForm("x")
	form.Set("client_secret", "x")
	public.wantRefused(form, "invalid_client")
	if told := phone.comesBack(phone.get(public.oauth.AuthCodeURL("s"))); told.Get("error") != "invalid_request" {
		t.Errorf("a public client without a challenge: %v", told)
	}
}

// Who is blocked or erased, or has signed out everywhere, is out of every application
// at the next request, on every replica; a refresh token does not help.
func TestEndOfPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	replica := w.replica(options{})
	app := w.app("Wiki", nil)
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	for name, end := range map[string]func(b *browser, id string){
		"blocked":  func(_ *browser, id string) { check(t, w.admins.Block(t.Context(), admin.CommandLine(), id, "")) },
		"erased":   func(_ *browser, id string) { check(t, w.admins.Erase(t.Context(), admin.CommandLine(), id)) },
		"left all": func(b *browser, _ string) { b.post("/logout", url.Values{"scope": {"all"}}) },
		"ended": func(_ *browser, id string) {
			check(t, w.admins.EndAccess(t.Context(), admin.CommandLine(), id, app.client.ID))
		},
		"revoked": func(_ *browser, _ string) {
			w.call(t, "/oidc/revoke", url.Values{"client_id": {app.client.ID}, "client_secret": {string(app.secret)}, "token": {app.refresh}})
		},
	} {
		phone := w.phone("lin")
		token, claims := app.login(phone)
		app.refresh = token.RefreshToken
		app.wantIn(token)
		picture := claims["picture"].(string)
		w.browser(desktopWeb).get(picture).wantPage(http.StatusOK, "")
		end(phone, claims["sub"].(string))
		if p := w.browser(desktopWeb).get(picture); (p.Status == http.StatusNotFound) != (name == "blocked" || name == "erased") {
			t.Errorf("%s: picture: status %d", name, p.Status)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}}
		for _, at := range []*world{replica, w} {
			if p := at.call(t, "/oidc/token", form); p.oauthError() != "invalid_grant" {
				t.Errorf("%s: status %d %s", name, p.Status, p.Body)
			}
		}
		app.wantOut(token)
		if name == "blocked" {
			check(t, w.admins.Unblock(t.Context(), admin.CommandLine(), claims["sub"].(string)))
			app.wantOut(token)
		}
	}
}

// A copy of the database has no secret, no code and no token in it.
func TestStolenDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Alg = auth.RS256 })
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	phone := w.phone("lin")
	told := app.told(phone)
	token, err := app.redeem(told)
	check(t, err)
	waiting := app.told(phone)
	dump := w.dump()
	for name, secret := range map[string]string{
		"secret": string(app.secret), "code": told.Get("code"), "code not used": waiting.Get("code"), "access token": token.AccessToken,
		"refresh token": token.RefreshToken[22:], "ID token": token.Extra("id_token").(string), "private key": `"d":`,
	} {
		if strings.Contains(dump, secret) {
			t.Errorf("the %s is in the database", name)
		}
	}
	if !strings.Contains(dump, auth.Hash(waiting.Get("code"))) {
		t.Error("the dump does not show what is in the database")
	}

	// Whoever has that copy tries all of it, as each thing that there is.
	script := w.app("Page", public)
	script.oauth.Scopes = app.oauth.Scopes
	_, err = script.redeem(script.told(phone))
	check(t, err)
	told = script.told(phone)
	tries := map[string]bool{}
	for text := range strings.FieldsSeq(w.dump()) {
		if len(text) >= 20 && len(text) <= 200 {
			tries[text] = true
			if id, err := uuid.Parse(text); err == nil {
				tries[base64.RawURLEncoding.EncodeToString(id[:])] = true
			}
		}
	}
	for id := range tries {
		for hash := range tries {
			if len(id) == 22 && len(hash) == 43 {
				tries[id+hash] = true // the form of a refresh token
			}
		}
	}
	for text := range tries {
		for name, form := range map[string]url.Values{
			"secret":  {"client_id": {app.client.ID}, "client_secret": {text}, "token": {"x"}},
			"code":    {"client_id": {script.client.ID}, "grant_type": {"authorization_code"}, "code": {text}, "redirect_uri": {appURI}, "code_verifier": {script.verifier}},
			"refresh": {"client_id": {script.client.ID}, "grant_type": {"refresh_token"}, "refresh_token": {text}},
		} {
			path := map[bool]string{true: "/oidc/revoke", false: "/oidc/token"}[name == "secret"]
			if p := w.call(t, path, form); p.Status == http.StatusOK {
				t.Fatalf("%q is good as a %s", text, name)
			}
		}
		if p := w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer "+text); p.Status != http.StatusUnauthorized {
			t.Fatalf("%q is good as an access token: status %d", text, p.Status)
		}
	}
	if len(tries) < 20 {
		t.Errorf("%d tries", len(tries))
	}
	if _, err := script.redeem(told); err != nil {
		t.Errorf("a good code, tried the same way: %v", err)
	}
}
