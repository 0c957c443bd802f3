package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// A person links a way to log in and unlinks it, in a real browser without a script: the
// form of their own page, a page with a link, WeChat, and back.
func TestLinkInABrowser(t *testing.T) {
	browser := openBrowser(t)
	sim := wechatsim.New(wechatsim.Config{Apps: []wechatsim.App{
		{AppID: "wx0123456789abcdef", Kind: "oa", Name: "main"}, {AppID: "wx0123456789abcde1", Kind: "oa", Name: "shop"}, {AppID: "wx0123456789abcde2", Kind: "website", Name: "pc"},
	}})
	wechat := httptest.NewServer(sim)
	t.Cleanup(wechat.Close)
	apps := sim.Apps()
	var behind atomic.Pointer[httputil.ReverseProxy]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behind.Load().ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	_, at := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"), "WXLOGIN_PUBLIC_URL="+front.URL,
		"WXLOGIN_ACCOUNTS=shop:oa:"+apps[1].AppID+",pc:website:"+apps[2].AppID, "WXLOGIN_APPSECRET_SHOP="+apps[1].Secret, "WXLOGIN_APPSECRET_PC="+apps[2].Secret, "TZ=Asia/Shanghai")
	behind.Store(httputil.NewSingleHostReverseProxy(must(url.Parse("http://" + at))))

	phone := browser.newPhone("phone")
	phone.withoutScript()
	phone.opens(front.URL + "/")
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")
	phone.wantText("林小满", "绑定登录方式")
	phone.taps(`a[href$="/me#ways"]`)
	phone.wantText("登录方式", "本次登录", "公众号登录 shop", "未绑定")
	phone.shot("60-ways")
	phone.taps(`form[action$="/me/link"] button`)
	phone.wantText("绑定登录方式", "并入当前账号")
	phone.shot("61-link")
	phone.taps("a.weui-btn_primary")
	phone.taps("button.allow")
	phone.wantText("绑定成功", "你绑定于")
	phone.shot("62-linked")

	// The longest words of the three languages, on the narrow screen.
	abroad := phoneNamed("android")
	abroad.AcceptLanguage = "en"
	english := browser.newTab("english", abroad)
	english.opens(front.URL + "/login?account=shop&return_to=/me")
	english.taps(`button[value="lin"]`)
	english.wantText("Ways to log in", "linked by you", "this login")
	english.evaluates(`(document.getElementById("ways").scrollIntoView(), "")`)
	english.shot("63-english")

	phone.taps(`form[action$="/unlink"] button`)
	phone.wantText("已解除绑定", "未绑定")
}
