package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/wechat/wechatsim"
)

// A code confirmed by an admin whose login is old would make a fresh admin of the
// desktop: the phone signs in again first, and whoever holds it by then answers.
func TestScanByAnAdminTakesAFreshLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.signedIn("wang")
	phone := w.signedIn("lin")
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
	check(t, err)
	w.clock.pass(29 * day)

	// Somebody has copied the cookie, and is not lin to WeChat.
	thief := w.phone("wang")
	thief.setCookie(w.url, "wxlogin", phone.cookie("wxlogin"))
	s := w.browser(desktopWeb).scans("/admin")
	thief.post(s.path, url.Values{"answer": {"confirm"}}).wantPage(http.StatusUnauthorized, "/login?return_to="+url.QueryEscape(s.path))
	thief.opens(s.path)
	thief.answers(s, "confirm")
	s.browser.opens(s.done).wantPage(http.StatusForbidden, "")

	// lin's own phone sees nothing of it but the question.
	s = w.browser(desktopWeb).scans("/admin")
	w.signedIn("lin").opens(s.path).wantPage(http.StatusOK, "管理后台")
}

// An admin who is blocked, or has never come, is nobody who could let the last one
// in again.
func TestLastAdminCountsWhoCanEnter(t *testing.T) {
	t.Parallel()
	sim := wechatsim.New(wechatsim.Config{})
	w := newWorld(t, options{sim: sim, admins: []string{"oNeverCame000000000000000000"}})
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	id := lin.me()["id"].(string)
	for _, key := range []string{"lin", "wang"} {
		_, err := w.admins.Grant(t.Context(), admin.CommandLine(), openID(sim, key))
		check(t, err)
	}
	check(t, w.admins.Block(t.Context(), admin.CommandLine(), wang.me()["id"].(string), ""))
	lin.post("/api/admin/users/"+id+"/block", nil).wantPage(http.StatusForbidden, `"reason":"last_admin"`)
	lin.get("/admin").wantPage(http.StatusOK, "")
}

// The audit log names admins who sign in as themselves, and refused logins in which
// WeChat spoke of two people; of visitors it says nothing.
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	sim := wechatsim.New(wechatsim.Config{})
	w := newWorld(t, options{sim: sim, admins: []string{openID(sim, "lin")}})
	w.signedIn("wang")
	w.wantEvents()
	w.signedIn("lin")
	w.wantEvents(admin.ActSignIn)
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Body: []byte(`{"openid":"oSomebodyElse00000000000000"}`)})
	w.phone("alice").opens("/login?consent=1").wantPage(http.StatusBadGateway, "")
	adminBrowser := w.admin()
	for _, text := range []string{"管理员本人登录", "身份不一致"} {
		adminBrowser.get("/admin/events").wantPage(http.StatusOK, text)
	}
}

// Erasing a person leaves nothing that somebody has written about them.
func TestEraseForgetsReasons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.signedIn("lin")
	id := lin.me()["id"].(string)
	adminBrowser := w.admin()
	adminBrowser.post("/api/admin/users/"+id+"/block", url.Values{"reason": {"林小满 13800138000\u202e" + strings.Repeat("x", 1000)}})
	if page := adminBrowser.get("/admin/events").Body; !strings.Contains(page, "13800138000") || strings.Contains(page, strings.Repeat("x", 300)) || strings.Contains(page, "\u202e") {
		t.Error("the reason is not in the audit log as it should be")
	}
	check(t, w.admins.Erase(t.Context(), admin.CommandLine(), id))
	if page := adminBrowser.get("/admin/events").Body; strings.Contains(page, "13800138000") {
		t.Error("the reason outlives its person")
	}
}

// However long an address is that an old session comes with, it is checked like
// any other.
func TestRecheckOfALongAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: 24 * time.Hour})
	phone := w.signedIn("lin")
	w.clock.pass(25 * time.Hour)
	phone.opens("/?q="+strings.Repeat("x", 3500)).wantPage(http.StatusOK, "林小满")
}
