package main_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A browser follows a form to our own addresses alone, through all redirects. What
// would lead on to WeChat is a page with a link.
func TestFormsLeadOnInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())

	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)
	admin.taps(`form[action$="/admin/logout"] button`)
	admin.wantText("已退出管理后台")
	admin.shot("40-admin-signed-out")
	admin.taps("main a")
	admin.wantText("这是谁的手机")

	// The phone has opened a code, and its session ends before it answers.
	phone, desktop := browser.newPhone("phone"), browser.newDesktop("desktop")
	phone.opens(at.visitor)
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")
	desktop.opens(at.visitor + "scan")
	phone.opens(desktop.href(".small a"))
	phone.wantText(desktop.number())
	phone.forgets()
	phone.tapsRefused(`button[value="confirm"]`, http.StatusUnauthorized)
	phone.wantText("请先登录")
	phone.shot("41-answer-without-session")
	phone.taps("a.weui-btn_primary")
	phone.wantText(desktop.number())
	phone.taps(`button[value="confirm"]`)
	desktop.waits(`form[action$="/logout"]`)

	// The same with the other forms of a visitor.
	phone.opens(at.visitor + "erase")
	phone.forgets()
	phone.tapsRefused("form button.weui-btn_warn", http.StatusUnauthorized)
	phone.taps("a.weui-btn_primary")
	phone.wantText("林小满") // back at the question
	phone.opens(at.visitor)
	phone.forgets()
	phone.taps(`form[action$="/logout"] button.weui-btn`)
	phone.wantText("已退出登录")
}

// A phone's ordinary browser copies the address.
func TestCopyTheAddressInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())
	phone := browser.newTab("phone", phoneNamed("chrome-android"))
	phone.opens(at.visitor + "scan?return_to=%2Fme#/order/5")
	phone.waits("#copy")
	phone.wantText("请在微信中打开", strings.TrimSuffix(strings.TrimPrefix(at.visitor, "http://"), "/"), at.visitor+"signin?return_to=%2Fme%23%2Forder%2F5")
	phone.shot("42-phone-copy")
	phone.do(chromedp.Click(chromedp.CSS("#copy"), chromedp.NodeVisible))
	phone.waits("#copied:not(:empty)")
	phone.wantText("已复制")
	if done := phone.evaluates(`document.getElementById("scan").dataset.done`); !strings.HasSuffix(done, "return_to=%2Fme%23%2Forder%2F5") {
		t.Errorf("the desktop's way on is %s", done)
	}
	phone.shot("43-phone-copied")
	desktop := browser.newDesktop("desktop")
	desktop.opens(at.visitor + "scan?return_to=%2Fme")
	desktop.shot("44-desktop-site")
}

// A browser behind the proxy of the recipe, where every name is the proxy's.
func TestProtectedSiteInABrowser(t *testing.T) {
	g := newProtectedSite(t, "nginx")
	own := openOwnBrowser(t,
		chromedp.Flag("host-resolver-rules", "MAP *.example.com "+g.proxy),
		chromedp.Flag("ignore-certificate-errors", true),
	)
	for name, test := range map[string]func(*testing.T, *browser){"hash routes": hashRoutes, "a form": formAtAProtectedSite} {
		t.Run(name, func(t *testing.T) { test(t, newBrowser(t, own.ctx)) })
	}
}

// A page of examples/spa with a hash router comes back on its route, on a phone and
// on a desktop, and a page that had no fragment gets none of WeChat's.
func hashRoutes(t *testing.T, browser *browser) {
	phone := browser.newPhone("phone")
	lands := func(tab *tab, want string) {
		t.Helper()
		tab.waits(`[data-of="openid"]`)
		if got := tab.evaluates(`location.href`); got != want {
			t.Errorf("%s is at %s, want %s", tab.name, got, want)
		}
	}
	open := func(tab *tab, address string) {
		t.Helper()
		tab.mu.Lock()
		tab.refused = true // the console tells of the 401 that the page asks for
		tab.mu.Unlock()
		tab.do(chromedp.Navigate(address))
	}
	open(phone, loginSite+"/spa/?a=1#/order/5")
	phone.waits(`button[value="lin"]`)
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.do(chromedp.Click(chromedp.CSS("button.allow"), chromedp.NodeVisible))
	lands(phone, loginSite+"/spa/?a=1#/order/5")

	phone.forgets()
	open(phone, loginSite+"/spa/?b=2")
	lands(phone, loginSite+"/spa/?b=2#")
	phone.forgets()
	phone.opens(loginSite + "/login?return_to=%2Fme")
	if got := phone.evaluates(`location.href`); got != loginSite+"/me#" {
		t.Errorf("a silent login ends at %s", got)
	}

	// WeCom names itself MicroMessenger too, and gets the code.
	weCom := browser.newTab("WeCom", phoneNamed("wecom-android"))
	open(weCom, loginSite+"/spa/#/order/6")
	weCom.waits("#copy")
	weCom.wantText("spa%2F%23%2Forder%2F6")
}

// A form at a protected site after the session has ended: the page is wxlogin's,
// looks like it under the other site's address, and leads to the login and back.
func formAtAProtectedSite(t *testing.T, browser *browser) {
	// Not lin: known people are not asked for consent.
	phone := browser.newPhone("phone")
	phone.opens(shop + "/form")
	phone.taps(`button[value="wang"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")
	phone.wantText("/form")
	phone.forgets()
	phone.mu.Lock()
	phone.refused = true
	phone.mu.Unlock()
	phone.evaluates(`(() => {
		const form = document.createElement("form");
		form.method = "post"; form.action = "/order";
		document.body.append(form); form.submit();
		return "";
	})()`)
	phone.waits("a.weui-btn_primary")
	phone.wantText("没有送达")
	if colour := phone.evaluates(`getComputedStyle(document.querySelector("a.weui-btn_primary")).backgroundColor`); colour == "rgba(0, 0, 0, 0)" {
		t.Error("the page has no style")
	}
	phone.shot("45-form-at-a-protected-site")
	phone.taps("a.weui-btn_primary")
	if got := phone.evaluates(`location.href`); got != shop+"/form#" {
		t.Errorf("comes back to %s", got)
	}
}

// forgets loses the visitor's session, as when it ends.
func (tab *tab) forgets() {
	tab.t.Helper()
	here := tab.evaluates("location.href")
	tab.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		held, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{here}})
		if err != nil {
			return err
		}
		for _, cookie := range held.Cookies {
			if !strings.Contains(cookie.Name, "wxlogin") {
				continue // the simulator's, on the same host
			}
			if _, err := cdp.Call(ctx, target, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, Domain: cookie.Domain, Path: cookie.Path}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// tapsRefused presses what leads to a page with this status.
func (tab *tab) tapsRefused(selector string, status int) {
	tab.t.Helper()
	tab.mu.Lock()
	tab.refused = true
	tab.mu.Unlock()
	tab.goes(status, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible), "taps "+selector)
}
