package wechatsim_test

import (
	"sync"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func (w *world) session(code string) answer {
	w.t.Helper()
	a := w.mini()
	return w.get("/sns/jscode2session?appid=" + a.AppID + "&secret=" + a.Secret + "&js_code=" + code + "&grant_type=authorization_code")
}

// code2Session takes a code of wx.login once, for five minutes, and only a mini
// program's.
func TestCodeToSession(t *testing.T) {
	w := newWorld(t, threeApps)
	mini := w.mini()
	said := w.post("/_sim/wx.login", `{"person":"lin"}`)
	got := w.session(said.text("code")).wantSuccess()
	if got.text("openid") != w.sim.OpenID(mini.AppID, "lin") || got.text("unionid") != w.person("lin").UnionID || len(got.text("session_key")) != 24 {
		t.Errorf("answered %s", got.body)
	}
	again := w.session(said.text("code"))
	again.wantErrcode(40163)
	if again.header.Get("X-Wechatsim-Parameter") != "js_code" {
		t.Errorf("header %v", again.header)
	}
	w.session("made-up").wantErrcode(40029)
	w.session(w.sim.IssueCode("lin", base)).wantErrcode(40029)
	code := w.sim.WXLogin(mini.AppID, "lin")
	w.exchange(code).wantErrcode(40029)
	w.later(5*time.Minute - time.Second)
	w.session(code).wantSuccess()
	code = w.sim.WXLogin(mini.AppID, "lin")
	w.later(5 * time.Minute)
	w.session(code).wantErrcode(40029)
	if got := w.session(w.sim.WXLogin(mini.AppID, "plain")).wantSuccess(); got.fields["unionid"] != nil {
		t.Errorf("a unionid out of nothing: %s", got.body)
	}

	for query, want := range map[string]int{
		"":                    41002,
		"appid=" + mini.AppID: 41004,
		"appid=x&secret=y":    40002,
		"appid=x&secret=y&grant_type=authorization_code":                               41008,
		"appid=x&secret=y&js_code=z&grant_type=authorization_code":                     40013,
		"appid=" + w.sim.AppID() + "&secret=y&js_code=z&grant_type=authorization_code": 40013,
		"appid=" + mini.AppID + "&secret=y&js_code=z&grant_type=authorization_code":    40125,
	} {
		w.get("/sns/jscode2session?" + query).wantErrcode(want)
	}

	w.sim.AddPerson(wechatsim.Person{Key: "risk", Risky: true})
	w.session(w.sim.WXLogin(mini.AppID, "risk")).wantErrcode(40226)
	w.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Errcode: -1})
	code = w.sim.WXLogin(mini.AppID, "lin")
	w.session(code).wantErrcode(-1)
	w.session(code).wantSuccess()
}

// A hundred a minute and person, and the next minute goes on.
func TestCodeToSessionQuota(t *testing.T) {
	w := newWorld(t, threeApps)
	mini := w.mini()
	for range 100 {
		w.session(w.sim.WXLogin(mini.AppID, "lin")).wantSuccess()
	}
	w.session(w.sim.WXLogin(mini.AppID, "lin")).wantErrcode(45011)
	w.session(w.sim.WXLogin(mini.AppID, "wang")).wantSuccess()
	w.later(time.Minute)
	w.session(w.sim.WXLogin(mini.AppID, "lin")).wantSuccess()
}

// Of twenty at once with one code, one gets in.
func TestCodeToSessionOnce(t *testing.T) {
	w := newWorld(t, threeApps)
	code := w.sim.WXLogin(w.mini().AppID, "lin")
	var running sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for range 20 {
		running.Go(func() {
			got := w.session(code)
			mu.Lock()
			defer mu.Unlock()
			if got.text("openid") != "" {
				in++
			}
		})
	}
	running.Wait()
	if in != 1 {
		t.Errorf("%d got in with one code", in)
	}
}
