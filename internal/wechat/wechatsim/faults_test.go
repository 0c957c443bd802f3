package wechatsim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func TestErrcodeFault(t *testing.T) {
	w := newWorld(t)
	code := w.sim.IssueCode("lin", base)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: -1, Times: 2})
	w.exchange(code).wantErrcode(-1)
	w.exchange(code).wantErrcode(-1)
	w.exchange(code).wantSuccess()

	code = w.sim.IssueCode("lin", base)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: -1, ConsumeCode: true})
	w.exchange(code).wantErrcode(-1)
	w.exchange(code).wantErrcode(40163)

	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 45011, Times: -1})
	for range 5 {
		w.exchange(w.sim.IssueCode("lin", base)).wantErrcode(45011)
	}
	w.sim.ClearFaults()
	w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()

	calls := w.sim.Calls(wechatsim.Token)
	if calls[0].Fault != "errcode -1" || calls[0].Errcode != -1 || calls[0].Code == "" || calls[2].Fault != "" {
		t.Errorf("calls %+v", calls[:3])
	}
}

func TestFaultsStrikeTheirEndpointInOrder(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Errcode: 48001})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40029})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40163})
	code := w.sim.IssueCode("lin", userinfo)
	w.exchange(code).wantErrcode(40029)
	w.exchange(code).wantErrcode(40163)
	tok := w.exchange(code).wantSuccess()
	w.userinfo(tok.text("access_token"), tok.text("openid")).wantErrcode(48001)
	w.userinfo(tok.text("access_token"), tok.text("openid")).wantSuccess()

	w.sim.Plan(wechatsim.Refresh, wechatsim.Fault{Errcode: 42007})
	w.refresh(tok.text("refresh_token")).wantErrcode(42007)
	w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Errcode: 10009})
	w.phoneOf("lin").authorize(w.query(base, "a")).wantRefused("10009", "操作太频繁")
}

func TestBodyStatusAndHeaderFaults(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Status: 502, Body: []byte("<html>bad</html>"), Header: http.Header{"Content-Type": {"text/html"}}})
	code := w.sim.IssueCode("lin", base)
	if got := w.exchange(code); got.status != 502 || got.body != "<html>bad</html>" || got.header.Get("Content-Type") != "text/html" {
		t.Errorf("got %d %v %s", got.status, got.header, got.body)
	}
	w.exchange(code).wantSuccess()

	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Header: http.Header{"Content-Type": {"application/json"}}})
	if got := w.exchange(w.sim.IssueCode("lin", base)).wantSuccess(); got.header.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", got.header)
	}
	w.sim.Plan(wechatsim.Picture, wechatsim.Fault{Status: 404, Body: []byte{}})
	if got := w.get("/mmopen/vi_32/lin/132"); got.status != 404 || got.body != "" {
		t.Errorf("got %d %q", got.status, got.body)
	}
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{RedirectTo: "https://evil.example/x"})
	if got := w.exchange("x"); got.status != 302 || got.header.Get("Location") != "https://evil.example/x" {
		t.Errorf("got %d %v", got.status, got.header)
	}
}

func TestGzipBomb(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Userinfo, wechatsim.GzipBomb(3<<20+7))
	res, err := http.Get(w.srv.URL + "/sns/userinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); n != 3<<20+7 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestCutConnections(t *testing.T) {
	w := newWorld(t)
	code := w.sim.IssueCode("lin", base)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{CutBefore: true})
	if got, err := w.call(t.Context(), "GET", w.exchangePath(code)); err == nil {
		t.Errorf("answered %s, want a cut", got.body)
	}
	w.exchange(code).wantErrcode(40163)

	code = w.sim.IssueCode("lin", base)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{CutMidBody: true})
	got, err := w.call(t.Context(), "GET", w.exchangePath(code))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(got.body, `{"access_token"`) || strings.HasSuffix(got.body, "}") {
		t.Errorf("%v, body %q: want half an answer", err, got.body)
	}
	w.exchange(code).wantErrcode(40163)

	calls := w.sim.Calls()
	if calls[0].Status != 0 || calls[0].Fault == "" || calls[2].Status != 200 {
		t.Errorf("calls %+v", calls)
	}
}

func TestDelayWaitsAndAnswers(t *testing.T) {
	var waited time.Duration
	w := newWorld(t, func(c *wechatsim.Config) {
		c.Wait = func(_ context.Context, d time.Duration) { waited += d }
	})
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Delay: 3 * time.Second})
	w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()
	if waited != 3*time.Second {
		t.Errorf("waited %s", waited)
	}

	waited = 0
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Drip: time.Second})
	got := w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()
	if waited != time.Duration(len(got.body)-1)*time.Second {
		t.Errorf("waited %s for %d bytes", waited, len(got.body))
	}
}

// giveUp calls with a context that ends as soon as WeChat has done its work.
func giveUp(t *testing.T, f wechatsim.Fault) {
	t.Helper()
	working := make(chan struct{})
	w := newWorld(t, func(c *wechatsim.Config) { c.OnCall = func(wechatsim.Call) { working <- struct{}{} } })
	w.sim.Plan(wechatsim.Token, f)
	code := w.sim.IssueCode("lin", base)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-working
		cancel()
		<-working // of the second call
	}()
	if _, err := w.call(ctx, "GET", w.exchangePath(code)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want a cancelled call", err)
	}
	w.exchange(code).wantErrcode(40163)
	w.srv.Close() // returns only when no request is held any more
}

func TestHeldCallsEndWithTheClient(t *testing.T) {
	t.Run("delay", func(t *testing.T) { giveUp(t, wechatsim.Fault{Delay: time.Hour}) })
	t.Run("hang", func(t *testing.T) { giveUp(t, wechatsim.Fault{Hang: true}) })
	t.Run("until", func(t *testing.T) { giveUp(t, wechatsim.Fault{Until: make(chan struct{})}) })
	t.Run("drip", func(t *testing.T) { giveUp(t, wechatsim.Fault{Drip: time.Hour}) })
	t.Run("endless", func(t *testing.T) { giveUp(t, wechatsim.Fault{Delay: time.Hour, Endless: true}) })
}

func TestHangEndsByClearFaults(t *testing.T) {
	working := make(chan struct{}, 1)
	w := newWorld(t, func(c *wechatsim.Config) { c.OnCall = func(wechatsim.Call) { working <- struct{}{} } })
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Hang: true})
	go func() {
		<-working
		w.sim.ClearFaults()
	}()
	if got, err := w.call(t.Context(), "GET", w.exchangePath("x")); err == nil {
		t.Errorf("answered %s", got.body)
	}
}

func TestUntilLetsGo(t *testing.T) {
	until, working := make(chan struct{}), make(chan struct{}, 1)
	w := newWorld(t, func(c *wechatsim.Config) { c.OnCall = func(wechatsim.Call) { working <- struct{}{} } })
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Until: until})
	go func() {
		<-working
		close(until)
	}()
	w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()
}

func TestEndlessBody(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Endless: true})
	got := w.exchange(w.sim.IssueCode("lin", base)) // reads 1 MiB and leaves
	if len(got.body) != 1<<20 {
		t.Errorf("%d bytes", len(got.body))
	}
	w.srv.Close()
}

func TestDoubleCallback(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	query := w.query(base, "abc")

	w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Double: wechatsim.DoubleSame})
	got := lin.authorize(query + "&connect_redirect=1")
	calls := got.header["X-Wechatsim-Callback"]
	if got.status != 200 || len(calls) != 2 || calls[0] != calls[1] || !strings.HasPrefix(calls[0], callback+"?code=0") {
		t.Fatalf("status %d, callbacks %q", got.status, calls)
	}
	got.wantText(`<iframe class="unseen" src="` + strings.ReplaceAll(calls[0], "&", "&amp;") + `"`)
	if refresh := got.header.Get("Refresh"); refresh != "1; url="+calls[1] {
		t.Errorf("Refresh %q", refresh)
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src http://127.0.0.1:8007") {
		t.Errorf("policy %q", policy)
	}

	w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Double: wechatsim.DoubleNew})
	lin.authorize(query + "&connect_redirect=1").wantRedirect() // not struck; it waits
	calls = lin.authorize(query).header["X-Wechatsim-Callback"]
	if len(calls) != 2 || calls[0] == calls[1] || !strings.HasSuffix(calls[0], "&state=abc") || !strings.HasSuffix(calls[1], "&state=abc") {
		t.Fatalf("callbacks %q", calls)
	}
	for _, c := range calls {
		w.exchange(strings.TrimSuffix(strings.TrimPrefix(c, callback+"?code="), "&state=abc")).wantSuccess()
	}
	lin.authorize(query).wantRedirect()
}

func TestStaleCode(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{StaleCode: true})
	w.exchange(w.phoneOf("lin").authorize(w.query(base, "a")).wantRedirect().Query().Get("code")).wantErrcode(40029)
}

func TestSnapshotFaultOnToken(t *testing.T) {
	w := newWorld(t)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Snapshot: true})
	got := w.exchange(w.sim.IssueCode("lin", userinfo)).wantSuccess()
	if got.fields["is_snapshotuser"] != 1.0 || got.text("openid") != w.person("lin").OpenID {
		t.Errorf("got %s, want the real openid, marked", got.body)
	}
}
