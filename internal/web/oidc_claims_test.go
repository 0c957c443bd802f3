package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

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
