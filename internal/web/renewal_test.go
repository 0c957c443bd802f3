package web_test

import (
	"net/http"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// tokenDies lets 31 days pass, and the person come back silently.
func (b *browser) tokenDies() *page {
	b.w.clock.pass(31 * day)
	b.setCookie(b.w.url, "wxlogin", "")
	return b.opens("/login?return_to=%2Fme")
}

// Once a token is dead the profile is not frozen for good: silent logins go on and
// bring no token, the person stays in the filter, WeChat is not asked with a token
// that opens no profile, and the person can renew it by a link that they see.
func TestProfileIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	if p := phone.tokenDies().wantPage(http.StatusOK, ""); p.URL.Path != "/me" {
		t.Fatalf("asked without the setting: %s", p.URL)
	}
	lin := w.person("lin")
	lin.Nickname = "林大满"
	w.sim.AddPerson(lin)
	boss := w.admin()
	boss.get("/api/admin/users?filter=needs_login").wantPage(http.StatusOK, lin.OpenID)
	id := phone.me()["id"].(string)
	boss.fetchAPI(http.MethodPost, "/api/admin/users/"+id+"/refresh").wantPage(http.StatusForbidden, "needs_login")
	w.refreshAll()
	if calls := w.sim.Calls(wechatsim.Refresh); len(calls) != 0 {
		t.Errorf("WeChat was asked with a token that opens no profile: %v", calls)
	}
	if strings.Contains(w.log.String(), "48001") {
		t.Error("a false alarm")
	}

	phone.get("/").wantPage(http.StatusOK, "更新昵称头像")
	phone.opens("/login?consent=1&return_to=%2F").wantPage(http.StatusOK, "林大满")
	boss.get("/api/admin/users?filter=needs_login").wantPage(http.StatusOK, `"users":[]`)

	// Nobody is offered what cannot be done.
	desktop := w.browser(desktopWeb)
	desktop.setCookie(w.url, "wxlogin", phone.cookie("wxlogin"))
	base := newWorld(t, options{mode: auth.ModeBase})
	silent := base.phone("lin")
	silent.signsIn()
	for _, b := range []*browser{desktop, silent} {
		if p := b.get("/").wantPage(http.StatusOK, "OpenID"); strings.Contains(p.Body, "更新昵称头像") {
			t.Error("the link is shown where it leads nowhere")
		}
	}
}

// A base token alone, of somebody who has never agreed, is not sent either.
func TestBaseTokensOpenNoProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mode: auth.ModeBase})
	phone := w.phone("lin")
	phone.signsIn()
	w.admin().fetchAPI(http.MethodPost, "/api/admin/users/"+phone.me()["id"].(string)+"/refresh").wantPage(http.StatusForbidden, "needs_login")
	if calls := w.sim.Calls(wechatsim.Refresh, wechatsim.Userinfo); len(calls) != 0 {
		t.Errorf("WeChat was asked: %v", calls)
	}
}

// With the setting people are asked once a token, are signed in whatever they
// answer, and can pass it by.
func TestRenewalIsAskedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{renew: true})
	phone := w.phone("lin")
	phone.signsIn()
	phone.opens("/login").wantPage(http.StatusOK, "OpenID") // it lives
	p := phone.tokenDies().wantPage(http.StatusOK, "以后再说")
	if p.URL.Path != "/consent" || !strings.Contains(p.Body, `href="/me"`) {
		t.Fatalf("at %s: %s", p.URL, excerpt(p.Body))
	}
	phone.wantMe("lin")
	phone.setCookie(w.url, "wxlogin", "")
	phone.opens("/login").wantPage(http.StatusOK, "OpenID") // not again
	phone.opens("/login?consent=1&return_to=%2Fme").wantPage(http.StatusOK, "我的数据")
	if p := w.browser(desktopWeb).get("/consent?renew=1"); strings.Contains(p.Body, "以后再说") {
		t.Error("a way past for somebody who is not signed in")
	}
}
