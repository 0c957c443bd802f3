package main_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A desktop and a phone, both real browsers: the desktop's page follows what the
// phone does without being touched, by its stream of events, and without one.
func TestScanInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())
	phone := browser.newPhone("phone")

	for name, script := range map[string]string{"by events": "", "by asking": "delete window.EventSource"} {
		desktop := browser.newDesktop("desktop")
		if script != "" {
			desktop.runsFirst(script)
		}
		desktop.opens(at.visitor + "scan?return_to=/?from=" + name[3:])
		desktop.waits(`#scan[data-status="waiting"]`)
		desktop.wantCode("1")
		desktop.shot("20-scan")

		phone.opens(desktop.href(".small a"))
		if phone.sees(`button[value="lin"]`) {
			phone.taps(`button[value="lin"]`)
		}
		if phone.sees(`a[href*="consent=1"]`) {
			phone.taps(`a[href*="consent=1"]`)
			phone.taps("button.allow")
		}
		phone.wantText("Linux · Chrome", "127.0.0.1", desktop.number())
		phone.shot("21-ask")
		desktop.waits(`#scan[data-status="opened"]`)
		desktop.wantText("已扫描")
		desktop.wantCode("0.2")
		desktop.shot("22-opened")
		phone.taps(`button[value="confirm"]`)
		phone.shot("23-confirmed")
		desktop.waits(`form[action$="/logout"]`)
		desktop.wantText("林小满")
	}

	desktop := browser.newDesktop("desktop that is refused")
	desktop.opens(at.visitor + "scan")
	phone.opens(desktop.href(".small a"))
	phone.taps(`button[value="refuse"]`)
	phone.shot("24-refused")
	desktop.waits(`#scan[data-status="refused"]`)
	desktop.shot("25-refused")
	desktop.taps(".again a")
	desktop.waits(`#scan[data-status="waiting"]`)
}

// A desktop without scripts comes back by itself.
func TestScanWithoutScript(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())
	phone, desktop := browser.newPhone("phone"), browser.newDesktop("desktop")
	phone.opens(at.visitor)
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")

	desktop.withoutScript()
	desktop.opens(at.visitor + "scan")
	number := desktop.number()
	desktop.shot("26-without-script")
	phone.opens(desktop.href(".small a"))
	phone.wantText(number)
	desktop.waits(`#scan[data-status="opened"]`) // by its own refresh
	if again := desktop.number(); again != number {
		t.Fatalf("the desktop shows %s now, and %s before", again, number)
	}
	phone.taps(`button[value="confirm"]`)
	desktop.waits(`form[action$="/logout"]`)
	desktop.wantText("林小满")
}

// waits for something to appear, however it comes.
func (tab *tab) waits(selector string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(selector))); err != nil {
		tab.t.Fatalf("%s waits for %s: %v\nthe page is %s", tab.name, selector, err, tab.text())
	}
}

// sees says whether something is on the page.
func (tab *tab) sees(selector string) bool {
	tab.t.Helper()
	return tab.evaluates(fmt.Sprintf(`String(document.querySelector(%q) !== null)`, selector)) == "true"
}

// href is where a link leads.
func (tab *tab) href(selector string) string {
	tab.t.Helper()
	return tab.evaluates(fmt.Sprintf(`document.querySelector(%q).href`, selector))
}

// number is the one on a page with a code.
func (tab *tab) number() string {
	tab.t.Helper()
	return tab.evaluates(`document.querySelector(".number b").textContent`)
}

// wantCode checks how much of the code is to be seen: a phone has to read it, and once
// one has, it is there for nobody else.
func (tab *tab) wantCode(opacity string) {
	tab.t.Helper()
	if got := tab.evaluates(`getComputedStyle(document.querySelector(".plate img")).opacity`); got != opacity {
		tab.t.Errorf("%s: the code has an opacity of %s, want %s", tab.name, got, opacity)
	}
}

func (tab *tab) evaluates(script string) string {
	tab.t.Helper()
	result, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](script))
	if err != nil {
		tab.t.Fatalf("%s: %s: %v", tab.name, script, err)
	}
	return result
}

// runsFirst runs a script before those of every page.
func (tab *tab) runsFirst(script string) {
	tab.t.Helper()
	tab.do(command(cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script}))
}

// withoutScript switches the scripts of pages off.
func (tab *tab) withoutScript() {
	tab.t.Helper()
	tab.do(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}
