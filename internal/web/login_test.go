package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

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
	t.Parallel()
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
	t.Parallel()
	keys := newKeys(t)
	before := newWorld(t, options{keys: keys})
	phone := before.phone("lin")
	phone.signsIn()

	after := newWorld(t, options{replicaOf: before, keys: keys, dbPath: before.dbPath, sim: before.sim})
	phone.w = after
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	after.wantExchanges(1)
}

// What WeChat has not told has no row on a person's page.
func TestProfileOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for key, want := range map[string]bool{"lin": true, "plain": false} {
		phone := w.phone(key)
		phone.signsIn()
		body := phone.opens("/").wantPage(http.StatusOK, "OpenID").Body
		for _, row := range []string{"性别", "国家或地区", "省份", "城市"} {
			if strings.Contains(body, row) != want {
				t.Errorf("%s: a row %s: %t", key, row, !want)
			}
		}
	}
}

// Somebody known who has lost the cookie sees no screen.

func TestLostCookieOfKnownPerson(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	if location := p.Header.Get("Location"); !strings.Contains(location, url.QueryEscape(w.url+"/callback")) || evilHost.MatchString(location) {
		t.Fatalf("authorize address %q", location)
	}
}

// Whatever is wrong with the state, no code leaves the process and nobody is

// signed in.

// Who refuses is not asked about it again, and WeChat neither.

// return_to comes back byte for byte.

// Several tabs, each with its own trip, end in any order.

// However many trips are begun, the cookies stay small and the last one works.

// The same callback again, one after the other or twenty at once: one exchange,

// one session, one answer.

func TestRepeatedCallback(t *testing.T) {
	t.Parallel()
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
			if p.Status != http.StatusSeeOther || p.location() != "/page" {
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

// A stale cookie of the same name before the good one does no harm.

// Logout ends the session on the server, here or everywhere, by POST alone, and

// the next page inside WeChat does not sign the person in again unasked.

// Forms of other sites are refused, told by either header.

// A trip to WeChat outside of WeChat is offered, not forced.

func TestOutsideWeChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.browser(desktopWeb)
	b.opens("/").wantPage(http.StatusOK, "/qr.png")
	if me := b.get("/api/me"); me.Status != http.StatusUnauthorized ||
		me.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(me.Body, `"login_url":"`+w.url+`/signin?return_to=%2F"`) {
		t.Fatalf("/api/me: %d %s", me.Status, me.Body)
	}
}

// A hundred people at once each get themselves.

func TestManyPeopleAtOnce(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
