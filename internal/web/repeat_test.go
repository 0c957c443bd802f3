package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// replica is another process of the same service, with settings of its own: the same
// database, WeChat and, if o names none, keys.
func (w *world) replica(o options) *world {
	w.t.Helper()
	if o.keys == nil {
		o.keys = w.keys
	}
	o.replicaOf, o.dbPath, o.sim = w, w.dbPath, w.sim
	return newWorld(w.t, o)
}

// second is a replica that is asked for the same time.
func (w *world) second(keys auth.Keyring) *world {
	w.t.Helper()
	other := w.replica(options{keys: keys})
	other.clock = w.clock
	return other
}

// at is the same address at another process.
func (w *world) at(address string) string {
	w.t.Helper()
	u, err := url.Parse(address)
	check(w.t, err)
	here, err := url.Parse(w.url)
	check(w.t, err)
	u.Host = here.Host
	return u.String()
}

// with is the address with another value of a parameter.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	check(t, err)
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// wantSessions fails unless a person has that many sessions.
func (w *world) wantSessions(key string, n int) {
	w.t.Helper()
	user, err := w.db.UserByOpenID(w.t.Context(), w.sim.AppID(), w.person(key).OpenID)
	check(w.t, err)
	sessions, err := w.db.UserSessions(w.t.Context(), user.ID)
	check(w.t, err)
	if len(sessions) != n {
		w.t.Fatalf("%s has %d sessions, want %d", key, len(sessions), n)
	}
}

// Twenty callbacks at once, spread over two processes, while WeChat takes its
// time; half of them with Android's second code. WeChat hears once.
func TestOneExchangeOnTwoProcesses(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	one := newWorld(t, options{keys: keys})
	two := one.second(keys)
	held := make(chan struct{})
	one.sim.Plan(wechatsim.Token, wechatsim.Fault{Until: held})

	phone := one.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fpage%3Fa%3D1", "/callback?")
	other := with(t, callback, "code", one.sim.IssueCode("lin", wechatsim.ScopeUserinfo))
	first := phone.sends(callback)
	one.waitForExchanges(1)
	answers := []<-chan *page{first}
	for range 5 {
		answers = append(answers, phone.sends(callback), phone.sends(two.at(callback)), phone.sends(other), phone.sends(two.at(other)))
	}
	close(held)
	var token string
	for _, answer := range answers {
		p := <-answer
		p.wantRedirect("/page?a=1")
		for _, cookie := range setCookies(p) {
			if cookie.Name == one.cookieName("wxlogin") {
				if token != "" && token != cookie.Value {
					t.Fatal("two answers hand out two sessions")
				}
				token = cookie.Value
			}
		}
	}
	one.wantExchanges(1)
	one.wantSessions("lin", 1)
	phone.wantMe("lin")

	// The second code came for a person who is there; it was never sent.
	phone.get(two.at(other)).wantRedirect("/page?a=1")
	one.wantExchanges(1)

	// Nobody else gets anything for either address, at either process.
	stranger := one.phone("wang")
	for _, address := range []string{callback, other, two.at(callback), two.at(other)} {
		p := stranger.get(address).wantPage(http.StatusBadRequest, "登录未完成")
		if len(setCookies(p)) != 0 {
			t.Fatalf("a stranger got a cookie: %v", p.Header["Set-Cookie"])
		}
	}
	stranger.wantNobody()
	phone.wantMe("lin")
	one.wantExchanges(1)
}

func setCookies(p *page) []*http.Cookie {
	return (&http.Response{Header: p.Header}).Cookies()
}

// WeChat itself calls back twice, as field reports have it.
func TestWeChatCallsTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, double := range []string{wechatsim.DoubleSame, wechatsim.DoubleNew} {
		t.Run(double, func(t *testing.T) {
			w.row(t)
			phone := w.newcomer()
			exchanges, users := w.sim.Exchanges(), w.users()
			if double == wechatsim.DoubleNew {
				phone.agent = windowsPC // links without connect_redirect=1
			}
			w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Double: double})
			p := phone.opens("/login?consent=1&return_to=%2Fshop").wantPage(http.StatusOK, "正在跳转")
			callbacks := p.Header.Values("X-Wechatsim-Callback")
			if len(callbacks) != 2 || (callbacks[0] == callbacks[1]) != (double == wechatsim.DoubleSame) {
				t.Fatalf("callbacks %q", callbacks)
			}
			for _, callback := range callbacks {
				phone.get(callback).wantRedirect("/shop")
			}
			w.wantExchanges(exchanges + 1)
			if w.users() != users+1 || phone.me()["login_count"] != 1.0 {
				t.Fatalf("%d people, %v", w.users()-users, phone.me())
			}
		})
	}
}

// A code that came with one state is not sent again with another.
func TestCodeWithAnotherState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	first := phone.stops("/login?consent=1", "/callback?")
	phone.get(first).wantRedirect("/")
	thief := w.phone("wang")
	u, err := url.Parse(first)
	check(t, err)
	own := with(t, thief.stops("/login?return_to=%2Fx", "/callback?"), "code", u.Query().Get("code"))
	p := thief.get(own) // begun again, silently
	if p.Status != http.StatusFound || !strings.HasPrefix(p.Header.Get("Location"), w.simURL) {
		t.Fatalf("status %d to %q", p.Status, p.Header.Get("Location"))
	}
	thief.wantNobody()
	w.wantExchanges(1)
}

// Back, and old entries of the history.
func TestCallbackFromTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	phone.get(callback).wantRedirect("/shop")

	// Signed in: straight to the page, for as long as the trip is remembered.
	w.clock.pass(9 * time.Minute)
	phone.get(callback).wantRedirect("/shop")
	w.wantExchanges(1)

	// Signed in by a later login: there too, and the later session stays.
	phone.signsIn()
	token := phone.cookie("wxlogin")
	phone.get(callback).wantRedirect("/shop")
	if phone.cookie("wxlogin") != token {
		t.Fatal("the history took the later session away")
	}
	phone.wantMe("lin")
	w.wantExchanges(2)

	// Signed out: one silent restart, which signs in.
	phone.post("/logout", nil)
	phone.wantNobody()
	p := phone.opens(callback)
	if len(p.Hops) != 3 || p.Hops[2] != "/shop" {
		t.Fatalf("hops %q", p.Hops)
	}
	phone.wantMe("lin")
	w.wantExchanges(3)

	// Long ago: the trip is forgotten. Home when signed in, else a page.
	w.clock.pass(time.Hour)
	phone.get(callback).wantRedirect("/")
	phone.post("/logout", nil)
	phone.get(callback).wantPage(http.StatusBadRequest, "/login?return_to=%2F")
	w.wantExchanges(3)
}

// A login that has failed for the moment is not shown for ever: to load the page
// again starts over, once.
func TestFailedLoginIsLoadedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, row := range []struct {
		fault  wechatsim.Fault
		status int
	}{{errcode(-1), 503}, {html(502), 502}, {errcode(40125), 503}} {
		phone := w.phone("lin")
		callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
		exchanges := w.sim.Exchanges()
		w.sim.Plan(wechatsim.Token, row.fault)
		phone.get(callback).wantPage(row.status, "")
		p := phone.opens(callback)
		if p.Hops[len(p.Hops)-1] != "/shop" {
			t.Fatalf("%s: hops %q", row.fault, p.Hops)
		}
		phone.wantMe("lin")
		w.wantExchanges(exchanges + 2)
	}

	// WeChat stays out of order: then it is for a person to press a button.
	phone := w.phone("wang")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: -1, Times: -1})
	phone.get(callback).wantPage(http.StatusServiceUnavailable, busy)
	p := phone.opens(callback).wantPage(http.StatusServiceUnavailable, busy)
	phone.get(p.URL.String()).wantPage(http.StatusBadRequest, "/login?consent=1&amp;return_to=%2Fshop")

	// What is about the person does not change by asking again.
	w.sim.ClearFaults()
	w.sim.Plan(wechatsim.Token, errcode(50002))
	callback = phone.stops("/login?consent=1", "/callback?")
	phone.get(callback).wantPage(http.StatusForbidden, limited)
	exchanges := w.sim.Exchanges()
	phone.get(callback).wantPage(http.StatusForbidden, limited)
	w.wantExchanges(exchanges)
}

// The process died in the middle of a login. The same callback again waits for
// nothing that can no longer come, and starts over by itself.
func TestLoginOfADeadProcess(t *testing.T) {
	t.Parallel() // it waits for the budget
	w := newWorld(t, options{budget: time.Second})
	for name, passed := range map[string]time.Duration{"just now": 0, "a while ago": time.Minute} {
		phone := w.phone("lin")
		callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
		u, err := url.Parse(callback)
		check(t, err)
		query := u.Query()
		claimed, err := w.db.ClaimLogin(t.Context(), auth.Login{
			ID: auth.NewID(), AppID: w.sim.AppID(), Scope: auth.ScopeUserinfo, Outcome: auth.Pending, StartedAt: w.clock.now(),
			StateHash: auth.Hash(query.Get("state")), CodeHash: auth.Hash(query.Get("code")), SessionHash: auth.Hash(auth.NewToken()),
		})
		check(t, err)
		if !claimed {
			t.Fatal("not claimed")
		}
		w.clock.pass(passed)
		exchanges := w.sim.Exchanges()
		p := phone.opens(callback)
		if p.Hops[len(p.Hops)-1] != "/shop" {
			t.Fatalf("%s: hops %q", name, p.Hops)
		}
		phone.wantMe("lin")
		w.wantExchanges(exchanges + 1)
	}
}
