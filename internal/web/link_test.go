package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// apartAccounts are of different Open Platform accounts, so that no unionid says who is
// the same person.
var apartAccounts = []auth.Account{
	{Name: "shop", Kind: auth.OfficialAccount, Group: "elsewhere"},
	{Name: "pc", Kind: auth.WebsiteAccount},
	{Name: "app", Kind: auth.MiniProgram},
}

// asksToLink sends the form of the visitor's own page and returns the way to WeChat.
func (b *browser) asksToLink(account string) string {
	b.w.t.Helper()
	b.get("/me").wantPage(http.StatusOK, `action="`+b.path("/me/link")+`"`)
	return b.post("/me/link", url.Values{"account": {account}}).wantPage(http.StatusOK, "").linkTo(b.w.simURL + "/connect/")
}

// whose is the id of who is signed in.
func (b *browser) whose() string {
	b.w.t.Helper()
	id, _ := b.me()["id"].(string)
	return id
}

func (b *browser) path(path string) string {
	u, err := url.Parse(b.w.url)
	check(b.w.t, err)
	return u.Path + path
}

// links goes the whole way.
func (b *browser) links(account string) *page {
	b.w.t.Helper()
	return b.opens(b.asksToLink(account))
}

func (b *browser) identities() (openIDs []string) {
	b.w.t.Helper()
	for _, i := range b.me()["identities"].([]any) {
		openIDs = append(openIDs, i.(map[string]any)["account"].(string)+":"+i.(map[string]any)["openid"].(string))
	}
	return openIDs
}

func (w *world) wantIdentities(b *browser, want ...string) {
	w.t.Helper()
	if got := b.identities(); strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("identities %q, want %q", got, want)
	}
}

func (w *world) openID(account, key string) string {
	return account + ":" + w.sim.OpenID(w.account(account).AppID, key)
}

func TestLink(t *testing.T) {
	t.Parallel()
	for _, mode := range []auth.Mode{auth.ModeAuto, auth.ModeBase, auth.ModeUserinfo} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{accounts: apartAccounts, mode: mode, path: "/wx"})
			phone := w.phone("lin")
			phone.opens("/login?consent=1").wantPage(http.StatusOK, "绑定登录方式")
			id, session := phone.whose(), phone.cookie("wxlogin")
			p := phone.links("shop").wantPage(http.StatusOK, "绑定成功")
			if p.URL.Path != "/wx/me" || phone.whose() != id || phone.cookie("wxlogin") != session || phone.me()["appid"] != w.account("main").AppID {
				t.Errorf("at %s, %v", p.URL, phone.me())
			}
			w.wantIdentities(phone, w.openID("main", "lin"), w.openID("shop", "lin"))
			if strings.Contains(p.Body, "/me/link") {
				t.Error("another official account is offered, and there is none")
			}
			// A login by it is the person's from now on.
			again := w.phone("lin")
			again.opens("/login?account=shop").wantPage(http.StatusOK, "")
			if again.whose() != id {
				t.Errorf("signed in as %s, want %s", again.whose(), id)
			}
			// The website, on a desktop that the phone has let in.
			desktop := w.desktop("lin")
			code := desktop.scanOn(desktop.opens("/scan?by=phone&return_to=/wx/me"))
			phone.confirms(code)
			desktop.opens(code.done).wantPage(http.StatusOK, "本次登录")
			desktop.links("pc").wantPage(http.StatusOK, "绑定成功")
			w.wantIdentities(phone, w.openID("main", "lin"), w.openID("shop", "lin"), w.openID("pc", "lin"))

			// What was linked can be unlinked, and is a person of its own again.
			p = desktop.get("/me")
			if n := strings.Count(p.Body, "/unlink\""); n != 2 {
				t.Errorf("%d ways can be unlinked", n)
			}
			address := again.get("/me").between(`<b class="here">`, "</li>")
			address = strings.Split(address[strings.Index(address, "/me/identities/"):], `"`)[0]
			phone.submits(address, nil).wantPage(http.StatusOK, "已解除绑定")
			again.wantNobody()
			w.wantIdentities(phone, w.openID("main", "lin"), w.openID("pc", "lin"))
			again.opens("/login?account=shop").wantPage(http.StatusOK, "")
			if again.whose() == id {
				t.Error("a login by what was unlinked is still the person's")
			}
			if got, want := w.acts(id), "link link unlink"; got != want {
				t.Errorf("the audit log has %q, want %q", got, want)
			}
		})
	}
}

// acts are what the audit log has of a person's own acts on their ways in.
func (w *world) acts(id string) string {
	var all []string
	events, err := w.db.Events(w.t.Context(), admin.EventQuery{Who: id})
	check(w.t, err)
	for _, e := range events.Events {
		if e.Action == admin.ActLink || e.Action == admin.ActUnlink {
			all = append([]string{string(e.Action)}, all...)
		}
	}
	return strings.Join(all, " ")
}

// Who has come by it before is joined, and comes back as they were.
func TestLinkOfSomebodyKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: apartAccounts})
	other := w.phone("lin")
	other.opens("/login?account=shop&consent=1").wantPage(http.StatusOK, "")
	otherID := other.whose()
	phone := w.signedIn("lin")
	id := phone.whose()
	if id == otherID {
		t.Fatal("these were to be two")
	}
	phone.links("shop").wantPage(http.StatusOK, "绑定成功")
	if other.whose() != id || w.users() != 1 {
		t.Errorf("the other session is %s's, want %s's", other.whose(), id)
	}
	// The session that is by it can part from it as well, and ends with that.
	p := other.get("/me")
	address := p.linkTo(other.path("/me/identities/"))
	p = other.post(address, nil)
	if p.Status != http.StatusSeeOther {
		t.Fatalf("status %d", p.Status)
	}
	other.follow(p).wantPage(http.StatusOK, "已退出登录")
	phone.get("/me").wantStatus(http.StatusOK)
	other.opens("/login?account=shop")
	if other.whose() != otherID {
		t.Errorf("came back as %s, want %s", other.whose(), otherID)
	}
	phone.post(address, nil).wantRedirect("/me") // once more
}

// Whoever talks an admin into scanning a code of theirs has no admin pages by it, even where
// WeChat tells nobody apart.
func TestLinkGivesNoAdminPages(t *testing.T) {
	t.Parallel()
	before := newWorld(t, options{accounts: apartAccounts})
	w := newWorld(t, options{accounts: apartAccounts, sim: before.sim, admins: []string{before.openID("shop", "lin")}})
	phone := w.signedIn("lin")
	id := phone.whose()
	phone.links("shop").wantPage(http.StatusForbidden, "管理权限")
	phone.get("/admin").wantStatus(http.StatusForbidden)
	w.wantIdentities(phone, w.openID("main", "lin"))
	// The other way round it is the admin's own choice.
	boss := w.phone("lin")
	boss.opens("/login?account=shop&consent=1").wantPage(http.StatusOK, "")
	boss.links("main").wantPage(http.StatusOK, "绑定成功")
	if got := phone.whose(); got == id || got != boss.whose() {
		t.Errorf("the first session is %s's", got)
	}
	phone.get("/admin").wantStatus(http.StatusOK)
}

// The ways in which somebody could be made to give an identity away, or could take one.
func TestLinkAttacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: append(apartAccounts[:3:3], auth.Account{Name: "club", Kind: auth.OfficialAccount, Group: "acme"})})
	nothing := func(t *testing.T, before string) {
		t.Helper()
		if got := w.exchanges(); got != before {
			t.Errorf("exchanges: %s, before %s", got, before)
		}
	}
	t.Run("by a link or a form of another site", func(t *testing.T) {
		phone := w.signedIn("lin")
		before := w.exchanges()
		if p := phone.get("/me/link?account=shop"); p.Status != http.StatusMethodNotAllowed {
			t.Errorf("GET: status %d", p.Status)
		}
		for _, header := range []http.Header{
			{"Origin": {"https://evil.example.org"}}, {"Origin": {"null"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {},
		} {
			for _, path := range []string{"/me/link", "/me/identities/x/unlink"} {
				req := phone.request(http.MethodPost, path, url.Values{"account": {"shop"}})
				req.Header.Del("Origin")
				for name, values := range header {
					req.Header[name] = values
				}
				p, err := phone.fetch(req)
				check(t, err)
				if p.Status != http.StatusForbidden || p.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s, %v: status %d", path, header, p.Status)
				}
			}
		}
		nothing(t, before)
	})
	t.Run("the address of somebody else's link", func(t *testing.T) {
		attacker := w.signedIn("wang")
		way := attacker.asksToLink("shop")
		for name, victim := range map[string]*browser{"signed in": w.signedIn("lin"), "not signed in": w.phone("lin")} {
			before, me := w.exchanges(), victim.me()
			victim.follow(victim.get(way))
			if got := victim.me(); me != nil && got["id"] != me["id"] {
				t.Errorf("%s: signed in as %v", name, got)
			}
			nothing(t, before)
		}
		w.wantIdentities(attacker, w.openID("main", "wang"))
	})
	t.Run("somebody else's callback in the browser that began", func(t *testing.T) {
		// The attacker's code, sent with the victim's state, would need the state.
		victim, attacker := w.signedIn("lin"), w.signedIn("wang")
		victim.asksToLink("shop")
		before := w.exchanges()
		stolen := attacker.stops(attacker.asksToLink("shop"), "/callback/shop?")
		victim.follow(victim.get(stolen))
		w.wantIdentities(victim, w.openID("main", "lin"))
		nothing(t, before)
	})
	t.Run("begun in one session and finished in another", func(t *testing.T) {
		// The cookies of the trip, in another browser of the same person, of somebody
		// else, and in this one when its person is another by then.
		phone := w.signedIn("lin")
		address := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		u, err := url.Parse(w.url)
		check(t, err)
		for _, victim := range []*browser{w.signedIn("lin"), w.signedIn("wang")} {
			before, identities := w.exchanges(), victim.identities()
			for _, cookie := range phone.client.Jar.Cookies(u) {
				if strings.Contains(cookie.Name, "_flow") {
					victim.client.Jar.SetCookies(u, []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/"}})
				}
			}
			victim.get(address).wantPage(http.StatusForbidden, "绑定未完成").linkTo("/me")
			w.wantIdentities(victim, identities...)
			nothing(t, before)
		}
		phone.setCookie(w.simURL, wechatsim.CookiePerson, "wang")
		phone.opens("/login?return_to=/me").wantPage(http.StatusOK, "")
		before := w.exchanges()
		phone.get(address).wantPage(http.StatusForbidden, "绑定未完成")
		nothing(t, before)
	})
	t.Run("begun, and signed out meanwhile", func(t *testing.T) {
		phone := w.signedIn("lin")
		address := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		phone.post("/logout", nil)
		before := w.exchanges()
		phone.get(address).wantPage(http.StatusForbidden, "绑定未完成")
		phone.wantNobody() // it is no login
		nothing(t, before)
	})
	t.Run("at the callback of another account", func(t *testing.T) {
		phone := w.signedIn("lin")
		address := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		before := w.exchanges()
		for _, other := range []string{"/callback?", "/callback/pc?", "/callback/club?", "/callback/app?"} {
			phone.get(strings.Replace(address, "/callback/shop?", other, 1)).wantStatus(http.StatusBadRequest)
		}
		nothing(t, before)
		w.wantIdentities(phone, w.openID("main", "lin"))
	})
	t.Run("by a login that is not of this moment", func(t *testing.T) {
		phone := w.signedIn("lin")
		w.clock.pass(auth.LinkWithin - time.Minute)
		late := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		w.clock.pass(2 * time.Minute)
		before := w.exchanges()
		phone.get(late).wantPage(http.StatusForbidden, "绑定未完成")
		p := phone.get("/me").wantPage(http.StatusOK, "绑定前请重新登录")
		if strings.Contains(p.Body, "/me/link") {
			t.Error("a link is offered that cannot be")
		}
		phone.post("/me/link", url.Values{"account": {"shop"}}).wantPage(http.StatusForbidden, "绑定未完成")
		nothing(t, before)
		// The page leads to what it takes.
		phone.opens(p.linkTo("/login?account=main&")).wantPage(http.StatusOK, "/me/link")
	})
	t.Run("of an account that cannot be linked here", func(t *testing.T) {
		phone := w.signedIn("lin")
		for _, account := range []string{"", "main", "pc", "app", "other", "shop@club", "shop\n"} {
			p := phone.post("/me/link", url.Values{"account": {account}})
			if p.Status != http.StatusNotFound || p.Header.Get("Set-Cookie") != "" {
				t.Errorf("%q: status %d", account, p.Status)
			}
		}
	})
	t.Run("by a mini program's token", func(t *testing.T) {
		m := w.mini("lin", miniIPhone)
		m.signsIn()
		req := m.request(http.MethodPost, "/me/link", url.Values{"account": {"shop"}})
		req.Header.Set("Authorization", "Bearer "+m.token)
		p, err := m.fetch(req)
		check(t, err)
		if p.Status != http.StatusBadRequest || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("status %d", p.Status)
		}
		// And a link that a browser began is not that token's to finish.
		phone := w.signedIn("lin")
		req = phone.request(http.MethodGet, phone.stops(phone.asksToLink("shop"), "/callback/shop?"), nil)
		req.Header.Set("Authorization", "Bearer "+m.token)
		before := w.exchanges()
		p, err = phone.fetch(req)
		check(t, err)
		p.wantStatus(http.StatusForbidden)
		nothing(t, before)
	})
	t.Run("of the nobody of a snapshot", func(t *testing.T) {
		phone := w.signedIn("lin")
		way := phone.asksToLink("shop")
		phone.setCookie(w.simURL, wechatsim.CookiePerson, "snapshot")
		p := phone.opens(way)
		if strings.Contains(p.Body, "绑定成功") {
			t.Errorf("at %s", p.URL)
		}
		w.wantIdentities(phone, w.openID("main", "lin"))
	})
	t.Run("of somebody whom WeChat tells apart", func(t *testing.T) {
		// A code that somebody else was led to scan: their unionid is another, within
		// the Open Platform account of main.
		phone := w.signedIn("lin")
		way := phone.asksToLink("club")
		phone.setCookie(w.simURL, wechatsim.CookiePerson, "wang")
		phone.opens(way).wantPage(http.StatusForbidden, "另一个微信号").linkTo("/me")
		w.wantIdentities(phone, w.openID("main", "lin"))
	})
	t.Run("of two people in one answer", func(t *testing.T) {
		phone := w.signedIn("lin")
		way := phone.asksToLink("shop")
		w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Body: []byte(`{"openid":"oSomebodyElse00000000000000"}`)})
		phone.opens(way).wantStatus(http.StatusBadGateway).linkTo("/me")
		w.wantEvents(admin.ActIdentityClash)
		w.wantIdentities(phone, w.openID("main", "lin"))
	})
	t.Run("of somebody who is blocked", func(t *testing.T) {
		other := w.phone("alice")
		other.opens("/login?account=shop&consent=1").wantPage(http.StatusOK, "")
		id := other.whose()
		check(t, w.admins.Block(t.Context(), admin.CommandLine(), id, ""))
		phone := w.signedIn("alice")
		phone.links("shop").wantStatus(http.StatusForbidden)
		w.wantIdentities(phone, w.openID("main", "alice"))
		way := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		check(t, w.admins.Unblock(t.Context(), admin.CommandLine(), id))
		check(t, w.admins.Block(t.Context(), admin.CommandLine(), phone.whose(), ""))
		phone.get(way).wantPage(http.StatusForbidden, "绑定未完成")
	})
	t.Run("twice", func(t *testing.T) {
		phone := w.signedIn("plain")
		address := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		first, second := phone.get(address), phone.get(address)
		first.wantRedirect("/me?done=linked")
		second.wantRedirect("/me?done=linked")
		w.wantIdentities(phone, w.openID("main", "plain"), w.openID("shop", "plain"))
	})
	t.Run("refused by the person", func(t *testing.T) {
		phone := w.signedIn("hostile")
		address := phone.stops(phone.asksToLink("shop"), "/callback/shop?")
		phone.get(address[:strings.Index(address, "?")+1] + "state=" + address[strings.Index(address, "state=")+6:]).wantStatus(http.StatusBadRequest).linkTo("/me")
		w.wantIdentities(phone, w.openID("main", "hostile"))
	})
}

// Nobody unlinks what is not theirs, nor what WeChat or an admin has joined.
func TestUnlinkAttacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: append(apartAccounts[:3:3], auth.Account{Name: "club", Kind: auth.OfficialAccount, Group: "acme"})})
	victim := w.signedIn("lin")
	victim.links("shop").wantPage(http.StatusOK, "绑定成功")
	address := victim.get("/me").linkTo("/me/identities/")
	attacker := w.signedIn("wang")
	attacker.post(address, nil).wantRedirect("/me")
	w.browser(iPhone).post(address, nil).wantStatus(http.StatusUnauthorized)
	w.wantIdentities(victim, w.openID("main", "lin"), w.openID("shop", "lin"))

	// One that WeChat has named the same.
	own := w.phone("lin")
	own.opens("/login?account=club&consent=1").wantPage(http.StatusOK, "")
	w.wantIdentities(victim, w.openID("main", "lin"), w.openID("shop", "lin"), w.openID("club", "lin"))
	identities, err := w.db.Identities(t.Context(), victim.whose())
	check(t, err)
	for _, i := range identities {
		if i.AppID == w.account("club").AppID {
			victim.post("/me/identities/"+i.ID+"/unlink", nil).wantRedirect("/me")
		}
	}
	victim.post("/me/identities/"+victim.whose()+"/unlink", nil).wantRedirect("/me")
	w.wantIdentities(victim, w.openID("main", "lin"), w.openID("shop", "lin"), w.openID("club", "lin"))
}

// With one account there is nothing of all this.
func TestNothingToLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	for _, path := range []string{"/", "/me"} {
		if p := phone.get(path); strings.Contains(p.Body, "登录方式") {
			t.Errorf("%s tells of ways to log in", path)
		}
	}
	phone.post("/me/link", url.Values{"account": {"main"}}).wantStatus(http.StatusNotFound)
}
