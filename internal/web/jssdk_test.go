package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
)

// jssdk asks for the signature of a page, as a script on it does.
func (w *world) jssdk(page string) *page {
	w.t.Helper()
	return w.browser(desktopWeb).get("/api/jssdk?url=" + url.QueryEscape(page))
}

// wantConfig: WeChat's client takes what was signed, for this page.
func (w *world) wantConfig(p *page, signed string) {
	w.t.Helper()
	var got struct {
		AppID     string `json:"appId"`
		Timestamp int64  `json:"timestamp"`
		NonceStr  string `json:"nonceStr"`
		Signature string `json:"signature"`
	}
	if p.Status != http.StatusOK || json.Unmarshal([]byte(p.Body), &got) != nil {
		w.t.Fatalf("%d %s", p.Status, p.Body)
	}
	if said := w.sim.WXConfig(got.AppID, fmt.Sprint(got.Timestamp), got.NonceStr, got.Signature, signed); said != "config:ok" {
		w.t.Errorf("%s: %s for %s", signed, said, p.Body)
	}
	if got.AppID != w.sim.AppID() || len(got.NonceStr) < 16 {
		w.t.Errorf("got %+v", got)
	}
}

// A page of the site is signed, without a session and its fragment; so is one on an
// allowed host, whose scripts may read the answer.
func TestJSSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{returnHosts: []string{"127.0.0.1:9"}})
	w.wantConfig(w.jssdk(w.url+"/shop?a=1&b=二#top"), w.url+"/shop?a=1&b=二")
	w.wantConfig(w.jssdk("http://127.0.0.1:9/"), "http://127.0.0.1:9/")
	w.wantConfig(w.jssdk("http://127.0.0.1:9?params=value"), "http://127.0.0.1:9?params=value")
	if n := len(w.sim.Calls(wechatsim.Ticket)); n != 1 {
		t.Errorf("%d tickets for three pages", n)
	}

	script := w.browser(desktopWeb)
	req := script.request("GET", "/api/jssdk?url="+url.QueryEscape("http://127.0.0.1:9/"), nil)
	req.Header.Set("Origin", "http://127.0.0.1:9")
	p, err := script.fetch(req)
	check(t, err)
	if p.Header.Get("Access-Control-Allow-Origin") != "http://127.0.0.1:9" || p.Header.Get("Vary") != "Origin" || p.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("header %v", p.Header)
	}
	for _, origin := range []string{"http://127.0.0.1:99", "https://127.0.0.1:9.evil.example", "null", "https://evil.example"} {
		req.Header.Set("Origin", origin)
		p, err := script.fetch(req)
		check(t, err)
		if p.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read it", origin)
		}
	}
}

// Nothing that a browser could show for another host's page is signed, nor what it
// would not show at all.
func TestJSSDKSignsForNoStranger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{https: true, returnHosts: []string{"shop.example.com", "shop.example.com:8443", "xn--fiqs8s.example"}})
	host := strings.TrimPrefix(w.url, "https://")
	for _, page := range []string{
		"", "/", "//" + host + "/", "shop.example.com/", "https:", "https://", "https:///", "javascript:alert(1)",
		"https://evil.example/", "https://evil.example/?" + w.url + "/", "https://evil.example/" + host, "https://evil.example#" + w.url,
		"https://shop.example.com@evil.example/", "https://shop.example.com:x@evil.example/", "https://u@shop.example.com/", "https://u:p@" + host + "/",
		"https://shop.example.com:443/", "https://shop.example.com:444/", "https://shop.example.com:/", "https://" + host + "0/",
		"HTTPS://shop.example.com/", "https://SHOP.example.com/", "https://Shop.Example.com.evil.example/",
		`https://shop.example.com\@evil.example/`, `https://shop.example.com\.evil.example/`, `https:\\shop.example.com/`, `https://shop.example.com/\evil.example`,
		"https://shop.example.com.evil.example/", "https://evilshop.example.com/", "https://shop.example.com./", "https://.shop.example.com/",
		"https://中国.example/", "https://shop。example.com/", "https://ｓhop.example.com/", "https://shop.example.com%2f@evil.example/", "https://shop.example.com%00.evil.example/",
		"http://shop.example.com/", "http://" + host + "/", "ftp://shop.example.com/", "file:///etc/passwd",
		" https://shop.example.com/", "https://shop.example.com/\n&x=1", "https://shop.example.com\t/", "https://shop.example.com/a b",
		"https://[::1]/", "https://shop.example.com;evil.example/", "https://shop.example.com,evil.example/", "https://shop.example.com&evil.example/",
		"https://shop.example.com/" + strings.Repeat("a", 2048),
	} {
		if p := w.jssdk(page); p.Status != http.StatusBadRequest || strings.Contains(p.Body, "signature") {
			t.Errorf("%q: %d %s", page, p.Status, p.Body)
		}
	}
	for _, query := range []string{"", "?url", "?url=https://shop.example.com/&url=https://evil.example/", "?URL=https://shop.example.com/"} {
		if p := w.browser(desktopWeb).get("/api/jssdk" + query); p.Status != http.StatusBadRequest {
			t.Errorf("%q: %d", query, p.Status)
		}
	}
	if p := w.browser(desktopWeb).get("/api/jssdk?account=nobody&url=https://shop.example.com/"); p.Status != http.StatusNotFound {
		t.Errorf("another account: %d", p.Status)
	}
	if n := len(w.sim.Calls(wechatsim.StableToken, wechatsim.Ticket)); n != 0 {
		t.Errorf("WeChat was asked %d times", n)
	}
	for _, page := range []string{"https://shop.example.com/", "https://shop.example.com:8443/x", "https://xn--fiqs8s.example/", w.url + "/"} {
		if p := w.jssdk(page); p.Status != http.StatusOK {
			t.Errorf("%s: %d %s", page, p.Status, p.Body)
		}
	}
}

// The documentation's worked example (JS-SDK使用权限签名算法) comes out as it says.
func TestJSSignature(t *testing.T) {
	t.Parallel()
	const ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
	for _, page := range []string{"http://mp.weixin.qq.com?params=value", "http://mp.weixin.qq.com?params=value#top"} {
		got := auth.JSSignature(ticket, "Wm3WZYTPz0wzccnW", time.Unix(1414587457, 0), page)
		if got != "0f9de62fce790f9a083d5c99e95740ceb90c27ed" {
			t.Errorf("%s: %s", page, got)
		}
	}
}

const backendKey = "0123456789abcdef0123456789abcdef"

var backends = []auth.BackendKey{{Name: "shop", Key: backendKey}, {Name: "crm", Key: "another key of thirty-two letters"}}

// central asks for an account's access token, as another back end does. Its answers are
// not kept for the search for leaks: here the token is where it belongs.
func (w *world) central(account, authorization string) (status int, body map[string]any, header http.Header) {
	w.t.Helper()
	w.secrets.add("back end's key", backendKey)
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url+"/api/accounts/"+account+"/token", nil)
	check(w.t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := w.transport.RoundTrip(req)
	check(w.t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	check(w.t, err)
	if err := json.Unmarshal(content, &body); err != nil {
		w.t.Fatalf("%d %s", res.StatusCode, content)
	}
	return res.StatusCode, body, res.Header
}

func (w *world) wantToken() string {
	w.t.Helper()
	status, body, _ := w.central("main", "Bearer "+backendKey)
	token, _ := body["access_token"].(string)
	ends, err := time.Parse(time.RFC3339, fmt.Sprint(body["expires_at"]))
	if status != http.StatusOK || token == "" || err != nil || len(body) != 2 || ends.Before(w.clock.now()) || ends.After(w.clock.now().Add(2*time.Hour+time.Second)) {
		w.t.Fatalf("%d %v", status, body)
	}
	return token
}

// Another back end reads the token with its key, the same one every time; who has none
// is told nothing, and without the setting there is nothing.
func TestCentralToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	mark := w.log.mark()
	token := w.wantToken()
	if w.wantToken() != token {
		t.Error("another token")
	}
	if since := w.log.String()[mark:]; !strings.Contains(since, `"back_end":"shop"`) {
		t.Errorf("who has read it is not in the log: %s", since)
	}
	if status, _, _ := w.central("main", "bearer "+string(backends[1].Key)); status != http.StatusOK {
		t.Errorf("the other key: %d", status)
	}
	for _, wrong := range []string{"", "Bearer", "Bearer ", "Bearer " + backendKey[:31], "Bearer " + backendKey + "x", "Bearer  " + backendKey,
		"Basic " + backendKey, backendKey, "Bearer shop:" + backendKey, "Bearer " + strings.ToUpper(backendKey), "Bearer " + token} {
		for _, account := range []string{"main", "nobody"} {
			status, body, header := w.central(account, wrong)
			if status != http.StatusUnauthorized || body["access_token"] != nil || body["reason"] != "bad_key" || body["login_url"] != nil || header.Get("WWW-Authenticate") == "" {
				t.Errorf("%q: %d %v", wrong, status, body)
			}
		}
	}
	if status, _, _ := w.central("nobody", "Bearer "+backendKey); status != http.StatusNotFound {
		t.Errorf("no such account: %d", status)
	}
	if p := w.phone("lin").get("/api/accounts/main/token?key=" + backendKey[:20]); p.Status != http.StatusUnauthorized {
		t.Errorf("a key in the address: %d", p.Status)
	}
	if n := len(w.sim.Calls(wechatsim.StableToken)); n != 1 {
		t.Errorf("WeChat was asked %d times", n)
	}
	if n := len(w.sim.Calls(wechatsim.CentralToken)); n != 0 {
		t.Errorf("%d calls that void others' tokens", n)
	}

	closed := newWorld(t, options{})
	if status, body, _ := closed.central("main", "Bearer "+backendKey); status != http.StatusNotFound || body["reason"] != "no_such_page" {
		t.Errorf("without the setting: %d %v", status, body)
	}
}

// WeChat's reason is told to the back end, with the address to put on the list, and
// WeChat is not asked for every question.
func TestCentralTokenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	w.sim.SetAddresses(w.sim.AppID(), []string{"203.0.113.9"})
	for range 3 {
		status, body, header := w.central("main", "Bearer "+backendKey)
		detail, _ := body["detail"].(string)
		if status != http.StatusServiceUnavailable || body["reason"] != "wechat_refused" || !strings.Contains(detail, "40164") || !strings.Contains(detail, "127.0.0.1") || header.Get("Retry-After") == "" {
			t.Errorf("%d %v", status, body)
		}
	}
	if n := len(w.sim.Calls(wechatsim.StableToken)); n != 1 {
		t.Errorf("WeChat was asked %d times", n)
	}
	if !strings.Contains(w.log.String(), `"address_to_put_on_the_list":"127.0.0.1"`) {
		t.Error("the address is not in the log")
	}
	if p := w.jssdk(w.url + "/"); p.Status != http.StatusServiceUnavailable || strings.Contains(p.Body, "127.0.0.1, ") {
		t.Errorf("jssdk: %d %s", p.Status, p.Body)
	}
	w.sim.SetAddresses(w.sim.AppID(), nil)
	w.clock.pass(31 * time.Second)
	w.wantToken()

	// What passes by itself.
	other := newWorld(t, options{backendKeys: backends})
	other.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Errcode: -1})
	if status, body, _ := other.central("main", "Bearer "+backendKey); status != http.StatusServiceUnavailable || body["reason"] != "wechat_busy" {
		t.Errorf("%d %v", status, body)
	}
	other.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Status: 502, Body: []byte("bad gateway")})
	other.clock.pass(6 * time.Second)
	if status, body, _ := other.central("main", "Bearer "+backendKey); status != http.StatusServiceUnavailable || body["reason"] != "wechat_failed" {
		t.Errorf("%d %v", status, body)
	}
	other.clock.pass(6 * time.Second)
	other.wantToken()
}

// Five minutes ahead the job renews both, and an ended one is renewed by who asks.
func TestCentralIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	renew := func() {
		t.Helper()
		check(t, w.centralKeeper.Renew(t.Context()))
	}
	renew()
	if n := len(w.sim.Calls(wechatsim.StableToken)); n != 0 {
		t.Errorf("asked %d times for what nobody needs", n)
	}
	first := w.wantToken()
	w.wantConfig(w.jssdk(w.url+"/"), w.url+"/")
	w.clock.pass(114 * time.Minute)
	renew()
	if w.wantToken() != first {
		t.Error("renewed six minutes ahead")
	}
	w.clock.pass(61 * time.Second)
	renew()
	second := w.wantToken()
	if second == first {
		t.Error("not renewed five minutes ahead")
	}
	if n := len(w.sim.Calls(wechatsim.Ticket)); n != 2 {
		t.Errorf("%d tickets", n)
	}
	// While WeChat is down, what there is goes on.
	w.clock.pass(116 * time.Minute)
	w.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Errcode: -1, Times: -1})
	if err := w.centralKeeper.Renew(t.Context()); auth.ReasonOf(err) == "" {
		t.Error("a failure is no error")
	}
	if w.wantToken() != second {
		t.Error("the old one is gone before its end")
	}
	w.sim.ClearFaults()
	w.clock.pass(time.Hour)
	if w.wantToken() == second {
		t.Error("an ended token is given")
	}
	w.wantConfig(w.jssdk(w.url+"/"), w.url+"/")
}

// A token that WeChat takes no more is replaced; where WeChat gives the same one again,
// it is made to give another, never more often than it allows.
func TestCentralIsForced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	w.clock.pass(w.clock.now().Truncate(24 * time.Hour).Add(41 * time.Hour).Sub(w.clock.now())) // one in the morning in China
	first := w.wantToken()
	w.sim.ExpireCentral(w.sim.AppID()) // as when the AppSecret is reset
	w.wantConfig(w.jssdk(w.url+"/"), w.url+"/")
	second := w.wantToken()
	if second == first {
		t.Fatal("the void token is still given")
	}
	if n := w.forced(); n != 0 {
		t.Errorf("forced %d times without need", n)
	}
	for day := range 2 {
		for range 30 {
			w.sim.Plan(wechatsim.Ticket, wechatsim.Fault{Errcode: 42001})
			w.endTicket()
			w.clock.pass(32 * time.Second)
			w.jssdk(w.url + "/")
		}
		if n := w.forced(); n != 20*(day+1) {
			t.Errorf("forced %d times by the end of day %d", n, day+1)
		}
		w.sim.ClearFaults()
		w.clock.pass(24 * time.Hour)
		w.wantConfig(w.jssdk(w.url+"/"), w.url+"/")
	}
	// Twice within thirty seconds is once.
	before := w.forced()
	for range 2 {
		w.sim.Plan(wechatsim.Ticket, wechatsim.Fault{Errcode: 40001})
		w.endTicket()
		w.clock.pass(6 * time.Second)
		w.jssdk(w.url + "/")
		w.sim.ClearFaults()
	}
	if n := w.forced() - before; n != 1 {
		t.Errorf("forced %d times within thirty seconds", n)
	}
}

// forced counts the tokens that WeChat was made to give.
func (w *world) forced() (n int) {
	for _, c := range w.sim.Calls(wechatsim.StableToken) {
		if c.Forced {
			n++
		}
	}
	return n
}

// endTicket forgets the ticket, so that the next page needs another.
func (w *world) endTicket() {
	w.t.Helper()
	check(w.t, w.db.SaveCredential(w.t.Context(), auth.Credential{AppID: w.sim.AppID(), Kind: auth.JSTicket}))
}

// The token of one account is never given for another, not even from a row that somebody has
// copied.
func TestCentralTokensDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	token := w.wantToken()
	got, err := w.db.Credential(t.Context(), w.sim.AppID(), auth.AccessToken)
	check(t, err)
	if string(got.Value) != token {
		t.Fatal("another token is stored")
	}
	w.exec(`INSERT INTO credentials SELECT 'wx00000000000000aa', kind, value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at FROM credentials WHERE kind = 'token'`)
	w.exec(`INSERT INTO credentials SELECT appid, 'ticket', value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at FROM credentials WHERE appid = '` + w.sim.AppID() + `'`)
	for _, c := range []auth.Credential{{AppID: "wx00000000000000aa", Kind: auth.AccessToken}, {AppID: w.sim.AppID(), Kind: auth.JSTicket}} {
		if moved, err := w.db.Credential(t.Context(), c.AppID, c.Kind); err != nil || moved.Value != "" {
			t.Errorf("%s %s opens: %v", c.AppID, c.Kind, err)
		}
	}
	w.wantConfig(w.jssdk(w.url+"/"), w.url+"/")
}

// Of two replicas one asks WeChat, when both need a token at once.
func TestOnPostgresOneReplicaAsks(t *testing.T) {
	t.Parallel()
	oneAsks(t)
}

// So it is with two processes on one file.
func TestOneProcessAsks(t *testing.T) {
	t.Parallel()
	oneAsks(t)
}

func oneAsks(t *testing.T) {
	t.Helper()
	a := newWorld(t, options{backendKeys: backends})
	b := a.replica(options{backendKeys: backends})
	held := make(chan struct{})
	a.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Until: held})
	var running sync.WaitGroup
	tokens := make([]string, 20)
	for i := range tokens {
		w := []*world{a, b}[i%2]
		running.Go(func() { tokens[i] = w.wantToken() })
	}
	close(held)
	running.Wait()
	for _, token := range tokens {
		if token != tokens[0] {
			t.Error("two tokens")
		}
	}
	for i := range tokens {
		w := []*world{a, b}[i%2]
		running.Go(func() { w.wantConfig(w.jssdk(w.public+"/"), w.public+"/") })
	}
	running.Wait()
	if n, m := len(a.sim.Calls(wechatsim.StableToken)), len(a.sim.Calls(wechatsim.Ticket)); n != 1 || m != 1 {
		t.Errorf("WeChat was asked %d times for a token and %d for a ticket", n, m)
	}
	a.clock.pass(116 * time.Minute)
	b.clock.pass(116 * time.Minute)
	for range 2 {
		running.Go(func() { check(t, a.centralKeeper.Renew(t.Context())) })
		running.Go(func() { check(t, b.centralKeeper.Renew(t.Context())) })
	}
	running.Wait()
	if n := len(a.sim.Calls(wechatsim.StableToken)); n != 2 {
		t.Errorf("renewed by %d questions", n-1)
	}
}

// Signatures are limited by address.
func TestJSSDKIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{rateLimit: 1})
	var last *page
	for range 241 {
		last = w.jssdk("https://evil.example/")
	}
	if last.Status != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", last.Status, last.Header)
	}
}

// A key that was taken away leaves the service without a token, and WeChat gives another.
func TestCentralAfterAKeyHasGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{backendKeys: backends})
	token := w.wantToken()
	db, err := store.Open(t.Context(), store.Config{URL: databaseURL(w.dbPath), Keys: newKeys(t), Migrations: migrations.FS, Now: w.clock.now})
	if err == nil {
		defer db.Close()
		got, err := db.Credential(t.Context(), w.sim.AppID(), auth.AccessToken)
		if err != nil || got.Value != "" || string(got.Value) == token {
			t.Errorf("%v", err)
		}
	}
}
