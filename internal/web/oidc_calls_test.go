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

	"wxlogin/internal/auth"
)

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

	// userinfo: how a token may be sent, and what is not accepted.
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
	w := newWorld(t, options{impatient: true})
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
