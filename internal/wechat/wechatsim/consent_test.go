package wechatsim_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func TestStrangerIsAskedWhosePhoneItIs(t *testing.T) {
	w := newWorld(t)
	stranger := w.phoneOf("")
	query := w.query(base, "abc")
	stranger.authorize(query).wantText("这是谁的手机？", "林小满", "&lt;b&gt;")

	back := stranger.submit("/_sim/form/phone", url.Values{"person": {"lin"}, "query": {query}})
	if back.status != http.StatusSeeOther || back.header.Get("Location") != "/connect/oauth2/authorize?"+query {
		t.Fatalf("status %d to %q, want 303 back to the link", back.status, back.header.Get("Location"))
	}
	code := stranger.authorize(query).wantRedirect().Query().Get("code")
	if got := w.exchange(code).wantSuccess().text("openid"); got != w.person("lin").OpenID {
		t.Errorf("signed in %s, want lin", got)
	}
}

func TestNewPersonFromThePhonePage(t *testing.T) {
	w := newWorld(t)
	stranger := w.phoneOf("")
	query := w.query(userinfo, "abc")
	stranger.submit("/_sim/form/person", url.Values{"nickname": {"小明"}, "sex": {"1"}, "province": {"四川"},
		"city": {"成都"}, "color": {"#123456"}, "hold": {"1"}, "query": {query}})
	got := w.person(stranger.cookie(wechatsim.CookiePerson))
	if got.Nickname != "小明" || got.Sex != 1 || got.Province != "四川" || got.City != "成都" || got.Color != "#123456" {
		t.Errorf("filed %+v", got)
	}
	stranger.authorize(query).wantText("小明", "获取并验证你的身份")
}

func TestFormsLeadNowhereElse(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{"https://evil.example/", "//evil.example", "\r\nSet-Cookie: x=y", "appid=1"} {
		got := w.phoneOf("").submit("/_sim/form/phone", url.Values{"person": {"lin"}, "query": {query}})
		if loc := got.header.Get("Location"); !strings.HasPrefix(loc, "/?said=") {
			t.Errorf("query %q leads to %q", query, loc)
		}
	}
	// a link from which the callback's host does not pass is refused at the button too
	w.phoneOf("lin").allow(w.queryTo("https://evil.example/", userinfo, "a")).wantRefused("10003", "redirect_uri")
	w.phoneOf("lin").deny(w.queryTo("https://evil.example/", userinfo, "a")).wantRefused("10003", "redirect_uri")
}

func TestButtonsRefuseOtherSites(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/connect/oauth2/allow?" + w.query(userinfo, "a"), "/_sim/form/fault", "/_sim/faults"} {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", w.srv.URL+path, strings.NewReader("{}"))
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := w.phoneOf("lin").do(req).status; got != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", path, got)
		}
	}
}

func TestConsent(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	query := w.query(userinfo, "abc")

	popup := lin.authorize(query)
	popup.wantText("示例服务号", "获取并验证你的身份", "获得你的昵称、头像", "允许", "拒绝", "林小满")
	if popup.status != 200 || popup.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("status %d, X-Frame-Options %q", popup.status, popup.header.Get("X-Frame-Options"))
	}
	to := lin.allow(query).wantRedirect()
	if to.Query().Get("state") != "abc" || w.exchange(to.Query().Get("code")).wantSuccess().text("scope") != userinfo {
		t.Errorf("went to %s", to)
	}
	lin.authorize(query).wantText("获取并验证你的身份") // not remembered
	if w.phoneOf("").allow(query).status != http.StatusSeeOther {
		t.Error("the button works without an owner")
	}
}

func TestDenyStyles(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	query := w.query(userinfo, "abc")

	closed := lin.deny(query)
	closed.wantText("你拒绝了授权")
	if closed.status != 200 || closed.header.Get("Location") != "" {
		t.Errorf("status %d to %q, want a page", closed.status, closed.header.Get("Location"))
	}
	for style, want := range map[string]string{
		wechatsim.DenyStateOnly: callback + "?state=abc",
		wechatsim.DenyAuthdeny:  callback + "?code=authdeny&state=abc",
	} {
		w.sim.SetSwitches(wechatsim.Switches{DenyStyle: style})
		if got := lin.deny(query).wantRedirect().String(); got != want {
			t.Errorf("%s leads to %s, want %s", style, got, want)
		}
	}
}

func TestAutoConsent(t *testing.T) {
	w := newWorld(t, func(c *wechatsim.Config) { c.Switches.AutoConsent = wechatsim.AnswerAllow })
	query := w.query(userinfo, "abc")
	w.phoneOf("lin").authorize(query).wantRedirect()

	w.sim.SetSwitches(wechatsim.Switches{})
	lin := w.phoneOf("lin")
	lin.setCookie(wechatsim.CookieConsent, wechatsim.AnswerAllow)
	lin.authorize(query).wantRedirect()
	lin.setCookie(wechatsim.CookieConsent, wechatsim.AnswerDeny)
	lin.authorize(query).wantText("你拒绝了授权")
}

func TestRememberedConsent(t *testing.T) {
	w := newWorld(t, func(c *wechatsim.Config) { c.Switches.RememberConsent = true })
	lin := w.phoneOf("lin")
	query := w.query(userinfo, "abc")
	lin.authorize(query).wantText("允许")
	lin.allow(query).wantRedirect()
	lin.authorize(query).wantRedirect()
	lin.authorize(query + "&forcePopup=true").wantText("允许")
	w.phoneOf("wang").authorize(query).wantText("允许")
	w.later(30 * 24 * time.Hour)
	lin.authorize(query).wantText("允许")
}

func TestSnapshotPage(t *testing.T) {
	w := newWorld(t)
	query := w.query(userinfo, "abc")
	check := func(name string, got page, real wechatsim.Person) {
		t.Helper()
		tok := w.exchange(got.wantRedirect().Query().Get("code")).wantSuccess()
		if tok.fields["is_snapshotuser"] != 1.0 || tok.text("openid") == real.OpenID || tok.text("unionid") == real.UnionID {
			t.Errorf("%s: %s, want a marked virtual account", name, tok.body)
		}
		if len(tok.text("openid")) != 28 || tok.text("openid")[0] != 'o' {
			t.Errorf("%s: openid %q", name, tok.text("openid"))
		}
		info := w.userinfo(tok.text("access_token"), tok.text("openid")).wantSuccess()
		if info.text("nickname") != "微信用户" || strings.Contains(info.body, "snapshot") {
			t.Errorf("%s: userinfo %s, want a virtual profile without a mark", name, info.body)
		}
		if tok.text("unionid") != info.text("unionid") {
			t.Errorf("%s: two unionids", name)
		}
	}

	visitor := w.phoneOf("snapshot")
	check("person", visitor.authorize(query), w.person("snapshot"))
	visitor.authorize(w.query(base, "a")).wantRedirect()
	w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Snapshot: true})
	lin := w.phoneOf("lin")
	base := w.exchange(lin.authorize(w.query(base, "a")).wantRedirect().Query().Get("code")).wantSuccess()
	if _, marked := base.fields["is_snapshotuser"]; marked {
		t.Error("snsapi_base took the snapshot")
	}
	check("planned", lin.authorize(query), w.person("lin"))
	check("forced", lin.authorize(query+"&forcePopup=true&forceSnapShot=true"), w.person("lin"))
	check("issued", page{t: t, status: 302, header: http.Header{"Location": {"/?code=" + w.sim.IssueCode("snapshot", userinfo)},
		"Cache-Control": {"no-store"}}}, w.person("snapshot"))

	if got := visitor.submit("/_sim/form/full", nil); got.status != http.StatusSeeOther {
		t.Fatalf("status %d", got.status)
	}
	visitor.authorize(query).wantText("允许")
	tok := w.exchange(visitor.allow(query).wantRedirect().Query().Get("code")).wantSuccess()
	if tok.text("openid") != w.person("snapshot").OpenID {
		t.Error("使用完整服务 still gives a virtual account")
	}
	lin.authorize(query).wantText("允许") // the planned one is used up
}

// The buttons lead where a program would go: the page writes the query into its
// forms and links byte for byte.
func TestPopupButtons(t *testing.T) {
	w := newWorld(t)
	p := w.phoneOf("lin")
	popup := p.authorize(w.query(wechatsim.ScopeUserinfo, "buttons"))
	forms := regexp.MustCompile(`action="([^"]+)"`).FindAllStringSubmatch(popup.body, -1)
	if len(forms) != 2 {
		t.Fatalf("the popup has %d forms, want two", len(forms))
	}
	closed := p.submit(html.UnescapeString(forms[0][1]), nil)
	again := regexp.MustCompile(`href="(/connect/oauth2/authorize[^"]+)"`).FindStringSubmatch(closed.body)
	if again == nil {
		t.Fatalf("no way back from the closed page: %s", closed.body)
	}
	p.get(html.UnescapeString(again[1])).wantText("允许")
	if got := p.submit(html.UnescapeString(forms[1][1]), nil).wantRedirect().Query().Get("state"); got != "buttons" {
		t.Fatalf("state %q came back", got)
	}
}
