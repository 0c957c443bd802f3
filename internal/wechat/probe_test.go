package wechat_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

const probeSecret = "a-secret-that-must-not-be-seen"

func probeClient(address, appID string) *wechat.Client {
	return wechat.New(wechat.Config{AppID: appID, AppSecret: probeSecret, OpenURL: address, APIURL: address})
}

func TestProbe(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{Secret: probeSecret})
	srv := httptest.NewServer(sim)
	defer srv.Close()

	probe, err := probeClient(srv.URL, sim.AppID()).Probe(t.Context(), auth.OfficialAccount)
	if err != nil || probe.ServerDate.IsZero() {
		t.Errorf("right AppID and secret: %+v, %v", probe, err)
	}
	sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40164})
	probe, err = probeClient(srv.URL, sim.AppID()).Probe(t.Context(), auth.OfficialAccount)
	refusal, ok := errors.AsType[*wechat.Refusal](err)
	if !ok || refusal.Errcode != 40164 || refusal.From != "203.0.113.7" || probe.ServerDate.IsZero() {
		t.Errorf("40164: %+v, %+v", probe, err)
	}
	sim.Plan(wechatsim.Token, wechatsim.Fault{Body: []byte(`{"access_token":"x","openid":"o1"}`)})
	if _, err := probeClient(srv.URL, sim.AppID()).Probe(t.Context(), auth.OfficialAccount); auth.ReasonOf(err) != auth.WeChatFailed {
		t.Errorf("a token for a code that does not exist: %v", err)
	}
}

func TestProbeKeepsTheSecret(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	html := httptest.NewServer(http.NotFoundHandler())
	defer html.Close()
	for _, address := range []string{"http://" + listener.Addr().String(), html.URL, "http://[bad", strings.Replace(html.URL, "http", "https", 1)} {
		_, err := probeClient(address, "wx1").Probe(t.Context(), auth.OfficialAccount)
		if err == nil || strings.Contains(err.Error(), probeSecret) || strings.Contains(err.Error(), "appid=") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAuthorizePage(t *testing.T) {
	for name, test := range map[string]struct {
		page string
		want wechat.PageError
	}{
		"in order":              {`<h1>请在微信客户端打开链接</h1>`, wechat.PageError{}},
		"by its number":         {`<h4>redirect_uri域名与后台配置不一致，错误码:10003</h4>`, wechat.PageError{Number: 10003, Text: "redirect_uri 域名与后台配置不一致"}},
		"by its sentence":       {`<h4 class="weui_msg_title">Scope  参数错误或没有&nbsp;Scope 权限</h4>`, wechat.PageError{Number: 10005, Text: "Scope 参数错误或没有 Scope 权限"}},
		"in English":            {`<p>"appid" cannot be left blank. Error code: 10012</p>`, wechat.PageError{Number: 10012, Text: `"appid" cannot be left blank`}},
		"a number of no list":   {`<p>错误码：10099</p>`, wechat.PageError{Number: 10099}},
		"without a number":      {`<p>AppID 参数错误</p>`, wechat.PageError{Text: "AppID 参数错误"}},
		"a script's sentences":  {`<script>var a = "redirect_uri 参数错误"</script><h1>请在微信客户端打开链接</h1>`, wechat.PageError{}},
		"two sentences at once": {`<p>redirect_uri 参数错误</p><p>此公众号被封禁</p>`, wechat.PageError{}},
		"nothing":               {``, wechat.PageError{}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.UserAgent(), "MicroMessenger") || r.URL.Query().Get("state") == "" {
					t.Errorf("asked as %q for %s", r.UserAgent(), r.URL)
				}
				w.Write([]byte(test.page))
			}))
			defer srv.Close()
			got, err := probeClient(srv.URL, "wx1").AuthorizePage(t.Context(), auth.Authorization{Scope: auth.ScopeBase, RedirectURI: "https://h5.example.com/callback"})
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestEveryNumberIsExplained(t *testing.T) {
	for n := int64(-10); n < 100_000; n++ {
		e, explained := wechat.Explain(n)
		if known := wechat.Meaning(n) != "not in our list"; known && !explained {
			t.Errorf("errcode %d has a meaning and no explanation", n)
		}
		if explained && (e.Number != n || e.English == "" || e.English == "not in our list" || e.Chinese == "" || e.Advice == "") {
			t.Errorf("explanation is not complete: %+v", e)
		}
	}
	for _, n := range []int64{10003, 10004, 10005, 10006, 10012, 40013, 40125, 40164} {
		if _, ok := wechat.Explain(n); !ok {
			t.Errorf("%d is not explained", n)
		}
	}
}
