package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// newcomer is a person whom nobody has seen before.
func (w *world) newcomer() *browser {
	return w.phone(w.sim.AddPerson(wechatsim.Person{Nickname: "新来的", Sex: 2}).Key)
}

// Who came is known before the profile is asked for, so no fault of the profile
// endpoint keeps anybody out: whoever is known keeps the profile as it was,
// whoever is new has an empty one until the next time.
func TestUserinfoFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	rows := map[string]wechatsim.Fault{
		"busy":            errcode(-1),
		"token expired":   errcode(42001),
		"invalid token":   errcode(40001),
		"wrong openid":    errcode(40003),
		"not consented":   errcode(50001),
		"restricted":      errcode(50002),
		"quota":           errcode(45011),
		"HTTP 502":        html(502),
		"HTML with 200":   html(200),
		"redirect":        {RedirectTo: "https://evil.example/"},
		"connection cut":  {CutBefore: true},
		"cut mid-body":    {CutMidBody: true},
		"endless":         {Endless: true},
		"gzip bomb":       wechatsim.GzipBomb(64 << 20),
		"no openid":       body(`{"nickname":"谁"}`),
		"nothing":         body(`{}`),
		"100 KB header":   {Header: header("X-Pad", strings.Repeat("x", 100<<10))},
		"unknown errcode": errcode(99999),
	}
	for _, name := range []string{"null", "truncated", "deep"} { // all of them: TestReadUserinfo
		rows[name] = body(nonsense[name])
	}
	w.phone("lin").signsIn()
	for name, fault := range rows {
		t.Run(name, func(t *testing.T) {
			w.row(t)
			fault.Times = -1 // net/http asks again by itself when a kept-alive connection is cut
			w.sim.Plan(wechatsim.Userinfo, fault)

			known := w.phone("lin")
			known.signsIn().wantPage(http.StatusOK, "林小满")
			if me := known.me(); me["nickname"] != "林小满" || me["city"] != "广州" || me["scope"] != "snsapi_userinfo" {
				t.Fatalf("the profile is not as it was: %v", me)
			}
			stranger := w.newcomer()
			stranger.signsIn()
			if me := stranger.me(); me["nickname"] != "" || me["profile_updated_at"] != nil {
				t.Fatalf("a profile came from nowhere: %v", me)
			}
			w.sim.ClearFaults()

			stranger.signsIn()
			if me := stranger.me(); me["nickname"] != "新来的" || me["login_count"] != 2.0 {
				t.Fatalf("the profile did not come the next time: %v", me)
			}
		})
	}
}

// WeChat refuses the account its profiles: the operator's fault, loudly logged, and
// no reason to keep a known person out, whichever way they come and whatever they
// had allowed before.
func TestUserinfoRefusedToAKnownPerson(t *testing.T) {
	t.Parallel()
	for mode, before := range map[auth.Mode]auth.Mode{auth.ModeAuto: auth.ModeAuto, auth.ModeUserinfo: auth.ModeBase} {
		w := newWorld(t, options{mode: before})
		w.phone("lin").signsIn()
		now := newWorld(t, options{mode: mode, dbPath: w.dbPath, sim: w.sim})
		now.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Errcode: 48001, Times: -1})
		known := now.phone("lin")
		known.signsIn()
		known.wantMe("lin")
		if log := now.log.String(); !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "errcode 48001") {
			t.Errorf("%s: the operator is not told:\n%s", mode, log)
		}
		// Nobody is made up of a refusal: this is how WeChat tells of snapshots too.
		stranger := now.newcomer()
		stranger.opens("/login?consent=1").wantPage(http.StatusServiceUnavailable, operators)
		stranger.wantNobody()
	}
}

// A profile endpoint that hangs costs its own time and not the login.
func TestUserinfoHangs(t *testing.T) {
	t.Parallel() // it waits, 2.5 s
	w := newWorld(t, options{budget: 2 * time.Minute})
	w.phone("lin").signsIn()
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Hang: true})
	phone := w.phone("lin")
	began := time.Now()
	phone.signsIn().wantPage(http.StatusOK, "林小满")
	if took := time.Since(began); took > time.Minute {
		t.Fatalf("the login took %v", took)
	}
}

// An answer about somebody else, or about nobody, signs nobody in.
func TestUserinfoOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.phone("lin").signsIn()
	for name, openid := range map[string]string{
		"another person": fmt.Sprintf("%q", w.person("wang").OpenID),
		"empty":          `""`,
		"null":           `null`,
		"a number":       `42`,
		"a list":         fmt.Sprintf("[%q]", w.person("lin").OpenID),
		"with a space":   fmt.Sprintf("%q", w.person("lin").OpenID+" "),
	} {
		t.Run(name, func(t *testing.T) {
			w.row(t)
			for _, phone := range []*browser{w.phone("lin"), w.newcomer()} {
				users := w.users()
				w.sim.Plan(wechatsim.Userinfo, body(`{"openid":`+openid+`,"nickname":"别人"}`))
				phone.opens("/login?consent=1").wantPage(http.StatusBadGateway, noIdentity)
				phone.wantNobody()
				if w.users() != users {
					t.Fatal("somebody was stored")
				}
			}
		})
	}
	known := w.phone("lin")
	known.opens("/login").wantPage(http.StatusOK, "林小满")
	if me := known.me(); me["nickname"] != "林小满" {
		t.Fatalf("the profile was changed: %v", me)
	}
}

// What WeChat has sent in life is read, not refused.
func TestOddProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const openid = "oOdd-profile_0123456789abcde"
	for name, row := range map[string]struct{ body, nickname, city string }{
		"control characters": {"{\"openid\":\"" + openid + "\",\"nickname\":\"a\x14b\x07\nc\",\"city\":\"广\t州\"}", "a b  c", "广 州"},
		"escaped controls":   {`{"openid":"` + openid + `","nickname":"a\u0000b\u0014","city":""}`, "a b", ""},
		"GBK":                {"{\"openid\":\"" + openid + "\",\"nickname\":\"\xd0\xa1\xc3\xf7\",\"city\":\"\xb9\xe3\xd6\xdd\"}", "小明", "广州"},
		"byte order mark":    {"\uFEFF" + `{"openid":"` + openid + `","nickname":"小明","city":"广州"}`, "小明", "广州"},
		"sex a string":       {`{"openid":"` + openid + `","nickname":"小明","sex":"1","city":"广州"}`, "小明", "广州"},
		"numbers":            {`{"openid":"` + openid + `","nickname":12345,"sex":1e0,"city":10086}`, "12345", "10086"},
		"missing fields":     {`{"openid":"` + openid + `"}`, "", ""},
		"nulls":              {`{"openid":"` + openid + `","nickname":null,"sex":null,"city":null,"privilege":null}`, "", ""},
		"odd types":          {`{"openid":"` + openid + `","nickname":{"a":1},"sex":[],"city":true,"privilege":"x"}`, "", ""},
		"broken UTF-8":       {"{\"openid\":\"" + openid + "\",\"nickname\":\"小\xff明\",\"city\":\"广州\"}", "小\uFFFD明", "广州"},
		"a lone surrogate":   {`{"openid":"` + openid + `","nickname":"a\ud83db","city":"广州"}`, "a\uFFFDb", "广州"},
		"old emoji":          {"{\"openid\":\"" + openid + "\",\"nickname\":\"\uE13C雷\",\"city\":\"\"}", "\uE13C雷", ""},
		"errcode 0":          {`{"errcode":0,"errmsg":"ok","openid":"` + openid + `","nickname":"小明","city":""}`, "小明", ""},
		"white space around": {"\r\n\t {\"openid\":\"" + openid + "\",\"nickname\":\"小明\"}\r\n ", "小明", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.row(t)
			w.sim.AddPerson(wechatsim.Person{Key: "odd", OpenID: openid, RawUserinfo: []byte(row.body)})
			phone := w.phone("odd")
			phone.signsIn()
			me := phone.me()
			if me["nickname"] != row.nickname || me["city"] != row.city || me["profile_updated_at"] == nil {
				t.Fatalf("nickname %q, city %q, updated %v; want %q, %q", me["nickname"], me["city"], me["profile_updated_at"], row.nickname, row.city)
			}
		})
	}
}

// WeChat shows a snapshot to nobody in particular: no row, no session, and no
// change to a real person, whichever way it tells.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.phone("lin").signsIn()
	before := w.phone("lin")
	before.opens("/login")
	want := before.me()

	for name, plan := range map[string]func(){
		"a made-up person":       func() { w.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Snapshot: true}) },
		"a real person's openid": func() { w.sim.Plan(wechatsim.Token, wechatsim.Fault{Snapshot: true}) },
		"marked by a string": func() {
			w.sim.Plan(wechatsim.Token, body(`{"access_token":"x","openid":"`+w.person("lin").OpenID+`","scope":"snsapi_userinfo","is_snapshotuser":"1"}`))
		},
		"marked by true": func() {
			w.sim.Plan(wechatsim.Token, body(`{"access_token":"x","openid":"`+w.person("lin").OpenID+`","scope":"snsapi_userinfo","is_snapshotuser":true}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.row(t)
			asked := len(w.sim.Calls(wechatsim.Userinfo))
			counts := w.snapshots()
			plan()
			phone := w.phone("lin")
			p := phone.opens("/login?consent=1&return_to=%2Fshop").wantPage(http.StatusForbidden, "使用完整服务")
			if strings.Contains(p.Body, "/login?") {
				t.Fatalf("a button of ours does not help here: %s", excerpt(p.Body))
			}
			phone.wantNobody()
			if len(w.sim.Calls(wechatsim.Userinfo)) != asked {
				t.Fatal("the profile of nobody was asked for")
			}
			if w.users() != 1 {
				t.Fatal("somebody was stored")
			}
			if got := w.snapshots(); got != counts+1 {
				t.Fatalf("%d snapshots counted, want %d", got, counts+1)
			}
		})
	}
	got := before.me()
	for _, field := range []string{"nickname", "login_count", "last_login_at", "profile_updated_at", "unionid"} {
		if got[field] != want[field] {
			t.Errorf("%s was changed from %v to %v", field, want[field], got[field])
		}
	}

	// 48001 for a snapshot's token that was not marked: a stranger stays out.
	w.sim.Plan(wechatsim.Userinfo, errcode(48001))
	stranger := w.newcomer()
	stranger.opens("/login?consent=1").wantPage(http.StatusServiceUnavailable, operators)
	stranger.wantNobody()
	if w.users() != 1 {
		t.Fatal("somebody was stored")
	}

	// 使用完整服务 was pressed.
	w.phone("lin").signsIn()
}

// snapshots is how many the dashboard counts.
func (w *world) snapshots() int64 {
	w.t.Helper()
	counts, err := w.db.Counts(w.t.Context(), w.clock.now().Add(-time.Hour))
	check(w.t, err)
	return counts.Snapshots
}
