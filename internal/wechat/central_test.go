package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

// accounts are clients of a simulator with an official account and a mini program.
type accounts struct {
	sim            *wechatsim.Simulator
	official, mini *wechat.Client
}

func newAccounts(t *testing.T, config wechatsim.Config) accounts {
	t.Helper()
	config.AppID, config.Secret = appID, appSecret
	config.Apps = append([]wechatsim.App{{Kind: wechatsim.MiniProgram}}, config.Apps...)
	sim := wechatsim.New(config)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	mini := sim.Apps()[1]
	return accounts{sim, clientOf(server.URL), wechat.New(wechat.Config{
		Lang: "zh_CN", APIURL: server.URL, AppID: mini.AppID, AppSecret: auth.Secret(mini.Secret)})}
}

// A mini program's code is worth an openid and a unionid, once, and each of WeChat's
// refusals has its reason.
func TestCodeToSession(t *testing.T) {
	a := newAccounts(t, wechatsim.Config{})
	mini := a.sim.Apps()[1].AppID
	code := a.sim.WXLogin(mini, "lin")
	grant, err := a.mini.CodeToSession(t.Context(), code)
	wantReason(t, err, "")
	want := auth.TokenAnswer{OpenID: a.sim.OpenID(mini, "lin"), UnionID: a.sim.UnionID(mini, "lin"), Scope: auth.ScopeBase}
	if grant != want {
		t.Errorf("%+v, want %+v", grant, want)
	}
	for errcode, reason := range map[int]auth.Reason{
		40163: auth.CodeSpent, 40029: auth.CodeSpent, 40226: auth.PersonLimited, 45011: auth.WeChatBusy, -1: auth.WeChatBusy,
		40001: auth.WeChatRefused, 40125: auth.WeChatRefused,
	} {
		if errcode != 40163 {
			a.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Errcode: errcode})
		}
		_, err := a.mini.CodeToSession(t.Context(), code)
		wantReason(t, err, reason)
		if auth.ErrcodeOf(err) != int64(errcode) {
			t.Errorf("%d: %v", errcode, err)
		}
	}
	a.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Body: []byte(`{"session_key":"c2VjcmV0","unionid":"u12345"}`)})
	_, err = a.mini.CodeToSession(t.Context(), code)
	wantReason(t, err, auth.IdentityClash)
	_, err = a.official.CodeToSession(t.Context(), a.sim.WXLogin(mini, "lin"))
	wantReason(t, err, auth.WeChatRefused)
}

// Token, ticket, and what one opens.
func TestCentral(t *testing.T) {
	a := newAccounts(t, wechatsim.Config{})
	token, err := a.official.StableToken(t.Context(), false)
	wantReason(t, err, "")
	if token.Lifetime != 2*time.Hour {
		t.Errorf("%v", token.Lifetime)
	}
	again, err := a.official.StableToken(t.Context(), false)
	wantReason(t, err, "")
	if again.Value != token.Value {
		t.Error("another token")
	}
	ticket, err := a.official.JSTicket(t.Context(), token.Value)
	wantReason(t, err, "")
	if ticket.Value == "" || ticket.Lifetime != 2*time.Hour {
		t.Errorf("%v", ticket.Lifetime)
	}
	forced, err := a.official.StableToken(t.Context(), true)
	wantReason(t, err, "")
	if forced.Value == token.Value {
		t.Error("not forced")
	}
	_, err = a.official.JSTicket(t.Context(), token.Value)
	wantReason(t, err, auth.TokenSpent)

	lin, err := a.official.Follower(t.Context(), forced.Value, a.sim.OpenID(appID, "lin"))
	wantReason(t, err, "")
	if !lin.Follows || lin.Scene != "ADD_SCENE_QR_CODE" || time.Since(lin.Since) > time.Hour {
		t.Errorf("%+v", lin)
	}
	alice, err := a.official.Follower(t.Context(), forced.Value, a.sim.OpenID(appID, "alice"))
	wantReason(t, err, "")
	if alice != (auth.Follower{}) {
		t.Errorf("%+v", alice)
	}
	a.sim.Plan(wechatsim.Follower, wechatsim.Fault{Body: []byte(`{"subscribe":1,"openid":"oSomebodyElse"}`)})
	_, err = a.official.Follower(t.Context(), forced.Value, a.sim.OpenID(appID, "lin"))
	wantReason(t, err, auth.WeChatFailed)

	// A mini program has a token of its own, and no tickets.
	token, err = a.mini.StableToken(t.Context(), false)
	wantReason(t, err, "")
	_, err = a.mini.JSTicket(t.Context(), token.Value)
	wantReason(t, err, auth.WeChatRefused)

	// The address to put on the list is told.
	a.sim.SetAddresses(appID, []string{"203.0.113.9"})
	_, err = a.official.StableToken(t.Context(), false)
	wantReason(t, err, auth.WeChatRefused)
	if refusal, ok := errors.AsType[*wechat.Refusal](err); !ok || refusal.From != "127.0.0.1" {
		t.Errorf("%+v", err)
	}
}

// Openids of the former account become those of this one; what WeChat does not know,
// and what nobody asked for, is left out.
func TestChangeOpenID(t *testing.T) {
	const former = "wx00000000000000aa"
	a := newAccounts(t, wechatsim.Config{Apps: []wechatsim.App{{Kind: wechatsim.OfficialAccount, AppID: former}, {Kind: wechatsim.OfficialAccount, AppID: "wx00000000000000bb", FormerAppID: former}}})
	moved := a.sim.Apps()[3]
	client := a.official.For(moved.AppID, auth.Secret(moved.Secret))
	token, err := client.StableToken(t.Context(), false)
	wantReason(t, err, "")
	got, err := client.ChangeOpenID(t.Context(), token.Value, former, []string{a.sim.OpenID(former, "lin"), "oNobody"})
	wantReason(t, err, "")
	if len(got) != 1 || got[a.sim.OpenID(former, "lin")] != a.sim.OpenID(moved.AppID, "lin") {
		t.Errorf("%v", got)
	}
	_, err = client.ChangeOpenID(t.Context(), token.Value, appID, []string{"o"})
	wantReason(t, err, auth.WeChatRefused)
	for body, want := range map[string]auth.Reason{
		`{"errcode":0}`: auth.WeChatFailed,
		`{"errcode":0,"result_list":[{"ori_openid":"o1","new_openid":"o2","err_msg":"ok"},{"ori_openid":"o1","new_openid":"o3","err_msg":"ok"}]}`:      auth.IdentityClash,
		`{"errcode":0,"result_list":[{"ori_openid":"oX","new_openid":"o2","err_msg":"ok"},7,null,{"ori_openid":"o1","new_openid":"","err_msg":"ok"}]}`: "",
	} {
		a.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Body: []byte(body)})
		got, err := client.ChangeOpenID(t.Context(), token.Value, former, []string{"o1"})
		wantReason(t, err, want)
		if len(got) != 0 {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// Whatever goes wrong on the way, no error tells a secret, a code or a token.
func TestCentralErrorsTellNothing(t *testing.T) {
	const token = "86_tokenOfTheAccount"
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"errcode": 40029, "errmsg": "invalid " + r.URL.String() + appSecret})
	}))
	defer echo.Close()
	for name, address := range map[string]string{"down": down.URL, "echo": echo.URL, "no address": "http://[bad"} {
		client := clientOf(address)
		for call, err := range map[string]error{
			"session":  second(client.CodeToSession(t.Context(), someCode)),
			"stable":   second(client.StableToken(t.Context(), true)),
			"ticket":   second(client.JSTicket(t.Context(), token)),
			"follower": second(client.Follower(t.Context(), token, "o1")),
			"moved":    second(client.ChangeOpenID(t.Context(), token, appID, []string{"o1"})),
		} {
			if err == nil {
				t.Errorf("%s, %s: no error", name, call)
				continue
			}
			for _, s := range []string{appSecret, someCode, token, "access_token=", "secret="} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("%s, %s: tells %q: %v", name, call, s, err)
				}
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A mini program's code goes out once, whatever becomes of the connection, and the
// session_key goes nowhere.
func TestAMiniCodeIsSentOnce(t *testing.T) {
	a := newAccounts(t, wechatsim.Config{})
	mini := a.sim.Apps()[1].AppID
	for range 3 {
		a.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{CutBefore: true})
		code := a.sim.WXLogin(mini, "lin")
		if _, err := a.mini.CodeToSession(context.Background(), code); err == nil {
			t.Fatal("an answer out of nothing")
		}
	}
	if n := len(a.sim.Calls(wechatsim.CodeToSession)); n != 3 {
		t.Errorf("three codes were sent %d times", n)
	}
}
