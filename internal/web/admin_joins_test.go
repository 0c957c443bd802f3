package web_test

import (
	"encoding/json"
	"fmt"
	stdhtml "html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// twoOfOne is a world in which lin has come by two accounts before these were said to be
// of one Open Platform account: two people, who have been found since. An application
// knows the second.
func twoOfOne(t *testing.T, o options) (w *world, phone, desktop *browser, kept, other string) {
	t.Helper()
	pc := auth.Account{Name: "pc", Kind: auth.WebsiteAccount}
	before := newWorld(t, options{accounts: []auth.Account{pc}})
	pc.Group = "acme"
	o.accounts, o.dbPath, o.sim, o.keys = []auth.Account{pc}, before.dbPath, before.sim, before.keys
	w = newWorld(t, o)
	n, err := w.admins.FindProposals(t.Context())
	check(t, err)
	before.signedIn("lin")
	before.desktop("lin").opens("/login?account=pc").wantPage(http.StatusOK, "")
	w.clock.pass(25 * time.Hour)
	found, err := w.admins.FindProposals(t.Context())
	check(t, err)
	if n != 0 || found != 1 {
		t.Fatalf("%d pairs before, %d now", n, found)
	}
	phone, desktop = w.signedIn("lin"), w.desktop("lin")
	desktop.opens("/login?account=pc").wantPage(http.StatusOK, "")
	kept, other = phone.whose(), desktop.whose()
	if kept == other {
		t.Fatal("these were to be two people")
	}
	return w, phone, desktop, kept, other
}

// A proposal is seen with both people, joined with the id that was chosen, and undone;
// whoever has stored the other's id is led on meanwhile.
func TestJoinOnAPage(t *testing.T) {
	t.Parallel()
	w, phone, desktop, first, second := twoOfOne(t, options{})
	wiki := w.app("Wiki", nil)
	wiki.login(phone)
	adminBrowser := w.admin()
	page := adminBrowser.get("/admin").linkTo("/admin/joins")
	p := adminBrowser.get(page).wantPage(http.StatusOK, "待确认")
	union := w.stored(first).UnionID
	for _, text := range []string{first, second, w.person("lin").OpenID, union, "Wiki", "网站应用", "公众号", "林小满"} {
		if !strings.Contains(p.Body, text) {
			t.Errorf("the proposal does not say %q", text)
		}
	}
	if n := strings.Count(p.Body, `name="kept"`); n != 2 {
		t.Errorf("%d people may be kept", n)
	}

	both := url.Values{"person": {first, second}, "kept": {second}}
	for name, form := range map[string]url.Values{
		"no act":          both,
		"another act":     {"person": {first, second}, "kept": {second}, "act": {"erase"}},
		"nobody":          {"act": {"join"}},
		"a third is kept": {"person": {first, second}, "kept": {"x"}, "act": {"join"}},
	} {
		if p := adminBrowser.post("/admin/joins", form); p.Status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, p.Status)
		}
	}
	both.Set("act", "join")
	phone.post("/admin/joins", both).wantPage(http.StatusForbidden, "")
	w.browser(desktopWeb).post("/admin/joins", both).wantPage(http.StatusUnauthorized, "")
	adminBrowser.without("/admin/joins", "", both).wantStatus(http.StatusForbidden)
	if n := w.users(); n != 2 {
		t.Fatalf("%d people", n)
	}

	adminBrowser.submits("/admin/joins", both).wantPage(http.StatusOK, "已合并为同一个人")
	w.wantEvents(admin.ActJoin)
	if id := phone.me()["id"]; id != second {
		t.Errorf("the phone is %v's", id)
	}
	if n := w.rows("grants"); n != 0 {
		t.Errorf("%d grants of an id that is no more", n)
	}
	adminBrowser.get("/admin/users/" + first).wantRedirect("/admin/users/" + second + "?done=moved")
	adminBrowser.opens("/admin/users/"+first).wantPage(http.StatusOK, "已合并到此人")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		adminBrowser.fetchAPI(method, "/api/admin/users/"+first).wantRedirect("/api/admin/users/" + second)
	}
	adminBrowser.fetchAPI(http.MethodGet, "/api/admin/users/nobody").wantStatus(http.StatusNotFound)
	adminBrowser.post("/admin/users/"+first+"/block", nil).wantPage(http.StatusNotFound, "")
	adminBrowser.get("/admin/users/nobody").wantPage(http.StatusNotFound, "")

	p = adminBrowser.get("/admin/users/"+second).wantPage(http.StatusOK, "登录身份")
	for _, text := range []string{"首个身份", "管理员合并", "管理员链接", "/admin/joins/" + first + "/undo"} {
		if !strings.Contains(p.Body, text) {
			t.Errorf("the person's page does not say %q", text)
		}
	}
	undo := "/admin/joins/" + first + "/undo"
	phone.post(undo, nil).wantPage(http.StatusForbidden, "")
	adminBrowser.without(undo, "", nil).wantStatus(http.StatusForbidden)
	adminBrowser.get("/admin/joins").wantPage(http.StatusOK, undo)
	adminBrowser.submits(undo, url.Values{"person": {second}}).wantPage(http.StatusOK, "已撤销合并")
	adminBrowser.post(undo, nil).wantPage(http.StatusNotFound, "找不到这条合并记录")
	w.wantEvents(admin.ActUndoJoin, admin.ActJoin)
	phone.wantNobody()
	if id := desktop.me()["id"]; id != second {
		t.Errorf("the desktop is %v's", id)
	}
	adminBrowser.get("/admin/users/"+first).wantPage(http.StatusOK, "林小满")
	adminBrowser.get("/admin/joins").wantPage(http.StatusOK, "没有待确认的合并") // an undo is an answer
}

// Whoever is two people stays two, and no request by HEAD or of a stranger changes that.
func TestDismissOnAPage(t *testing.T) {
	t.Parallel()
	w, phone, _, first, second := twoOfOne(t, options{})
	adminBrowser := w.admin()
	form := url.Values{"person": {first, second}, "kept": {first}, "act": {"dismiss"}}
	phone.post("/admin/joins", form).wantPage(http.StatusForbidden, "")
	for _, path := range []string{"/admin/joins", "/api/admin/joins", "/api/admin/proposals"} {
		req := adminBrowser.request(http.MethodHead, path, nil)
		p, err := adminBrowser.fetch(req)
		check(t, err)
		p.wantStatus(http.StatusOK)
	}
	if open, err := w.admins.AnyProposals(t.Context()); err != nil || !open {
		t.Fatalf("answered already: %v", err)
	}
	adminBrowser.submits("/admin/joins", form).wantPage(http.StatusOK, "已标记为不同的人")
	w.wantEvents(admin.ActDismiss)
	w.clock.pass(50 * time.Hour)
	n, err := w.admins.FindProposals(t.Context())
	check(t, err)
	if open, _ := w.admins.AnyProposals(t.Context()); n != 0 || open {
		t.Errorf("proposed again: %d", n)
	}
}

// An admin by their own login signs in once more before they join or part anybody.
func TestJoinTakesAFreshLogin(t *testing.T) {
	t.Parallel()
	w, _, _, first, second := twoOfOne(t, options{})
	wang := w.signedIn("wang")
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("wang").OpenID)
	check(t, err)
	w.clock.pass(admin.FreshFor)
	form := url.Values{"person": {first, second}, "kept": {first}, "act": {"join"}}
	wang.post("/admin/joins", form).wantPage(http.StatusUnauthorized, "")
	if p := wang.get("/admin/joins").wantPage(http.StatusOK, "10 分钟内的登录"); strings.Contains(p.Body, `value="join"`) {
		t.Error("the button is there")
	}
	check(t, w.admins.Join(t.Context(), admin.CommandLine(), first, second))
	wang.post("/admin/joins/"+second+"/undo", nil).wantPage(http.StatusUnauthorized, "")
	if p := wang.get("/admin/users/"+first).wantPage(http.StatusOK, "10 分钟内的登录"); strings.Contains(p.Body, "/undo") {
		t.Error("the button is there")
	}
	wang.signsIn()
	wang.submits("/admin/joins/"+second+"/undo", nil).wantPage(http.StatusOK, "已撤销合并")
}

// The API has what the pages have.
func TestJoinAPI(t *testing.T) {
	t.Parallel()
	w, phone, _, first, second := twoOfOne(t, options{})
	adminBrowser := w.admin()
	var proposals struct {
		Proposals []struct {
			Kept, Other struct {
				ID, Account string
				Identities  []struct{ Account, OpenID string }
			}
			UnionID string
		}
		NextCursor string `json:"next_cursor"`
	}
	check(t, json.Unmarshal([]byte(adminBrowser.fetchAPI(http.MethodGet, "/api/admin/proposals").Body), &proposals))
	if got := proposals.Proposals; len(got) != 1 || got[0].Kept.ID != first || got[0].Other.ID != second || got[0].Kept.Account != "main" || got[0].Other.Account != "pc" || got[0].UnionID == "" {
		t.Fatalf("%+v", proposals)
	}
	phone.fetchAPI(http.MethodGet, "/api/admin/proposals").wantStatus(http.StatusForbidden)
	two := url.Values{"kept": {first}, "other": {second}}
	phone.post("/api/admin/joins", two).wantStatus(http.StatusForbidden)
	adminBrowser.post("/api/admin/joins", url.Values{"kept": {first}}).wantPage(http.StatusBadRequest, "kept, other: application/x-www-form-urlencoded")
	adminBrowser.post("/api/admin/joins", two).wantPage(http.StatusOK, `"account":"pc"`)
	var joins struct {
		Joins []struct {
			ID, Account, Linked string
			By                  string `json:"linked_by"`
			Nickname            string
			Person              struct{ ID string }
		}
	}
	check(t, json.Unmarshal([]byte(adminBrowser.fetchAPI(http.MethodGet, "/api/admin/joins").Body), &joins))
	if got := joins.Joins; len(got) != 1 || got[0].ID != second || got[0].Account != "pc" || got[0].Linked != "join" || got[0].By != admin.ActorLink || got[0].Person.ID != first || got[0].Nickname != "林小满" {
		t.Fatalf("%+v", joins)
	}
	phone.post("/api/admin/joins/"+second+"/undo", nil).wantStatus(http.StatusForbidden)
	adminBrowser.post("/api/admin/joins/"+second+"/undo", nil).wantPage(http.StatusOK, `"id":"`+second+`"`)
	adminBrowser.post("/api/admin/joins/"+second+"/undo", nil).wantStatus(http.StatusNotFound)
	adminBrowser.post("/api/admin/proposals/dismiss", two).wantStatus(http.StatusNoContent)
	adminBrowser.fetchAPI(http.MethodGet, "/api/admin/proposals?cursor=x").wantStatus(http.StatusBadRequest)
}

var nextProposals = regexp.MustCompile(`rel="next" href="([^"]*\?cursor=[^"]*)"`)

// Both lists have pages, each with the other as it was.
func TestPagesOfJoins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	for i := range 25 {
		w.exec(`INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count) VALUES ($1, 'wx', $1, 'snsapi_base', 1, 1, 1)`, fmt.Sprintf("a%02d", i))
	}
	for i := range 24 {
		w.exec(`INSERT INTO proposals (user_id, other_id, unionid, noted_at) VALUES ($1, $2, 'union1', 5)`, fmt.Sprintf("a%02d", i), fmt.Sprintf("a%02d", i+1))
		w.exec(`INSERT INTO identities (id, user_id, appid, openid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
			VALUES ($1, 'a00', 'wx2', $1, 'snsapi_base', 1, 1, 1, 'unionid', 7)`, fmt.Sprintf("i%02d", i))
	}
	adminBrowser := w.admin()
	seen := make(map[string]int)
	count := func(p *page) *page {
		for i := range 25 {
			if strings.Contains(p.Body, fmt.Sprintf(`name="person" value="a%02d"`, i)) {
				seen[fmt.Sprintf("a%02d", i)]++
			}
		}
		return p
	}
	p := count(adminBrowser.get("/admin/joins").wantPage(http.StatusOK, "/admin/joins/i23/undo"))
	for range 2 {
		next := nextProposals.FindStringSubmatch(p.Body)
		if next == nil {
			t.Fatal("there is no next page")
		}
		p = count(adminBrowser.get(stdhtml.UnescapeString(next[1])).wantPage(http.StatusOK, "上一页"))
	}
	if len(seen) != 25 {
		t.Errorf("%d people of 25 are on the pages", len(seen))
	}
	p = adminBrowser.get(adminBrowser.get("/admin/joins").linkTo("/admin/joins?joined=")).wantPage(http.StatusOK, "/admin/joins/i00/undo")
	// The first list goes on, and the second stays where it is.
	next := nextProposals.FindStringSubmatch(p.Body)
	if next == nil {
		t.Fatal("the second page of joins leads to no further proposals")
	}
	adminBrowser.get(stdhtml.UnescapeString(next[1])).wantPage(http.StatusOK, "/admin/joins/i00/undo")
	adminBrowser.get("/admin/joins?cursor=x").wantStatus(http.StatusBadRequest)
}

// With one account and nobody proposed, nothing leads to the joins; the page is there.
func TestNoJoinsWithOneAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	adminBrowser := w.admin()
	if p := adminBrowser.get("/admin"); strings.Contains(p.Body, "/admin/joins") {
		t.Error("the pages lead to the joins")
	}
	adminBrowser.get("/admin/joins").wantPage(http.StatusOK, "没有待确认的合并")
}

// A list of people can be narrowed to an account, beside the other filters, on the page,
// in the API and in exports; with one account there is nothing to choose.
func TestPeopleOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	lin := w.signedIn("lin")
	w.signedIn("wang")
	desktop := w.desktop("lin")
	desktop.opens("/login?account=pc").wantPage(http.StatusOK, "")
	alone := w.desktop("alice")
	alone.opens("/login?account=pc").wantPage(http.StatusOK, "")
	linID, wangID, aliceID := lin.whose(), w.user("wang").ID, alone.whose()
	adminBrowser := w.admin()
	for query, want := range map[string][]string{
		"": {linID, wangID, aliceID}, "account=": {linID, wangID, aliceID},
		"account=main": {linID, wangID}, "account=pc": {linID, aliceID}, "account=shop": nil,
		"account=pc&q=%E6%9E%97": {linID}, "account=main&filter=blocked": nil, "account=pc&sort=last_login_at": {linID, aliceID},
		"account=pc&filter=token_ends": nil, "account=pc&filter=profile": {linID, aliceID},
	} {
		for _, path := range []string{"/admin/users?", "/api/admin/users?", "/api/admin/users.csv?", "/api/admin/users.json?"} {
			p := adminBrowser.get(path + query).wantStatus(http.StatusOK)
			for _, id := range []string{linID, wangID, aliceID} {
				if got := strings.Contains(p.Body, id); got != slices.Contains(want, id) {
					t.Errorf("%s%s: %s is there: %v", path, query, id, got)
				}
			}
		}
	}
	p := adminBrowser.get("/admin/users?account=pc").wantPage(http.StatusOK, `<option value="pc" selected>`)
	if !strings.Contains(p.Body, "/api/admin/users.csv?account=pc") || !strings.Contains(p.Body, "back=%2fadmin%2fusers%3faccount%3dpc") {
		t.Error("the page forgets the account")
	}
	adminBrowser.get("/admin/users?account=other").wantPage(http.StatusBadRequest, "account: main | shop | pc | app")
	adminBrowser.get("/admin/users?account=app&filter=needs_login").wantPage(http.StatusOK, "小程序没有可更新的微信授权")
	adminBrowser.fetchAPI(http.MethodGet, "/api/admin/users?account=app&filter=needs_login").wantStatus(http.StatusBadRequest)
	if csv := adminBrowser.get("/api/admin/users.csv?account=pc").Body; !strings.Contains(csv, ",account,identities") || !strings.Contains(csv, ",pc,") {
		t.Errorf("CSV:\n%s", csv)
	}
	one := newWorld(t, options{})
	if p := one.admin().get("/admin/users"); strings.Contains(p.Body, `name="account"`) {
		t.Error("there is one account, and it can be chosen")
	}
}
