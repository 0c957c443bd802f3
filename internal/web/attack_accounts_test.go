package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/wechat/wechatsim"
)

// What strangers could try with several accounts. The rest of it is where its subject is:
// states at other callbacks in accounts_test.go, codes and bearer tokens in mini_test.go,
// signatures and central tokens in jssdk_test.go, links in link_test.go.

// nobodysProposals fails if anybody is proposed to be anybody.
func (w *world) nobodysProposals() {
	w.t.Helper()
	proposals, err := w.db.Proposals(w.t.Context(), 10)
	check(w.t, err)
	if len(proposals) != 0 {
		w.t.Errorf("%d people are proposed to be one: %+v", len(proposals), proposals)
	}
}

// A unionid that is somebody's openid, and an openid that is somebody's unionid, make
// nobody of them.
func TestUnionIDIsNoOpenID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	victim := w.signedIn("lin")
	id, lin := victim.whose(), w.person("lin")
	w.sim.AddPerson(wechatsim.Person{Key: "thief", Nickname: "贼", UnionID: lin.OpenID})
	w.sim.AddPerson(wechatsim.Person{Key: "other", Nickname: "另", UnionID: "oUnion-of-the-other-one", OpenIDs: map[string]string{w.account("app").AppID: lin.UnionID, w.account("shop").AppID: lin.OpenID}})
	for _, key := range []string{"thief", "other"} {
		if said := w.mini(key, miniIPhone).signsIn(); !said.New || said.Person["id"] == id {
			t.Errorf("%s by the mini program is %v", key, said.Person)
		}
		phone := w.phone(key)
		phone.opens("/login?account=shop&consent=1").wantPage(http.StatusOK, "")
		if phone.whose() == id {
			t.Errorf("%s by the official account is the victim", key)
		}
	}
	w.wantIdentities(victim, w.openID("main", "lin"))
	w.nobodysProposals()
}

// Somebody who is blocked is refused by every other door as well, and what they came with
// is not written down.
func TestBlockedByEveryDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	phone := w.signedIn("lin")
	id := phone.whose()
	check(t, w.admins.Block(t.Context(), admin.CommandLine(), id, "spam"))
	m := w.mini("lin", miniIPhone)
	if told := m.call(http.MethodPost, "/mini/app/login", map[string]string{"code": m.code()}).wantStatus(http.StatusForbidden).problem(); told["reason"] != "blocked" {
		t.Errorf("mini program: %v", told)
	}
	w.desktop("lin").opens("/login?account=pc").wantStatus(http.StatusForbidden)
	other := w.phone("lin")
	other.opens("/login?account=shop&consent=1").wantStatus(http.StatusForbidden)
	other.wantNobody()
	if n := w.users(); n != 1 {
		t.Errorf("%d people", n)
	}
	all, err := w.db.Identities(t.Context(), id)
	check(t, err)
	dump := w.dump()
	for _, account := range []string{"app", "pc", "shop"} {
		if openID := w.sim.OpenID(w.account(account).AppID, "lin"); len(all) != 1 || strings.Contains(dump, openID) {
			t.Errorf("%s is written down", account)
		}
	}
	check(t, w.admins.Unblock(t.Context(), admin.CommandLine(), id))
	if said := m.signsIn(); said.New || said.Person["id"] != id {
		t.Errorf("unblocked: %v", said.Person)
	}
}

// What is no unionid joins nobody and proposes nobody, however many people have it; nor
// does one that a request claims.
func TestForgedUnionIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	victim := w.signedIn("lin")
	id, union := victim.whose(), w.person("lin").UnionID
	if union == "" {
		t.Fatal("the simulator's person has no unionid")
	}
	for i, forged := range []string{
		"o", "oUnio", strings.Repeat("o", 65), "oUnion of nobody", "oUnion\n" + union, union + "\x00", " " + union, union + " ", "%" + union[1:], union[:10] + "%",
		"oUnión-of-nobody", "oUnion'; --aaaa", "undefined!", "(null)", "${unionid}", "oUnion/of/nobody", "oUnion=of=nobody",
	} {
		key := "forger" + string(rune('a'+i))
		w.sim.AddPerson(wechatsim.Person{Key: key, UnionID: forged})
		first := w.phone(key)
		first.opens("/login?consent=1").wantPage(http.StatusOK, "")
		second := w.mini(key, miniIPhone).signsIn()
		if !second.New || second.Person["id"] == first.whose() || second.Person["id"] == id {
			t.Errorf("%q joins %v", forged, second.Person)
		}
	}
	w.nobodysProposals()

	before := w.users()
	m := w.mini("plain", miniIPhone)
	claims := map[string]string{"unionid": union, "openid": w.person("lin").OpenID, "person": id, "user_id": id, "appid": w.account("main").AppID}
	login := map[string]string{"code": m.code()}
	for name, value := range claims {
		login[name] = value
	}
	w.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Body: []byte(`{"openid":"oPlainPlainPlainPlainPlain01","session_key":"c2Vzc2lvbi1rZXktb2Ytbm9ib2R5","unionid":null}`)})
	p := m.call(http.MethodPost, "/mini/app/login", login).wantStatus(http.StatusOK)
	m.token = p.between(`"token":"`, `"`)
	m.call(http.MethodPut, "/api/me/profile", claims).wantStatus(http.StatusOK)
	query := url.Values{}
	for name, value := range claims {
		query.Set(name, value)
	}
	phone := w.phone("wang")
	phone.opens(phone.stops("/login?consent=1&"+query.Encode(), "/callback?")+"&"+query.Encode()).wantPage(http.StatusOK, "")
	phone.post("/me/link", query).wantStatus(http.StatusNotFound)
	if got := w.users(); got != before+2 {
		t.Errorf("%d people, before %d", got, before)
	}
	if phone.whose() == id || strings.Contains(m.call(http.MethodGet, "/api/me", nil).Body, union) {
		t.Error("a claim was believed")
	}
	w.wantIdentities(victim, w.openID("main", "lin"))
	w.nobodysProposals()
}

// Every token is used with the account that it is of: that of a person by the login that
// got it, and that of an account by what it signs and whom it is given to.
func TestAccessTokensOfAccountsDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts, backendKeys: backends, returnHosts: []string{"shop.example.com"}, accountHosts: map[string]string{"shop.example.com": "shop"}})
	phone := w.signedIn("lin")
	phone.opens("/login?account=shop&consent=1").wantPage(http.StatusOK, "")
	w.desktop("lin").opens("/login?account=pc").wantPage(http.StatusOK, "")

	tokens := map[string]string{}
	for _, account := range []string{"main", "shop", "app"} {
		status, body, _ := w.central(account, "Bearer "+backendKey)
		token, _ := body["access_token"].(string)
		if status != http.StatusOK || token == "" || tokens[token] != "" {
			t.Errorf("%s has the token of %q: %d %v", account, tokens[token], status, body["reason"])
		}
		tokens[token] = account
	}
	if status, _, _ := w.central("pc", "Bearer "+backendKey); status != http.StatusNotFound {
		t.Errorf("a website's: %d", status)
	}
	for page, account := range map[string]string{"https://shop.example.com/": "shop", w.url + "/": "main"} {
		if p := w.jssdk(page).wantStatus(http.StatusOK); !strings.Contains(p.Body, w.account(account).AppID) {
			t.Errorf("%s is signed as %s", page, p.Body)
		}
	}
	// The simulator refuses a token with another app's openid or secret, as WeChat does.
	var with []string
	for _, call := range w.sim.Calls(wechatsim.Userinfo, wechatsim.Token, wechatsim.StableToken, wechatsim.Ticket) {
		if call.Errcode != 0 {
			t.Errorf("%s by %s: errcode %d", call.Endpoint, call.AppID, call.Errcode)
		}
		with = append(with, string(call.Endpoint)+" "+call.AppID)
	}
	for _, account := range []string{"main", "shop"} {
		for _, endpoint := range []wechatsim.Endpoint{wechatsim.Userinfo, wechatsim.StableToken, wechatsim.Ticket} {
			if want := string(endpoint) + " " + w.account(account).AppID; !slices.Contains(with, want) {
				t.Errorf("no call of %s among %q", want, with)
			}
		}
	}

	// A stored token that is moved to another identity of the same person opens nothing.
	w.exec(`UPDATE identity_tokens SET refresh_token = (SELECT refresh_token FROM tokens LIMIT 1)`)
	all, err := w.db.TokensOf(t.Context(), phone.whose())
	check(t, err)
	if len(all) != 3 {
		t.Fatalf("%d tokens", len(all))
	}
	for _, id := range all {
		token, err := w.db.RefreshToken(t.Context(), id)
		if opens := err == nil && token != ""; opens != (id.IdentityID == "") {
			t.Errorf("identity %q: opens %v, %v", id.IdentityID, opens, err)
		}
	}
}

// The session of one account's door names what that door knows, and a cookie in place of
// a bearer token, or the reverse, opens no door to link or unlink anything.
func TestTokensInEachOthersPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: apartAccounts})
	phone := w.signedIn("lin")
	phone.links("shop").wantPage(http.StatusOK, "绑定成功")
	unlink := phone.get("/me").linkTo("/me/identities/")
	for name, authorization := range map[string]string{
		"a cookie as a bearer":        "Bearer " + phone.cookie("wxlogin"),
		"with the mark of a mini's":   "Bearer mini_" + phone.cookie("wxlogin"),
		"as the name of Basic":        "Basic " + base64.StdEncoding.EncodeToString([]byte(phone.cookie("wxlogin")+":")),
		"a key of a back end's shape": "Bearer " + backendKey,
	} {
		for _, c := range []struct {
			path string
			form url.Values
		}{{"/me/link", url.Values{"account": {"pc"}}}, {unlink, nil}} {
			thief := w.browser(desktopWeb)
			req := thief.request(http.MethodPost, c.path, c.form)
			req.Header.Set("Authorization", authorization)
			p, err := thief.fetch(req)
			check(t, err)
			if p.Status != http.StatusUnauthorized {
				t.Errorf("%s at %s: status %d", name, c.path, p.Status)
			}
		}
	}
	w.wantIdentities(phone, w.openID("main", "lin"), w.openID("shop", "lin"))
}
