package wechatsim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

const (
	callback = "http://127.0.0.1:8007/callback"
	base     = wechatsim.ScopeBase
	userinfo = wechatsim.ScopeUserinfo
)

func phoneNamed(name string) wechatsim.Phone {
	p, ok := wechatsim.PhoneNamed(name)
	if !ok {
		panic("no phone " + name)
	}
	return p
}

// world is a running simulator with a clock that stands still.
type world struct {
	t   *testing.T
	sim *wechatsim.Simulator
	srv *httptest.Server

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, change ...func(*wechatsim.Config)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)}
	cfg := wechatsim.Config{Now: w.clock}
	for _, c := range change {
		c(&cfg)
	}
	w.sim = wechatsim.New(cfg)
	w.srv = httptest.NewServer(w.sim)
	t.Cleanup(w.srv.Close)
	t.Cleanup(w.sim.ClearFaults) // whoever hangs may go
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// query is an authorize link's query as the official guide orders it.
func (w *world) query(scope, state string) string {
	return w.queryTo(callback, scope, state)
}

func (w *world) queryTo(redirectURI, scope, state string) string {
	return "appid=" + w.sim.AppID() + "&redirect_uri=" + url.QueryEscape(redirectURI) +
		"&response_type=code&scope=" + scope + "&state=" + state
}

// phone is WeChat's browser on somebody's phone; it does not follow redirects.
type phone struct {
	w      *world
	client *http.Client
	ua     string
}

func (w *world) phoneOf(key string) *phone {
	jar, _ := cookiejar.New(nil)
	p := &phone{w: w, ua: phoneNamed("iphone").UserAgent, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if key != "" {
		p.setCookie(wechatsim.CookiePerson, key)
	}
	return p
}

func (p *phone) setCookie(name, value string) {
	u, _ := url.Parse(p.w.srv.URL)
	p.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (p *phone) cookie(name string) string {
	u, _ := url.Parse(p.w.srv.URL)
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// page is an answer with its body read.
type page struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (p *phone) do(req *http.Request) page {
	p.w.t.Helper()
	req.Header.Set("User-Agent", p.ua)
	res, err := p.client.Do(req)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return page{p.w.t, res.StatusCode, res.Header, string(body)}
}

func (p *phone) get(path string) page {
	p.w.t.Helper()
	req, _ := http.NewRequestWithContext(p.w.t.Context(), "GET", p.w.srv.URL+path, nil)
	return p.do(req)
}

func (p *phone) submit(path string, form url.Values) page {
	p.w.t.Helper()
	req, _ := http.NewRequestWithContext(p.w.t.Context(), "POST", p.w.srv.URL+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.do(req)
}

func (p *phone) authorize(query string) page {
	p.w.t.Helper()
	return p.get("/connect/oauth2/authorize?" + query)
}

func (p *phone) allow(query string) page {
	p.w.t.Helper()
	return p.submit("/connect/oauth2/allow?"+query, nil)
}

func (p *phone) deny(query string) page {
	p.w.t.Helper()
	return p.submit("/connect/oauth2/deny?"+query, nil)
}

// wantRefused: an HTML page with HTTP 200, the sentence and the number, and no
// way onward.
func (p page) wantRefused(number, sentence string) {
	p.t.Helper()
	if p.status != 200 || p.header.Get("Location") != "" || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
		p.t.Fatalf("status %d, header %v: want an HTML page with status 200", p.status, p.header)
	}
	if got := p.header.Get("X-Wechatsim-Error"); got != number {
		p.t.Errorf("number %q, want %q", got, number)
	}
	p.wantText("<title>抱歉，出错了</title>", sentence)
}

func (p page) wantText(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			p.t.Errorf("the page lacks %q:\n%s", part, p.body)
		}
	}
}

// wantRedirect: a 302 that nobody may keep. It returns where to.
func (p page) wantRedirect() *url.URL {
	p.t.Helper()
	if p.status != http.StatusFound {
		p.t.Fatalf("status %d, want 302; body:\n%s", p.status, p.body)
	}
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		p.t.Errorf("Cache-Control %q, want no-store", got)
	}
	u, err := url.Parse(p.header.Get("Location"))
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// answer is what an /sns endpoint said.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	fields map[string]any
}

// get calls an /sns endpoint on a connection of its own; an error is returned,
// not fatal.
func (w *world) call(ctx context.Context, method, path string) (answer, error) {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(ctx, method, w.srv.URL+path, nil)
	return w.try(req)
}

func (w *world) try(req *http.Request) (answer, error) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	a := answer{t: w.t, status: res.StatusCode, header: res.Header, body: string(body)}
	json.Unmarshal(body, &a.fields)
	return a, err
}

func (w *world) get(path string) answer {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), "GET", w.srv.URL+path, nil)
	return w.send(req)
}

func (w *world) send(req *http.Request) answer {
	w.t.Helper()
	a, err := w.try(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) exchangePath(code string) string {
	return "/sns/oauth2/access_token?appid=" + w.sim.AppID() + "&secret=" + w.sim.Secret() +
		"&code=" + code + "&grant_type=authorization_code"
}

func (w *world) exchange(code string) answer {
	w.t.Helper()
	return w.get(w.exchangePath(code))
}

func (w *world) refresh(token string) answer {
	w.t.Helper()
	return w.get("/sns/oauth2/refresh_token?appid=" + w.sim.AppID() + "&grant_type=refresh_token&refresh_token=" + token)
}

func (w *world) userinfo(token, openid string) answer {
	w.t.Helper()
	return w.get("/sns/userinfo?access_token=" + token + "&openid=" + openid + "&lang=zh_CN")
}

func (w *world) person(key string) wechatsim.Person {
	w.t.Helper()
	for _, p := range w.sim.People() {
		if p.Key == key {
			return p
		}
	}
	w.t.Fatalf("no person %q", key)
	return wechatsim.Person{}
}

func (a answer) text(key string) string { s, _ := a.fields[key].(string); return s }

// wantErrcode: HTTP 200, text/plain, the number and a request id.
func (a answer) wantErrcode(n int) {
	a.t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "text/plain" {
		a.t.Errorf("status %d, Content-Type %q: want 200 and text/plain", a.status, a.header.Get("Content-Type"))
	}
	if got, ok := a.fields["errcode"].(float64); !ok || int(got) != n {
		a.t.Errorf("got %s, want errcode %d", a.body, n)
	}
}

func (a answer) wantSuccess() answer {
	a.t.Helper()
	if _, bad := a.fields["errcode"]; bad || a.status != 200 || a.fields == nil {
		a.t.Fatalf("status %d, body %s: want success", a.status, a.body)
	}
	return a
}
