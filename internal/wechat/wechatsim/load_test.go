package wechatsim_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

func TestOneOfManyGetsTheCode(t *testing.T) {
	w := newWorld(t)
	code := w.sim.IssueCode("lin", base)
	var won, lost atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			got, err := w.call(t.Context(), "GET", w.exchangePath(code))
			switch {
			case err != nil:
				t.Error(err)
			case got.fields["errcode"] == nil:
				won.Add(1)
			case got.fields["errcode"] == 40163.0:
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d got it, %d were told it was used", won.Load(), lost.Load())
	}
}

func TestEverythingAtOnce(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := w.phoneOf("lin")
			for k := range 10 {
				w.sim.Plan(wechatsim.Refresh, wechatsim.Fault{Errcode: -1})
				w.sim.AddPerson(wechatsim.Person{Key: fmt.Sprintf("p%d-%d", i, k), Nickname: "x"})
				w.sim.SetSwitches(wechatsim.Switches{RememberConsent: k%2 == 0})
				p.allow(w.query(userinfo, "a")).wantRedirect()
				tok := w.exchange(w.sim.IssueCode("lin", userinfo)).wantSuccess()
				w.userinfo(tok.text("access_token"), tok.text("openid")).wantSuccess()
				w.refresh(tok.text("refresh_token"))
				p.get("/")
				w.sim.Calls()
				w.sim.ClearFaults()
			}
		})
	}
	all.Wait()
	if n := w.sim.Exchanges(); n != 80 {
		t.Errorf("%d exchanges", n)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	first := w.sim.IssueCode("lin", base)
	for i := range 10_100 {
		w.sim.AddPerson(wechatsim.Person{Key: fmt.Sprint("load", i)})
		w.sim.IssueCode(fmt.Sprint("load", i), base)
		w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Errcode: -1})
	}
	if n := len(w.sim.People()); n != 10_000 {
		t.Errorf("%d people", n)
	}
	w.exchange(first).wantErrcode(40029)
	if n := len(w.ask("GET", "/_sim/faults", "").fields["faults"].([]any)); n != 1000 {
		t.Errorf("%d planned faults", n)
	}
	if body := w.phoneOf("").get("/").body; len(body) > 1<<20 || !strings.Contains(body, "还有 9940 人") {
		t.Errorf("the control page has %d bytes", len(body))
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(c *wechatsim.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Errcode: 48001})
	code := w.phoneOf("lin").allow(w.query(userinfo, "abc")).wantRedirect().Query().Get("code")
	tok := w.exchange(code).wantSuccess()
	w.userinfo(tok.text("access_token"), tok.text("openid"))
	w.refresh(tok.text("refresh_token"))
	w.srv.Close()
	text := log.String()
	if !strings.Contains(text, "endpoint=userinfo status=200 errcode=48001") {
		t.Errorf("log:\n%s", text)
	}
	for _, secret := range []string{code, tok.text("access_token"), tok.text("refresh_token"), w.sim.Secret(), tok.text("openid")} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}
