package wechatsim_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

func TestExchangeShape(t *testing.T) {
	w := newWorld(t)
	tok := w.exchange(w.sim.IssueCode("lin", userinfo)).wantSuccess()
	lin := w.person("lin")
	shape := regexp.MustCompile(`^\{"access_token":"86_[0-9A-Za-z_-]{85}","expires_in":7200,"refresh_token":"86_[0-9A-Za-z_-]{85}",` +
		`"openid":"` + lin.OpenID + `","scope":"snsapi_userinfo","unionid":"` + lin.UnionID + `"\}$`)
	if !shape.MatchString(tok.body) || tok.header.Get("Content-Type") != "text/plain" {
		t.Errorf("%s: %s", tok.header.Get("Content-Type"), tok.body)
	}
	if got := w.exchange(w.sim.IssueCode("lin", base)).body; strings.Contains(got, "unionid") || strings.Contains(got, "snapshot") {
		t.Errorf("snsapi_base: %s", got)
	}
	if got := w.exchange(w.sim.IssueCode("plain", userinfo)).body; strings.Contains(got, "unionid") {
		t.Errorf("not bound: %s", got)
	}
}

func TestCodeIsSingleUse(t *testing.T) {
	w := newWorld(t)
	code := w.sim.IssueCode("lin", base)
	w.exchange(code).wantSuccess()
	w.exchange(code).wantErrcode(40163)
	w.exchange("0" + strings.Repeat("1", 31)).wantErrcode(40029)
	if w.sim.IssueCode("lin", base) == code {
		t.Error("the same code again")
	}
	calls := w.sim.Calls()
	if n := w.sim.Exchanges(); n != 3 || len(calls) != 3 {
		t.Fatalf("%d exchanges, %d calls, want 3", n, len(calls))
	}
	if calls[0].Code != code || calls[1].Code != code || calls[0].Label != calls[1].Label || calls[2].Label == calls[0].Label {
		t.Errorf("codes and labels: %+v", calls)
	}
	if calls[0].Errcode != 0 || calls[1].Errcode != 40163 || calls[2].Errcode != 40029 || calls[1].Person != "lin" {
		t.Errorf("calls: %+v", calls)
	}
}

func TestCodeExpires(t *testing.T) {
	w := newWorld(t)
	young, old, older := w.sim.IssueCode("lin", base), w.sim.IssueCode("lin", base), w.sim.IssueCode("lin", base)
	w.later(5*time.Minute - time.Second)
	w.exchange(young).wantSuccess()
	w.later(time.Second)
	w.exchange(old).wantErrcode(40029)
	w.sim.SetSwitches(wechatsim.Switches{ExpiredCode: 42003})
	w.exchange(older).wantErrcode(42003)
}

func TestExchangePrecedence(t *testing.T) {
	w := newWorld(t)
	appid, secret := "appid="+w.sim.AppID(), "secret="+w.sim.Secret()
	code, grant := "code="+w.sim.IssueCode("lin", base), "grant_type=authorization_code"
	for _, c := range []struct {
		errcode int
		query   []string
	}{
		{41002, nil},
		{41002, []string{secret, code, grant}},
		{41004, []string{appid}},
		{41004, []string{appid, code, grant}},
		{40002, []string{appid, secret, code}},
		{40002, []string{"appid=wrong", "secret=wrong", code, "grant_type=refresh_token"}},
		{41008, []string{"appid=wrong", "secret=wrong", grant}},
		{40013, []string{"appid=wrong", "secret=wrong", code, grant}},
		{40125, []string{appid, "secret=wrong", code, grant}},
		{40125, []string{appid, "secret=wrong", "code=wrong", grant}},
		{40029, []string{appid, secret, "code=wrong", grant}},
		{0, []string{grant, code, secret, appid}}, // any order; none of the above has spent the code
	} {
		got := w.get("/sns/oauth2/access_token?" + strings.Join(c.query, "&"))
		if c.errcode == 0 {
			got.wantSuccess()
		} else {
			got.wantErrcode(c.errcode)
		}
	}
}

func TestErrmsgCarriesARequestID(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{
		"/sns/oauth2/access_token?x": `^\{"errcode":41002,"errmsg":"appid missing rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"\}$`,
		w.exchangePath("x"):          `^\{"errcode":40029,"errmsg":"invalid code, rid: 6b0284e0-[0-9a-f]{8}-[0-9a-f]{8}"\}$`,
		"/sns/userinfo?access_token=86_" + strings.Repeat("x", 85) + "&openid=o": `more details at https:\\/\\/mmbizurl.cn`,
	} {
		if got := w.get(path).body; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

func TestGETOnly(t *testing.T) {
	w := newWorld(t)
	code := w.sim.IssueCode("lin", base)
	for _, path := range []string{w.exchangePath(code), "/sns/oauth2/refresh_token", "/sns/auth", "/sns/userinfo"} {
		got, err := w.call(t.Context(), "POST", path)
		if err != nil {
			t.Fatal(err)
		}
		got.wantErrcode(43001)
	}
	w.exchange(code).wantSuccess()
}

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	tok := w.exchange(w.sim.IssueCode("lin", userinfo)).wantSuccess()
	access, refresh, openid := tok.text("access_token"), tok.text("refresh_token"), tok.text("openid")

	// while it lives: the same token, two hours from now
	w.later(time.Hour)
	got := w.refresh(refresh).wantSuccess()
	want := `{"openid":"` + openid + `","access_token":"` + access + `","expires_in":7200,"refresh_token":"` + refresh +
		`","scope":"snsapi_base,snsapi_userinfo,"}`
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	w.later(2*time.Hour - time.Second)
	w.userinfo(access, openid).wantSuccess()

	// after its end: a new token, and the old one stays dead
	w.later(time.Second)
	w.userinfo(access, openid).wantErrcode(42001)
	got = w.refresh(refresh).wantSuccess()
	if got.text("access_token") == access || got.text("refresh_token") != refresh {
		t.Errorf("got %s, want a new access token and the same refresh token", got.body)
	}
	w.userinfo(got.text("access_token"), openid).wantSuccess()
	w.userinfo(access, openid).wantErrcode(42001)

	if got := w.refresh(w.exchange(w.sim.IssueCode("lin", base)).text("refresh_token")); got.text("scope") != "snsapi_base," {
		t.Errorf("base: %s", got.body)
	}
}

func TestRefreshTokenEndsWhateverIsDone(t *testing.T) {
	w := newWorld(t)
	refresh := w.exchange(w.sim.IssueCode("lin", base)).text("refresh_token")
	w.later(30*24*time.Hour - time.Second)
	w.refresh(refresh).wantSuccess()
	w.later(time.Second)
	w.refresh(refresh).wantErrcode(42002)
	w.refresh("86_garbage").wantErrcode(40030)
	for path, errcode := range map[string]int{
		"": 41002,
		"appid=" + w.sim.AppID() + "&grant_type=authorization_code":            40002,
		"appid=" + w.sim.AppID() + "&grant_type=refresh_token":                 41003,
		"appid=wx0123456789abcdef&grant_type=refresh_token&refresh_token=86_x": 40013,
	} {
		w.get("/sns/oauth2/refresh_token?" + path).wantErrcode(errcode)
	}
}

func TestAuth(t *testing.T) {
	w := newWorld(t)
	tok := w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()
	query := "access_token=" + tok.text("access_token") + "&openid="
	if got := w.get("/sns/auth?" + query + tok.text("openid")); got.body != `{"errcode":0,"errmsg":"ok"}` {
		t.Errorf("got %s", got.body)
	}
	w.get("/sns/auth?" + query + w.person("wang").OpenID).wantErrcode(40003)
	w.later(wechatsim.TokenLifetime)
	w.get("/sns/auth?" + query + tok.text("openid")).wantErrcode(42001)
}
