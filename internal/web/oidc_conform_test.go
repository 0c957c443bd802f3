package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

func param(name, value string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam(name, value) }

// What a client asks for and is refused goes back to it, with state and iss.
func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	phone.signsIn()
	for _, test := range []struct {
		name, want string
		options    []oauth2.AuthCodeOption
	}{
		{"response_type missing", "invalid_request", []oauth2.AuthCodeOption{param("response_type", "")}},
		{"response_type token", "unsupported_response_type", []oauth2.AuthCodeOption{param("response_type", "code token")}},
		{"response_mode fragment", "invalid_request", []oauth2.AuthCodeOption{param("response_mode", "fragment")}},
		{"scope without openid", "invalid_scope", []oauth2.AuthCodeOption{param("scope", "profile")}},
		{"unsigned request object", "request_not_supported", []oauth2.AuthCodeOption{param("request", "eyJhbGciOiJub25lIn0.e30.")}},
		{"signed request object", "request_not_supported", []oauth2.AuthCodeOption{param("request", "eyJhbGciOiJSUzI1NiJ9.e30.x")}},
		{"request_uri", "request_uri_not_supported", []oauth2.AuthCodeOption{param("request_uri", "https://app.example.com/r")}},
		{"PKCE plain", "invalid_request", []oauth2.AuthCodeOption{param("code_challenge_method", "plain")}},
		{"PKCE without a method", "invalid_request", []oauth2.AuthCodeOption{param("code_challenge_method", "")}},
		{"PKCE without a challenge", "invalid_request", []oauth2.AuthCodeOption{param("code_challenge", "")}},
		{"PKCE of another form", "invalid_request", []oauth2.AuthCodeOption{param("code_challenge", "x")}},
		{"prompt none and login", "invalid_request", []oauth2.AuthCodeOption{param("prompt", "none login")}},
		{"prompt unknown", "invalid_request", []oauth2.AuthCodeOption{param("prompt", "create")}},
		{"max_age negative", "invalid_request", []oauth2.AuthCodeOption{param("max_age", "-1")}},
		{"prompt none before consent", "consent_required", []oauth2.AuthCodeOption{param("prompt", "none")}},
	} {
		told := app.told(phone, test.options...)
		if told.Get("error") != test.want || told.Get("state") != "the state" || told.Get("iss") != w.public || told.Get("code") != "" || told.Get("error_description") == "" {
			t.Errorf("%s: %v, want %s", test.name, told, test.want)
		}
	}
	if told := phone.comesBack(phone.get(app.begins() + "&nonce=another")); told.Get("error") != "invalid_request" {
		t.Errorf("doubled nonce: %v", told)
	}
	if told := phone.comesBack(phone.get(strings.Replace(app.begins(), "response_type=code", "", 1))); told.Get("error") != "invalid_request" || told.Get("state") != "the state" {
		t.Errorf("no response_type at all: %v", told)
	}
	// A request object does not make up for an address that is not registered, nor does
	// the one that is get the error.
	for _, name := range []string{"request", "request_uri"} {
		if p := phone.get(app.begins(param("redirect_uri", "https://evil.example/cb"), param(name, "eyJhbGciOiJub25lIn0.e30."))); p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%s and another redirect_uri: status %d to %q", name, p.Status, p.Header.Get("Location"))
		}
	}
	if n := w.rows("grants"); n != 0 {
		t.Errorf("%d grants", n)
	}
}

// What nobody knows is passed over.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	for name, values := range map[string][]string{
		"claims":     {`{"userinfo":{"name":{"essential":true}}}`, `{"id_token":{"email":null}}`, "no JSON"},
		"acr_values": {"1 2"}, "login_hint": {"lin@example.com"}, "ui_locales": {"se ja"}, "claims_locales": {"se"},
		"display": {"page", "popup", "touch", "wap"}, "registration": {"{}"}, "extra": {"foobar"}, "approval_prompt": {"force"},
		"scope": {"openid profile address", "openid profile phone", "openid profile email address phone x"},
	} {
		for _, value := range values {
			phone := w.phone("lin") // whom nobody knows yet: the pages of a login are shown
			token, claims := app.login(phone, param(name, value))
			info, err := app.userinfo(token)
			check(t, err)
			for _, told := range []map[string]any{claims, info} {
				if told["name"] != phone.me()["nickname"] || told["email"] != nil || told["address"] != nil || told["phone_number"] != nil {
					t.Errorf("%s=%s: %v", name, value, told)
				}
			}
		}
	}
}

// Neither the order of scopes nor that of parameters says anything.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Email = true })
	phone := w.phone("lin")
	base, query, _ := strings.Cut(app.begins(param("scope", "email profile openid")), "?")
	parts := strings.Split(query, "&")
	slices.Reverse(parts)
	token, err := app.redeem(phone.comesBack(phone.get(base + "?" + strings.Join(parts, "&"))))
	check(t, err)
	if claims := app.claims(token); claims["email"] == nil || claims["name"] == nil || claims["nonce"] != "the nonce" {
		t.Errorf("%v", claims)
	}
}

// prompt and max_age: an answer without a page, or a login of this moment, by a silent
// trip on a phone and another scan on a desktop, and no loop.
func TestPromptAndMaxAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	if told := app.told(phone, param("prompt", "none")); told.Get("error") != "login_required" {
		t.Errorf("nobody is signed in: %v", told)
	}
	first, hint := app.hinted(phone, param("max_age", "15000"))
	w.clock.pass(9999 * time.Second)
	for name, options := range map[string][]oauth2.AuthCodeOption{
		"none": {param("prompt", "none")}, "max_age": {param("max_age", "10000")}, "nothing": {param("x", "y")}, "hint": {param("prompt", "none"), hint},
	} {
		// In a frame too, where applications ask behind the page that somebody looks at.
		req := phone.request(http.MethodGet, app.begins(options...), nil)
		if name == "none" || name == "hint" {
			req.Header.Set("Sec-Fetch-Dest", "iframe")
		}
		p, err := phone.fetch(req)
		check(t, err)
		if !strings.HasPrefix(p.Header.Get("Location"), appURI+"?") {
			t.Fatalf("%s: status %d to %q, and not to the application", name, p.Status, p.Header.Get("Location"))
		}
		token, err := app.redeem(phone.comesBack(p))
		check(t, err)
		if claims := app.claims(token); claims["auth_time"] != first["auth_time"] || claims["sub"] != first["sub"] {
			t.Errorf("%s: %v, and was %v", name, claims, first)
		}
	}
	if _, claims := app.login(phone, param("prompt", "consent")); claims["auth_time"] != first["auth_time"] {
		t.Error("consent: another login")
	}
	for name, option := range map[string]oauth2.AuthCodeOption{
		"login": param("prompt", "login"), "login and consent": param("prompt", "consent login"), "select_account": param("prompt", "select_account"),
		"max_age of a second": param("max_age", "1"), "max_age 0": param("max_age", "0"),
	} {
		w.clock.pass(2 * time.Second)
		exchanges := w.sim.Exchanges()
		begun := w.clock.now().Unix()
		_, claims := app.login(phone, option)
		if got := int64(claims["auth_time"].(float64)); got < begun || w.sim.Exchanges() != exchanges+1 {
			t.Errorf("%s: a login of %d, %d trips to WeChat; it is %d", name, got, w.sim.Exchanges()-exchanges, begun)
		}
		if claims["sid"] != first["sid"] {
			t.Errorf("%s: the browser has another name", name)
		}
	}
	if told := app.told(phone, param("prompt", "none"), param("max_age", "0")); told.Get("error") != "login_required" {
		w.clock.pass(time.Second)
		if told := app.told(phone, param("prompt", "none"), param("max_age", "0")); told.Get("error") != "login_required" {
			t.Errorf("none with max_age=0: %v", told)
		}
	}

	// The mark is not the browser's to make, nor good for another request or another time.
	w.clock.pass(time.Minute)
	marked := phone.stops(app.begins(param("prompt", "login")), "/callback?")
	back := phone.get(marked).location()
	if !strings.Contains(back, "wxlogin_fresh=") {
		t.Fatalf("back to %s", back)
	}
	again := phone.get(back)
	if again.Status != http.StatusSeeOther || !strings.Contains(again.Header.Get("Location"), "code=") {
		t.Fatalf("status %d to %s", again.Status, again.Header.Get("Location"))
	}
	for name, address := range map[string]string{
		"changed": strings.Replace(back, "the+state", "another", 1), "cut": back[:len(back)-1], "made up": back[:strings.Index(back, "wxlogin_fresh=")] + "wxlogin_fresh=0.none.x",
	} {
		if p := phone.get(address); strings.Contains(p.Header.Get("Location"), "code=") {
			t.Errorf("%s: %s", name, p.Header.Get("Location"))
		}
	}
	w.clock.pass(11 * time.Minute)
	if p := phone.get(back); strings.Contains(p.Header.Get("Location"), "code=") {
		t.Errorf("too late: %s", p.Header.Get("Location"))
	}

	// On a desktop another scan.
	desktop := w.browser(desktopWeb)
	desktop.client.Jar = phone.client.Jar
	if p := desktop.opens(app.begins(param("prompt", "login"))); !strings.HasSuffix(p.URL.Path, "/scan") {
		t.Errorf("a desktop is led to %s", p.URL)
	}
	// Its address says where it leads: not there without the scan.
	scan, err := url.Parse(desktop.get(app.begins(param("prompt", "login"))).Header.Get("Location"))
	check(t, err)
	marked = scan.Query().Get("return_to")
	if p := desktop.get(marked); !strings.Contains(marked, "wxlogin_fresh=") || strings.Contains(p.Header.Get("Location"), "code=") {
		t.Errorf("%s gives a code without a login", marked)
	}

	// WeChat is down: the old session is not passed off as a new one, and nothing goes round.
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Status: http.StatusInternalServerError, Times: 10})
	if p := phone.opens(app.begins(param("prompt", "login"))); p.Status < 500 {
		t.Errorf("status %d at %s", p.Status, p.URL)
	}
}

// hinted is what an ID token says, and the same as an id_token_hint.
func (a *app) hinted(b *browser, options ...oauth2.AuthCodeOption) (claims map[string]any, hint oauth2.AuthCodeOption) {
	a.w.t.Helper()
	token, claims := a.login(b, options...)
	return claims, param("id_token_hint", token.Extra("id_token").(string))
}

// A form that a client has the browser send ends where a link would.
func TestAuthorizeByForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	phone.signsIn()
	u, err := url.Parse(app.begins())
	check(t, err)
	req := phone.request(http.MethodPost, "/oidc/authorize", u.Query())
	req.Header.Set("Origin", "https://app.example.com")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Del("Cookie")
	p, err := w.browser(iPhone).fetch(req) // without our cookie, as browsers do
	check(t, err)
	if p.Status != http.StatusSeeOther {
		t.Fatalf("status %d", p.Status)
	}
	token, err := app.redeem(phone.comesBack(p))
	check(t, err)
	app.wantIn(token)
}

// Saying no goes back to the client, and is asked again the next time; saying yes is
// once for a client and what it asks for, and prompt=consent asks again.
func TestConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app, trusted := w.app("Wiki", nil), w.app("Desk", func(c *auth.Client) { c.Trusted = true })
	phone := w.phone("lin")
	phone.signsIn()
	for range 2 {
		p := phone.get(app.begins()).wantPage(http.StatusOK, "Wiki")
		p.wantPage(http.StatusOK, "app.example.com")
		p = phone.post("/oidc/consent", url.Values{"query": {p.hidden("query")}, "answer": {"no"}})
		if told := phone.comesBack(p); told.Get("error") != "access_denied" || told.Get("state") != "the state" {
			t.Errorf("%v", told)
		}
	}
	app.login(phone)
	if p := phone.get(app.begins()); p.Status != http.StatusSeeOther {
		t.Errorf("asked again: status %d", p.Status)
	}
	phone.get(app.begins(param("prompt", "consent"))).wantPage(http.StatusOK, `value="yes"`)
	phone.get(app.begins(param("scope", "openid profile offline_access"))).wantPage(http.StatusOK, `value="yes"`)
	phone.get(app.begins(param("scope", "openid")))
	if p := phone.get(trusted.begins()); p.Status != http.StatusSeeOther {
		t.Errorf("a trusted one asks: status %d", p.Status)
	}
	if p := phone.post("/oidc/consent", url.Values{"query": {"client_id=x"}, "answer": {"yes"}}); p.Status != http.StatusBadRequest {
		t.Errorf("status %d", p.Status)
	}
}

// The claims of each kind of login, in the ID token and in userinfo.
func TestClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", func(c *auth.Client) { c.Email, c.WeChat = true, true })
	app.oauth.Scopes = []string{"openid", "profile", "email", "groups"}
	phone := w.phone("lin")
	phone.signsIn()
	me := phone.me()
	id := me["id"].(string)
	_, err := w.admins.JoinGroup(t.Context(), admin.CommandLine(), id, "staff")
	check(t, err)
	token, claims := app.login(phone)
	info, err := app.userinfo(token)
	check(t, err)
	for _, told := range []map[string]any{claims, info} {
		for name, want := range map[string]any{
			"sub": id, "name": me["nickname"], "preferred_username": "wx_" + id[24:], "email": id + "@wechat.invalid", "gender": "female", "locale": "zh-CN",
		} {
			if told[name] != want {
				t.Errorf("%s is %v, want %v", name, told[name], want)
			}
		}
		if _, there := told["email_verified"]; there {
			t.Error("email_verified is there")
		}
		if wechat, _ := told["wechat"].(map[string]any); wechat["openid"] != me["openid"] || wechat["appid"] != me["appid"] {
			t.Errorf("wechat is %v", told["wechat"])
		}
		if groups, _ := json.Marshal(told["groups"]); string(groups) != `["staff"]` {
			t.Errorf("groups are %s", groups)
		}
		if told["updated_at"] == nil || told["picture"] == nil {
			t.Errorf("%v", told)
		}
		for name, value := range told {
			if value == nil {
				t.Errorf("%s is null", name)
			}
		}
	}
	for name, want := range map[string]any{"iss": w.public, "aud": app.client.ID, "nonce": "the nonce"} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if amr, _ := json.Marshal(claims["amr"]); string(amr) != `["wechat","consent"]` {
		t.Errorf("amr is %s", amr)
	}
	var discovered struct {
		Claims []string `json:"claims_supported"`
	}
	check(t, app.provider.Claims(&discovered))
	slices.Sort(discovered.Claims)
	if all := slices.Sorted(maps.Keys(claims)); !slices.Equal(all, discovered.Claims) {
		t.Errorf("told %v, and discovery says %v", all, discovered.Claims)
	}
	_, again := app.login(phone, param("prompt", "login"))
	if amr, _ := json.Marshal(again["amr"]); string(amr) != `["wechat","silent"]` {
		t.Errorf("amr is %s", amr)
	}

	// Who asks for less is told less; who may not be told is not told.
	small := w.app("Tool", nil)
	small.oauth.Scopes = []string{"openid", "email"}
	token, claims = small.login(phone)
	if info, err = small.userinfo(token); err != nil || len(info) != 1 {
		t.Errorf("userinfo %v, %v", info, err)
	}
	for _, name := range []string{"name", "email", "wechat", "groups", "picture"} {
		if claims[name] != nil {
			t.Errorf("%s is told", name)
		}
	}

	// What WeChat does not say is not there, and never null.
	plain := w.phone("plain")
	_, claims = app.login(plain)
	for _, name := range []string{"gender", "locale"} {
		if value, there := claims[name]; there {
			t.Errorf("%s is %v", name, value)
		}
	}
	if wechat, _ := claims["wechat"].(map[string]any); wechat["openid"] == nil || len(wechat) != 2 {
		t.Errorf("wechat is %v", claims["wechat"])
	}
	if groups, _ := json.Marshal(claims["groups"]); string(groups) != "[]" {
		t.Errorf("groups are %s", groups)
	}

	// The picture opens without a cookie, until the person is blocked.
	picture, _ := again["picture"].(string)
	stranger := w.browser(desktopWeb)
	if p := stranger.get(picture); p.Status != http.StatusOK || !strings.HasPrefix(p.Header.Get("Content-Type"), "image/") {
		t.Errorf("status %d %s", p.Status, p.Header.Get("Content-Type"))
	}
	last := "A" // of four that the last of a key can be
	if strings.HasSuffix(picture, last) {
		last = "Q"
	}
	if p := stranger.get(picture[:len(picture)-1] + last); p.Status != http.StatusNotFound {
		t.Errorf("another key: status %d", p.Status)
	}
	check(t, w.admins.Block(t.Context(), admin.CommandLine(), id, ""))
	if p := stranger.get(picture); p.Status != http.StatusNotFound {
		t.Errorf("of somebody blocked: status %d", p.Status)
	}
}

// A nickname is text, wherever it stands.
func TestHostileClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("<i>&\"Wiki", nil)
	app.oauth.Scopes = []string{"openid", "profile"}
	phone := w.phone("hostile")
	phone.signsIn()
	p := phone.get(app.begins())
	if strings.Contains(p.Body, "<i>") || strings.Contains(p.Body, "<b>\"=") {
		t.Error("a name is markup")
	}
	token, claims := app.login(phone)
	info, err := app.userinfo(token)
	check(t, err)
	if claims["name"] != phone.me()["nickname"] || info["name"] != claims["name"] {
		t.Errorf("%q, %q", claims["name"], info["name"])
	}
}

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

// Groups say who enters, from the next request on.
func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Grafana", func(c *auth.Client) { c.Groups = []string{"staff", "ops"} })
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	phone := w.phone("lin")
	phone.signsIn()
	id := phone.me()["id"].(string)
	p := phone.get(app.begins()).wantPage(http.StatusForbidden, "Grafana")
	if told := phone.comesBack(phone.get(p.linkTo("/oidc/authorize?"))); told.Get("error") != "access_denied" || told.Get("state") != "the state" {
		t.Errorf("back with %v", told)
	}
	if told := app.told(phone, param("prompt", "none")); told.Get("error") != "access_denied" {
		t.Errorf("%v", told)
	}
	_, err := w.admins.JoinGroup(t.Context(), admin.CommandLine(), id, "ops")
	check(t, err)
	token, _ := app.login(phone)
	waiting := app.told(phone)
	app.wantIn(token)
	_, err = w.admins.LeaveGroup(t.Context(), admin.CommandLine(), id, "ops")
	check(t, err)
	app.wantOut(token)
	app.wantRefused(app.tokenForm(waiting.Get("code")), "invalid_grant")
	app.wantRefused(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}}, "invalid_grant")
	phone.get(app.begins()).wantPage(http.StatusForbidden, "")
}

// Calls of applications: who they are, what they may not do, and who may read the answer.
func TestCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	w.app("Page", func(c *auth.Client) {
		c.SecretHash, c.RedirectURIs = publicClient, []string{"https://Page.example.com/cb"}
	})
	phone := w.phone("lin")
	basic := func(id, secret string) string {
		req, _ := http.NewRequest(http.MethodGet, "/", nil)
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return req.Header.Get("Authorization")
	}
	form := app.tokenForm(app.told(phone).Get("code"))
	both := app.tokenForm(form.Get("code"))
	form.Del("client_secret")
	form.Del("client_id")
	if p := w.call(t, "/oidc/token", both, "Authorization", basic(app.client.ID, string(app.secret))); p.oauthError() != "invalid_request" {
		t.Errorf("two ways at once: %s", p.Body)
	}
	if p := w.call(t, "/oidc/token", form, "Authorization", basic(app.client.ID, "x")); p.Status != http.StatusUnauthorized {
		t.Errorf("wrong secret: status %d", p.Status)
	}
	for _, bad := range []string{basic(app.client.ID+"%", string(app.secret)), "Bearer x", "Basic x"} {
		bad = strings.Replace(bad, "%25", "%", 1)
		if p := w.call(t, "/oidc/token", form, "Authorization", bad); p.Status == http.StatusOK {
			t.Errorf("%s: %s", bad, p.Body)
		}
	}
	// Form-encoded in the header, however much of it a library escapes.
	escaped := func(s string) (all string) {
		for _, c := range []byte(s) {
			all += fmt.Sprintf("%%%02x", c)
		}
		return all
	}
	req, _ := http.NewRequest(http.MethodPost, "/", nil)
	req.SetBasicAuth(escaped(app.client.ID), escaped(string(app.secret)))
	p := w.call(t, "/oidc/token", form, "Authorization", req.Header.Get("Authorization"))
	if p.Status != http.StatusOK || p.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("Basic: status %d %s, %s", p.Status, p.Body, p.Header.Get("Cache-Control"))
	}
	var body map[string]any
	check(t, json.Unmarshal([]byte(p.Body), &body))
	if body["expires_in"] != 300.0 || body["token_type"] != "Bearer" || body["scope"] != "openid profile" {
		t.Errorf("%v", body)
	}
	for _, change := range []func(url.Values){
		func(f url.Values) { f.Set("grant_type", "password") }, func(f url.Values) { f.Set("grant_type", "client_credentials") },
		func(f url.Values) { f.Del("grant_type") }, func(f url.Values) { f.Add("code", "again") },
	} {
		f := app.tokenForm("x")
		change(f)
		if p := w.call(t, "/oidc/token", f); p.Status != http.StatusBadRequest || !slices.Contains([]string{"unsupported_grant_type", "invalid_request"}, p.oauthError()) {
			t.Errorf("%v: status %d %s", f, p.Status, p.Body)
		}
	}
	both.Set("code", "x")
	if p := w.browser("x").get("/oidc/token?" + both.Encode()); p.Status != http.StatusMethodNotAllowed || p.oauthError() == "" {
		t.Errorf("GET: status %d %s", p.Status, p.Body)
	}
	if p := w.call(t, "/oidc/token?"+both.Encode(), url.Values{}); p.Status != http.StatusUnauthorized {
		t.Errorf("all in the address: status %d", p.Status)
	}

	// userinfo: how a token comes, and what is none.
	access := body["access_token"].(string)
	me := phone.me()["id"]
	wantSub := func(p *page) {
		t.Helper()
		var told map[string]any
		if err := json.Unmarshal([]byte(p.Body), &told); p.Status != http.StatusOK || err != nil || told["sub"] != me {
			t.Errorf("status %d %s", p.Status, p.Body)
		}
	}
	for name, want := range map[string]int{"Bearer " + access: 200, "Bearer " + body["id_token"].(string): 401, "Bearer x": 401, "Basic x": 401, "": 401} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req := phone.request(method, "/oidc/userinfo", nil)
			req.Header.Set("Authorization", name)
			p, err := phone.fetch(req)
			check(t, err)
			if p.Status != want || want == 401 && !strings.HasPrefix(p.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %.20s: status %d, %s", method, name, p.Status, p.Header.Get("WWW-Authenticate"))
			}
			if want == 200 {
				wantSub(p)
			}
		}
	}
	wantSub(w.call(t, "/oidc/userinfo", url.Values{"access_token": {access}}))
	if p := phone.get("/oidc/userinfo?access_token=" + access); p.Status != http.StatusUnauthorized {
		t.Errorf("in the address: status %d", p.Status)
	}

	// Scripts of registered origins read answers, without our cookies; others do not.
	for _, path := range []string{"/.well-known/openid-configuration", "/oidc/jwks", "/oidc/token", "/oidc/userinfo", "/oidc/revoke", "/oidc/authorize", "/oidc/logout"} {
		called := path != "/oidc/authorize" && path != "/oidc/logout"
		for origin, want := range map[string]bool{"https://app.example.com": called, "https://page.example.com": called, "https://evil.example": false, "null": false, "https://app.example.com.evil.example": false} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
				req := phone.request(method, path, nil)
				req.Header.Set("Origin", origin)
				req.Header.Set("Access-Control-Request-Method", "POST")
				p, err := phone.fetch(req)
				check(t, err)
				if p.Status == http.StatusMethodNotAllowed {
					continue
				}
				if got := p.Header.Get("Access-Control-Allow-Origin"); (got == origin) != want || got == "*" || p.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s from %s: %q", method, path, origin, got)
				}
				if p.Status == http.StatusForbidden {
					t.Errorf("%s %s from %s: the guard of our own forms holds up a call", method, path, origin)
				}
			}
		}
	}
}

// What each application asked for and got is counted by its name, and what nobody
// knows by none, so that strangers make no series of metrics.
func TestApplicationsAreCounted(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	counted := map[string]int{}
	w := newWorld(t, options{application: func(application, step, result string) {
		mu.Lock()
		defer mu.Unlock()
		counted[application+" "+step+" "+result]++
	}})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	token, _ := app.login(phone)
	app.wantIn(token)
	app.told(phone, param("prompt", "create"))
	app.wantRefused(app.tokenForm("x"), "invalid_grant")
	form := app.tokenForm("x")
	form.Set("client_id", "whoever")
	app.wantRefused(form, "invalid_client")
	w.call(t, "/oidc/userinfo", nil, "Authorization", "Bearer x")
	revoke := url.Values{"client_id": {app.client.ID}, "client_secret": {string(app.secret)}, "token": {token.AccessToken}}
	if p := w.call(t, "/oidc/revoke", revoke); p.Status != http.StatusOK {
		t.Errorf("status %d %s", p.Status, p.Body)
	}
	app.wantOut(token)
	want := map[string]int{
		"Wiki authorize given": 1, "Wiki authorize invalid_request": 1, "Wiki token given": 1, "Wiki token invalid_grant": 1, " token invalid_client": 1,
		"Wiki userinfo given": 1, " userinfo invalid_token": 2, "Wiki revoke given": 1,
	}
	mu.Lock()
	defer mu.Unlock()
	if !maps.Equal(counted, want) {
		t.Errorf("got %v", counted)
	}
}

// Discovery says what there is.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/wx"} {
		w := newWorld(t, options{path: path})
		b := w.browser(desktopWeb)
		p := b.get("/.well-known/openid-configuration").wantPage(http.StatusOK, "")
		var d map[string]any
		check(t, json.Unmarshal([]byte(p.Body), &d))
		if d["issuer"] != w.public || p.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("issuer %v, %s", d["issuer"], p.Header.Get("Cache-Control"))
		}
		for name, path := range map[string]string{
			"authorization_endpoint": "/oidc/authorize", "token_endpoint": "/oidc/token", "userinfo_endpoint": "/oidc/userinfo",
			"revocation_endpoint": "/oidc/revoke", "end_session_endpoint": "/oidc/logout", "jwks_uri": "/oidc/jwks",
		} {
			if p := b.get(path); p.Status == http.StatusNotFound || d[name] != w.public+path {
				t.Errorf("%s is %v, %s answers %d", name, d[name], path, p.Status)
			}
			delete(d, name)
		}
		for name, want := range map[string]any{
			"backchannel_logout_supported": true, "backchannel_logout_session_supported": true, "authorization_response_iss_parameter_supported": true,
			"claims_parameter_supported": false, "request_parameter_supported": false, "request_uri_parameter_supported": false,
		} {
			if d[name] != want {
				t.Errorf("%s is %v", name, d[name])
			}
			delete(d, name)
		}
		for name, want := range map[string]string{
			"scopes_supported": "openid profile email groups offline_access", "prompt_values_supported": "none login consent select_account",
			"revocation_endpoint_auth_methods_supported": "client_secret_basic client_secret_post none",
			"response_types_supported":                   "code", "response_modes_supported": "query", "subject_types_supported": "public", "code_challenge_methods_supported": "S256",
			"grant_types_supported": "authorization_code refresh_token", "id_token_signing_alg_values_supported": "RS256 ES256",
			"token_endpoint_auth_methods_supported": "client_secret_basic client_secret_post none",
		} {
			if list := fmt.Sprint(d[name]); list != "["+want+"]" {
				t.Errorf("%s is %s", name, list)
			}
			delete(d, name)
		}
		delete(d, "issuer")
		delete(d, "claims_supported") // TestClaims
		if len(d) > 0 {
			t.Errorf("claimed besides: %v", d)
		}
	}
}

// While the database does not answer, nothing is lost: 503, and the code stays good.
func TestClientsWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	phone := w.phone("lin")
	token, _ := app.login(phone)
	told := app.told(phone)
	verifier := app.verifier
	unlock := w.locks()
	if p := w.call(t, "/oidc/token", app.tokenForm(told.Get("code"))); p.Status != http.StatusServiceUnavailable || p.oauthError() != "temporarily_unavailable" {
		t.Errorf("token: status %d %s", p.Status, p.Body)
	}
	if p := phone.get(app.begins()); p.Status != http.StatusServiceUnavailable || p.Header.Get("Location") != "" {
		t.Errorf("authorize: status %d to %q", p.Status, p.Header.Get("Location"))
	}
	if told := app.told(phone, param("prompt", "none")); told.Get("error") != "temporarily_unavailable" || told.Get("state") != "the state" {
		t.Errorf("prompt=none: %v", told)
	}
	app.wantIn(token)
	unlock()
	app.verifier = verifier
	again, err := app.redeem(told)
	check(t, err)
	app.wantIn(again)
	app.wantIn(token)
}

// A desktop signs in to an application by a phone, which is told to which.
func TestScanToAnApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Grafana", nil)
	desktop, phone := w.browser(desktopWeb), w.phone("lin")
	phone.signsIn()
	p := desktop.opens(app.begins()).wantPage(http.StatusOK, "Grafana")
	done := p.between(`data-done="`, `"`)
	ticket, _, _ := strings.Cut(strings.SplitN(done, "ticket=", 2)[1], "&")
	ask := phone.get("/scan/"+ticket).wantPage(http.StatusOK, "Grafana")
	ask.wantPage(http.StatusOK, "app.example.com")
	phone.post("/scan/"+ticket, url.Values{"answer": {"confirm"}})
	told := desktop.comesBack(desktop.get(done))
	token, err := app.redeem(told)
	check(t, err)
	claims := app.claims(token)
	if amr, _ := json.Marshal(claims["amr"]); string(amr) != `["wechat","scan"]` || claims["sub"] != phone.me()["id"] {
		t.Errorf("amr is %s, sub %v", amr, claims["sub"])
	}
	if p := desktop.opens("/scan?return_to=/"); strings.Contains(p.Body, "Grafana") {
		t.Error("another scan names the application")
	}
}

// A site's proxy can let in only members of groups.
func TestVerifyGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	want := func(address string, status int) {
		t.Helper()
		if p := phone.get(address); p.Status != status || (p.Header.Get("Remote-User") != "") != (status == http.StatusOK) {
			t.Errorf("%s: status %d, %q", address, p.Status, p.Header.Get("Remote-User"))
		}
	}
	want("/verify", http.StatusOK)
	for _, address := range []string{"/verify?groups=staff", "/verify?groups=", "/verify?groups=ops,staff", "/verify?optional=1&groups=staff", "/verify?login=redirect&groups=staff"} {
		want(address, http.StatusForbidden)
	}
	id := phone.me()["id"].(string)
	_, err := w.admins.JoinGroup(t.Context(), admin.CommandLine(), id, "staff")
	check(t, err)
	want("/verify?groups=staff", http.StatusOK)
	want("/verify?groups=ops,staff", http.StatusOK)
	want("/verify?groups=ops&groups=staff", http.StatusForbidden)
	want("/verify/x?groups=ops", http.StatusOK) // the visitor's own words
	_, err = w.admins.LeaveGroup(t.Context(), admin.CommandLine(), id, "staff")
	check(t, err)
	want("/verify?groups=staff", http.StatusForbidden)
	if p := w.browser(iPhone).get("/verify?groups=staff"); p.Status != http.StatusUnauthorized {
		t.Errorf("nobody: status %d", p.Status)
	}
}
