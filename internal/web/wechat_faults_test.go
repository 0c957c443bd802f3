package web_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// fault is one row: what WeChat does to a call, and what the person sees.
type fault struct {
	name   string
	fault  wechatsim.Fault
	status int
	words  string
	loud   bool // an error in the log, for the operator
	silent bool // nothing to press: trying again would not help
}

func body(text string) wechatsim.Fault { return wechatsim.Fault{Body: []byte(text)} }

func errcode(n int) wechatsim.Fault { return wechatsim.Fault{Errcode: n} }

func html(status int) wechatsim.Fault {
	return wechatsim.Fault{
		Status: status,
		Body:   []byte("<html><body><h1>Bad Gateway</h1></body></html>"),
		Header: http.Header{"Content-Type": {"text/html"}},
	}
}

func header(name, value string) http.Header { return http.Header{name: {value}} }

// What the person reads.
const (
	unreachable = "暂时连不上微信"
	tooSlow     = "微信响应太慢"
	busy        = "登录的人有点多"
	operators   = "暂时不能登录"
	limited     = "微信暂时限制了登录"
	noIdentity  = "没能确认身份"
	codeSpent   = "登录已过期"
)

// nonsense are bodies that name nobody, whichever endpoint answers them.
var nonsense = map[string]string{
	"empty":          "",
	"null":           "null",
	"a list":         "[]",
	"a string":       `"ok"`,
	"a number":       "7200",
	"truncated":      `{"access_token":"86_abcdefghijklmnop","openid":"o6_bmjrPTlm6_2sgVt7`,
	"two objects":    `{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M"}{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2N"}`,
	"HTML behind it": `{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M"}<html></html>`,
	"deep":           strings.Repeat("[", 20_000),
	"deep inside":    `{"openid":` + strings.Repeat(`{"a":`, 20_000),
}

// Whatever goes wrong with an exchange: a page in the person's language, a way
// on, nobody signed in, the code sent once, and the next trip works.
func TestTokenFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)

	rows := []fault{
		{name: "busy", fault: errcode(-1), status: 503, words: busy},
		{name: "busy, code spent", fault: wechatsim.Fault{Errcode: -1, ConsumeCode: true}, status: 503, words: busy},
		{name: "quota of the minute", fault: errcode(45011), status: 503, words: busy},
		{name: "quota of the day", fault: errcode(45009), status: 503, words: busy},
		{name: "person restricted", fault: errcode(50002), status: 403, words: limited, silent: true},
		{name: "invalid AppSecret", fault: errcode(40125), status: 503, words: operators, loud: true, silent: true},
		{name: "invalid AppID", fault: errcode(40013), status: 503, words: operators, loud: true, silent: true},
		{name: "no permission", fault: errcode(48001), status: 503, words: operators, loud: true, silent: true},
		{name: "frozen AppSecret", fault: errcode(40243), status: 503, words: operators, loud: true, silent: true},
		{name: "wrong AppSecret by 40001", fault: errcode(40001), status: 503, words: operators, loud: true, silent: true},
		{name: "errcode nobody knows", fault: errcode(99999), status: 502, words: unreachable},
		{name: "HTTP 500", fault: html(500), status: 502, words: unreachable},
		{name: "HTTP 502", fault: html(502), status: 502, words: unreachable},
		{name: "HTTP 503", fault: html(503), status: 502, words: unreachable},
		{name: "HTTP 504, code spent", fault: wechatsim.Fault{Status: 504, ConsumeCode: true}, status: 502, words: unreachable},
		{name: "HTTP 204", fault: wechatsim.Fault{Status: 204, Body: []byte{}}, status: 502, words: unreachable},
		{name: "HTML with 200", fault: html(200), status: 502, words: unreachable},
		{name: "redirect", fault: wechatsim.Fault{RedirectTo: elsewhere.URL}, status: 502, words: unreachable},
		{name: "connection cut", fault: wechatsim.Fault{CutBefore: true}, status: 502, words: unreachable},
		{name: "cut mid-body", fault: wechatsim.Fault{CutMidBody: true}, status: 502, words: unreachable},
		{name: "endless body", fault: wechatsim.Fault{Endless: true}, status: 502, words: unreachable},
		{name: "gzip bomb", fault: wechatsim.GzipBomb(64 << 20), status: 502, words: unreachable},
		{name: "100 KB of header", fault: wechatsim.Fault{Header: header("X-Pad", strings.Repeat("x", 100<<10))}, status: 502, words: unreachable},
		{name: "gzip in name only", fault: wechatsim.Fault{Body: []byte("{}"), Header: header("Content-Encoding", "gzip")}, status: 502, words: unreachable},
		{name: "nobody", fault: body(`{}`), status: 502, words: noIdentity},
		{name: "openid empty", fault: body(`{"access_token":"x","openid":""}`), status: 502, words: noIdentity},
		{name: "openid null", fault: body(`{"access_token":"x","openid":null}`), status: 502, words: noIdentity},
		{name: "openid a number", fault: body(`{"access_token":"x","openid":12345678901234567890}`), status: 502, words: noIdentity},
		{name: "openid with a line break", fault: body(`{"access_token":"x","openid":"o6_bm\njrPT"}`), status: 502, words: noIdentity},
		{name: "openid of 10 KB", fault: body(`{"openid":"` + strings.Repeat("o", 10_000) + `"}`), status: 502, words: noIdentity},
	}
	for name, text := range nonsense {
		rows = append(rows, fault{name: name, fault: body(text), status: 502, words: unreachable})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w.row(t)
			phone := w.phone("lin")
			callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
			users, exchanges := w.users(), w.sim.Exchanges()
			w.sim.Plan(wechatsim.Token, row.fault)
			logged := w.log.mark()
			w.wantTrouble(phone.get(callback), row)
			w.log.wantLoud(t, logged, row.loud)
			w.wantExchanges(exchanges + 1)
			phone.wantNobody()
			if w.users() != users {
				t.Fatal("somebody was stored")
			}

			phone.opens("/login?consent=1&return_to=%2F").wantPage(http.StatusOK, "林小满")
			w.wantExchanges(exchanges + 2)
		})
	}
	if n := followed.Load(); n != 0 {
		t.Fatalf("a redirect of WeChat's API was followed %d times", n)
	}
}

// wantTrouble fails unless the page tells of a fault as it should.
func (w *world) wantTrouble(p *page, row fault) {
	p.t.Helper()
	p.wantPage(row.status, row.words)
	again := strings.Contains(p.Body, `href="/login?consent=1&amp;return_to=%2Fshop"`)
	if again == row.silent {
		p.t.Fatalf("try again is offered: %v\n%s", again, excerpt(p.Body))
	}
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if temporary := row.status >= 502; temporary != (err == nil && seconds > 0) {
		p.t.Fatalf("status %d with Retry-After %q", row.status, p.Header.Get("Retry-After"))
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := p.Header.Get(name); got != want {
			p.t.Fatalf("%s: %q, want %q", name, got, want)
		}
	}
}

// A body counts by its content, whatever its header says.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, contentType := range []string{"text/html", "application/json; charset=gbk", "image/png", ""} {
		phone := w.phone("lin")
		for _, endpoint := range []wechatsim.Endpoint{wechatsim.Token, wechatsim.Userinfo} {
			w.sim.Plan(endpoint, wechatsim.Fault{Header: header("Content-Type", contentType)})
		}
		phone.signsIn().wantPage(http.StatusOK, "林小满")
	}
}

// Which code WeChat refuses, it is told of one trip more, and then a person
// decides: never a loop.
func TestSpentCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, n := range []int{40029, 40163, 42003, 41008} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			w.row(t)
			t.Cleanup(w.sim.ClearFaults)

			// Once: the person sees nothing of it.
			exchanges := w.sim.Exchanges()
			w.sim.Plan(wechatsim.Token, errcode(n))
			p := w.phone("lin").opens("/login?consent=1&return_to=%2F%3Fx=1").wantPage(http.StatusOK, "林小满")
			if last := p.Hops[len(p.Hops)-1]; last != "/?x=1" {
				t.Fatalf("came to %q", last)
			}
			w.wantExchanges(exchanges + 2)

			// For ever: one silent restart, then a page with a button.
			w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: n, Times: -1})
			phone := w.phone("wang")
			for _, start := range []string{"/login?consent=1&return_to=%2Fshop", "/login?return_to=%2Fshop", "/"} {
				exchanges := w.sim.Exchanges()
				p := phone.opens(start).wantPage(http.StatusBadRequest, codeSpent)
				if !strings.Contains(p.Body, "return_to=%2F") {
					t.Fatalf("no way on: %s", excerpt(p.Body))
				}
				w.wantExchanges(exchanges + 2)
			}
			phone.wantNobody()
		})
	}
}

// An errcode that nobody knows is an answer, however often it comes: it is never
// told as too many people who sign in.
func TestUnknownErrcodesAreNoCrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 99999, Times: -1})
	for range 15 {
		w.phone("lin").opens("/login?consent=1&return_to=%2Fshop").wantPage(http.StatusBadGateway, unreachable)
	}
	w.wantExchanges(15)
}

// Whatever WeChat answers for ever, a browser comes to rest.
func TestNoLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, row := range []wechatsim.Fault{
		errcode(-1), errcode(40001), errcode(42001), errcode(40163), errcode(48001), body("{}"), html(502), {StaleCode: true},
	} {
		endpoint := wechatsim.Token
		if row.StaleCode {
			endpoint = wechatsim.Authorize
		}
		row.Times = -1
		w.sim.Plan(endpoint, row)
		phone := w.phone("lin")
		for range 3 {
			p := phone.opens("/") // fails the test after 20 redirects
			if p.Status == http.StatusOK {
				t.Fatalf("%s: signed in?", row)
			}
		}
		w.sim.ClearFaults()
		phone.opens("/login?consent=1").wantPage(http.StatusOK, "林小满")
	}
}
