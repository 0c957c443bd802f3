package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"wxlogin/internal/wechat/wechatsim"
)

var langs = []string{"zh-CN", "zh-TW", "en"}

func (tab *tab) speaks(agent, lang string) {
	tab.do(command(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: lang}))
}

func (tab *tab) whole(name string) {
	tab.t.Helper()
	for _, phone := range []bool{true, false} {
		tab.do(tab.viewport(phone))
		tab.wantToFit()
		h, err := chromedp.Run(tab.ctx, chromedp.Evaluate[int](`document.documentElement.scrollHeight`))
		if err != nil {
			tab.t.Fatal(err)
		}
		if phone {
			tab.do(chromedp.EmulateViewport(phoneWidth, int64(h), chromedp.EmulateScale(1.5), chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch))
		} else {
			tab.do(chromedp.EmulateViewport(1280, int64(h)))
		}
		for _, scheme := range []string{"light", "dark"} {
			tab.do(colours(scheme))
			png, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				tab.t.Fatal(err)
			}
			os.WriteFile(filepath.Join(tab.screenshots, fmt.Sprintf("%s-%s-%s.png", name, map[bool]string{true: "phone", false: "desk"}[phone], scheme)), png, 0o644)
		}
	}
	tab.do(colours(""), tab.viewport(tab.phone))
}

func TestZZAdmin(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai", "WXLOGIN_FOLLOWERS=true")
	at := printedAddresses(t, demo.stdout.text())
	agent := phoneNamed("desktop").UserAgent
	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)
	for _, lang := range langs {
		admin.speaks(agent, lang)
		admin.opens(at.visitor + "admin/joins")
		admin.whole("joins-" + lang)
		admin.taps(`#joined ~ ul li a`)
		admin.whole("person-" + lang)
		admin.opens(at.visitor + "admin/users")
		admin.whole("users-" + lang)
	}
	admin.opens(at.visitor + "admin/joins")
	admin.taps(`button[value="join"]`)
	for _, lang := range langs {
		admin.speaks(agent, lang)
		admin.opens(at.visitor + "admin/joins?done=joined")
		admin.whole("joined-" + lang)
	}
}

func TestZZLink(t *testing.T) {
	browser := openBrowser(t)
	sim := wechatsim.New(wechatsim.Config{Apps: []wechatsim.App{
		{AppID: "wx0123456789abcdef", Kind: "oa", Name: "main"}, {AppID: "wx0123456789abcde1", Kind: "oa", Name: "shop"}, {AppID: "wx0123456789abcde2", Kind: "website", Name: "pc"}, {AppID: "wx0123456789abcde3", Kind: "oa", Name: "club"},
	}})
	wechat := httptest.NewServer(sim)
	t.Cleanup(wechat.Close)
	apps := sim.Apps()
	sim.Follow(apps[0].AppID, "lin", "ADD_SCENE_WECHAT_ADVERTISEMENT")
	var behind atomic.Pointer[httputil.ReverseProxy]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behind.Load().ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	p, at := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"), "WXLOGIN_PUBLIC_URL="+front.URL, "WXLOGIN_FOLLOWERS=true",
		"WXLOGIN_ADMINS="+sim.OpenID(apps[0].AppID, "lin"),
		"WXLOGIN_ACCOUNTS=shop:oa:"+apps[1].AppID+",pc:website:"+apps[2].AppID+",club:oa:"+apps[3].AppID, "WXLOGIN_APPSECRET_SHOP="+apps[1].Secret, "WXLOGIN_APPSECRET_PC="+apps[2].Secret, "WXLOGIN_APPSECRET_CLUB="+apps[3].Secret, "TZ=Asia/Shanghai")
	_ = p
	behind.Store(httputil.NewSingleHostReverseProxy(must(url.Parse("http://" + at))))

	agent := phoneNamed("android").UserAgent
	phone := browser.newPhone("phone")
	phone.opens(front.URL + "/")
	phone.taps(`button[value="lin"]`)
	for _, lang := range langs {
		phone.speaks(agent, lang)
		phone.opens(front.URL + "/login?consent=1&account=main")
		phone.opens(front.URL + "/consent")
		phone.whole("consent-" + lang)
	}
	phone.opens(front.URL + "/consent")
	phone.taps("a.weui-btn_primary")
	phone.taps("button.allow")
	for _, lang := range langs {
		phone.speaks(agent, lang)
		phone.opens(front.URL + "/me")
		phone.whole("me0-" + lang)
		phone.taps(`form[action$="/me/link"] button`)
		phone.whole("link-" + lang)
	}
	phone.taps("a.weui-btn_primary")
	phone.taps("button.allow")
	for _, lang := range langs {
		phone.speaks(agent, lang)
		phone.opens(front.URL + "/me?done=linked")
		phone.whole("me1-" + lang)
		phone.opens(front.URL + "/")
		phone.whole("home-" + lang)
		phone.opens(front.URL + "/admin/users")
		phone.taps("table.people td a")
		phone.whole("mine-" + lang)
	}
}

func testZZTap(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())
	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)
	admin.opens(at.visitor + "admin/joins")
	admin.do(admin.viewport(true))
	got, err := chromedp.Run(admin.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("main button, main input[type=radio], main h1, nav a")].map(e => { e.scrollIntoView({block: "center"}); const b = e.getBoundingClientRect(); const at = document.elementFromPoint(b.left + b.width/2, b.top + b.height/2); return e.outerHTML.slice(0, 60) + " <= " + (at ? at.outerHTML.slice(0, 60) : "none"); }).join("\n")`))
	t.Log(got, err)
}
