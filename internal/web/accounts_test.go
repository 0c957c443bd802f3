package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// threeAccounts are what a company has that its people come by.
var threeAccounts = []auth.Account{
	{Name: "shop", Kind: auth.OfficialAccount, Group: "acme"},
	{Name: "pc", Kind: auth.WebsiteAccount, Group: "acme"},
	{Name: "app", Kind: auth.MiniProgram, Group: "acme"},
}

func TestLoginByAccount(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{"shop.example.com": "shop", "pc.example.com": "pc"}
	w := newWorld(t, options{accounts: threeAccounts, accountHosts: hosts, returnHosts: []string{"shop.example.com", "pc.example.com", "www.example.com"}})
	shops := w.app("the shop's", func(c *auth.Client) { c.Account = "shop" })
	anybodys := w.app("anybody's", nil)
	oidc := func(a *app) string {
		return "/login?return_to=" + url.QueryEscape(strings.TrimPrefix(a.begins(), w.url))
	}
	for _, c := range []struct{ name, agent, address, account string }{
		{"none asked for", iPhone, "/login", "main"},
		{"main", iPhone, "/login?account=main", "main"},
		{"named", iPhone, "/login?account=shop", "shop"},
		{"a website's", desktopWeb, "/login?account=pc", "pc"},
		{"a website's in WeChat", iPhone, "/login?account=pc", "main"},
		{"a website's in WeChat on a PC", windowsPC, "/login?account=pc", "main"},
		{"a website's in WeChat, of a host with an official account", iPhone, "/login?account=pc&return_to=https://shop.example.com/", "shop"},
		{"the host's", iPhone, "/login?return_to=https://shop.example.com/cart", "shop"},
		{"the host's, spelled otherwise", iPhone, "/login?return_to=https://SHOP.example.com:443/cart", "shop"},
		{"the host's website", desktopWeb, "/login?return_to=https://pc.example.com/", "pc"},
		{"the host's website in WeChat", iPhone, "/login?return_to=https://pc.example.com/", "main"},
		{"named, against the host's", iPhone, "/login?account=main&return_to=https://shop.example.com/cart", "main"},
		{"of a host without one", iPhone, "/login?return_to=https://www.example.com/", "main"},
		{"of a foreign host", iPhone, "/login?return_to=https://evil.example.org/", "main"},
		{"an application's", iPhone, oidc(shops), "shop"},
		{"an application's with none of its own", iPhone, oidc(anybodys), "main"},
	} {
		t.Run(c.name, func(t *testing.T) {
			account := w.account(c.account)
			u, err := url.Parse(w.browser(c.agent).get(c.address).location())
			check(t, err)
			page, callback, scope := "/connect/oauth2/authorize", "/callback/"+c.account, "snsapi_base"
			switch c.account {
			case "main":
				callback = "/callback"
			case "pc":
				page, scope = "/connect/qrconnect", "snsapi_login"
			}
			q := u.Query()
			if u.Path != page || q.Get("appid") != account.AppID || q.Get("redirect_uri") != w.url+callback || q.Get("scope") != scope {
				t.Errorf("leads to %s", u)
			}
		})
	}
	if got, want := w.exchanges(), "main 0 shop 0 pc 0 app 0"; got != want {
		t.Errorf("exchanges: %s, want %s", got, want)
	}
}

// A name that is no account's, and one that signs nobody in to a page, have a page in
// words.
func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	for _, query := range []string{"account=other", "account=", "account=SHOP", "account=app", "account=shop&account=pc", "account=shop%00", "account=" + strings.Repeat("a", 5000)} {
		for _, path := range []string{"/login?", "/signin?"} {
			p := w.phone("lin").get(path + query)
			if query == "account=" { // as if there were none
				if p.Status != http.StatusFound {
					t.Errorf("%s%s: status %d", path, query, p.Status)
				}
				continue
			}
			p.wantPage(http.StatusNotFound, "没有这个登录入口")
			if p.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s%s: a login has begun", path, query)
			}
		}
	}
}

// Somebody unknown agrees on our page and comes in by the account that they began with.
func TestConsentKeepsTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	phone := w.phone("lin")
	p := phone.opens("/login?account=shop&return_to=/me")
	p = phone.opens(p.linkTo("/login?consent=1")).wantPage(http.StatusOK, "")
	if p.URL.Path != "/me" {
		t.Fatalf("at %s", p.URL)
	}
	shop := w.account("shop")
	if me := phone.me(); me["appid"] != shop.AppID || me["nickname"] != "林小满" {
		t.Errorf("signed in as %v", me)
	}
	if got, want := w.exchanges(), "main 0 shop 2 pc 0 app 0"; got != want {
		t.Errorf("exchanges: %s, want %s", got, want)
	}
	// The session is the person's, wherever they go.
	for _, path := range []string{"/", "/api/me", "/verify"} {
		phone.get(path).wantStatus(http.StatusOK)
	}
}

// What comes back by another account's callback is refused before anything leaves the
// process: a code would else be sent with the wrong AppID and secret, to whoever holds
// that account.
func TestStateOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	for _, c := range []struct{ login, from, to string }{
		{"/login", "/callback?", "/callback/shop?"},
		{"/login", "/callback?", "/callback/pc?"},
		{"/login", "/callback?", "/callback/app?"},
		{"/login", "/callback?", "/callback/other?"},
		{"/login?account=shop", "/callback/shop?", "/callback?"},
		{"/login?account=shop", "/callback/shop?", "/callback/pc?"},
		{"/login?account=shop", "/callback/shop?", "/callback/SHOP?"},
		{"/login?account=shop", "/callback/shop?", "/callback/shop%20?"},
	} {
		t.Run(c.login+" at "+c.to, func(t *testing.T) {
			before, phone := w.exchanges(), w.phone("lin")
			p := phone.get(strings.Replace(phone.stops(c.login, c.from), c.from, c.to, 1))
			if p.Status != http.StatusBadRequest && p.Status != http.StatusNotFound {
				t.Errorf("status %d", p.Status)
			}
			if p.Status == http.StatusBadRequest {
				p.wantPage(http.StatusBadRequest, `href="/login?return_to=`)
			}
			phone.follow(p)
			phone.wantNobody()
			if got := w.exchanges(); got != before {
				t.Errorf("exchanges: %s, before %s", got, before)
			}
		})
	}
	t.Run("signed in", func(t *testing.T) {
		phone := w.signedIn("lin")
		before := w.exchanges()
		address := phone.stops("/login?account=shop", "/callback/shop?")
		phone.get(strings.Replace(address, "/callback/shop?", "/callback?", 1)).wantPage(http.StatusBadRequest, "")
		if got := w.exchanges(); got != before {
			t.Errorf("exchanges: %s, before %s", got, before)
		}
		phone.wantMe("lin")
		// The flow is still good where it belongs.
		phone.get(address)
		if got := w.exchanges(); got == before {
			t.Error("the login is spoiled")
		}
	})
	if n := w.users(); n != 1 {
		t.Errorf("%d people are stored", n)
	}
}

// People of every account can be admins, by the account's name.
func TestAdminOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts, mode: auth.ModeBase})
	phone := w.phone("lin")
	phone.opens("/login?account=shop").wantPage(http.StatusOK, "")
	openID := phone.me()["openid"].(string)
	for _, c := range []struct {
		who    string
		status int
	}{{openID, http.StatusForbidden}, {"shop:" + openID, http.StatusOK}} {
		_, err := w.admins.Grant(t.Context(), admin.CommandLine(), c.who)
		check(t, err)
		phone.get("/admin").wantStatus(c.status)
	}
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), "other:"+openID)
	if auth.ReasonOf(err) != auth.NoSuchAccount {
		t.Errorf("of an account that is not there: %v", err)
	}
	_, err = w.admins.Revoke(t.Context(), admin.CommandLine(), "shop:"+openID)
	check(t, err)
	phone.get("/admin").wantStatus(http.StatusForbidden)

	named := newWorld(t, options{accounts: threeAccounts, mode: auth.ModeBase, sim: w.sim, admins: []string{"shop:" + openID}})
	phone = named.phone("lin")
	phone.opens("/login?account=shop").wantPage(http.StatusOK, "")
	if got := phone.me()["openid"]; got != openID {
		t.Fatalf("the simulator gives another openid: %v", got)
	}
	phone.get("/admin").wantStatus(http.StatusOK)
}

// Where there are several accounts, the dashboard and what is found by the number of a
// request say by which one a login failed.
func TestFailuresNameTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	adminBrowser := w.admin()
	m := w.mini("lin", miniIPhone)
	w.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Errcode: 40125})
	body, err := json.Marshal(map[string]string{"code": m.code()})
	check(t, err)
	failed := m.sends(http.MethodPost, "/mini/app/login", body)
	const account = `<bdi>app</bdi> <span class="tag">`
	if n := strings.Count(adminBrowser.get("/admin").wantPage(http.StatusOK, "40125").Body, account); n != 2 {
		t.Errorf("the dashboard names the account %d times, for the last error and in the list", n)
	}
	adminBrowser.get("/admin/events?who="+failed.Header.Get("X-Request-Id")).wantPage(http.StatusOK, account)
}
