package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Whoever goes through a visitor's page by keyboard sees where they are, and
// whoever has set WeChat's text to 130 % can read it on a small phone.
func TestPagesForEverybodyInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(),
		"TZ=Asia/Shanghai", "WXLOGIN_SITE_NAME=小满的杂货铺", "WXLOGIN_CONTACT=service@example.com",
		"WXLOGIN_PRIVACY_URL=https://www.example.com/privacy", "WXLOGIN_TERMS_URL=https://www.example.com/terms",
	)
	visitor := strings.TrimSuffix(printedAddresses(t, demo.stdout.text()).visitor, "/")

	lin := browser.newPhone("visitor")
	looks := func(page string) {
		t.Helper()
		lin.shot(page)
		lin.wantFocusSeen()
		lin.wantToFitEnlarged(page)
	}
	lin.opens(visitor)
	lin.taps(`button[value="lin"]`)
	lin.wantText("小满的杂货铺", "隐私政策", "暂不登录")
	looks("consent")
	lin.taps("a.quiet")
	lin.wantText("没有登录")
	looks("declined")
	lin.taps("a.weui-btn_primary")
	lin.taps("a.weui-btn_primary")
	lin.taps("button.allow")
	lin.wantText("林小满")
	looks("profile")

	computer := browser.newPhone("another phone") // its page says how to get in
	computer.opens(visitor + "/scan")
	computer.wantText("小满的杂货铺")
	computer.evaluates(`document.querySelector("details.other").open = true, ""`)
	computer.shot("scan")
	computer.wantFocusSeen()
	computer.wantToFitEnlarged("scan")
	lin.opens(computer.href(".scan .small a"))
	looks("ask")

	for page, path := range map[string]string{"me": "/me", "erase": "/erase"} {
		lin.opens(visitor + path)
		looks(page)
	}
	lin.opensRefused(visitor+"/nowhere", http.StatusNotFound)
	lin.wantText("service@example.com")
	looks("no-such-page")
}

// wantFocusSeen goes through the page by the Tab key: each thing that has the
// focus is drawn round, by 2 pixels or more.
func (tab *tab) wantFocusSeen() {
	tab.t.Helper()
	things := tab.evaluates(`String([...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), select")].filter(e => e.checkVisibility()).length)`)
	seen := map[string]bool{}
	for {
		tab.do(chromedp.KeyEvent(kb.Tab))
		at := tab.evaluates(`(() => {
			const e = document.activeElement;
			if (e === document.body) return "";
			const style = getComputedStyle(e);
			const drawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
			e.dataset.visited = e.dataset.visited || String(document.querySelectorAll("[data-visited]").length + 1);
			return e.dataset.visited + (drawn ? "" : " is not drawn round: " + e.outerHTML.slice(0, 120));
		})()`)
		if at == "" || seen[at] {
			break
		}
		if seen[at] = true; strings.Contains(at, " ") {
			tab.t.Errorf("%s: thing %s", tab.evaluates("location.pathname"), at)
		}
	}
	if tab.evaluates(`String(document.querySelectorAll("[data-visited]").length)`) != things {
		tab.t.Errorf("%s: %d of %s things get the focus", tab.evaluates("location.pathname"), len(seen), things)
	}
}

// wantToFitEnlarged sets all text to 130 %, as WeChat's own setting does: nothing
// lies beside the screen, and no text is cut off or runs into another.
func (tab *tab) wantToFitEnlarged(page string) {
	tab.t.Helper()
	wrong := tab.evaluates(`(() => {
		const all = [...document.querySelectorAll("body, body *")], wrong = [];
		const sizes = all.map(e => parseFloat(getComputedStyle(e).fontSize));
		all.forEach((e, i) => e.style.setProperty("font-size", sizes[i] * 1.3 + "px", "important"));
		for (const e of all) {
			const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim() !== "");
			if (!own || !e.checkVisibility()) continue;
			const range = document.createRange(), box = e.getBoundingClientRect();
			range.selectNodeContents(e);
			for (const r of range.getClientRects()) {
				if (r.width > 1 && (r.right > innerWidth + 0.5 || r.left < -0.5)) { wrong.push("lies beside the screen: " + e.textContent.trim().slice(0, 40)); break; }
			}
			if (getComputedStyle(e).overflow === "hidden" && !getComputedStyle(e).webkitLineClamp && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) wrong.push("cuts off: " + e.textContent.trim().slice(0, 40));
			const lines = Math.round(box.height / parseFloat(getComputedStyle(e).fontSize));
			if (box.width < 2.2 * parseFloat(getComputedStyle(e).fontSize) && lines > 3) wrong.push("stands on end: " + e.textContent.trim().slice(0, 40));
		}
		return wrong.join("; ");
	})()`)
	if wrong != "" {
		tab.t.Errorf("%s at 130 %%: %s", page, wrong)
	}
	tab.wantToFit()
	tab.shot(page + "-130")
	tab.do(chromedp.Reload())
}
