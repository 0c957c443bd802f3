package wechat_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

// Each call has its own limit, and together they stay inside the 8 seconds of a
// login.
func TestTimeouts(t *testing.T) {
	for name, fault := range map[string]wechatsim.Fault{
		"no answer":      {Hang: true},
		"late":           {Delay: time.Minute},
		"headers alone":  {Drip: time.Hour},
		"byte by byte":   {Drip: time.Second},
		"late and dirty": {Delay: 4900 * time.Millisecond, Drip: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, sim := bubble(t)
				sim.Plan(wechatsim.Token, fault)
				sim.Plan(wechatsim.Userinfo, fault)
				began := time.Now()
				_, err := client.Exchange(t.Context(), sim.IssueCode("lin", wechatsim.ScopeUserinfo))
				wantReason(t, err, auth.WeChatTimeout)
				if took := time.Since(began); took != 5*time.Second {
					t.Fatalf("the exchange ended after %v", took)
				}
				_, err = client.Userinfo(t.Context(), auth.TokenAnswer{OpenID: "o1", AccessToken: "86_x"})
				wantReason(t, err, auth.WeChatTimeout)
				if took := time.Since(began); took > 7500*time.Millisecond {
					t.Fatalf("a login's calls ended after %v", took)
				}
			})
		})
	}
}

// exchange spends a new code and wants the reason; "" is success.
func exchange(t *testing.T, client *wechat.Client, sim *wechatsim.Simulator, want auth.Reason) {
	t.Helper()
	_, err := client.Exchange(t.Context(), sim.IssueCode("lin", wechatsim.ScopeBase))
	wantReason(t, err, want)
}

// After ten failures in a row WeChat is left alone for five seconds; then one
// call goes through to see.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sim := bubble(t)
		sim.Plan(wechatsim.Token, wechatsim.Fault{CutBefore: true, Times: wechat.BreakAfter - 1})
		for range wechat.BreakAfter - 1 {
			exchange(t, client, sim, auth.WeChatFailed)
		}
		exchange(t, client, sim, "") // one good answer, and the count begins again

		sim.Plan(wechatsim.Token, wechatsim.Fault{CutBefore: true, Times: wechat.BreakAfter + 1})
		for range wechat.BreakAfter {
			exchange(t, client, sim, auth.WeChatFailed)
		}
		before := sim.Exchanges()
		for range 100 {
			exchange(t, client, sim, auth.WeChatBusy)
		}
		time.Sleep(wechat.BreakFor - time.Millisecond)
		exchange(t, client, sim, auth.WeChatBusy)
		if n := sim.Exchanges() - before; n != 0 {
			t.Fatalf("WeChat was called %d times while left alone", n)
		}

		time.Sleep(time.Millisecond)
		exchange(t, client, sim, auth.WeChatFailed) // still broken: one call told us
		exchange(t, client, sim, auth.WeChatBusy)
		if n := sim.Exchanges() - before; n != 1 {
			t.Fatalf("WeChat was called %d times to see", n)
		}

		time.Sleep(wechat.BreakFor)
		for range 3 {
			exchange(t, client, sim, "")
		}
	})
}

// An errcode is an answer: WeChat is not left alone for it.
func TestRefusalsDoNotBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sim := bubble(t)
		sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40029, Times: 50})
		for range 50 {
			exchange(t, client, sim, auth.CodeSpent)
		}
		exchange(t, client, sim, "")
	})
}

// A dead WeChat under load holds 64 calls, tells all others within a second, and is left
// alone when those 64 have failed: the turned away do not count as good.
func TestDeadWeChatUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sim := bubble(t)
		sim.Plan(wechatsim.Token, wechatsim.Fault{Hang: true, Times: -1})
		crowd, leave := context.WithCancel(t.Context())
		for i := range 5000 { // a login every 10 ms at first, later one every 4 ms
			when := time.Duration(i) * 10 * time.Millisecond
			if i >= wechat.MaxCalls {
				when = time.Second + time.Duration(4*i)*time.Millisecond
			}
			go func() {
				select {
				case <-crowd.Done():
					return
				case <-time.After(when):
				}
				client.Exchange(crowd, sim.IssueCode("lin", wechatsim.ScopeBase))
			}()
		}
		time.Sleep(4 * time.Second)
		if n := sim.Exchanges(); n != wechat.MaxCalls {
			t.Fatalf("WeChat holds %d calls, want %d", n, wechat.MaxCalls)
		}
		exchange(t, client, sim, auth.WeChatBusy)

		// After ten failures no new call is begun, but one every five seconds.
		time.Sleep(16 * time.Second)
		if n := sim.Exchanges(); n > wechat.MaxCalls+wechat.BreakAfter+5 {
			t.Fatalf("WeChat was called %d times in 20 seconds", n)
		}
		exchange(t, client, sim, auth.WeChatBusy)

		leave()
		sim.ClearFaults()
		synctest.Wait()
		time.Sleep(10 * time.Second)
		exchange(t, client, sim, "")
	})
}

// Of a crowd that comes at one moment everybody gets their turn, as far as WeChat answers
// within a second.
func TestACrowdWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sim := bubble(t)
		sim.Plan(wechatsim.Token, wechatsim.Fault{Delay: 300 * time.Millisecond, Times: -1})
		var crowd sync.WaitGroup
		for range 4 * wechat.MaxCalls {
			crowd.Go(func() {
				if _, err := client.Exchange(t.Context(), sim.IssueCode("lin", wechatsim.ScopeBase)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := sim.Exchanges(); n != wechat.MaxCalls {
			t.Errorf("WeChat holds %d calls, want %d", n, wechat.MaxCalls)
		}
		crowd.Wait()
	})
}

// A profile endpoint that hangs does not stop exchanges.
func TestEndpointsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sim := bubble(t)
		sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Hang: true, Times: -1})
		for range 2 * wechat.MaxCalls {
			go client.Userinfo(t.Context(), auth.TokenAnswer{OpenID: "o1", AccessToken: "86_x"})
		}
		synctest.Wait()
		_, err := client.Userinfo(t.Context(), auth.TokenAnswer{OpenID: "o1", AccessToken: "86_x"})
		wantReason(t, err, auth.WeChatBusy)
		exchange(t, client, sim, "")
		time.Sleep(10 * time.Second) // all give up
	})
}
