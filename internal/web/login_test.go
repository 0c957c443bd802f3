package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

func prefix(t testing.TB, s string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(s)
	check(t, err)
	return p
}

// The whole first visit, and the second that asks WeChat nothing.
func TestFirstVisitAndRepeatVisits(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")

	p := phone.opens("/")
	p.wantPage(http.StatusOK, "/login?consent=1&amp;return_to=%2F")
	if p.URL.Path != "/consent" {
		t.Fatalf("an unknown person came to %s, want the consent page", p.URL.Path)
	}
	w.wantExchanges(1)
	if n := w.users(); n != 0 {
		t.Fatalf("%d people are stored before anybody agreed", n)
	}

	p = phone.opens("/login?consent=1&return_to=%2F")
	lin := w.person("lin")
	for _, want := range []string{lin.OpenID, lin.Nickname, "广东", "广州", "女"} {
		p.wantPage(http.StatusOK, want)
	}
	w.wantExchanges(2)

	for range 3 {
		phone.opens("/").wantPage(http.StatusOK, lin.Nickname)
	}
	phone.wantMe("lin")
	w.wantExchanges(2)
}

// The service is begun again on the same database and keys.
func TestRepeatVisitAfterRestart(t *testing.T) {
	keys := newKeys(t)
	before := newWorld(t, options{keys: keys})
	phone := before.phone("lin")
	phone.signsIn()

	after := newWorld(t, options{keys: keys, dbPath: before.dbPath, sim: before.sim})
	phone.w = after
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	after.wantExchanges(1)
}

// Somebody known who has lost the cookie sees no screen.
func TestLostCookieOfKnownPerson(t *testing.T) {
	w := newWorld(t, options{})
	w.phone("lin").signsIn()

	other := w.phone("lin")
	p := other.opens("/")
	p.wantPage(http.StatusOK, "林小满")
	for _, hop := range p.Hops {
		if strings.Contains(hop, "consent") || strings.Contains(hop, "snsapi_userinfo") {
			t.Fatalf("a known person was asked again: %q", p.Hops)
		}
	}
	if n := w.users(); n != 1 {
		t.Fatalf("%d people are stored, want one", n)
	}
	if count := other.me()["login_count"]; count != 2.0 {
		t.Fatalf("login_count %v, want 2", count)
	}
}

func TestModes(t *testing.T) {
	t.Run("base", func(t *testing.T) {
		w := newWorld(t, options{mode: auth.ModeBase})
		phone := w.phone("lin")
		phone.opens("/").wantPage(http.StatusOK, w.person("lin").OpenID)
		me := phone.me()
		if me["nickname"] != "" || me["scope"] != "snsapi_base" || me["profile_updated_at"] != nil {
			t.Fatalf("base mode stored %v", me)
		}
	})
	t.Run("userinfo", func(t *testing.T) {
		w := newWorld(t, options{mode: auth.ModeUserinfo})
		phone := w.phone("lin")
		phone.opens("/").wantPage(http.StatusOK, "林小满")
		w.wantExchanges(1)
	})
}

// WeChat compares the authorize address with a strict pattern.
func TestAuthorizeAddress(t *testing.T) {
	w := newWorld(t, options{path: "/wx"})
	for _, test := range []struct {
		name, agent, tail string
	}{
		{"phone", iPhone, "&connect_redirect=1#wechat_redirect"},
		{"PC", windowsPC, "#wechat_redirect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := w.browser(test.agent)
			seen := map[string]bool{}
			for range 50 {
				location := b.get("/login").Header.Get("Location")
				before, after, _ := strings.Cut(location, "&state=")
				want := w.simURL + "/connect/oauth2/authorize?appid=" + w.sim.AppID() +
					"&redirect_uri=" + url.QueryEscape(w.url+"/callback") + "&response_type=code&scope=snsapi_base"
				if before != want {
					t.Fatalf("authorize address\n%s, want\n%s", before, want)
				}
				state, tail, _ := strings.Cut(after, test.tail)
				if tail != "" || len(state) < 26 || len(state) > 128 || strings.ContainsFunc(state, func(r rune) bool {
					return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
				}) {
					t.Fatalf("state and end of the address: %q", after)
				}
				if seen[state] {
					t.Fatal("a state came twice")
				}
				seen[state] = true
			}
		})
	}
}

// No header that a stranger can set chooses where WeChat sends a code.
func TestRedirectURIIsConfiguration(t *testing.T) {
	w := newWorld(t, options{})
	b := w.browser(iPhone)
	req := b.request(http.MethodGet, "/login", nil)
	req.Host = "evil.example"
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Original-Url"} {
		req.Header.Set(name, "evil.example")
	}
	req.Header.Set("Forwarded", "host=evil.example;proto=https")
	p, err := b.fetch(req)
	check(t, err)
	if location := p.Header.Get("Location"); !strings.Contains(location, url.QueryEscape(w.url+"/callback")) || strings.Contains(location, "evil") {
		t.Fatalf("authorize address %q", location)
	}
}

// Whatever is wrong with the state, no code leaves the process and nobody is
// signed in.
func TestCallbackRefusesForeignStates(t *testing.T) {
	w := newWorld(t, options{})
	good := func(b *browser) string { // a callback that WeChat would make for this browser
		return b.stops("/login?consent=1", "/callback?")
	}
	change := func(address string, f func(url.Values)) string {
		u, err := url.Parse(address)
		check(t, err)
		query := u.Query()
		f(query)
		u.RawQuery = query.Encode()
		return u.String()
	}
	stranger := w.phone("wang")
	tests := map[string]func(b *browser) string{
		"missing": func(b *browser) string { return change(good(b), func(q url.Values) { q.Del("state") }) },
		"empty":   func(b *browser) string { return change(good(b), func(q url.Values) { q.Set("state", "") }) },
		"made up": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", strings.Repeat("A", 26)) })
		},
		"changed": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", flip(q.Get("state"))) })
		},
		"longer": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", q.Get("state")+"A") })
		},
		"too long": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", strings.Repeat("A", 129)) })
		},
		"doubled": func(b *browser) string { return change(good(b), func(q url.Values) { q.Add("state", q.Get("state")) }) },
		"doubled with another": func(b *browser) string {
			return change(good(b), func(q url.Values) { q["state"] = []string{strings.Repeat("A", 26), q.Get("state")} })
		},
		"two codes":         func(b *browser) string { return change(good(b), func(q url.Values) { q.Add("code", "another") }) },
		"another browser's": func(*browser) string { return good(stranger) },
		"of a browser that lost it": func(b *browser) string {
			address := good(b)
			b.client.Jar = w.phone("lin").client.Jar
			return address
		},
		"too old": func(b *browser) string {
			address := good(b)
			w.clock.pass(11 * time.Minute)
			return address
		},
	}
	for name, address := range tests {
		t.Run(name, func(t *testing.T) {
			before := w.sim.Exchanges()
			b := w.phone("lin")
			p := b.get(address(b)).wantPage(http.StatusBadRequest, `href="/login?return_to=`)
			b.wantNobody()
			if got := w.sim.Exchanges(); got != before {
				t.Fatalf("WeChat was sent %d codes", got-before)
			}
			if p.Header.Get("Set-Cookie") != "" {
				t.Fatalf("a cookie was set: %s", p.Header.Get("Set-Cookie"))
			}
		})
	}
	if n := w.users(); n != 0 {
		t.Fatalf("%d people are stored", n)
	}
}

func flip(s string) string {
	last := byte('A')
	if s[len(s)-1] == last {
		last = 'B'
	}
	return s[:len(s)-1] + string(last)
}

// Who refuses is not asked about it again, and WeChat neither.
func TestCancelled(t *testing.T) {
	w := newWorld(t, options{})
	for _, code := range []string{"", "authdeny"} {
		phone := w.phone("lin")
		u, err := url.Parse(phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?"))
		check(t, err)
		query := u.Query()
		query.Set("code", code)
		if code == "" {
			query.Del("code")
		}
		u.RawQuery = query.Encode()
		phone.get(u.String()).wantPage(http.StatusBadRequest, "/login?consent=1&amp;return_to=%2Fshop")
	}
	w.wantExchanges(0)
}

// return_to comes back byte for byte.
func TestReturnTo(t *testing.T) {
	w := newWorld(t, options{returnHosts: []string{"shop.example.com", "[::1]:9000"}})
	phone := w.phone("lin")
	phone.signsIn()
	for _, want := range []string{
		"/", "/shop", "/shop?a=1&b=2&c", "/a%20b?q=%E4%BD%A0%26%3D#frag", "/中文?名=值", "/;x=1?//evil", "/?next=https://evil.example",
		"https://shop.example.com/pay?id=7#top", "https://shop.example.com", "http://[::1]:9000/x",
		"/" + strings.Repeat("a", 2047),
	} {
		location := phone.stops("/login?return_to="+url.QueryEscape(want), "/callback?")
		phone.get(location).wantRedirect(want)
	}
	for _, evil := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "/./\\evil.example", "/.//evil.example", "/..//evil.example",
		"https://evil.example", "https://shop.example.com.evil.example/", "https://shop.example.com@evil.example/", "https://evil.example#shop.example.com",
		"http://shop.example.com/", "javascript:alert(1)", "data:text/html,x", " /x", "x", "https:/evil.example", "https:evil.example", "/%2e%2e/x", "/a\nb",
		"https://shop.example.com:444/", "ftp://shop.example.com/", "/" + strings.Repeat("a", 2048),
	} {
		location := phone.stops("/login?return_to="+url.QueryEscape(evil), "/callback?")
		phone.get(location).wantRedirect("/")
	}
}

// Several tabs, each with its own trip, end in any order.
func TestManyTabs(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	var tabs []string
	for _, place := range []string{"/1", "/2", "/3", "/4", "/5"} {
		tabs = append(tabs, phone.stops("/login?return_to="+place, "/callback?"))
	}
	for i := len(tabs) - 1; i >= 0; i-- {
		phone.get(tabs[i]).wantRedirect("/" + string(rune('1'+i)))
	}
}

// However many trips are begun, the cookies stay small and the last one works.
func TestFlowsAreBounded(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	for range 100 {
		phone.get("/login?return_to=/" + strings.Repeat("x", 1500))
		u, err := url.Parse(w.url)
		check(t, err)
		total := 0
		for _, cookie := range phone.client.Jar.Cookies(u) {
			total += len(cookie.Name) + len(cookie.Value) + 3
			if len(cookie.Name)+len(cookie.Value) > 4096 {
				t.Fatalf("cookie %s has %d bytes", cookie.Name, len(cookie.Value))
			}
		}
		if total > 8000 {
			t.Fatalf("%d bytes of cookies", total)
		}
	}
	phone.get(phone.stops("/login?return_to=/end", "/callback?")).wantRedirect("/end")
}

// The same callback again, one after the other or twenty at once: one exchange,
// one session, one answer.
func TestRepeatedCallback(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=/page", "/callback?")

	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			p, err := phone.fetch(phone.request(http.MethodGet, callback, nil))
			if err != nil {
				t.Error(err)
				return
			}
			if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/page" {
				t.Errorf("status %d to %q: %s", p.Status, p.Header.Get("Location"), excerpt(p.Body))
			}
		})
	}
	wait.Wait()
	phone.get(callback).wantRedirect("/page")
	phone.wantMe("lin")
	w.wantExchanges(1)
	user, err := w.db.UserByOpenID(t.Context(), w.sim.AppID(), w.person("lin").OpenID)
	check(t, err)
	sessions, err := w.db.UserSessions(t.Context(), user.ID)
	check(t, err)
	if len(sessions) != 1 {
		t.Fatalf("%d sessions, want one", len(sessions))
	}

	// The same address in another browser signs nobody in there.
	other := w.phone("wang")
	other.get(callback).wantPage(http.StatusBadRequest, "")
	other.wantNobody()
	w.wantExchanges(1)
}

// A new token at every login, whatever the browser sent; the old one is dead.
func TestSessionTokenChanges(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.setCookie(w.url, "wxlogin", "a-token-that-somebody-planted")
	phone.wantNobody()
	phone.signsIn()
	first := phone.cookie("wxlogin")
	if first == "a-token-that-somebody-planted" || len(first) < 43 {
		t.Fatalf("session token %q", first)
	}
	phone.signsIn()
	second := phone.cookie("wxlogin")
	if second == first {
		t.Fatal("the token did not change with a new login")
	}
	phone.setCookie(w.url, "wxlogin", first)
	phone.wantNobody()
}

// A stale cookie of the same name before the good one does no harm.
func TestGoodCookieBehindJunk(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	b := w.browser(iPhone)
	req := b.request(http.MethodGet, "/api/me", nil)
	req.Header.Set("Cookie", "wxlogin=junk; wxlogin="+phone.cookie("wxlogin"))
	p, err := b.fetch(req)
	check(t, err)
	p.wantPage(http.StatusOK, w.person("lin").OpenID)
}

func TestSessionEnds(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		w.clock.pass(720*time.Hour - time.Minute)
		phone.wantMe("lin")
	})
	t.Run("idle too long", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		w.clock.pass(720*time.Hour + time.Minute)
		phone.wantNobody()
	})
}

// Logout ends the session on the server, here or everywhere, by POST alone, and
// the next page inside WeChat does not sign the person in again unasked.
func TestLogout(t *testing.T) {
	w := newWorld(t, options{})
	phone, tablet := w.phone("lin"), w.phone("lin")
	phone.signsIn()
	tablet.signsIn()
	token := phone.cookie("wxlogin")

	if p := phone.get("/logout"); p.Status != http.StatusMethodNotAllowed {
		t.Fatalf("GET /logout: status %d", p.Status)
	}
	phone.wantMe("lin")

	p := phone.post("/logout", nil)
	p.wantRedirect("/")
	exchanges := w.sim.Exchanges()
	phone.follow(p).wantPage(http.StatusOK, "/login?return_to=%2F")
	w.wantExchanges(exchanges)
	phone.setCookie(w.url, "wxlogin", token)
	phone.wantNobody()
	tablet.wantMe("lin")

	phone.opens("/login").wantPage(http.StatusOK, "林小满")
	phone.submits("/logout", url.Values{"scope": {"all"}})
	phone.wantNobody()
	tablet.wantNobody()
}

// Forms of other sites are refused, told by either header.
func TestCrossSiteForms(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req := phone.request(http.MethodPost, "/logout", url.Values{})
		req.Header.Set(name, value)
		p, err := phone.fetch(req)
		check(t, err)
		p.wantPage(http.StatusForbidden, "")
		phone.wantMe("lin")
	}
}

// A trip to WeChat outside of WeChat is offered, not forced.
func TestOutsideWeChat(t *testing.T) {
	w := newWorld(t, options{})
	b := w.browser(desktopWeb)
	b.opens("/").wantPage(http.StatusOK, "/qr.png")
	if me := b.get("/api/me"); me.Status != http.StatusUnauthorized ||
		me.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(me.Body, `"login_url":"`+w.url+`/login"`) {
		t.Fatalf("/api/me: %d %s", me.Status, me.Body)
	}
}

// A hundred people at once each get themselves.
func TestManyPeopleAtOnce(t *testing.T) {
	w := newWorld(t, options{})
	people := w.sim.People()
	var wait sync.WaitGroup
	for _, person := range people {
		if person.Snapshot {
			continue
		}
		for range 8 {
			phone := w.phone(person.Key)
			wait.Go(func() {
				address := "/login?consent=1"
				for range 10 {
					p, err := phone.fetch(phone.request(http.MethodGet, address, nil))
					if err != nil {
						t.Error(err)
						return
					}
					if p.Status == http.StatusOK {
						if !strings.Contains(p.Body, person.OpenID) {
							t.Errorf("%s got somebody else's page", person.Key)
						}
						return
					}
					next, err := p.URL.Parse(p.Header.Get("Location"))
					if err != nil {
						t.Error(err)
						return
					}
					address = next.String()
				}
				t.Errorf("%s: redirects without end", person.Key)
			})
		}
	}
	wait.Wait()
}

// Monitors ask by HEAD and get the answer of GET without its body; a code is not
// spent that way.
func TestHead(t *testing.T) {
	w := newWorld(t, options{path: "/wx"})
	b := w.browser(desktopWeb)
	for path, status := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/login": 302, "/api/me": 401, "/logout": 405, "/nowhere": 404} {
		p, err := b.fetch(b.request(http.MethodHead, path, nil))
		check(t, err)
		if p.Status != status || p.Body != "" {
			t.Errorf("HEAD %s: status %d with %d bytes, want %d", path, p.Status, len(p.Body), status)
		}
	}
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1", "/callback?")
	p, err := phone.fetch(phone.request(http.MethodHead, callback, nil))
	check(t, err)
	if p.Status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD /callback: status %d", p.Status)
	}
	w.wantExchanges(0)
	phone.opens(callback).wantPage(http.StatusOK, "林小满")
}
