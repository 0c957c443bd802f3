package wechatsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// siteQuery is the query of a link to qrconnect.
func (w *world) siteQuery(more string) string {
	return "appid=" + w.site().AppID + "&redirect_uri=" + url.QueryEscape(callback) + "&response_type=code&scope=snsapi_login&state=st" + more
}

// shows opens qrconnect on a desktop that is nobody's, and returns it with the QR
// code's name.
func (w *world) shows(query string) (*phone, string) {
	w.t.Helper()
	desktop := w.phoneOf("")
	desktop.ua = phoneNamed("desktop").UserAgent
	got := desktop.get("/connect/qrconnect?" + query)
	got.wantText("请使用微信扫描二维码登录", "林小满")
	uuid := got.header.Get("X-Wechatsim-Uuid")
	if uuid == "" {
		w.t.Fatalf("no QR code: %s", got.body)
	}
	if picture := desktop.get("/connect/qrcode/" + uuid); picture.header.Get("Content-Type") != "image/png" {
		w.t.Errorf("QR code: %v", picture.header)
	}
	return desktop, uuid
}

// wantSignedIn follows a callback and checks who signed in.
func (w *world) wantSignedIn(to *url.URL, person string) {
	w.t.Helper()
	if to.Query().Get("state") != "st" || !strings.HasPrefix(to.String(), callback) {
		w.t.Fatalf("went to %s", to)
	}
	site := w.site()
	got := w.exchangeAs(site, to.Query().Get("code")).wantSuccess()
	if got.text("openid") != w.sim.OpenID(site.AppID, person) || got.text("unionid") != w.person(person).UnionID || got.text("scope") != "snsapi_login" {
		w.t.Errorf("answered %s", got.body)
	}
}

// A desktop shows a QR code, a phone scans and allows, and the desktop goes on: by the
// page's own buttons, by another browser that is the phone, and for programs.
func TestScan(t *testing.T) {
	w := newWorld(t, threeApps)
	poll := func(uuid, want string) {
		t.Helper()
		if got := w.get("/connect/l/qrconnect?uuid=" + uuid).body; !strings.HasPrefix(got, "window.wx_errcode="+want+";") {
			t.Errorf("the page that waits is told %s, want %s", got, want)
		}
	}

	desktop, uuid := w.shows(w.siteQuery(""))
	poll(uuid, "408")
	to := desktop.submit("/_sim/qr/"+uuid+"/scan", url.Values{"person": {"lin"}}).header.Get("Location")
	poll(uuid, "404")
	got := desktop.get(to)
	got.wantText("已扫码", "林小满")
	if strings.Contains(got.body, "_top") || got.header.Get("Refresh") == "" {
		t.Errorf("a page of its own: %v %s", got.header, got.body)
	}
	w.wantSignedIn(desktop.submit("/_sim/qr/"+uuid+"/answer", url.Values{"answer": {"allow"}}).wantRedirect(), "lin")
	poll(uuid, "405")
	if got := desktop.submit("/_sim/qr/"+uuid+"/answer", url.Values{"answer": {"allow"}}); got.status != 400 {
		t.Errorf("answered twice: %d", got.status)
	}

	// Another browser is the phone: it may be nobody's yet, and is asked whose.
	desktop, uuid = w.shows(w.siteQuery(""))
	lin := w.phoneOf("")
	lin.get("/connect/confirm?uuid=" + uuid).wantText("这是谁的手机")
	back := lin.submit("/_sim/form/phone", url.Values{"person": {"wang"}, "query": {"uuid=" + uuid}}).header.Get("Location")
	lin.get(back).wantText("确认登录", "王大锤")
	stranger := w.phoneOf("lin")
	stranger.submit("/connect/confirm", url.Values{"uuid": {uuid}, "answer": {"allow"}}).wantText("二维码已过期")
	lin.submit("/connect/confirm", url.Values{"uuid": {uuid}, "answer": {"allow"}}).wantText("已确认，请看电脑")
	w.wantSignedIn(desktop.get("/_sim/qr/"+uuid).wantRedirect(), "wang")
	chrome := w.phoneOf("lin")
	chrome.ua = phoneNamed("desktop").UserAgent
	chrome.get("/connect/confirm?uuid="+uuid).wantRefused("0", "请在微信客户端打开链接")

	// A program.
	_, uuid = w.shows(w.siteQuery(""))
	body, _ := json.Marshal(map[string]string{"uuid": uuid, "person": "alice", "answer": "allow"})
	said := w.post("/_sim/scan", string(body))
	u, err := url.Parse(said.text("location"))
	if err != nil {
		t.Fatal(err)
	}
	w.wantSignedIn(u, "alice")

	// Refused, and too late.
	desktop, uuid = w.shows(w.siteQuery(""))
	w.post("/_sim/scan", `{"uuid":"`+uuid+`","person":"lin","answer":"deny"}`)
	poll(uuid, "403")
	desktop.get("/_sim/qr/" + uuid).wantText("你已取消此次登录")
	_, uuid = w.shows(w.siteQuery(""))
	w.later(5 * time.Minute)
	poll(uuid, "402")
	if got := w.post("/_sim/scan", `{"uuid":"`+uuid+`","person":"lin","answer":"allow"}`); got.status != 400 {
		t.Errorf("an old QR code: %s", got.body)
	}
}

// In a site's frame the whole window goes to the callback, by wxLogin.js' parameters;
// with self_redirect=true the frame alone.
func TestScanInFrame(t *testing.T) {
	w := newWorld(t, threeApps)
	frame := "appid=" + w.site().AppID + "&scope=snsapi_login&redirect_uri=" + url.QueryEscape(callback) + "&state=st&login_type=jssdk&self_redirect=default&style=black&href="
	desktop, uuid := w.shows(frame)
	scan := func() page {
		t.Helper()
		return desktop.get(desktop.submit("/_sim/qr/"+uuid+"/scan", url.Values{"person": {"lin"}}).header.Get("Location"))
	}
	got := scan()
	got.wantText(`target="_top"`)
	if got.header.Get("X-Frame-Options") != "" || strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors") {
		t.Errorf("cannot stand in a frame: %v", got.header)
	}
	w.post("/_sim/scan", `{"uuid":"`+uuid+`","person":"lin","answer":"allow"}`)
	desktop.get("/_sim/qr/"+uuid).wantText(`target="_top"`, "/_sim/top.js", callback)

	desktop, uuid = w.shows(strings.Replace(frame, "default", "true", 1))
	if got := scan(); strings.Contains(got.body, "_top") {
		t.Error("with self_redirect it leaves the frame")
	}
	w.post("/_sim/scan", `{"uuid":"`+uuid+`","person":"lin","answer":"allow"}`)
	w.wantSignedIn(desktop.get("/_sim/qr/"+uuid).wantRedirect(), "lin")
}

// A browser that answers by itself is on its way at once.
func TestScanByItself(t *testing.T) {
	w := newWorld(t, threeApps)
	desktop := w.phoneOf("lin")
	desktop.ua = phoneNamed("desktop").UserAgent
	desktop.setCookie(wechatsim.CookieConsent, wechatsim.AnswerAllow)
	w.wantSignedIn(desktop.get("/connect/qrconnect?"+w.siteQuery("")).wantRedirect(), "lin")

	sw := w.sim.Switches()
	sw.AutoConsent = wechatsim.AnswerAllow
	w.sim.SetSwitches(sw)
	other, uuid := w.shows(w.siteQuery(""))
	to := other.submit("/_sim/qr/"+uuid+"/scan", url.Values{"person": {"wang"}}).header.Get("Location")
	w.wantSignedIn(other.get(to).wantRedirect(), "wang")
	for _, c := range w.sim.Calls(wechatsim.Authorize) {
		if c.Method != http.MethodGet && c.AppID != w.site().AppID {
			t.Errorf("call %+v", c)
		}
	}
}
