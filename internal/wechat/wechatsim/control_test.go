package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

func TestControlPage(t *testing.T) {
	w := newWorld(t, func(c *wechatsim.Config) { c.Notice = "服务在 <http://127.0.0.1:8007/>" })
	code := w.sim.IssueCode("wang", base)
	token := w.exchange(code).text("access_token")
	w.exchange(code)
	got := w.phoneOf("lin").get("/")
	got.wantText(w.sim.AppID(), w.sim.Secret(), w.srv.URL, "林小满", "王大锤", "服务在 &lt;http", "40163", "wechatsim_person", w.person("lin").OpenID)
	for _, secret := range []string{code, token, "<script", "style=", "<b>\"", "\x14"} {
		if strings.Contains(got.body, secret) {
			t.Errorf("the page holds %q", secret)
		}
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	w.phoneOf("").get("/?said=%3Cscript%3E").wantText("还不是谁的")
	for _, path := range []string{"/_sim/sim.css", "/_sim/icon.svg", "/_sim/pictures/lin", "/_sim/phone", "/_sim/tried?code=1&state=2"} {
		if got := w.phoneOf("").get(path); got.status != 200 || got.body == "" {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
}

func TestTheTryLinksWork(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	_, rest, _ := strings.Cut(lin.get("/").body, `href="/connect/oauth2/authorize?`)
	query, _, _ := strings.Cut(rest, `#wechat_redirect"`)
	to := lin.authorize(strings.ReplaceAll(query, "&amp;", "&")).wantRedirect()
	lin.get(to.RequestURI()).wantText(to.Query().Get("code"), to.Query().Get("state"), "curl")
}

func TestEveryPresetCanBePlanned(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	for _, p := range wechatsim.Presets() {
		got := lin.submit("/_sim/form/fault", url.Values{"preset": {p.Name}, "times": {"1"}})
		if got.status != http.StatusSeeOther {
			t.Errorf("%s: status %d %s", p.Name, got.status, got.body)
		}
	}
	lin.get("/").wantText("errcode -1, code spent", "after 3s", "cut before the answer", "double callback, new code")
	lin.submit("/_sim/form/clear", nil)
	w.exchange(w.sim.IssueCode("lin", base)).wantSuccess()
}

func TestFaultForm(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	lin.submit("/_sim/form/fault", url.Values{"endpoint": {"token"}, "kind": {"errcode"}, "param": {"40125"}, "times": {"2"}})
	lin.submit("/_sim/form/fault", url.Values{"endpoint": {"token"}, "kind": {"status"}, "param": {"503"}})
	w.exchange("x").wantErrcode(40125)
	w.exchange("x").wantErrcode(40125)
	if got := w.exchange("x"); got.status != 503 {
		t.Errorf("status %d", got.status)
	}
	for _, bad := range []url.Values{
		{"endpoint": {"token"}, "kind": {"errcode"}, "param": {"many"}},
		{"endpoint": {"token"}, "kind": {"delay"}, "param": {"-3s"}},
		{"endpoint": {"nowhere"}, "kind": {"hang"}},
		{"endpoint": {"token"}, "kind": {"unheard"}},
		{"endpoint": {"userinfo"}, "kind": {"snapshot"}},
		{"preset": {"unheard"}},
	} {
		if got := lin.submit("/_sim/form/fault", bad); got.status != http.StatusBadRequest {
			t.Errorf("%v: status %d", bad, got.status)
		}
	}
}

func TestOtherForms(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	lin.submit("/_sim/form/switches", url.Values{"deny_style": {"authdeny"}, "expired_code": {"42003"}, "remember_consent": {"1"}})
	if got := w.sim.Switches(); got != (wechatsim.Switches{DenyStyle: "authdeny", ExpiredCode: 42003, RememberConsent: true}) {
		t.Errorf("switches %+v", got)
	}
	lin.submit("/_sim/form/switches", url.Values{"any_order": {"1"}, "empty_state": {"1"}, "allow_post": {"1"}})
	if got, want := w.sim.Switches(), (wechatsim.Switches{DenyStyle: "close", ExpiredCode: 40029}).Lenient(); got != want {
		t.Errorf("switches %+v", got)
	}
	if got := lin.submit("/_sim/form/switches", url.Values{"deny_style": {"perhaps"}}); got.status != http.StatusBadRequest {
		t.Errorf("status %d", got.status)
	}
	lin.submit("/_sim/form/person", url.Values{"nickname": {"新来的"}})
	if lin.cookie(wechatsim.CookiePerson) != "lin" {
		t.Error("adding a person on the control page changed whose phone it is")
	}
	lin.get("/").wantText("新来的")
	lin.submit("/_sim/form/forget", nil)
	if lin.cookie(wechatsim.CookiePerson) != "" {
		t.Error("not forgotten")
	}
}

// ask calls the JSON API.
func (w *world) ask(method, path, body string) answer {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), method, w.srv.URL+path, strings.NewReader(body))
	got := w.phoneOf("").do(req)
	a := answer{t: w.t, status: got.status, header: got.header, body: got.body}
	if got.body != "" {
		if err := json.Unmarshal([]byte(got.body), &a.fields); err != nil {
			w.t.Errorf("%s %s: %v in %s", method, path, err, got.body)
		}
	}
	return a
}

func TestJSONAPI(t *testing.T) {
	w := newWorld(t)
	if got := w.ask("GET", "/_sim/config", ""); got.text("appid") != w.sim.AppID() || got.text("secret") != w.sim.Secret() || got.text("open_url") != w.srv.URL {
		t.Errorf("config %s", got.body)
	}
	made := w.ask("POST", "/_sim/people", `{"key":"ming","nickname":"小明","sex":1,"privilege":["x"]}`)
	if made.text("openid") != w.person("ming").OpenID {
		t.Errorf("made %s", made.body)
	}
	if got := w.ask("GET", "/_sim/people", ""); len(got.fields["people"].([]any)) != len(w.sim.People()) {
		t.Errorf("people %s", got.body)
	}

	w.ask("POST", "/_sim/faults", `{"preset":"busy","times":2}`)
	w.ask("POST", "/_sim/faults", `{"endpoint":"token","status":503,"body":"no","header":{"Retry-After":"9"}}`)
	if got := w.ask("POST", "/_sim/faults", `{"endpoint":"token","delay":"1h","cut_before":true,"times":-1}`); len(got.fields["faults"].([]any)) != 3 {
		t.Errorf("faults %s", got.body)
	}
	code := w.ask("POST", "/_sim/codes", `{"person":"ming","scope":"snsapi_base"}`).text("code")
	w.exchange(code).wantErrcode(-1)
	w.exchange(code).wantErrcode(-1)
	if got := w.exchange(code); got.status != 503 || got.body != "no" || got.header.Get("Retry-After") != "9" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := w.ask("DELETE", "/_sim/faults", ""); got.status != http.StatusNoContent {
		t.Errorf("status %d", got.status)
	}
	w.exchange(code).wantSuccess()

	all := w.ask("GET", "/_sim/calls", "")
	if n := len(all.fields["calls"].([]any)); n != 4 || strings.Contains(all.body, code) {
		t.Errorf("%d calls: %s", n, all.body)
	}
	if got := w.ask("GET", "/_sim/calls?after=3", ""); len(got.fields["calls"].([]any)) != 1 {
		t.Errorf("after 3: %s", got.body)
	}

	w.ask("POST", "/_sim/switches", `{"deny_style":"state-only"}`)
	if got := w.ask("POST", "/_sim/switches", `{"remember_consent":true}`); got.text("deny_style") != "state-only" || !w.sim.Switches().RememberConsent {
		t.Errorf("switches %s", got.body)
	}
}

func TestJSONAPIRefuses(t *testing.T) {
	w := newWorld(t)
	for _, c := range [][2]string{
		{"/_sim/faults", `{"preset":"unheard"}`},
		{"/_sim/faults", `{"endpoint":"token"}`},
		{"/_sim/faults", `{"endpoint":"token","status":99}`},
		{"/_sim/faults", `{"endpoint":"token","errcode":1,"times":-2}`},
		{"/_sim/faults", `{"endpoint":"token","double":"same"}`},
		{"/_sim/faults", `{"endpoint":"authorize","double":"thrice"}`},
		{"/_sim/faults", `{"endpoint":"token","errcode":-1,"dealy":"3s"}`},
		{"/_sim/faults", `{"endpoint":"token","delay":"soon"}`},
		{"/_sim/people", `{"key":"a b"}`},
		{"/_sim/people", `not json`},
		{"/_sim/codes", `{"person":"nobody","scope":"snsapi_base"}`},
		{"/_sim/codes", `{"person":"lin","scope":"snsapi_none"}`},
		{"/_sim/switches", `{"deny_style":"perhaps"}`},
		{"/_sim/switches", `{"expired_code":1}`},
	} {
		got := w.ask("POST", c[0], c[1])
		if got.status != http.StatusBadRequest || got.header.Get("Content-Type") != "application/problem+json" || got.text("detail") == "" {
			t.Errorf("%s %s: status %d %s", c[0], c[1], got.status, got.body)
		}
	}
	if got := w.ask("GET", "/_sim/calls?after=x", ""); got.status != http.StatusBadRequest {
		t.Errorf("status %d", got.status)
	}
}

func TestIssueCodePanicsOnMistakes(t *testing.T) {
	w := newWorld(t)
	for _, call := range []func(){
		func() { w.sim.IssueCode("nobody", base) },
		func() { w.sim.IssueCode("lin", "snsapi_none") },
	} {
		func() {
			defer func() {
				if r := recover(); !strings.HasPrefix(fmt.Sprint(r), "wechatsim:") {
					t.Errorf("panicked with %v", r)
				}
			}()
			call()
		}()
	}
}
