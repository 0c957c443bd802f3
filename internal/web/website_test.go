package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// desktop is a browser outside of WeChat whose person has WeChat beside it and lets it
// in at once (快速登录).
func (w *world) desktop(key string) *browser {
	b := w.browser(desktopWeb)
	b.setCookie(w.simURL, wechatsim.CookiePerson, key)
	b.setCookie(w.simURL, wechatsim.CookieConsent, wechatsim.AnswerAllow)
	return b
}

// A desktop is led to WeChat's own QR code, and a code of ours is behind a link. Both end
// in the same person.
func TestWebsiteLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts, returnHosts: []string{"www.example.com"}})
	phone := w.signedIn("lin")
	for _, path := range []string{"/", "/signin", "/scan", "/signin?return_to=https://www.example.com/"} {
		desktop := w.desktop("lin")
		p := desktop.opens(path).wantPage(http.StatusOK, "用微信登录")
		button := p.linkTo("/login?account=pc&")
		if p.Header.Get("Set-Cookie") != "" || strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-src") || strings.Contains(p.Body, "<iframe") {
			t.Errorf("%s: %v", path, p.Header)
		}
		w.browser(desktopWeb).opens(p.linkTo("/scan?")).wantPage(http.StatusOK, "/scan/qr.png")
		address := desktop.stops(button, "/callback/pc?")
		got := desktop.get(address)
		if got.Status != http.StatusSeeOther {
			t.Fatalf("%s: status %d\n%s", path, got.Status, excerpt(got.Body))
		}
		if me := desktop.me(); me["id"] != phone.id() || me["appid"] != w.account("pc").AppID || me["nickname"] != "林小满" {
			t.Errorf("%s: signed in as %v", path, me)
		}
	}
	// A phone outside of WeChat has nothing to scan WeChat's code with.
	w.browser(strings.ReplaceAll(iPhone, "MicroMessenger", "Safari")).opens("/signin").wantPage(http.StatusOK, "请在微信中打开")
	// In WeChat the official account signs in.
	if address := w.phone("lin").get("/signin").location(); !strings.Contains(address, "/connect/oauth2/authorize?appid="+w.account("main").AppID) {
		t.Errorf("in WeChat: %s", address)
	}
	// Without a website account there is scan login alone, as ever.
	alone := newWorld(t, options{accounts: threeAccounts[:1]})
	alone.browser(desktopWeb).opens("/signin").wantPage(http.StatusOK, "/scan/qr.png")
}

// Somebody new comes by the website: WeChat asks them on their phone, and tells who they
// are and what they are called.
func TestWebsiteLoginOfSomebodyNew(t *testing.T) {
	t.Parallel()
	for mode, want := range map[auth.Mode]string{auth.ModeAuto: "林小满", auth.ModeUserinfo: "林小满", auth.ModeBase: ""} {
		w := newWorld(t, options{accounts: threeAccounts, mode: mode})
		desktop := w.desktop("lin")
		desktop.opens("/login?account=pc").wantPage(http.StatusOK, "")
		if me := desktop.me(); me["appid"] != w.account("pc").AppID || me["nickname"] != want {
			t.Errorf("%s: signed in as %v", mode, me)
		}
	}
}

var frameOf = regexp.MustCompile(`<iframe [^>]*src="([^"]*)"`)

// The frame is ours, of WeChat's page and of no script of theirs, and its host may be
// shown on that page alone.
func TestWebsiteFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts, qrFrame: true})
	desktop := w.desktop("lin")
	for _, path := range []string{"/signin", "/login?account=pc"} {
		p := desktop.opens(path).wantPage(http.StatusOK, "不打开微信的页面，改用手机确认登录")
		found := frameOf.FindStringSubmatch(p.Body)
		if found == nil {
			t.Fatalf("%s: no frame: %s", path, p.Body)
		}
		u, err := url.Parse(strings.ReplaceAll(found[1], "&amp;", "&"))
		check(t, err)
		q := u.Query()
		if !strings.HasPrefix(u.String(), w.simURL+"/connect/qrconnect?") || q.Get("redirect_uri") != w.url+"/callback/pc" || q.Get("scope") != "snsapi_login" ||
			q.Get("login_type") != "jssdk" || q.Get("self_redirect") == "true" {
			t.Errorf("%s: the frame is %s", path, u)
		}
		if policy := p.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; frame-src "+w.simURL) || strings.Contains(policy, "script-src") || strings.Contains(p.Body, "<script") {
			t.Errorf("%s: policy %s", path, policy)
		}
		// WeChat's page takes the whole window to the callback.
		back, err := desktop.fetch(desktop.request(http.MethodGet, u.String(), nil))
		check(t, err)
		if back = desktop.get(back.location()); back.Status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", path, back.Status)
		}
		if desktop.me()["appid"] != w.account("pc").AppID {
			t.Errorf("%s: signed in as %v", path, desktop.me())
		}
		check(t, w.db.DeleteSession(t.Context(), auth.VisitorSession, auth.Hash(desktop.cookie("wxlogin"))))
	}
	if policy := desktop.get("/scan?by=phone").Header.Get("Content-Security-Policy"); strings.Contains(policy, "frame-src") {
		t.Errorf("the code of ours may show frames: %s", policy)
	}
}
