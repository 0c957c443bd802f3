package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// identity are the headers of every 200.
var identity = []string{"Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope"}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	nickname := "林 小满\u202e🌸" + strings.Repeat("长", 500)
	w.sim.AddPerson(wechatsim.Person{Key: "long", Nickname: nickname})
	phone := w.phone("long")
	p := phone.get("/verify").wantPage(http.StatusUnauthorized, `"login_url"`)
	for _, name := range identity {
		if p.Header.Get(name) != "" {
			t.Errorf("a refusal carries %s", name)
		}
	}
	phone.signsIn()
	calls, lastSeen := len(w.sim.Calls()), phone.me()["last_login_at"]
	p = phone.get("/verify").wantPage(http.StatusOK, "")
	for _, name := range identity {
		values, present := p.Header[name]
		if !present || len(values) != 1 {
			t.Errorf("%s: %q", name, values)
			continue
		}
		if len(values[0]) > 1024 || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s is no short printable ASCII: %q", name, values[0])
		}
	}
	if p.Header.Get("X-Wechat-Openid") != w.person("long").OpenID || p.Header.Get("Remote-User") != phone.me()["id"] {
		t.Errorf("identity %v", p.Header)
	}
	if name, err := url.PathUnescape(p.Header.Get("Remote-Name")); err != nil || !strings.HasPrefix(name, "林 小满🌸长") {
		t.Errorf("name %q, %v", name, err)
	}
	if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", p.Header)
	}
	if n := len(w.sim.Calls()); n != calls || phone.me()["last_login_at"] != lastSeen {
		t.Error("forward auth asked WeChat or wrote something")
	}

	phone.post("/logout", nil)
	phone.get("/verify").wantPage(http.StatusUnauthorized, "")
}

// A browser is led to where it can sign in; scripts are told.
func TestVerifyRedirects(t *testing.T) {
	t.Parallel()
	trusting := newWorld(t, options{proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	distrusting := newWorld(t, options{returnHosts: []string{"shop.example.com"}})
	asks := func(w *world, agent string, header ...string) *page {
		b := w.browser(agent)
		req := b.request(http.MethodGet, "/verify?login=redirect", nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		p, err := b.fetch(req)
		check(t, err)
		return p
	}
	shop := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example.com", "X-Forwarded-Uri", "/cart?a=1&b=2"}
	back := url.QueryEscape("https://shop.example.com/cart?a=1&b=2")

	asks(trusting, iPhone, shop...).wantRedirect(trusting.url + "/login?return_to=" + back)
	asks(trusting, desktopWeb, shop...).wantRedirect(trusting.url + "/scan?return_to=" + back)
	asks(distrusting, iPhone, shop...).wantRedirect(distrusting.url + "/login?return_to=%2F")
	for _, host := range []string{"evil.example", "shop.example.com.evil.example", "shop.example.com@evil.example", "shop.example.com:444", "", "shop.example.com/x"} {
		asks(trusting, iPhone, "X-Forwarded-Proto", "https", "X-Forwarded-Host", host, "X-Forwarded-Uri", "/x").
			wantRedirect(trusting.url + "/login?return_to=%2F")
	}
	for _, header := range [][]string{
		{"X-Requested-With", "XMLHttpRequest"}, {"Accept", "application/json"}, {"X-Forwarded-Method", "POST"}, {"Sec-Fetch-Mode", "cors"},
	} {
		p := asks(trusting, iPhone, append(shop, header...)...).wantPage(http.StatusUnauthorized, `"login_url"`)
		if p.Header.Get("Location") != "" || p.Header.Get("X-Login-Url") != trusting.url+"/signin?return_to="+back {
			t.Errorf("%v: %v", header, p.Header)
		}
	}
}

// Nothing but the cookie passes forward auth.
func TestVerifyBelievesNoHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}})
	w.phone("lin").signsIn()
	b := w.browser("GoogleHC/1.0 kube-probe/1.30")
	for _, name := range append([]string{
		"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Prefix", "X-Original-Url",
		"X-Original-Method", "X-Real-Ip", "Forwarded", "Authorization", "X-Remote-User", "X-Wechat-Openid",
	}, identity...) {
		for _, value := range []string{"/healthz", "OPTIONS", "127.0.0.1", w.person("lin").OpenID, "for=127.0.0.1"} {
			req := b.request(http.MethodGet, "/verify", nil)
			req.Header.Set(name, value)
			p, err := b.fetch(req)
			check(t, err)
			if p.Status != http.StatusUnauthorized {
				t.Errorf("%s: %s gives status %d", name, value, p.Status)
			}
		}
	}
}

// A client's address is the one that the nearest proxy names, and the proxy's own
// when it names none: never nobody's, whose requests would all count as one.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, proxies, forwarded, want string }{
		{"no proxy", "", "", "127.0.0.1"},
		{"no proxy, forged", "", "6.6.6.6", "127.0.0.1"},
		{"another proxy, forged", "10.0.0.0/8", "6.6.6.6", "127.0.0.1"},
		{"proxy", "127.0.0.1/32", "6.6.6.6, 5.5.5.5", "5.5.5.5"},
		{"proxy that names nobody", "127.0.0.1/32", "", "127.0.0.1"},
		{"proxy that names itself", "127.0.0.1/32", "127.0.0.1", "127.0.0.1"},
		{"with a port", "127.0.0.1/32", "198.51.100.7:51234", "198.51.100.7"},
		{"with ports, of several", "127.0.0.1/32", "6.6.6.6:1, 198.51.100.7:51234,127.0.0.1:9", "198.51.100.7"},
		{"IPv6 with a port", "127.0.0.1/32", "[2001:db8::1]:443", "2001:db8::1"},
		{"IPv6 in brackets", "127.0.0.1/32", "[2001:db8::1]", "2001:db8::1"},
		{"IPv6", "127.0.0.1/32", "2001:db8::1", "2001:db8::1"},
		{"garbage with a colon", "127.0.0.1/32", "5.5.5.5, a:b:c", "127.0.0.1"},
		{"garbage", "127.0.0.1/32", "5.5.5.5, garbage", "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var o options
			if test.proxies != "" {
				o.proxies = []string{test.proxies}
			}
			w := newWorld(t, o)
			b := w.browser(desktopWeb)
			req := b.request(http.MethodGet, "/healthz", nil)
			if test.forwarded != "" {
				req.Header.Set("X-Forwarded-For", test.forwarded)
			}
			_, err := b.fetch(req)
			check(t, err)
			if log := w.log.String(); !strings.Contains(log, `"client":"`+test.want+`"`) {
				t.Errorf("want client %s: %s", test.want, log)
			}
		})
	}
}
