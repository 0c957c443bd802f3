package wechatsim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// Whoever gets a refusal is told which parameter to look at: on the page, in a
// header, and in the list of calls.
func TestRefusalNamesTheParameter(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	good := w.query(base, "abc123")
	appid, to := "appid="+w.sim.AppID(), "redirect_uri="+url.QueryEscape(callback)
	for name, c := range map[string]struct{ query, parameter string }{
		"scope first":            {appid + "&" + to + "&scope=snsapi_base&response_type=code&state=a", "scope"},
		"state before scope":     {appid + "&" + to + "&response_type=code&state=a&scope=snsapi_base", "state"},
		"sorted with an extra":   {appid + "&connect_redirect=1&" + to + "&response_type=code&scope=snsapi_base&state=a", "connect_redirect"},
		"extra before state":     {appid + "&" + to + "&response_type=code&scope=snsapi_base&connect_redirect=1&state=a", "connect_redirect"},
		"redirect_uri first":     {to + "&" + appid + "&response_type=code&scope=snsapi_base&state=a", "redirect_uri"},
		"no response_type":       {appid + "&" + to + "&scope=snsapi_base&state=a", "response_type"},
		"response_type=token":    {strings.Replace(good, "=code", "=token", 1), "response_type"},
		"unknown extra":          {good + "&utm=1", "utm"},
		"scope twice":            {good + "&scope=snsapi_base", "scope"},
		"no value":               {good + "&lang", "lang"},
		"an address not encoded": {appid + "&redirect_uri=http://127.0.0.1:8007/callback?a=1&b=2&response_type=code&scope=snsapi_base&state=a", "b"},
		"no appid":               {to + "&response_type=code&scope=snsapi_base&state=a", "appid"},
		"empty redirect_uri":     {appid + "&redirect_uri=&response_type=code&scope=snsapi_base&state=a", "redirect_uri"},
		"empty state":            {w.query(base, ""), "state"},
		"long state":             {w.query(base, strings.Repeat("a", 129)), "state"},
		"state with JSON":        {w.query(base, "%7B%7D"), "state"},
		"another appid":          {strings.Replace(good, w.sim.AppID(), "wx0123456789abcdef", 1), "appid"},
		"a website's scope":      {w.query("snsapi_login", "a"), "scope"},
		"another host":           {w.queryTo("https://evil.example/", base, "a"), "redirect_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			got := lin.authorize(c.query)
			got.t = t
			if got.header.Get("X-Wechatsim-Error") == "" || got.header.Get("X-Wechatsim-Parameter") != c.parameter {
				t.Errorf("error %q, parameter %q, want %s", got.header.Get("X-Wechatsim-Error"), got.header.Get("X-Wechatsim-Parameter"), c.parameter)
			}
			got.wantText("<code>" + c.parameter + "</code>")
			if calls := w.sim.Calls(wechatsim.Authorize); calls[len(calls)-1].Parameter != c.parameter {
				t.Errorf("call %+v", calls[len(calls)-1])
			}
		})
	}
	for path, parameter := range map[string]string{
		"/sns/oauth2/access_token?" + appid:          "secret",
		w.exchangePath("unknown"):                    "code",
		"/sns/oauth2/refresh_token?" + appid:         "grant_type",
		"/sns/userinfo?access_token=x":               "openid",
		"/sns/auth?access_token=86_x&openid=o123456": "access_token",
	} {
		if got := w.get(path); got.header.Get("X-Wechatsim-Parameter") != parameter {
			t.Errorf("%s: parameter %q, want %s", path, got.header.Get("X-Wechatsim-Parameter"), parameter)
		}
	}
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40029})
	if got := w.exchange(w.sim.IssueCode("lin", base)); got.header.Get("X-Wechatsim-Parameter") != "" {
		t.Error("a planned fault blames a parameter that is right")
	}
}

// Each leniency lets one thing pass, and nothing else.
func TestLeniencies(t *testing.T) {
	appid := "appid=" + wechatsim.New(wechatsim.Config{AppID: "wx0123456789abcdef"}).AppID()
	to := "redirect_uri=" + url.QueryEscape(callback)
	disorder := []string{
		appid + "&" + to + "&scope=snsapi_base&response_type=code&connect_redirect=1&state=a",
		"response_type=code&client_id=x&" + to + "&" + appid + "&scope=snsapi_base&state=a",
	}
	none := appid + "&" + to + "&response_type=code&scope=snsapi_base&state="
	always := []string{
		disorder[0] + "&state=b",
		strings.Replace(disorder[0], "=code", "=token", 1),
		strings.Replace(disorder[0], "&state=a", "&state="+strings.Repeat("a", 129), 1),
		strings.Replace(disorder[0], "redirect_uri=http%3A%2F%2F127.0.0.1", "redirect_uri=http%3A%2F%2Fevil.example", 1),
	}
	for name, c := range map[string]struct {
		switches wechatsim.Switches
		passes   []string
		refused  []string
	}{
		"strict":    {wechatsim.Switches{}, nil, append(disorder, none)},
		"any order": {wechatsim.Switches{AnyOrder: true}, disorder, []string{none}},
		"no state":  {wechatsim.Switches{EmptyState: true}, []string{none}, disorder},
		"lenient":   {wechatsim.Switches{}.Lenient(), append(disorder, none), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *wechatsim.Config) { cfg.AppID, cfg.Switches = "wx0123456789abcdef", c.switches })
			lin := w.phoneOf("lin")
			for _, query := range c.passes {
				if code := lin.authorize(query).wantRedirect().Query().Get("code"); code == "" {
					t.Errorf("%s: no code", query)
				}
			}
			for _, query := range append(c.refused, always...) {
				if got := lin.authorize(query); got.header.Get("X-Wechatsim-Error") == "" {
					t.Errorf("%s: status %d, to %s", query, got.status, got.header.Get("Location"))
				}
			}
		})
	}
}

// The form on the way of a login keeps a link in another order.
func TestLenientLinkSurvivesTheForms(t *testing.T) {
	w := newWorld(t, func(cfg *wechatsim.Config) { cfg.Switches.AnyOrder = true })
	query := "scope=snsapi_userinfo&appid=" + w.sim.AppID() + "&response_type=code&redirect_uri=" + url.QueryEscape(callback) + "&state=a"
	p := w.phoneOf("")
	p.authorize(query).wantText("这是谁的手机")
	got := p.submit("/_sim/form/phone", url.Values{"person": {"lin"}, "query": {query}})
	if to := got.header.Get("Location"); to != "/connect/oauth2/authorize?"+query {
		t.Errorf("leads to %q", to)
	}
	p.authorize(query).wantText("允许")
	if p.allow(query).wantRedirect().Query().Get("code") == "" {
		t.Error("no code")
	}
}

// With the switch, an exchange may be a POST with its parameters in the query, in
// a form, or in both; without it, WeChat's answer is 43001.
func TestPost(t *testing.T) {
	w := newWorld(t)
	post := func(query, form url.Values) answer {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), "POST", w.srv.URL+"/sns/oauth2/access_token?"+query.Encode(), strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return w.send(req)
	}
	parts := func() (account, rest, all url.Values) {
		account = url.Values{"appid": {w.sim.AppID()}, "secret": {w.sim.Secret()}}
		rest = url.Values{"code": {w.sim.IssueCode("lin", base)}, "grant_type": {"authorization_code"}}
		all = url.Values{}
		for _, part := range []url.Values{account, rest} {
			for name, values := range part {
				all[name] = values
			}
		}
		return account, rest, all
	}
	account, rest, all := parts()
	post(all, nil).wantErrcode(43001)
	w.sim.SetSwitches(wechatsim.Switches{AllowPost: true})
	post(account, rest).wantSuccess()
	post(account, rest).wantErrcode(40163)
	_, _, all = parts()
	post(all, nil).wantSuccess()
	_, _, all = parts()
	post(nil, all).wantSuccess()
	post(account, nil).wantErrcode(40002)
	if got := w.exchange(w.sim.IssueCode("lin", base)); got.text("openid") == "" {
		t.Errorf("GET: %s", got.body)
	}
	for _, method := range []string{"PUT", "DELETE"} {
		got, err := w.call(t.Context(), method, w.exchangePath("x"))
		if err != nil {
			t.Fatal(err)
		}
		got.wantErrcode(43001)
	}
}

// A website's login: any browser, any order, a long state; a scope, a lifetime and
// buttons of its own.
func TestQRConnect(t *testing.T) {
	w := newWorld(t)
	desktop := w.phoneOf("lin")
	desktop.ua = phoneNamed("desktop").UserAgent
	state := strings.Repeat("s.", 200)
	query := "scope=snsapi_login&response_type=code&appid=" + w.sim.AppID() + "&redirect_uri=" + url.QueryEscape(callback) + "&state=" + state + "&lang=cn"

	desktop.get("/connect/qrconnect?" + query).wantText("请使用微信扫描二维码登录")
	to := desktop.allow(query).wantRedirect()
	if to.Query().Get("state") != state {
		t.Errorf("went to %s", to)
	}
	w.later(9 * time.Minute)
	token := w.exchange(to.Query().Get("code")).wantSuccess()
	if token.text("scope") != "snsapi_login" || token.text("unionid") == "" {
		t.Errorf("answered %s", token.body)
	}
	if got := w.userinfo(token.text("access_token"), token.text("openid")).wantSuccess(); got.text("nickname") != w.person("lin").Nickname {
		t.Errorf("userinfo %s", got.body)
	}
	if got := w.refresh(token.text("refresh_token")).wantSuccess(); got.text("scope") != "snsapi_login," {
		t.Errorf("refreshed %s", got.body)
	}

	to = desktop.allow(query).wantRedirect()
	w.later(10 * time.Minute)
	w.exchange(to.Query().Get("code")).wantErrcode(40029)

	desktop.deny(query).wantText("你拒绝了授权", "/connect/qrconnect?")
	desktop.get("/connect/qrconnect?"+w.query(userinfo, "a")).wantRefused("10005", "Scope 参数错误或没有 Scope 权限")
	desktop.get("/connect/qrconnect?"+w.query("snsapi_login", "")).wantRefused("10013", "state 参数不能为空")
	if got := w.exchange(w.phoneOf("snapshot").allow(query).wantRedirect().Query().Get("code")).wantSuccess(); got.fields["is_snapshotuser"] != nil {
		t.Errorf("a snapshot page: %s", got.body) // there are none
	}
}
