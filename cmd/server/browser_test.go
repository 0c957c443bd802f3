package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"wxlogin/internal/wechat/wechatsim"
)

// screenshotsVariable names a folder for pictures of every page of the walk.
const screenshotsVariable = "WXLOGIN_SCREENSHOTS"

// A phone is 360 pixels wide, as the narrow half of those in use.
const phoneWidth, phoneHeight = 360, 740

// The walk in a real browser: a visitor signs in with one tap and one 允许, comes
// back without WeChat being asked, and leaves; an admin finds and blocks them.
func TestWalkInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())

	lin := browser.newPhone("visitor")
	lin.opens(at.visitor)
	lin.wantText("这是谁的手机")
	lin.shot("01-whose-phone")
	lin.taps(`button[value="lin"]`)
	lin.wantText("同意并继续")
	lin.shot("02-consent")
	lin.taps("a.weui-btn_primary")
	lin.wantText("获取并验证你的身份")
	lin.shot("03-wechat-popup")
	lin.taps("button.allow")
	lin.wantText("林小满", "已通过微信登录")
	lin.shot("04-profile")

	asked := callsOf(t, at.simulator)
	lin.opens(at.visitor)
	lin.wantText("林小满")
	if again := callsOf(t, at.simulator); again != asked {
		t.Errorf("opening the page again asked WeChat %d times", again-asked)
	}

	// The same person in another browser, who stays.
	tablet := browser.newPhone("the other browser")
	tablet.opens(at.visitor)
	tablet.taps(`button[value="lin"]`)
	tablet.wantText("林小满", "已通过微信登录")

	lin.taps(`form[action$="/logout"] button.weui-btn`)
	lin.wantText("已退出登录")
	lin.shot("05-signed-out")

	// People who fill the list.
	for _, person := range []string{"wang", "alice", "plain", "hostile"} {
		other := newPhone(t, "", strings.TrimSuffix(at.simulator, "/"), person)
		other.signsIn(strings.TrimSuffix(at.visitor, "/"))
	}

	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.shot("06-admin-link")
	admin.taps(`form[action$="/admin/link"] button`)
	admin.shot("07-dashboard")
	admin.taps(`nav a[href$="/admin/users"]`)
	admin.wantText("林小满", "王大锤", "Alice O'Neil")
	admin.shot("08-people")
	admin.types("#q", "小满")
	admin.taps("form.search button")
	admin.wantText("林小满")
	admin.wantNoText("王大锤")
	admin.shot("09-search")
	admin.taps("table.people td a")
	admin.shot("10-person")
	admin.types("#reason", "测试停用")
	admin.taps(`form[action$="/block"] button`)
	admin.wantText("已停用")
	admin.shot("11-blocked")

	tablet.opensRefused(at.visitor, http.StatusForbidden)
	tablet.wantText("账号已停用")
	tablet.wantNoText("林小满")
	tablet.shot("12-refused")

	admin.taps(`nav a[href$="/admin/events"]`)
	admin.wantText("测试停用")
	admin.shot("13-events")
}

// browser is a headless Chromium.
type browser struct {
	t           *testing.T
	ctx         context.Context
	screenshots string
}

// chromium finds a browser; empty when there is none. The one without windows of its
// own does the same with half of the processor's time.
func chromium() string {
	for _, name := range []string{"chromium-headless-shell", "chrome-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tab is a tab with cookies of its own, and what its console has complained of.
type tab struct {
	*browser
	name  string
	ctx   context.Context
	phone bool

	mu         sync.Mutex
	refused    bool // the page itself is expected to be refused
	complaints []string
}

func (b *browser) newPhone(name string) *tab { return b.newTab(name, phoneNamed("android")) }

func (b *browser) newDesktop(name string) *tab { return b.newTab(name, phoneNamed("desktop")) }

// newTab is a tab that says of itself what a phone says; Sec-Fetch and Sec-CH-UA are
// Chromium's own.
func (b *browser) newTab(name string, phone wechatsim.Phone) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	tab := &tab{browser: b, name: name, ctx: ctx, phone: phone.Small}
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		b.t.Fatal(err)
	}
	languages := regexp.MustCompile(`;q=[0-9.]+`).ReplaceAllString(phone.AcceptLanguage, "") // Chromium weighs them itself
	extra := map[string]any{}
	if phone.RequestedWith != "" {
		extra["X-Requested-With"] = phone.RequestedWith
	}
	tab.do(
		tab.viewport(phone.Small),
		command(network.Enable, network.EnableParams{}),
		command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: extra}),
		command(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: phone.UserAgent, AcceptLanguage: languages}),
	)
	b.t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		for _, complaint := range tab.complaints {
			b.t.Errorf("%s's console: %s", name, complaint)
		}
	})
	return tab
}

// hear takes down what the console shows in red or yellow, violations of the
// content policy among it.
func (tab *tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	complain := func(format string, args ...any) {
		tab.complaints = append(tab.complaints, fmt.Sprintf(format, args...))
	}
	switch event := event.(type) {
	case *log.EventEntryAdded:
		e := event.Entry
		if e.Level != "error" && e.Level != "warning" || tab.refused && e.Source == "network" {
			return
		}
		complain("%s: %s %s", e.Source, e.Text, e.URL)
	case *runtime.EventConsoleAPICalled:
		complain("console.%s was called", event.Type) // no page of ours has a script that does
	case *runtime.EventExceptionThrown:
		complain("exception: %s", event.ExceptionDetails.Text)
	}
}

func (tab *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := chromedp.Do(tab.ctx, steps...); err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
}

// goes runs what leads to a page and waits until it is there.
func (tab *tab) goes(status int, step chromedp.Action[chromedp.Void], what string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	res, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		tab.t.Fatalf("%s %s: %v\nthe page is %s", tab.name, what, err, tab.text())
	}
	if int(res.Status) != status {
		tab.t.Fatalf("%s %s and gets %d from %s", tab.name, what, res.Status, res.URL)
	}
	tab.wantToFit()
}

func (tab *tab) opens(address string) {
	tab.t.Helper()
	tab.goes(http.StatusOK, chromedp.Navigate(address), "opens "+address)
}

// opensRefused opens an address that is answered with this status.
func (tab *tab) opensRefused(address string, status int) {
	tab.t.Helper()
	tab.mu.Lock()
	tab.refused = true
	tab.mu.Unlock()
	tab.goes(status, chromedp.Navigate(address), "opens "+address)
}

// taps presses what leads to another page.
func (tab *tab) taps(selector string) {
	tab.t.Helper()
	tab.goes(http.StatusOK, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible), "taps "+selector)
}

func (tab *tab) types(selector, text string) {
	tab.t.Helper()
	tab.do(chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

func (tab *tab) text() string {
	tab.t.Helper()
	text, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
	return text
}

func (tab *tab) wantText(texts ...string) {
	tab.t.Helper()
	shown := tab.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			tab.t.Fatalf("%s does not see %q but:\n%s", tab.name, text, shown)
		}
	}
}

func (tab *tab) wantNoText(text string) {
	tab.t.Helper()
	if shown := tab.text(); strings.Contains(shown, text) {
		tab.t.Errorf("%s sees %q:\n%s", tab.name, text, shown)
	}
}

// wantToFit checks that nothing of the page lies beside the screen, and that
// every picture has come.
func (tab *tab) wantToFit() {
	tab.t.Helper()
	wrong, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`(() => {
		const page = document.scrollingElement, wrong = [];
		if (page.scrollWidth > page.clientWidth) wrong.push("is " + page.scrollWidth + " pixels wide on a screen of " + page.clientWidth);
		for (const img of document.images) if (img.complete && img.naturalWidth == 0) wrong.push("has no picture at " + img.src);
		return wrong.join("; ");
	})()`))
	if err != nil {
		tab.t.Fatalf("%s: %v", tab.name, err)
	}
	if wrong != "" {
		tab.t.Errorf("%s: the page %s", tab.name, wrong)
	}
}

// viewport is a phone's screen or a desktop's window.
func (tab *tab) viewport(phone bool) chromedp.Action[chromedp.Void] {
	if phone {
		return chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateScale(tab.pixels()), chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	return chromedp.EmulateViewport(1280, 800)
}

// pixels is how many dots of a phone's screen a pixel of the page has each way. Where
// nobody looks at the pictures, it is drawn in a quarter of the dots.
func (tab *tab) pixels() float64 {
	if tab.screenshots == "" {
		return 1
	}
	return 2
}

// shot writes pictures of the page, if they are wanted: on a phone and on a
// desktop, light and dark.
func (tab *tab) shot(name string) {
	tab.t.Helper()
	if tab.screenshots == "" {
		return
	}
	for screen, phone := range map[string]bool{"phone": true, "desktop": false} {
		tab.do(tab.viewport(phone))
		for _, scheme := range []string{"light", "dark"} {
			tab.do(colours(scheme))
			png, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				tab.t.Fatal(err)
			}
			file := filepath.Join(tab.screenshots, fmt.Sprintf("%s-%s-%s.png", name, screen, scheme))
			if err := os.WriteFile(file, png, 0o644); err != nil {
				tab.t.Fatal(err)
			}
		}
	}
	tab.do(colours(""), tab.viewport(tab.phone))
}

// colours sets what the page is told of the system's; empty is the system's own.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// command is a command of the browser's protocol whose answer does not matter.
func command[P, R any](name cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, name, params)
		return err
	})
}

// callsOf is how many requests the simulated WeChat has had.
func callsOf(t *testing.T, simulator string) int {
	t.Helper()
	got := newPhone(t, "", "", "").ask(http.MethodGet, simulator+"_sim/calls", nil)
	var answer struct{ Calls []json.RawMessage }
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
		t.Fatal(err)
	}
	return len(answer.Calls)
}
