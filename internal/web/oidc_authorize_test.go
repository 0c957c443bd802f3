package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

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
