package wechatsim_test

import (
	"bytes"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// infoOf signs a person in and asks for the profile.
func (w *world) infoOf(key string) answer {
	w.t.Helper()
	tok := w.exchange(w.sim.IssueCode(key, userinfo)).wantSuccess()
	return w.userinfo(tok.text("access_token"), tok.text("openid"))
}

func TestUserinfoShape(t *testing.T) {
	w := newWorld(t)
	host := strings.ReplaceAll(w.srv.URL, "/", `\/`)
	lin, plain := w.person("lin"), w.person("plain")
	for key, want := range map[string]string{
		"lin": `{"openid":"` + lin.OpenID + `","nickname":"林小满","sex":2,"language":"zh_CN","city":"广州","province":"广东","country":"中国",` +
			`"headimgurl":"` + host + `\/mmopen\/vi_32\/lin\/132","privilege":[],"unionid":"` + lin.UnionID + `"}`,
		"plain": `{"openid":"` + plain.OpenID + `","nickname":"微信用户","sex":0,"language":"","city":"","province":"","country":"",` +
			`"headimgurl":"` + host + `\/mmopen\/vi_32\/plain\/132","privilege":[]}`,
	} {
		got := w.infoOf(key)
		if got.body != want || got.header.Get("Content-Type") != "text/plain" || got.status != 200 {
			t.Errorf("%d %s\ngot  %s\nwant %s", got.status, got.header.Get("Content-Type"), got.body, want)
		}
	}
	if got := w.infoOf("alice").body; !strings.Contains(got, `"privilege":["chinaunicom"]`) {
		t.Errorf("got %s", got)
	}
}

func TestUserinfoRefuses(t *testing.T) {
	w := newWorld(t)
	lin := w.person("lin")
	silent := w.exchange(w.sim.IssueCode("lin", base)).text("access_token")
	full := w.exchange(w.sim.IssueCode("lin", userinfo)).text("access_token")
	for query, errcode := range map[string]int{
		"":                         41001,
		"openid=" + lin.OpenID:     41001,
		"access_token=" + full:     41009,
		"access_token=no&openid=x": 40014,
		"access_token=86_" + strings.Repeat("x", 85) + "&openid=" + lin.OpenID: 40001,
		"access_token=" + full + "&openid=" + w.person("wang").OpenID:          40003,
		"access_token=" + silent + "&openid=" + lin.OpenID:                     48001,
	} {
		w.get("/sns/userinfo?" + query).wantErrcode(errcode)
	}
	w.later(wechatsim.TokenLifetime)
	w.userinfo(full, lin.OpenID).wantErrcode(42001)
}

func TestBytesReachTheWireAsTheyAre(t *testing.T) {
	w := newWorld(t)
	if got := w.infoOf("hostile").body; !strings.Contains(got, `"nickname":"<b>\"=cmd|'\/C calc'!A0`+"\u202Egnp.exe\x14"+`"`) {
		t.Errorf("got %q", got)
	}
	w.sim.AddPerson(wechatsim.Person{Key: "bytes", Nickname: "a\xff\xfe\x00\\\n"})
	if got := w.infoOf("bytes").body; !strings.Contains(got, "\"nickname\":\"a\xff\xfe\x00\\\\\\n\"") {
		t.Errorf("got %q", got)
	}
	w.sim.AddPerson(wechatsim.Person{Key: "raw", RawUserinfo: []byte("{\"nickname\":\x01")})
	if got := w.infoOf("raw").body; got != "{\"nickname\":\x01" {
		t.Errorf("got %q", got)
	}
	w.sim.AddPerson(wechatsim.Person{Key: "bare", NoPicture: true})
	if got := w.infoOf("bare").body; !strings.Contains(got, `"headimgurl":""`) {
		t.Errorf("got %q", got)
	}
	w.sim.AddPerson(wechatsim.Person{Key: "own", HeadImgURL: "https://thirdwx.qlogo.cn/x/132"})
	if got := w.infoOf("own").text("headimgurl"); got != "https://thirdwx.qlogo.cn/x/132" {
		t.Errorf("got %q", got)
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, p := range w.sim.People() {
		if !regexp.MustCompile(`^o[0-9A-Za-z_-]{27}$`).MatchString(p.OpenID) || seen[p.OpenID] {
			t.Errorf("%s: openid %q", p.Key, p.OpenID)
		}
		seen[p.OpenID] = true
	}
	again := wechatsim.New(wechatsim.Config{AppID: w.sim.AppID()})
	if again.People()[0].OpenID != w.person("lin").OpenID {
		t.Error("the openid changes from start to start")
	}
	if wechatsim.New(wechatsim.Config{}).People()[0].OpenID == w.person("lin").OpenID {
		t.Error("two accounts have the same openid for a person")
	}
	if !regexp.MustCompile(`^wx[0-9a-f]{16}$`).MatchString(w.sim.AppID()) || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(w.sim.Secret()) {
		t.Errorf("made up %q and %q", w.sim.AppID(), w.sim.Secret())
	}

	before := len(w.sim.People())
	made := w.sim.AddPerson(wechatsim.Person{Key: "../etc", Nickname: "x"})
	if made.Key == "../etc" || made.OpenID == "" {
		t.Errorf("filed %+v", made)
	}
	w.sim.AddPerson(wechatsim.Person{Key: "lin", Nickname: "林大满"})
	if got := w.infoOf("lin").text("nickname"); got != "林大满" || len(w.sim.People()) != before+1 {
		t.Errorf("%q, %d people", got, len(w.sim.People()))
	}
}

func TestPicture(t *testing.T) {
	w := newWorld(t)
	for size, pixels := range map[string]int{"0": 640, "46": 46, "132": 132} {
		got := w.get("/mmopen/vi_32/lin/" + size)
		img, err := png.Decode(bytes.NewReader([]byte(got.body)))
		if err != nil || img.Bounds().Dx() != pixels || got.header.Get("Content-Type") != "image/png" {
			t.Errorf("size %s: %v, %v", size, err, got.header)
		}
	}
	if w.get("/mmopen/vi_32/lin/132").body == w.get("/mmopen/vi_32/wang/132").body {
		t.Error("two people look the same")
	}
	for _, path := range []string{"lin/50", "nobody/132"} {
		if got := w.get("/mmopen/vi_32/" + path); got.status != 200 || got.header.Get("Content-Type") != "image/png" || got.header.Get("X-Errno") == "" {
			t.Errorf("%s: status %d, header %v", path, got.status, got.header)
		}
	}
	if n := len(w.sim.Calls(wechatsim.Picture)); n != 7 || len(w.sim.Calls()) != 0 {
		t.Errorf("%d picture calls", n)
	}
}
