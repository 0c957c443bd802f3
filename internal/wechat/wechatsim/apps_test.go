package wechatsim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// threeApps are an official account, a website application and a mini program of one
// Open Platform account.
func threeApps(cfg *wechatsim.Config) {
	cfg.Apps = []wechatsim.App{{Kind: wechatsim.Website}, {Kind: wechatsim.MiniProgram}}
}

func (w *world) appOf(kind wechatsim.Kind) wechatsim.App {
	w.t.Helper()
	for _, a := range w.sim.Apps() {
		if a.Kind == kind {
			return a
		}
	}
	w.t.Fatalf("no app of the kind %s", kind)
	return wechatsim.App{}
}

func (w *world) official() wechatsim.App { w.t.Helper(); return w.appOf(wechatsim.OfficialAccount) }
func (w *world) site() wechatsim.App     { w.t.Helper(); return w.appOf(wechatsim.Website) }
func (w *world) mini() wechatsim.App     { w.t.Helper(); return w.appOf(wechatsim.MiniProgram) }

func (w *world) exchangeAs(a wechatsim.App, code string) answer {
	w.t.Helper()
	return w.get("/sns/oauth2/access_token?appid=" + a.AppID + "&secret=" + a.Secret + "&code=" + code + "&grant_type=authorization_code")
}

func (w *world) post(path, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(req)
}

// One person has an openid with each account, and one unionid with all of one Open
// Platform account; another one has another, and an account that is bound to none has
// none.
func TestOneUnionID(t *testing.T) {
	w := newWorld(t, threeApps, func(cfg *wechatsim.Config) {
		cfg.Apps = append(cfg.Apps,
			wechatsim.App{Kind: wechatsim.OfficialAccount, AppID: "wx00000000000000aa", Group: "other"},
			wechatsim.App{Kind: wechatsim.OfficialAccount, AppID: "wx00000000000000bb", Unbound: true})
	})
	openIDs := make(map[string]bool)
	unionIDs := make(map[string][]string)
	for _, a := range w.sim.Apps() {
		openIDs[w.sim.OpenID(a.AppID, "lin")] = true
		u := w.sim.UnionID(a.AppID, "lin")
		unionIDs[u] = append(unionIDs[u], a.AppID)
		if len(a.AppID) != 18 || len(a.Secret) != 32 {
			t.Errorf("AppID %q, secret of %d", a.AppID, len(a.Secret))
		}
	}
	if len(openIDs) != 5 || len(unionIDs) != 3 || len(unionIDs[w.person("lin").UnionID]) != 3 || len(unionIDs[""]) != 1 {
		t.Errorf("openids %v, unionids %v", openIDs, unionIDs)
	}
	again := wechatsim.New(wechatsim.Config{AppID: w.sim.AppID(), Secret: w.sim.Secret(), Apps: []wechatsim.App{{Kind: wechatsim.Website}}})
	if again.Apps()[1].AppID != w.site().AppID || again.Apps()[1].Secret != w.site().Secret {
		t.Error("made-up AppIDs differ between two starts")
	}
}

// A code, a secret and a token are good for the account alone that they are of.
func TestAccountsDoNotMix(t *testing.T) {
	w := newWorld(t, threeApps)
	official, site, mini := w.official(), w.site(), w.mini()
	code := w.sim.IssueCodeFor(site.AppID, "lin", wechatsim.ScopeLogin)
	w.exchangeAs(official, code).wantErrcode(40029)
	w.exchangeAs(mini, code).wantErrcode(40013)
	w.exchangeAs(wechatsim.App{AppID: site.AppID, Secret: official.Secret}, code).wantErrcode(40125)
	token := w.exchangeAs(site, code).wantSuccess() // still good
	w.get("/sns/oauth2/refresh_token?appid=" + official.AppID + "&grant_type=refresh_token&refresh_token=" + token.text("refresh_token")).wantErrcode(40030)
	w.userinfo(token.text("access_token"), w.sim.OpenID(official.AppID, "lin")).wantErrcode(40003)
	w.userinfo(token.text("access_token"), w.sim.OpenID(site.AppID, "lin")).wantSuccess()
}

// Each kind has a page of its own, and the others' AppIDs are refused there.
func TestKindsOfPages(t *testing.T) {
	w := newWorld(t, threeApps)
	lin := w.phoneOf("lin")
	link := func(appID, scope string) string {
		return "appid=" + appID + "&redirect_uri=" + url.QueryEscape(callback) + "&response_type=code&scope=" + scope + "&state=a"
	}
	lin.authorize(link(w.site().AppID, base)).wantRefused("10016", "不支持开放平台的 AppID")
	lin.authorize(link(w.mini().AppID, base)).wantRefused("0", "AppID 参数错误")
	lin.get("/connect/qrconnect?"+link(w.official().AppID, "snsapi_login")).wantRefused("10005", "Scope 参数错误")
	lin.get("/connect/qrconnect?"+link(w.mini().AppID, "snsapi_login")).wantRefused("0", "AppID 参数错误")
	lin.get("/connect/qrconnect?"+link(w.site().AppID, userinfo)).wantRefused("10005", "Scope 参数错误")
}
