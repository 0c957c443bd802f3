package web_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// sends makes a request in the background.
func (b *browser) sends(address string) <-chan *page {
	answer := make(chan *page, 1)
	req := b.request(http.MethodGet, address, nil)
	go func() {
		p, err := b.fetch(req)
		if err != nil {
			b.w.t.Error(err)
			p = &page{t: b.w.t, URL: req.URL, Header: http.Header{}}
		}
		answer <- p
	}()
	return answer
}

// However slow WeChat is, the login ends within its budget, with a page.
func TestSlowWeChat(t *testing.T) {
	t.Parallel() // it waits for the budget
	w := newWorld(t, options{budget: 1500 * time.Millisecond})
	var answers []<-chan *page
	for _, fault := range []wechatsim.Fault{
		{Hang: true},
		{Delay: time.Hour},
		{Drip: time.Hour},              // headers, one byte, silence
		{Drip: 100 * time.Millisecond}, // a byte at a time
		{Endless: true, Body: []byte(`{"a":`), Delay: time.Hour},
	} {
		w.sim.Plan(wechatsim.Token, fault)
		phone := w.phone("lin")
		answers = append(answers, phone.sends(phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")))
	}
	for _, answer := range answers {
		w.wantTrouble(<-answer, fault{status: http.StatusGatewayTimeout, words: tooSlow})
	}
	w.wantExchanges(5)
	if w.users() != 0 {
		t.Fatal("somebody was stored")
	}
	w.phone("lin").signsIn()
}

// A browser that goes away does not lose the code: the login goes on, and the
// next request of the same trip finds it.
func TestBrowserGoesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	held := make(chan struct{})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Until: held})
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	u, err := phone.request(http.MethodGet, callback, nil).URL.Parse(callback)
	check(t, err)
	conn, err := net.Dial("tcp", u.Host)
	check(t, err)
	req := phone.request(http.MethodGet, callback, nil)
	for _, cookie := range phone.client.Jar.Cookies(u) {
		req.AddCookie(cookie)
	}
	check(t, req.Write(conn))
	w.waitForExchanges(1)
	check(t, conn.Close())
	again := phone.sends(callback)
	close(held)
	(<-again).wantRedirect("/shop")
	phone.wantMe("lin")
	w.wantExchanges(1)
}

// waitForExchanges returns when WeChat has been sent that many codes.
func (w *world) waitForExchanges(n int) {
	w.t.Helper()
	for w.sim.Exchanges() < n {
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("WeChat was sent %d codes, want %d", w.sim.Exchanges(), n)
		case <-time.After(time.Millisecond):
		}
	}
}

// A WeChat that hangs holds 64 logins and no more; people who are signed in do not
// notice, and the 65th is told at once.
func TestManyLoginsHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	regular := w.phone("wang")
	regular.signsIn()
	before := w.sim.Exchanges()

	const most, more = 64, 6
	held := make(chan struct{})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Until: held, Times: -1})
	var phones []*browser
	var callbacks []string
	for range most + more {
		phone := w.newcomer()
		phones = append(phones, phone)
		callbacks = append(callbacks, phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?"))
	}
	var hanging []<-chan *page
	for i := range most {
		hanging = append(hanging, phones[i].sends(callbacks[i]))
	}
	w.waitForExchanges(before + most)

	// Everything here is answered while 64 logins hang.
	regular.opens("/").wantPage(http.StatusOK, w.person("wang").Nickname)
	regular.wantMe("wang")
	regular.get("/readyz").wantPage(http.StatusOK, "")
	var turnedAway []<-chan *page
	for i := most; i < most+more; i++ {
		turnedAway = append(turnedAway, phones[i].sends(callbacks[i]))
	}
	for _, answer := range turnedAway {
		w.wantTrouble(<-answer, fault{status: http.StatusServiceUnavailable, words: busy})
	}
	w.wantExchanges(before + most)
	for _, answer := range hanging {
		select {
		case p := <-answer:
			t.Fatalf("a login ended with %d before WeChat answered", p.Status)
		default:
		}
	}

	close(held)
	for _, answer := range hanging {
		(<-answer).wantRedirect("/shop")
	}
	if w.users() != most+1 {
		t.Fatalf("%d people are stored, want %d", w.users(), most+1)
	}
	w.sim.ClearFaults()
	phones[most].signsIn()
}

// A WeChat that fails ten times in a row is left alone for a while. (That it is
// asked again after five seconds is TestBreaker's in package wechat.)
func TestWeChatIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	regular := w.phone("wang")
	regular.signsIn()
	before := w.sim.Exchanges()
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{CutBefore: true, Times: -1})
	fails := func(row fault) {
		t.Helper()
		phone := w.phone("lin")
		w.wantTrouble(phone.get(phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")), row)
	}
	for range 10 {
		fails(fault{status: http.StatusBadGateway, words: unreachable})
	}
	for range 5 {
		fails(fault{status: http.StatusServiceUnavailable, words: busy})
	}
	w.wantExchanges(before + 10)
	regular.opens("/").wantPage(http.StatusOK, w.person("wang").Nickname)
}

// WeChat cannot be reached at all, or cannot prove that it is WeChat.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	imposter := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a code was sent to somebody who cannot prove to be WeChat")
	}))
	t.Cleanup(imposter.Close)
	for name, row := range map[string]struct{ apiURL, logged string }{
		"closed port":           {closed.URL, "connection refused"},
		"untrusted certificate": {imposter.URL, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{apiURL: row.apiURL})
			phone := w.phone("lin")
			p := phone.get(phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?"))
			w.wantTrouble(p, fault{status: http.StatusBadGateway, words: unreachable})
			phone.wantNobody()
			if !strings.Contains(w.log.String(), row.logged) {
				t.Fatalf("the log does not say %q", row.logged)
			}
		})
	}
}
