package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

const aQRCode = "ADD_SCENE_QR_CODE"

// asked is how often WeChat was asked who follows an account.
func (w *world) asked() int { return len(w.sim.Calls(wechatsim.Follower)) }

// comes signs somebody in, and waits for what is asked behind the login.
func (w *world) comes(key string) *browser {
	w.t.Helper()
	b := w.phone(key)
	b.signsIn()
	check(w.t, w.followers.Flush(w.t.Context()))
	return b
}

// wantSubscribed looks at /api/me: true, false, nil for what is not known, "absent" for
// where nobody asks.
func (b *browser) wantSubscribed(want any) {
	b.w.t.Helper()
	me := b.me()
	first := me["identities"].([]any)[0].(map[string]any)
	for _, shown := range []map[string]any{me, first} {
		got, there := shown["subscribed"]
		if want == "absent" && there || want != "absent" && (!there || got != want) {
			b.w.t.Errorf("subscribed is %v (%v), want %v", got, there, want)
		}
	}
}

// Behind a login, and never in it, WeChat is asked whether the person follows the
// account: once a day, by the login or the visit that comes first.
func TestFollowers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.sim.Follow(w.sim.AppID(), "lin", aQRCode)
	held := make(chan struct{})
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Until: held})
	lin := w.phone("lin")
	lin.signsIn() // while WeChat does not answer
	lin.wantSubscribed(nil)
	close(held)
	check(t, w.followers.Flush(t.Context()))
	lin.wantSubscribed(true)
	w.comes("alice").wantSubscribed(false)
	if n := w.asked(); n != 2 {
		t.Fatalf("asked %d times for two people", n)
	}

	w.sim.Unfollow(w.sim.AppID(), "lin")
	w.clock.pass(23 * time.Hour)
	w.comes("lin").wantSubscribed(true)
	if n := w.asked(); n != 2 {
		t.Errorf("asked %d times within a day", n)
	}
	w.clock.pass(2 * time.Hour)
	lin.opens("/verify") // a visit, without a login
	check(t, w.followers.Flush(t.Context()))
	lin.wantSubscribed(false)
	if n := w.asked(); n != 3 {
		t.Errorf("asked %d times on the second day", n)
	}
	if h := lin.get("/verify").Header; strings.Contains(strings.ToLower(fmt.Sprint(h)), "subscri") {
		t.Errorf("/verify tells of it: %v", h)
	}
}

// Without the setting nobody asks, and nothing is told.
func TestFollowersAreOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	lin.wantSubscribed("absent")
	if w.asked() != 0 {
		t.Error("WeChat was asked")
	}
	page := w.admin().get("/admin/users").wantPage(http.StatusOK, "")
	if strings.Contains(page.Body, "subscribed") {
		t.Error("the list offers what nobody knows")
	}
}

// Who came by another door is looked up by each official account of theirs, and by no
// account of another kind.
func TestFollowersByAnotherDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true, accounts: []auth.Account{{Name: "app", Kind: auth.MiniProgram, Group: "acme"}}})
	w.sim.Follow(w.sim.AppID(), "lin", aQRCode)
	m := w.mini("lin", "MicroMessenger miniProgram")
	m.signsIn()
	check(t, w.followers.Flush(t.Context()))
	if w.asked() != 0 {
		t.Error("asked of somebody without the official account")
	}
	w.comes("lin")
	var me struct {
		Subscribed *bool
		Identities []struct {
			Account    string
			Subscribed *bool
		}
	}
	check(t, json.Unmarshal([]byte(m.call("GET", "/api/me", nil).Body), &me))
	if me.Subscribed != nil || len(me.Identities) != 2 || me.Identities[0].Subscribed != nil ||
		me.Identities[1].Account != auth.MainAccount || me.Identities[1].Subscribed == nil || !*me.Identities[1].Subscribed {
		t.Errorf("%+v", me)
	}
}

// Admins see it: on a person's page with how and since when, in the list by a filter, in
// JSON; and the person in their export.
func TestFollowersForAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.sim.Follow(w.sim.AppID(), "lin", aQRCode)
	lin := w.comes("lin")
	w.comes("alice")
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Errcode: 40003}) // no answer about this one
	w.comes("plain")
	adminBrowser := w.admin()
	for filter, want := range map[string]string{"subscribed": "lin", "unsubscribed": "alice"} {
		var page struct {
			Users []struct {
				ID, OpenID string
				Subscribed *bool
			}
		}
		p := adminBrowser.get("/api/admin/users?filter="+filter).wantPage(http.StatusOK, "")
		check(t, json.Unmarshal([]byte(p.Body), &page))
		if len(page.Users) != 1 || page.Users[0].OpenID != w.person(want).OpenID || page.Users[0].Subscribed == nil || *page.Users[0].Subscribed != (want == "lin") {
			t.Errorf("%s: %s", filter, p.Body)
		}
		text := map[string]string{"lin": "扫描二维码", "alice": "未关注"}[want]
		adminBrowser.get("/admin/users/"+page.Users[0].ID).wantPage(http.StatusOK, text)
	}
	wantExported(t, adminBrowser, map[string]string{w.person("lin").OpenID: "true", w.person("alice").OpenID: "false", w.person("plain").OpenID: ""})
	adminBrowser.get("/admin/users?filter=subscribed").wantPage(http.StatusOK, w.person("lin").Nickname)
	var data struct {
		Following []map[string]any
	}
	check(t, json.Unmarshal([]byte(lin.get("/api/me/export").wantPage(http.StatusOK, "").Body), &data))
	if len(data.Following) != 1 || data.Following[0]["subscribed"] != true || data.Following[0]["subscribe_scene"] != aQRCode ||
		data.Following[0]["account"] != "main" || data.Following[0]["subscribe_time"] == nil || data.Following[0]["checked_at"] == nil {
		t.Errorf("%v", data.Following)
	}
}

// Applications read it in the claim wechat, if they may read that at all.
func TestFollowersClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.sim.Follow(w.sim.AppID(), "lin", aQRCode)
	lin, alice, plain := w.comes("lin"), w.comes("alice"), w.phone("plain")
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Errcode: 40003})
	plain.signsIn()
	shop := w.app("Shop", func(c *auth.Client) { c.WeChat = true })
	shop.oauth.Scopes = append(shop.oauth.Scopes, auth.ScopeWeChat)
	for _, person := range []struct {
		b    *browser
		want any
	}{{lin, true}, {alice, false}, {plain, nil}} {
		check(t, w.followers.Flush(t.Context()))
		token, claims := shop.login(person.b)
		info, err := shop.userinfo(token)
		check(t, err)
		for _, c := range []map[string]any{claims, info} {
			if got := c["wechat"].(map[string]any)["subscribed"]; got != person.want {
				t.Errorf("subscribed is %v, want %v", got, person.want)
			}
		}
	}
	_, claims := w.app("Wiki", nil).login(lin)
	if claims["wechat"] != nil || claims["subscribed"] != nil {
		t.Errorf("%v", claims)
	}
}

// What WeChat refuses costs nobody a login. It is left alone for a while then, and the
// log names the address to put on the list.
func TestFollowersRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.sim.SetAddresses(w.sim.AppID(), []string{"192.0.2.1"})
	lin := w.comes("lin")
	lin.wantSubscribed(nil)
	w.comes("alice").wantSubscribed(nil)
	if n := len(w.sim.Calls(wechatsim.StableToken)); n != 1 {
		t.Errorf("asked for a token %d times", n)
	}
	if log := w.log.String(); !strings.Contains(log, `"address_to_put_on_the_list":"127.0.0.1"`) || !strings.Contains(log, "follower checks paused") {
		t.Error("the log does not name the address")
	}
	w.sim.SetAddresses(w.sim.AppID(), nil)
	w.clock.pass(11 * time.Minute)
	w.comes("lin").wantSubscribed(true)

	// Over the quota: nothing for an hour.
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Errcode: 45009})
	w.comes("alice").wantSubscribed(nil)
	n := w.asked()
	w.clock.pass(50 * time.Minute)
	w.comes("alice").wantSubscribed(nil)
	if w.asked() != n {
		t.Error("asked again within the hour")
	}
	w.clock.pass(11 * time.Minute)
	w.comes("alice").wantSubscribed(false)

	// A token that WeChat takes no more is replaced, and the question asked again.
	w.sim.ExpireCentral(w.sim.AppID())
	w.comes("wang").wantSubscribed(true)
}

// However many wait, whoever comes goes on; too many are left for another day.
func TestFollowersQueueIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.phone("lin").signsIn()
	held := make(chan struct{})
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Until: held})
	t.Cleanup(func() { close(held) })
	for i := range 3000 {
		w.followers.Want(auth.User{ID: fmt.Sprint(i), AppID: w.sim.AppID(), OpenID: fmt.Sprint("o", i)})
	}
	w.phone("alice").signsIn()
	if !strings.Contains(w.log.String(), "queue full") {
		t.Error("nothing was left out")
	}
}

// Of two replicas one asks at a time, and neither what the other has asked.
func TestOnPostgresOneReplicaAsksWhoFollows(t *testing.T) {
	t.Parallel()
	oneAsksWhoFollows(t)
}

func TestOneProcessAsksWhoFollows(t *testing.T) {
	t.Parallel()
	oneAsksWhoFollows(t)
}

func oneAsksWhoFollows(t *testing.T) {
	t.Helper()
	a := newWorld(t, options{followers: true})
	b := a.replica(options{followers: true})
	phone := a.phone("lin")
	phone.signsIn()
	lin, err := a.db.User(t.Context(), phone.whose())
	check(t, err)
	check(t, a.followers.Flush(t.Context()))
	a.clock.pass(25 * time.Hour)
	b.clock.pass(25 * time.Hour)
	held := make(chan struct{})
	a.sim.Plan(wechatsim.Follower, wechatsim.Fault{Until: held})
	for range 3 {
		a.followers.Want(lin)
		b.followers.Want(lin)
	}
	close(held)
	check(t, a.followers.Flush(t.Context()))
	check(t, b.followers.Flush(t.Context()))
	if n := a.asked(); n != 2 {
		t.Errorf("asked %d times on two days", n)
	}
}

// Who was asked about that day waits for no other process's turn, and costs no write.
func TestFollowersKnownTakeNoTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	w.comes("lin")
	w.clock.pass(time.Hour)
	if taken, err := w.db.TakeLease(t.Context(), "followers", "another", w.clock.now(), w.clock.now().Add(30*time.Second)); err != nil || !taken {
		t.Fatal(taken, err)
	}
	w.comes("lin").wantSubscribed(true) // ends when nothing is waiting
	if taken, err := w.db.TakeLease(t.Context(), "followers", "another", w.clock.now(), w.clock.now()); err != nil || !taken {
		t.Error("another's turn was taken", err)
	}
}

// An erased person leaves nothing of it, whatever is still under way.
func TestFollowersOfTheErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	lin := w.comes("lin")
	w.clock.pass(25 * time.Hour)
	held, begun := make(chan struct{}), w.asked()
	w.sim.Plan(wechatsim.Follower, wechatsim.Fault{Until: held})
	user, err := w.db.User(t.Context(), lin.whose())
	check(t, err)
	w.followers.Want(user)
	lin.post("/api/me/erase", url.Values{"confirm": {"yes"}})
	close(held)
	check(t, w.followers.Flush(t.Context()))
	if left, err := w.db.FollowingOf(t.Context(), []string{user.ID}); err != nil || len(left) != 0 || begun == 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// People who agreed that an application gets their openid and unionid, before WeChat was asked
// who follows the account, are asked again before it gets that too; tokens from before do not
// give it.
func TestFollowersClaimIsAgreedTo(t *testing.T) {
	t.Parallel()
	before := newWorld(t, options{})
	shop := before.app("Shop", func(c *auth.Client) { c.WeChat = true })
	lin := before.phone("lin")
	held, claims := shop.login(lin)
	if claims["wechat"] == nil {
		t.Fatalf("%v", claims)
	}
	w := before.replica(options{followers: true})
	w.sim.Follow(w.sim.AppID(), "lin", aQRCode)
	shop.oauth.Endpoint.AuthURL, shop.oauth.Endpoint.TokenURL = w.at(shop.oauth.Endpoint.AuthURL), w.at(shop.oauth.Endpoint.TokenURL)
	lin.w = w
	user, err := w.db.UserByOpenID(t.Context(), w.sim.AppID(), w.person("lin").OpenID)
	check(t, err)
	w.followers.Want(user)
	check(t, w.followers.Flush(t.Context()))
	lin.wantSubscribed(true)
	told := func(token *oauth2.Token) any {
		t.Helper()
		p := w.call(t, "/oidc/userinfo", url.Values{"access_token": {token.AccessToken}})
		var info struct{ WeChat map[string]any }
		check(t, json.Unmarshal([]byte(p.Body), &info))
		if info.WeChat["openid"] != before.person("lin").OpenID {
			t.Errorf("%s", p.Body)
		}
		return info.WeChat["subscribed"]
	}
	if got := told(held); got != nil {
		t.Errorf("what it holds from before tells subscribed: %v", got)
	}
	if told := shop.told(lin, param("prompt", "none")); told.Get("error") != "consent_required" {
		t.Errorf("%v", told)
	}
	lin.get(shop.begins()).wantPage(http.StatusOK, "是否关注公众号")
	token, claims := shop.login(lin)
	if got := claims["wechat"].(map[string]any)["subscribed"]; got != true || told(token) != true {
		t.Errorf("subscribed is %v after they have agreed", got)
	}
	lin.get("/me").wantPage(http.StatusOK, "是否关注公众号")
}
