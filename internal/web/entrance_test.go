package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// asks makes one request with header lines, "Name: value", and follows nothing.
func (b *browser) asks(method, address string, lines ...string) *page {
	b.w.t.Helper()
	req := b.request(method, address, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	p, err := b.fetch(req)
	check(b.w.t, err)
	return p
}

// WeChat's browser on Android names itself in X-Requested-With with every page.
// Only XMLHttpRequest means a script.
func TestWeChatOnAndroidNavigates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const app = "X-Requested-With: com.tencent.mm"
	w.browser(iPhone).asks(http.MethodGet, "/verify?login=redirect", app, "Accept: text/html", "Sec-Fetch-Mode: navigate").
		wantRedirect(w.url + "/login?return_to=%2F")
	w.browser(iPhone).asks(http.MethodGet, "/admin", app, "Accept: text/html, application/json").wantPage(http.StatusUnauthorized, "<html")
	for _, script := range []string{"XMLHttpRequest", "xmlhttprequest"} {
		w.browser(iPhone).asks(http.MethodGet, "/verify?login=redirect", "X-Requested-With: "+script, "Sec-Fetch-Mode: navigate").
			wantPage(http.StatusUnauthorized, `"login_url"`)
	}
}

// /signin is one address for every browser, and everybody who is told to sign in is
// told this one.
func TestOneAddressToSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx", proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	cart := url.QueryEscape("https://shop.example.com/cart?a=1")
	for name, agent := range map[string]string{"desktop": desktopWeb, "WeCom": weCom, "Safari": phoneNamed("safari-iphone").UserAgent} {
		p := w.browser(agent).get("/signin?return_to="+cart).wantPage(http.StatusOK, "/qr.png")
		if !strings.Contains(p.Body, "return_to="+cart) {
			t.Errorf("%s: the way back is lost:\n%s", name, excerpt(p.Body))
		}
	}
	phone := w.phone("lin")
	if to := phone.get("/signin?return_to=" + cart).Header.Get("Location"); !strings.HasPrefix(to, w.simURL+"/connect/oauth2/authorize") {
		t.Errorf("in WeChat /signin leads to %s", to)
	}
	phone.signsIn()
	if at := phone.stops("/signin?return_to="+cart, "shop.example.com"); at != "https://shop.example.com/cart?a=1" {
		t.Errorf("/signin ends at %s", at)
	}

	asked := []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example.com", "X-Forwarded-Uri: /cart?a=1", "Accept: application/json"}
	for _, agent := range []string{iPhone, desktopWeb} {
		b := w.browser(agent)
		b.asks(http.MethodGet, "/api/me", "Accept: application/json").wantPage(http.StatusUnauthorized, `"login_url":"`+w.url+`/signin?return_to=%2Fwx%2F"`)
		p := b.asks(http.MethodGet, "/verify", asked...).wantPage(http.StatusUnauthorized, `"login_url":"`+w.url+`/signin?return_to=`+cart+`"`)
		if got := p.Header.Get("X-Login-Url"); got != w.url+"/signin?return_to="+cart {
			t.Errorf("X-Login-Url: %s", got)
		}
	}
	// Pages written when login_url had no query put their own behind it.
	w.browser(desktopWeb).get("/signin?return_to=%2Fwx%2F?return_to="+cart).wantPage(http.StatusOK, "return_to="+cart)
}

// People who are not signed in pass with empty headers where a login is optional,
// and only there; a query that Envoy takes over from the visitor decides nothing.
func TestVerifyOptional(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	stranger, phone := w.phone(""), w.phone("lin")
	phone.signsIn()
	p := stranger.get("/verify?optional=1&login=redirect").wantPage(http.StatusOK, "")
	for _, name := range identity {
		if values, there := p.Header[name]; !there || len(values) != 1 || values[0] != "" {
			t.Errorf("%s: %q", name, values)
		}
	}
	if got := p.Header.Get("X-Login-Url"); got != w.url+"/signin?return_to=%2Fwx%2F" {
		t.Errorf("X-Login-Url: %q", got)
	}
	p = phone.get("/verify?optional=1").wantPage(http.StatusOK, "")
	if p.Header.Get("X-Wechat-Openid") != w.person("lin").OpenID {
		t.Errorf("headers %v", p.Header)
	}
	stranger.get("/verify/cart?optional=1").wantPage(http.StatusUnauthorized, "")
	stranger.get("/verify?optional=0").wantPage(http.StatusUnauthorized, "")
	check(t, w.db.Close())
	p = stranger.get("/verify?optional=1") // nobody held a cookie, so nothing was asked
	if p.Status != http.StatusOK {
		t.Errorf("status %d", p.Status)
	}
	if p := phone.get("/verify?optional=1"); p.Status != http.StatusServiceUnavailable && p.Status != http.StatusOK {
		t.Errorf("a database that does not answer: %d", p.Status)
	}
}

// Every path and every method below /verify answers as /verify, whatever site the
// visitor's request comes from, and its body is not looked at.
func TestVerifyAnyPathAndMethod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx", proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	phone, stranger := w.phone("lin"), w.browser(desktopWeb)
	phone.signsIn()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE"} {
		for _, path := range []string{"/verify", "/verify/", "/verify/cart", "/verify/a%2Fb//c"} {
			lines := []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Content-Type: application/x-www-form-urlencoded"}
			if p := phone.asks(method, path, lines...); p.Status != http.StatusOK || p.Header.Get("X-Wechat-Openid") != w.person("lin").OpenID {
				t.Errorf("%s %s: %d %v", method, path, p.Status, p.Header)
			}
			if p := stranger.asks(method, path, lines...); p.Status != http.StatusUnauthorized || p.Header.Get("X-Wechat-Openid") != "" {
				t.Errorf("%s %s by nobody: %d", method, path, p.Status)
			}
		}
	}
	if p := phone.get("/verifyx"); p.Status != http.StatusNotFound {
		t.Errorf("/verifyx: %d", p.Status)
	}
	// Envoy says where the visitor wanted to go by host and path alone.
	p := stranger.asks(http.MethodGet, "/verify/cart?a=1", "Host: shop.example.com")
	if got, want := p.Header.Get("X-Login-Url"), w.url+"/signin?return_to="+url.QueryEscape("https://shop.example.com/cart?a=1"); got != want {
		t.Errorf("X-Login-Url: %s, want %s", got, want)
	}
}

// What a proxy tells a little wrongly still leads back; what leads nowhere is told
// the operator, once.
func TestWayBackBehindProxies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com", "port.example.com:8443"}})
	back := func(proto, host, uri string, more ...string) string {
		t.Helper()
		p := w.browser(iPhone).asks(http.MethodGet, "/verify", append(more, "X-Forwarded-Proto: "+proto, "X-Forwarded-Host: "+host, "X-Forwarded-Uri: "+uri)...)
		u, err := url.Parse(p.Header.Get("X-Login-Url"))
		check(t, err)
		return u.Query().Get("return_to")
	}
	long := "/" + strings.Repeat("p", 1000) + "?" + strings.Repeat("q", 2000)
	for _, test := range []struct{ proto, host, uri, want string }{
		{"https", "shop.example.com", "/cart?a=1", "https://shop.example.com/cart?a=1"},
		{"http", "shop.example.com", "/cart", "https://shop.example.com/cart"},
		{"https,http", "shop.example.com", "/cart", "https://shop.example.com/cart"},
		{"http, https", "shop.example.com, inner", "/a,b", "https://shop.example.com/a,b"},
		{"wss", "shop.example.com", "/cart", "https://shop.example.com/cart"},
		{"", "shop.example.com", "/cart", "https://shop.example.com/cart"},
		{"https", "shop.example.com:443", "/cart", "https://shop.example.com/cart"},
		{"http", "shop.example.com:80", "/cart", "https://shop.example.com/cart"},
		{"https", "shop.example.com.", "/cart", "https://shop.example.com/cart"},
		{"https", "Shop.Example.com.:443", "/cart", "https://Shop.Example.com/cart"},
		{"https", "port.example.com:8443", "/cart", "https://port.example.com:8443/cart"},
		{"https", "shop.example.com", "//cart", "https://shop.example.com/cart"},
		{"https", "shop.example.com", "/sale-50%-off?p=%zz", "https://shop.example.com/sale-50%-off?p=%zz"},
		{"https", "shop.example.com", "/100%", "https://shop.example.com/100%"},
		{"https", "shop.example.com", long, "https://shop.example.com/" + strings.Repeat("p", 1000)},
		{"https", "shop.example.com", "/" + strings.Repeat("p", 3000), "https://shop.example.com/"},
		{"https", "shop.example.com:444", "/cart", "/"},
		{"https", "evil.example", "//shop.example.com/", "/"},
		{"https", "shop.example.com", "/a/.%2e/b", "/"},
		{"https", "shop.example.com@evil.example", "/cart", "/"},
	} {
		if got := back(test.proto, test.host, test.uri); got != test.want {
			t.Errorf("%s %s %.40s leads back to %.80q, want %.80q", test.proto, test.host, test.uri, got, test.want)
		}
	}
	if got := back("https", "port.example.com", "/cart", "X-Forwarded-Port: 8443"); got != "https://port.example.com:8443/cart" {
		t.Errorf("a port told apart leads back to %q", got)
	}
	// The address is checked again at each step, and kept byte for byte.
	kept := url.QueryEscape("https://shop.example.com/sale-50%-off")
	w.browser(desktopWeb).get("/signin?return_to="+kept).wantPage(http.StatusOK, "return_to="+kept)

	for range 3 {
		back("https", "evil.example", "/cart")
		w.browser(iPhone).get("/login?return_to=" + url.QueryEscape("https://other.example/"))
	}
	for _, said := range []string{`"reason":"the host is not in WXLOGIN_RETURN_HOSTS","host":"evil.example"`, `"reason":"return_to: the host is not in WXLOGIN_RETURN_HOSTS","host":"other.example"`} {
		if n := strings.Count(w.log.String(), said); n != 1 {
			t.Errorf("the log says %d times %s", n, said)
		}
	}
	untrusting := newWorld(t, options{returnHosts: []string{"shop.example.com"}})
	for range 3 {
		untrusting.browser(iPhone).asks(http.MethodGet, "/verify", "X-Forwarded-Host: shop.example.com", "X-Forwarded-Uri: /")
	}
	if n := strings.Count(untrusting.log.String(), "WXLOGIN_TRUSTED_PROXIES"); n != 1 {
		t.Errorf("a proxy that nobody trusts is told %d times", n)
	}
}

// A browser that goes round between a site and WeChat comes to rest on a page
// after three finished trips, and the log names the setting.
func TestLoginsWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	phone := w.phone("lin")
	phone.signsIn()
	login := "/signin?return_to=" + url.QueryEscape("https://shop.example.com/cart")
	round := func() { phone.stops(login, "shop.example.com") }
	for range 3 {
		round()
		w.clock.pass(3 * time.Second)
	}
	p := phone.get(login).wantPage(http.StatusBadRequest, "登录没有保存下来")
	for _, said := range []string{"WXLOGIN_COOKIE_DOMAIN", "shop.example.com"} {
		if !strings.Contains(w.log.String(), said) {
			t.Errorf("the log does not name %s", said)
		}
	}
	if !strings.Contains(p.Body, "return_to=https%3A%2F%2Fshop.example.com%2Fcart") {
		t.Error("the page has no way on")
	}
	round() // who presses the button means it
	// Slower than any loop, or to different pages, people come and go.
	for range 6 {
		round()
		w.clock.pass(time.Minute)
	}
	for _, page := range []string{"a", "b", "c", "d", "e"} {
		phone.stops("/signin?return_to="+url.QueryEscape("https://shop.example.com/"+page), "shop.example.com")
	}
	// Our own pages see the session, so whoever signs in there again wants to.
	for range 6 {
		phone.opens("/login?return_to=%2F").wantPage(http.StatusOK, "OpenID")
	}

	// A browser that keeps every cookie but the session's.
	forgetful := w.phone("lin")
	visits := 0
	for ; visits < 10; visits++ {
		p := forgetful.get(forgetful.stops("/", "/callback?"))
		forgetful.setCookie(w.url, "wxlogin", "")
		if p.Status != http.StatusSeeOther {
			t.Fatalf("status %d", p.Status)
		}
		if p := forgetful.get(forgetful.get("/").Header.Get("Location")); p.Status == http.StatusBadRequest {
			break
		}
	}
	if visits != 2 {
		t.Errorf("%d trips", visits+1)
	}
}

// Whoever opens an address by hand, or sends a form, after the session has ended
// gets a page that leads to the login and back, and a script its JSON.
func TestExpiredSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	b := w.phone("lin")
	const navigates = "Sec-Fetch-Mode: navigate"
	b.asks(http.MethodGet, "/api/me/export", navigates).wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Fme"`)
	b.get("/api/me/export").wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Fme"`)
	b.get("/erase").wantRedirect("/login?return_to=%2Ferase")
	b.asks(http.MethodPost, "/api/me/erase", "Content-Type: application/x-www-form-urlencoded").wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Ferase"`)
	b.asks(http.MethodGet, "/api/admin/users.csv", navigates).wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Fadmin"`)
	b.asks(http.MethodPost, "/me/sessions/x/end").wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Fme"`)
	b.get("/me?done=session").wantPage(http.StatusUnauthorized, `href="/login?return_to=%2Fme`)
	for _, address := range []string{"/api/me/export", "/api/me", "/api/admin/users.csv", "/verify"} {
		b.asks(http.MethodGet, address, "Accept: application/json", "Sec-Fetch-Mode: cors").wantPage(http.StatusUnauthorized, `"login_url"`)
		b.asks(http.MethodGet, address, "Sec-Fetch-Mode: cors").wantPage(http.StatusUnauthorized, `"login_url"`)
	}

	// In forward auth for another site, whose address the page is shown under.
	site := []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example.com", "X-Forwarded-Uri: /order", navigates,
		"X-Forwarded-Method: POST", "Content-Type: application/x-www-form-urlencoded", "Referer: https://shop.example.com/form?x=1"}
	p := b.asks(http.MethodGet, "/verify?login=redirect", site...).wantPage(http.StatusUnauthorized, "没有送达")
	wants := func(p *page, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(p.Body, text) {
				t.Errorf("the page has no %s:\n%s", text, p.Body)
			}
		}
	}
	wants(p, `href="`+w.url+`/signin?return_to=`+url.QueryEscape("https://shop.example.com/form?x=1"), `<base href="`+w.url+`/">`, `target="_top"`)
	if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src "+w.url+";") || !strings.Contains(policy, "base-uri "+w.url) {
		t.Errorf("policy %s", policy)
	}
	p = b.asks(http.MethodGet, "/verify", append(site, "Referer: https://evil.example/")...)
	wants(p, `/signin?return_to=`+url.QueryEscape("https://shop.example.com/order"))
	b.asks(http.MethodGet, "/verify", append(site, "Sec-Fetch-Mode: cors")...).wantPage(http.StatusUnauthorized, `"login_url"`)
	b.asks(http.MethodGet, "/verify", append(site, "X-Forwarded-Method: PUT", "Content-Type: application/json")...).wantPage(http.StatusUnauthorized, `"login_url"`)
}

// Nobody is sent to WeChat, or shown a code, inside a frame.
func TestFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}, returnHosts: []string{"shop.example.com"}})
	for _, kind := range []string{"iframe", "frame", "embed", "object"} {
		for _, agent := range []string{iPhone, desktopWeb} {
			b := w.browser(agent)
			for _, address := range []string{"/login?return_to=%2F", "/signin?return_to=%2F", "/scan"} {
				p := b.asks(http.MethodGet, address, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: "+kind).wantPage(http.StatusOK, `target="_top"`)
				if p.Header.Get("X-Frame-Options") != "" || !strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'self' "+w.url+" https://shop.example.com") {
					t.Errorf("%v", p.Header)
				}
			}
			b.asks(http.MethodGet, "/verify?login=redirect", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: "+kind, "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example.com", "X-Forwarded-Uri: /cart").
				wantPage(http.StatusUnauthorized, "/signin?return_to=https%3A%2F%2Fshop.example.com%2Fcart")
		}
	}
	// What a click could be stolen for stays out of frames.
	phone := w.phone("lin")
	phone.signsIn()
	if p := phone.asks(http.MethodGet, "/", "Sec-Fetch-Dest: iframe"); p.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the profile in a frame: %v", p.Header)
	}
}

// Back after a first login leads on, not to a question that has been answered.
func TestBackToConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.opens("/login?return_to=%2Fme").wantPage(http.StatusOK, "同意")
	phone.opens("/login?consent=1&return_to=%2Fme")
	phone.get("/consent?return_to=%2Fme").wantRedirect("/me")
	phone.post("/logout", nil)
	phone.get("/consent?return_to=%2Fme").wantPage(http.StatusOK, "同意")
}

// Another entrance, www or http, leads to the public address before a login
// begins; a proxy that tells it wrongly makes no loop.
func TestOtherEntrances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{https: true, proxies: []string{"127.0.0.1/32"}})
	host := strings.TrimPrefix(w.url, "https://")
	for _, line := range []string{"Host: www." + host, "X-Forwarded-Host: www." + host, "X-Forwarded-Proto: http"} {
		for _, path := range []string{"/login?consent=1&return_to=%2Fme", "/signin?return_to=%2Fme", "/scan", "/"} {
			b := w.browser(iPhone)
			p := b.asks(http.MethodGet, path, line)
			to := p.Header.Get("Location")
			if !strings.HasPrefix(to, w.url+strings.Split(path, "?")[0]+"?") || strings.Contains(path, "consent") && (!strings.Contains(to, "consent=1") || !strings.Contains(to, "return_to=%2Fme")) {
				t.Errorf("%s %s leads to %q", line, path, to)
				continue
			}
			if p.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s begins something at the wrong address", line, path)
			}
			if again := b.asks(http.MethodGet, to, line); strings.HasPrefix(again.Header.Get("Location"), w.url+strings.Split(path, "?")[0]+"?") {
				t.Errorf("%s: a loop", line)
			}
		}
	}
	for _, line := range []string{"Host: evil.example", "X-Forwarded-Host: evil.example", "Host: inner:8007", "X-Forwarded-Proto: https,http"} {
		if to := w.browser(iPhone).asks(http.MethodGet, "/login", line).Header.Get("Location"); !strings.HasPrefix(to, w.simURL) {
			t.Errorf("%s leads to %q", line, to)
		}
	}
}

// Who prefers Hong Kong's Chinese reads Traditional, whatever follows.
func TestLanguagesByPreference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for asked, want := range map[string]string{
		"zh-HK,zh;q=0.9": "zh-TW", "zh-HK,zh-CN;q=0.8,en;q=0.5": "zh-TW", "zh-MO,zh;q=0.9,en;q=0.1": "zh-TW", "zh-Hant-HK,zh-Hans;q=0.9": "zh-TW",
		"zh-TW,zh;q=0.9": "zh-TW", "zh-CN,zh;q=0.9": "zh-CN", "zh": "zh-CN", "zh-SG,zh-TW;q=0.5": "zh-CN", "en-GB,zh;q=0.9": "en", "fr,zh-HK;q=0.5,zh;q=0.4": "zh-TW", "fr": "zh-CN",
	} {
		b := w.browser(desktopWeb)
		b.lang = asked
		if got := b.get("/scan").Header.Get("Content-Language"); got != want {
			t.Errorf("%s reads %s, want %s", asked, got, want)
		}
	}
}

// A phone's ordinary browser is told to go to WeChat first, with the address to
// copy, a desktop's is shown the code first; both are told the site.
func TestPhonesCopyTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{returnHosts: []string{"shop.example.com"}})
	path := "/signin?return_to=" + url.QueryEscape("https://shop.example.com/cart")
	for _, phone := range wechatsim.Phones() {
		if phone.InWeChat() {
			continue
		}
		agent := phone.UserAgent
		p := w.browser(agent).get(path).wantPage(http.StatusOK, "shop.example.com</b>")
		address, code := strings.Index(p.Body, `id="url"`), strings.Index(p.Body, "/qr.png")
		if address < 0 || code < 0 || address < code != phone.Small {
			t.Errorf("%s: the address is at %d, the code at %d", agent, address, code)
		}
		if !strings.Contains(p.Body, w.url+path) {
			t.Errorf("%s is not given %s", agent, path)
		}
	}
}

// Fragments: WeChat's own ends with the trip, the page's own comes back.
func TestFragments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	wants := func(address, want string) {
		t.Helper()
		if got := phone.get(address).Header.Get("Location"); got != want {
			t.Errorf("%.60s leads to %q, want %q", address, got, want)
		}
	}
	wants(phone.stops("/login?return_to=%2Fme", "/callback?"), "/consent?return_to=%2Fme#")
	phone.signsIn()
	for returnTo, want := range map[string]string{"/me": "/me#", "/app/#/order/5": "/app/#/order/5", "/x?a=1": "/x?a=1#"} {
		callback := phone.stops("/login?return_to="+url.QueryEscape(returnTo), "/callback?")
		wants(callback, want)
		wants(callback, want) // WeChat calls twice
	}
	wants("/callback?code=x&state="+strings.Repeat("A", 26), "/#")
}
