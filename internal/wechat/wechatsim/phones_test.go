package wechatsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// The table holds what it says of itself, and nothing that names somebody.
func TestPhones(t *testing.T) {
	seen := map[string]bool{}
	inWeChat := 0
	for _, p := range wechatsim.Phones() {
		if !regexp.MustCompile(`^[a-z][a-z0-9-]+$`).MatchString(p.Name) || seen[p.Name] || p.Title == "" || seen[p.Title] {
			t.Errorf("%q, %q: names are small letters, and one phone's each", p.Name, p.Title)
		}
		seen[p.Name], seen[p.Title] = true, true
		if !strings.HasPrefix(p.UserAgent, "Mozilla/5.0 (") || !strings.Contains(p.Accept, "text/html,application/xhtml+xml") || p.AcceptLanguage == "" {
			t.Errorf("%s: %+v", p.Name, p)
		}
		if n := len(p.ClientHints); n != 0 && n != 3 {
			t.Errorf("%s: %d client hints", p.Name, n)
		}
		for _, id := range regexp.MustCompile(`(?:MMWEBID/|miniProgram/)(\w+)`).FindAllStringSubmatch(p.UserAgent, -1) {
			if id[1] != "1234" && id[1] != "wx0123456789abcdef" {
				t.Errorf("%s: %s is somebody's", p.Name, id[0])
			}
		}
		if wantWeChat := strings.Contains(p.UserAgent, "MicroMessenger") && !strings.HasPrefix(p.Name, "wecom"); p.InWeChat() != wantWeChat {
			t.Errorf("%s: in WeChat: %v", p.Name, p.InWeChat())
		}
		if p.InWeChat() {
			inWeChat++
		}
		page, script := http.Header{}, http.Header{}
		p.Opens(page, "none")
		p.Fetches(script, "same-origin")
		if p.SecFetch != (page.Get("Sec-Fetch-Mode") == "navigate" && script.Get("Sec-Fetch-Mode") == "cors") || p.SecFetch != (page.Get("Sec-Fetch-Site") != "") {
			t.Errorf("%s opens with %v, fetches with %v", p.Name, page, script)
		}
	}
	if inWeChat < 10 {
		t.Errorf("only %d of the phones are WeChat's", inWeChat)
	}
}

// A browser counts as the phone that it plays: chosen with the person, on the control
// page, or for all at the start.
func TestPlayedPhone(t *testing.T) {
	w := newWorld(t)
	desktop := w.phoneOf("lin")
	desktop.ua = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36"
	query := w.query(base, "a")
	desktop.authorize(query).wantRefused("0", "请在微信客户端打开链接")
	desktop.submit("/_sim/form/browser", url.Values{"phone": {"iphone"}})
	desktop.authorize(query).wantRedirect()
	if page := desktop.get("/").body; !strings.Contains(page, "counts as") || !strings.Contains(page, `<option value="iphone" selected>`) || !strings.Contains(page, "MicroMessenger/8.0.69") {
		t.Errorf("the control page does not say which phone is played:\n%s", page)
	}
	desktop.submit("/_sim/form/phone", url.Values{"person": {"wang"}, "phone": {"wecom-iphone"}})
	desktop.authorize(query).wantRefused("0", "请在微信客户端打开链接")
	if got := desktop.cookie(wechatsim.CookiePerson); got != "wang" {
		t.Errorf("the phone is %q's", got)
	}
	desktop.submit("/_sim/form/browser", url.Values{"phone": {""}})
	if got := desktop.cookie(wechatsim.CookiePhone); got != "" {
		t.Errorf("still plays %q", got)
	}

	all := newWorld(t, func(c *wechatsim.Config) { c.AnyBrowser, c.Phone = true, "wecom-windows" })
	all.phoneOf("lin").authorize(all.query(base, "a")).wantRefused("0", "请在微信客户端打开链接")
	lin := all.phoneOf("lin")
	lin.setCookie(wechatsim.CookiePhone, "windows")
	lin.authorize(all.query(base, "a")).wantRedirect()

	var listed struct {
		Phones []struct {
			Name    string
			Headers map[string]string
		}
	}
	if err := json.Unmarshal([]byte(desktop.get("/_sim/phones").body), &listed); err != nil || len(listed.Phones) != len(wechatsim.Phones()) || listed.Phones[0].Headers["X-Requested-With"] != "com.tencent.mm" {
		t.Errorf("GET /_sim/phones: %v, %+v", err, listed)
	}
}
