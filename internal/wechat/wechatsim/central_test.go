package wechatsim_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func (w *world) stable(a wechatsim.App, force bool) answer {
	w.t.Helper()
	return w.post("/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%t}`, a.AppID, a.Secret, force))
}

func (w *world) central(a wechatsim.App) answer {
	w.t.Helper()
	return w.get("/cgi-bin/token?grant_type=client_credential&appid=" + a.AppID + "&secret=" + a.Secret)
}

func (w *world) ticket(token string) answer {
	w.t.Helper()
	return w.get("/cgi-bin/ticket/getticket?type=jsapi&access_token=" + url.QueryEscape(token))
}

// wantDone: the errcode 0 that some answers have.
func (a answer) wantDone() answer {
	a.t.Helper()
	if n, ok := a.fields["errcode"].(float64); !ok || n != 0 {
		a.t.Fatalf("answered %s", a.body)
	}
	return a
}

// The stable token stays the same until five minutes before its end; then there is a
// new one, and the old one is good to its end.
func TestStableToken(t *testing.T) {
	w := newWorld(t)
	a := w.official()
	first := w.stable(a, false).wantSuccess()
	if first.fields["expires_in"] != 7200.0 {
		t.Errorf("answered %s", first.body)
	}
	w.later(time.Hour)
	again := w.stable(a, false).wantSuccess()
	if again.text("access_token") != first.text("access_token") || again.fields["expires_in"] != 3600.0 {
		t.Errorf("an hour later %s", again.body)
	}
	w.later(55*time.Minute - time.Second)
	if got := w.stable(a, false); got.text("access_token") != first.text("access_token") {
		t.Error("renewed too soon")
	}
	w.later(time.Second)
	second := w.stable(a, false).wantSuccess()
	if second.text("access_token") == first.text("access_token") {
		t.Fatal("not renewed five minutes ahead")
	}
	w.ticket(first.text("access_token")).wantDone()
	w.later(5 * time.Minute)
	w.ticket(first.text("access_token")).wantErrcode(42001)
	w.ticket(second.text("access_token")).wantDone()
}

// A forced refresh voids the token at once; within 30 seconds nothing is refreshed, and
// the 21st of a day is refused.
func TestForcedRefresh(t *testing.T) {
	w := newWorld(t)
	a := w.official()
	before := w.stable(a, false).text("access_token")
	forced := w.stable(a, true).wantSuccess().text("access_token")
	if forced == before {
		t.Fatal("not refreshed")
	}
	w.ticket(before).wantErrcode(40001)
	w.later(29 * time.Second)
	if got := w.stable(a, true); got.text("access_token") != forced {
		t.Error("refreshed after 29 seconds")
	}
	for range 19 {
		w.later(30 * time.Second)
		w.stable(a, true).wantSuccess()
	}
	w.later(30 * time.Second)
	w.stable(a, true).wantErrcode(45009)
	w.stable(a, false).wantSuccess()
	w.later(10 * time.Hour) // midnight in China
	fresh := w.stable(a, false).wantSuccess().text("access_token")
	if got := w.stable(a, true).wantSuccess(); got.text("access_token") == fresh {
		t.Error("not refreshed on the next day")
	}
}

// /cgi-bin/token gives another one every time, the one before is good for five minutes,
// and the stable one knows nothing of it.
func TestCentralToken(t *testing.T) {
	w := newWorld(t)
	a := w.official()
	stable := w.stable(a, false).text("access_token")
	first := w.central(a).wantSuccess().text("access_token")
	second := w.central(a).wantSuccess().text("access_token")
	if first == second || first == stable {
		t.Fatal("the same token")
	}
	w.later(5*time.Minute - time.Second)
	w.ticket(first).wantDone()
	w.later(time.Second)
	w.ticket(first).wantErrcode(40001)
	w.ticket(second).wantDone()
	w.ticket(stable).wantDone()
	w.sim.ExpireCentral(a.AppID)
	w.ticket(stable).wantErrcode(40001)
}

// What is asked in the wrong way has WeChat's number.
func TestCentralRefusals(t *testing.T) {
	w := newWorld(t, threeApps, func(cfg *wechatsim.Config) {
		cfg.Quotas = wechatsim.Quotas{StableMinute: 3, StableDay: 4, TokenDay: 1, TicketDay: 1}
	})
	a, site, mini := w.official(), w.site(), w.mini()
	w.get("/cgi-bin/stable_token").wantErrcode(43002)
	w.post("/cgi-bin/token", "").wantErrcode(43001)
	w.post("/cgi-bin/stable_token", "grant_type=client_credential").wantErrcode(47001)
	w.post("/cgi-bin/stable_token", "{}").wantErrcode(41002)
	w.post("/cgi-bin/stable_token", `{"appid":"`+a.AppID+`","secret":"x"}`).wantErrcode(40002)
	w.stable(wechatsim.App{AppID: a.AppID, Secret: "x"}, false).wantErrcode(40125)
	w.stable(wechatsim.App{AppID: "wx0", Secret: "x"}, false).wantErrcode(40013)
	w.stable(site, false).wantErrcode(48001)
	w.get("/cgi-bin/token").wantErrcode(41002)

	w.sim.SetAddresses(a.AppID, []string{"203.0.113.9"})
	for _, got := range []answer{w.stable(a, false), w.central(a)} {
		got.wantErrcode(40164)
		if !strings.Contains(got.text("errmsg"), "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist") {
			t.Errorf("names no address: %s", got.body)
		}
	}
	w.post("/_sim/addresses", `{"addresses":["127.0.0.1"]}`)
	token := w.central(a).wantSuccess().text("access_token")
	w.central(a).wantErrcode(45009)
	for range 3 {
		w.stable(a, false).wantSuccess()
	}
	w.stable(a, false).wantErrcode(45011)
	w.later(time.Minute)
	w.stable(a, false).wantSuccess()
	w.stable(a, false).wantErrcode(45009)

	w.get("/cgi-bin/ticket/getticket?type=jsapi").wantErrcode(41001)
	w.ticket("short").wantErrcode(40014)
	w.get("/cgi-bin/ticket/getticket?type=wx_card&access_token=" + token).wantErrcode(40097)
	w.ticket(w.exchange(w.sim.IssueCode("lin", userinfo)).text("access_token")).wantErrcode(40001)
	w.ticket(w.stable(mini, false).text("access_token")).wantErrcode(48001)
	w.ticket(token).wantDone()
	w.ticket(token).wantErrcode(45009)
}

// A page is signed with a ticket of its account, for its own address.
func TestWXConfig(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(w.stable(w.official(), false).text("access_token")).wantDone().text("ticket")
	const page = "http://127.0.0.1:8007/shop?a=1"
	sum := sha1.Sum([]byte("jsapi_ticket=" + ticket + "&noncestr=Wm3WZYTPz0wzccnW&timestamp=1414587457&url=" + page))
	signature := hex.EncodeToString(sum[:])
	config := func(page, signature string) string {
		return w.sim.WXConfig(w.sim.AppID(), "1414587457", "Wm3WZYTPz0wzccnW", signature, page)
	}
	for _, c := range []struct{ page, signature, want string }{
		{page, signature, "config:ok"},
		{page + "#top", signature, "config:ok"},
		{page + "&b=2", signature, "config:invalid signature"},
		{page, strings.ToUpper(signature), "config:invalid signature"},
		{"https://shop.example.com/", signature, "config:invalid url domain"},
	} {
		if got := config(c.page, c.signature); got != c.want {
			t.Errorf("%s: %s, want %s", c.page, got, c.want)
		}
	}
	said := w.get("/_sim/wx.config?appId=" + w.sim.AppID() + "&timestamp=1414587457&nonceStr=Wm3WZYTPz0wzccnW&signature=" + signature + "&url=" + url.QueryEscape(page))
	if said.text("errMsg") != "config:ok" {
		t.Errorf("said %s", said.body)
	}
	w.later(2 * time.Hour)
	if got := config(page, signature); got != "config:invalid signature" {
		t.Errorf("after the ticket's end: %s", got)
	}
}

// Followers are answered with scene and time, without a name; others with the openid alone.
func TestFollowers(t *testing.T) {
	w := newWorld(t, threeApps)
	token := w.stable(w.official(), false).text("access_token")
	info := func(openID string) answer {
		t.Helper()
		return w.get("/cgi-bin/user/info?lang=zh_CN&access_token=" + token + "&openid=" + openID)
	}
	lin := info(w.person("lin").OpenID).wantSuccess()
	if lin.fields["subscribe"] != 1.0 || lin.text("subscribe_scene") != "ADD_SCENE_QR_CODE" || lin.text("unionid") != w.person("lin").UnionID ||
		lin.fields["subscribe_time"] != float64(w.clock().Unix()) || lin.text("nickname") != "" {
		t.Errorf("lin: %s", lin.body)
	}
	if got := info(w.person("alice").OpenID).wantSuccess(); got.fields["subscribe"] != 0.0 || got.fields["unionid"] != nil || got.text("openid") == "" {
		t.Errorf("alice: %s", got.body)
	}
	w.post("/_sim/followers", `{"person":"alice","scene":"ADD_SCENE_SEARCH"}`)
	if got := info(w.person("alice").OpenID); got.text("subscribe_scene") != "ADD_SCENE_SEARCH" {
		t.Errorf("alice: %s", got.body)
	}
	w.post("/_sim/followers", `{"person":"lin","subscribe":false}`)
	if got := info(w.person("lin").OpenID); got.fields["subscribe"] != 0.0 {
		t.Errorf("lin: %s", got.body)
	}
	info("").wantErrcode(41009)
	info(w.sim.OpenID(w.site().AppID, "lin")).wantErrcode(40003)
	w.get("/cgi-bin/user/info?access_token=" + w.stable(w.mini(), false).text("access_token") + "&openid=x").wantErrcode(48001)
}

// changeopenid maps the openids of the former account, for fifteen days.
func TestChangeOpenID(t *testing.T) {
	const old, moved = "wx00000000000000aa", "wx00000000000000bb"
	w := newWorld(t, func(cfg *wechatsim.Config) {
		cfg.AppID = old
		cfg.Apps = []wechatsim.App{{Kind: wechatsim.OfficialAccount, AppID: moved, FormerAppID: old}}
	})
	token := w.stable(w.sim.Apps()[1], false).text("access_token")
	change := func(from string, openIDs ...string) answer {
		t.Helper()
		return w.post("/cgi-bin/changeopenid?access_token="+token, `{"from_appid":"`+from+`","openid_list":["`+strings.Join(openIDs, `","`)+`"]}`)
	}
	got := change(old, w.person("lin").OpenID, "oNobody", w.person("wang").OpenID).wantDone()
	list, _ := got.fields["result_list"].([]any)
	for i, want := range []string{w.sim.OpenID(moved, "lin"), "", w.sim.OpenID(moved, "wang")} {
		one, _ := list[i].(map[string]any)
		id, _ := one["new_openid"].(string)
		message := map[bool]string{true: "ori_openid error", false: "ok"}[want == ""]
		if id != want || one["err_msg"] != message {
			t.Errorf("%d: %v, want %s", i, one, want)
		}
	}
	change("wx00000000000000cc", "o").wantErrcode(63178)
	change(old, strings.Split(strings.Repeat("o,", 100)+"o", ",")...).wantErrcode(40003)
	w.post("/cgi-bin/changeopenid?access_token="+token, "x").wantErrcode(47001)
	w.get("/cgi-bin/changeopenid?access_token=" + token).wantErrcode(43002)
	w.later(15*24*time.Hour + time.Second)
	token = w.stable(w.sim.Apps()[1], false).text("access_token")
	change(old, w.person("lin").OpenID).wantErrcode(63178)
}
