package main_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// Every admin page, with the people of the demonstration, and a person's
// own page about their data: on a phone and on a desktop, light and dark.
func TestAdminPagesInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())

	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)
	admin.wantText("概览", "公众号状态", "每日登录与新增用户", "AppSecret 无效", "最近的问题")
	admin.wantBars(`#chart-logins ~ .chart`, 25)
	admin.shown("20-dashboard")
	admin.opens(at.visitor + "admin?days=30#links")
	admin.wantText("通过管理员链接进入的浏览器", "当前浏览器")
	admin.shown("28-links")
	admin.taps(`.spans a[href$="days=90"]`)
	admin.wantBars(`#chart-logins ~ .chart`, 60)
	admin.shown("21-dashboard-90-days")
	admin.unfolds("#chart-errcodes ~ details")
	admin.shown("") // a wide table fits too

	admin.taps(`a[href$="filter=token_ends"]`)
	admin.wantText("授权一周内到期")
	admin.taps(`nav a[href$="/admin/users"]`)
	admin.wantText("共 323 人")
	admin.taps(`th a[href*="sort=-last_login_at"]`)
	admin.shown("22-people")
	admin.taps(`.paging a[rel="next"]`)
	admin.presses(`.bulk a`)
	admin.wantText("已选 50", "取消全选")
	admin.taps(`.bulk button[value="sessions"]`)
	admin.wantText("让这 50 个人退出所有设备？")
	admin.shown("23-many-people")
	admin.taps(`.choices button`)
	admin.wantText("选中的人已退出所有设备")

	admin.opens(at.visitor + "admin/users?filter=admin")
	admin.taps("table.people td a")
	admin.wantText("撤销管理员", "微信授权", "登录历史")
	admin.shown("24-person")
	admin.unfolds("details.behind")
	admin.opens(at.visitor + "admin/events?action=block")
	admin.wantText("冒充客服索要验证码")
	admin.shown("25-events")

	// Two who may be one, and what has been joined.
	admin.taps(`nav a[href$="/admin/joins"]`)
	admin.wantText("待确认", "保留这个用户编号", "不是同一个人", "管理员合并", "登录时按 UnionID 自动归入", "网站应用", "小程序")
	admin.shown("29-joins")
	admin.taps(`#joined ~ ul li a`)
	admin.wantText("登录身份", "首个身份", "撤销合并")
	admin.shown("29-identities")
	admin.taps(`#identities ~ ul form button`)
	admin.wantText("已撤销合并")
	admin.opens(at.visitor + "admin/joins")
	admin.taps(`button[value="join"]`)
	admin.wantText("已合并为同一个人", "没有待确认的合并")

	// A person with two devices.
	phone, tablet := browser.newPhone("phone"), browser.newPhone("tablet")
	phone.signsInAs(at.visitor, "wang")
	tablet.signsInAs(at.visitor, "wang")
	tablet.taps(`a[href$="/me"]`)
	tablet.wantText("我的数据", "登录中的设备", "当前设备")
	tablet.shown("26-my-data")
	tablet.taps(`.devices form button`)
	tablet.wantText("这台设备已退出")
	phone.opens(at.visitor + "me") // its WeChat lets it in again, silently
	phone.wantText("我的数据")
	tablet.taps(`a[href$="/erase"]`)
	tablet.shown("27-erase")
	tablet.taps(`button.weui-btn_warn`)
	tablet.wantText("数据已删除")

	admin.opensRefused(at.visitor+"admin/users/nobody", http.StatusNotFound)
	admin.wantText("找不到这个人")
}

// signsInAs signs the person of the simulator in, consent and all.
func (tab *tab) signsInAs(visitor, key string) {
	tab.t.Helper()
	tab.opens(visitor)
	tab.taps(`button[value="` + key + `"]`)
	if tab.has("a.weui-btn_primary") {
		tab.taps("a.weui-btn_primary")
		tab.taps("button.allow")
	}
	tab.wantText("已通过微信登录")
}

func (tab *tab) has(selector string) bool {
	tab.t.Helper()
	found, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](`document.querySelector(`+"`"+selector+"`"+`) !== null`))
	if err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
	return found
}

// unfolds opens what a person would press on to see.
func (tab *tab) unfolds(selector string) {
	tab.t.Helper()
	tab.presses(selector + " > summary")
}

// presses presses on something that leads to no other page.
func (tab *tab) presses(selector string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// wantBars checks that a chart is there with about as many bars as days.
func (tab *tab) wantBars(selector string, atLeast int) {
	tab.t.Helper()
	n, err := chromedp.Run(tab.ctx, chromedp.Evaluate[int](`[...document.querySelectorAll(`+"`"+selector+" rect`"+`)].filter(r => {
		const b = r.getBoundingClientRect(), c = r.ownerSVGElement.getBoundingClientRect();
		return b.width > 1 && b.height > 0 && b.top >= c.top - 1 && b.bottom <= c.bottom + 1 && b.right <= c.right + 1;
	}).length`))
	if err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
	if n < atLeast {
		tab.t.Errorf("%s sees %d bars, want %d", tab.name, n, atLeast)
	}
}

// wantNothingCovered checks that whoever presses on something presses on that, and not on
// what lies over it; a row of a list may be one large link.
func (tab *tab) wantNothingCovered() {
	tab.t.Helper()
	covered, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("a:not(.skip), button, input:not([type=hidden]), select, summary")].filter(e => {
		if (!e.checkVisibility({visibilityProperty: true}) || e.closest("tr") || e.getBoundingClientRect().width < 2) return false;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const b = e.getClientRects()[0], at = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2);
		return !(at && (e.contains(at) || at.contains(e)));
	}).map(e => e.outerHTML).join("; ") + (window.scrollTo(0, 0), "")`))
	if err != nil || covered != "" {
		tab.t.Errorf("%s: covered by something else: %s %v", tab.name, covered, err)
	}
}

// shown checks that the page fits on a phone and on a desktop, that everything to be
// pressed has a name and can be, and takes its pictures unless it has no name for them.
func (tab *tab) shown(name string) {
	tab.t.Helper()
	for _, phone := range []bool{true, false} {
		tab.do(tab.viewport(phone))
		tab.wantToFit()
		tab.wantNothingCovered()
	}
	tab.do(tab.viewport(tab.phone))
	nameless, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")]
		.filter(e => !(e.getAttribute("aria-label") || e.innerText || e.textContent.trim() || [...(e.labels || [])].some(l => l.textContent.trim())))
		.map(e => e.outerHTML).join("; ")`))
	if err != nil || nameless != "" {
		tab.t.Errorf("%s, %s: without a name: %s %v", tab.name, name, nameless, err)
	}
	if name != "" {
		tab.shot(name)
	}
}
