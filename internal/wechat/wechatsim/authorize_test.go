package wechatsim_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	good := w.query(base, "abc123")
	appid, to := "appid="+w.sim.AppID(), "redirect_uri="+url.QueryEscape(callback)

	lin.authorize(good).wantRedirect()
	for name, c := range map[string]struct{ query, number, sentence string }{
		"scope before response_type": {appid + "&" + to + "&scope=snsapi_base&response_type=code&state=a", "0", "该链接无法访问"},
		"sorted with extra":          {appid + "&connect_redirect=1&" + to + "&response_type=code&scope=snsapi_base&state=a", "0", "该链接无法访问"},
		"state before scope":         {appid + "&" + to + "&response_type=code&state=a&scope=snsapi_base", "0", "该链接无法访问"},
		"unknown extra":              {good + "&utm=1", "0", "该链接无法访问"},
		"scope twice":                {good + "&scope=snsapi_userinfo", "0", "该链接无法访问"},
		"response_type=token":        {strings.Replace(good, "=code", "=token", 1), "0", "该链接无法访问"},
		"callback not encoded":       {appid + "&redirect_uri=http://127.0.0.1:8007/callback?a=1&b=2&response_type=code&scope=snsapi_base&state=a", "0", "该链接无法访问"},
		"not decodable":              {good + "%zz", "0", "该链接无法访问"},
		"no appid":                   {to + "&response_type=code&scope=snsapi_base&state=a", "10012", "appid"},
		"empty appid":                {"appid=&" + to + "&response_type=code&scope=snsapi_base&state=a", "10012", "appid"},
		"empty redirect_uri":         {appid + "&redirect_uri=&response_type=code&scope=snsapi_base&state=a", "10011", "redirect_uri"},
		"empty scope":                {appid + "&" + to + "&response_type=code&scope=&state=a", "10010", "scope"},
		"empty state":                {w.query(base, ""), "10013", "state"},
		"state of 129 bytes":         {w.query(base, strings.Repeat("a", 129)), "0", "state 参数过长"},
		"state with a blank":         {w.query(base, "a+b"), "0", "state 参数错误"},
		"state with JSON":            {w.query(base, "%7B%22a%22%3A1%7D"), "0", "state 参数错误"},
		"another appid":              {strings.Replace(good, w.sim.AppID(), "wx0123456789abcdef", 1), "0", "AppID 参数错误"},
		"original id":                {strings.Replace(good, w.sim.AppID(), "gh_0123456789ab", 1), "1", "系统错误"},
		"unknown scope":              {w.query("snsapi_login", "a"), "10005", "Scope 参数错误或没有 Scope 权限"},
		"two scopes":                 {w.query("snsapi_base,snsapi_userinfo", "a"), "10005", "Scope"},
		"another host":               {w.queryTo("https://evil.example/callback", base, "a"), "10003", "redirect_uri 参数错误"},
		"host in the user name":      {w.queryTo("http://127.0.0.1:8007@evil.example/", base, "a"), "10003", "redirect_uri"},
		"user name before good host": {w.queryTo("http://evil.example@127.0.0.1:8007/", base, "a"), "10003", "redirect_uri"},
		"host that begins like it":   {w.queryTo("http://localhost.evil.example/", base, "a"), "10003", "redirect_uri"},
		"backslash":                  {w.queryTo(`http://evil.example\@127.0.0.1/`, base, "a"), "10003", "redirect_uri"},
		"javascript":                 {w.queryTo("javascript:alert(1)//127.0.0.1", base, "a"), "10003", "redirect_uri"},
		"ftp":                        {w.queryTo("ftp://127.0.0.1/", base, "a"), "10003", "redirect_uri"},
		"without scheme":             {w.queryTo("//127.0.0.1:8007/callback", base, "a"), "10003", "redirect_uri"},
		"relative":                   {w.queryTo("/callback", base, "a"), "10003", "redirect_uri"},
		"without slashes":            {w.queryTo("http:127.0.0.1/callback", base, "a"), "10003", "redirect_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			got := lin.authorize(c.query)
			got.t = t
			got.wantRefused(c.number, c.sentence)
		})
	}
}

func TestAuthorizeAdmits(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	for _, query := range []string{
		w.query(base, strings.Repeat("a", 128)),
		w.query(base, "0b9ce4a2-6f6e-4b27-8a5f-2f9f3c1d0e77"),
		w.query(base, "a") + "&connect_redirect=1",
		w.query(base, "a") + "&forcePopup=true&forceSnapShot=true",
		w.queryTo("http://localhost/cb", base, "a"),
		w.queryTo("http://demo.localhost:9/cb", base, "a"),
		w.queryTo("https://[::1]:8443/cb", base, "a"),
		w.queryTo("http://127.9.9.9/cb", base, "a"),
	} {
		lin.authorize(query).wantRedirect()
	}

	// official: state may be left out
	to := lin.authorize(strings.TrimSuffix(w.query(base, ""), "&state=")).wantRedirect()
	if to.Query().Get("code") == "" || to.Query().Get("state") != "" {
		t.Errorf("went to %s, want a code and no state", to)
	}
}

func TestCallbackHostIsExact(t *testing.T) {
	w := newWorld(t, func(c *wechatsim.Config) { c.CallbackHosts = []string{"h5.example.com", "dev.example.com:8443"} })
	lin := w.phoneOf("lin")
	for uri, ok := range map[string]bool{
		"https://h5.example.com/cb":       true,
		"http://h5.example.com/cb":        true,
		"https://h5.example.com:443/cb":   true,
		"https://H5.example.com/cb":       true,
		"https://dev.example.com:8443/cb": true,
		"https://h5.example.com:8443/cb":  false,
		"https://example.com/cb":          false,
		"https://a.h5.example.com/cb":     false,
		"https://h5.example.com.evil/cb":  false,
		"https://dev.example.com/cb":      false,
		"http://127.0.0.1:8007/cb":        false,
	} {
		got := lin.authorize(w.queryTo(uri, base, "a"))
		if ok {
			got.wantRedirect()
		} else {
			got.wantRefused("10003", "redirect_uri 参数错误")
		}
	}
}

func TestOnlyWeChatsBrowser(t *testing.T) {
	w := newWorld(t)
	small := phoneNamed("windows")
	small.UserAgent = strings.ToLower(small.UserAgent)
	for _, phone := range append(wechatsim.Phones(), small) {
		p := w.phoneOf("lin")
		p.ua = phone.UserAgent
		got := p.authorize(w.query(base, "a"))
		if phone.InWeChat() {
			got.wantRedirect()
		} else {
			got.wantRefused("0", "请在微信客户端打开链接")
			p.allow(w.query(userinfo, "a")).wantRefused("0", "请在微信客户端打开链接")
		}
	}

	any := newWorld(t, func(c *wechatsim.Config) { c.AnyBrowser = true }).phoneOf("lin")
	any.ua = "curl/8"
	any.authorize(any.w.query(base, "a")).wantRedirect()
}

func TestScopeTakenAway(t *testing.T) {
	w := newWorld(t, func(c *wechatsim.Config) { c.Switches.NoUserinfoScope = true })
	w.phoneOf("lin").authorize(w.query(userinfo, "a")).wantRefused("10005", "Scope 参数错误或没有 Scope 权限")
	w.phoneOf("lin").authorize(w.query(base, "a")).wantRedirect()
}

func TestRedirectKeepsQueryAndFragment(t *testing.T) {
	w := newWorld(t)
	lin := w.phoneOf("lin")
	code := regexp.MustCompile(`code=0[0-9][0-9A-Za-z]{30}&`)
	for uri, want := range map[string]string{
		"http://127.0.0.1/cb":                 "http://127.0.0.1/cb?code=C&state=xyz",
		"http://127.0.0.1/cb?b=2&a=%2F&a=":    "http://127.0.0.1/cb?b=2&a=%2F&a=&code=C&state=xyz",
		"http://127.0.0.1/#/p?q=1":            "http://127.0.0.1/?code=C&state=xyz#/p?q=1",
		"http://127.0.0.1/a%2Fb/%E4%B8%AD?x#": "http://127.0.0.1/a%2Fb/%E4%B8%AD?x&code=C&state=xyz",
	} {
		got := lin.authorize(w.queryTo(uri, base, "xyz"))
		got.wantRedirect()
		if loc := code.ReplaceAllString(got.header.Get("Location"), "code=C&"); loc != want {
			t.Errorf("%s: went to %s, want %s", uri, loc, want)
		}
	}
}
