package main_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// Whoever has chosen people is told how many, sees the bar wherever the list stands,
// and has them chosen still after Back, a reload and a change of mind. A person's
// page leads back to the list as it was, and ids are copied whole.
func TestChoicesInABrowser(t *testing.T) {
	// Where the browser keeps whole pages for Back, nothing can be lost.
	browser := openOwnBrowser(t, chromedp.Flag("disable-features", unwantedFeatures+",BackForwardCache"))
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())
	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)

	list := at.visitor + "admin/users?filter=profile&limit=20&sort=-last_login_at"
	admin.opens(list)
	if !admin.finds(`(bar => bar.top > 0 && bar.bottom <= innerHeight)(document.querySelector(".bulk").getBoundingClientRect())`) {
		t.Error("the bar is out of sight")
	}
	for _, row := range []int{1, 3, 4} {
		admin.presses(fmt.Sprintf("tbody tr:nth-child(%d) .pick label", row))
	}
	wantChosen := func(when string) {
		t.Helper()
		admin.wantText("已选 3")
		if !admin.finds(`[1, 3, 4].every(n => document.querySelector("tbody tr:nth-child(" + n + ") input").checked)`) {
			t.Errorf("%s: others are chosen", when)
		}
	}
	wantChosen("at once")
	admin.shown("30-chosen")
	admin.do(chromedp.Reload())
	wantChosen("after a reload")
	admin.taps(`.bulk button[value="sessions"]`)
	admin.wantText("让这 3 个人退出所有设备？")
	admin.do(chromedp.NavigateBack())
	wantChosen("after Back")
	admin.taps(`.bulk button[value="block"]`)
	admin.taps(`.choices a`)
	wantChosen("after a change of mind")

	// Another person, who can be signed out; the order depends on the time of day.
	admin.taps("tbody tr:has(.state .tag_good):not(:has(input:checked)) .name a")
	if !admin.finds(`document.querySelector("#profile ~ dl .copy") !== null && getComputedStyle(document.querySelector("code.id")).userSelect === "all"`) {
		t.Error("an id cannot be copied")
	}
	admin.shown("31-person")
	admin.taps(`form[action$="/sessions/revoke"] button:not(.small-button)`)
	admin.wantText("已退出所有设备")
	admin.taps(".back a")
	if !admin.finds(`location.search === "?filter=profile&limit=20&sort=-last_login_at"`) {
		t.Error("the list has forgotten what it was asked")
	}
	admin.wantText("已选 0") // another visit, another choice

	admin.opens(at.visitor + "admin/users?first_from=2020-01-01&province=%E4%B8%8A%E6%B5%B7")
	admin.wantText("上海", "省份")
	admin.shown("32-narrowed")
	admin.opens(at.visitor + "admin/events?who=00c0ffee00c0ffee")
	admin.wantText("没有找到这个编号")
	admin.shown("33-request")
}

func (tab *tab) finds(condition string) bool {
	tab.t.Helper()
	found, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](condition))
	if err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
	return found
}
