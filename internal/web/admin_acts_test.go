package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// tail is what has to be typed to confirm an act on a person.
func (w *world) tail(key string) url.Values {
	openID := w.person(key).OpenID
	return url.Values{"confirm": {openID[len(openID)-6:]}}
}

// id signs a person in and returns what we call them.
func (b *browser) id() string {
	b.w.t.Helper()
	b.signsIn()
	return b.whose()
}

// sessionIDs are a person's sessions, newest first.
func (w *world) sessionIDs(userID string) (ids []string) {
	w.t.Helper()
	sessions, err := w.db.UserSessions(w.t.Context(), userID)
	check(w.t, err)
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

// wantEvents fails unless the audit log, newest first, begins with these acts.
func (w *world) wantEvents(want ...admin.Action) {
	w.t.Helper()
	page, err := w.db.Events(w.t.Context(), admin.EventQuery{})
	check(w.t, err)
	var got []admin.Action
	for _, e := range page.Events[:min(len(want), len(page.Events))] {
		got = append(got, e.Action)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the audit log says %v, want %v", got, want)
	}
}

// The holder of one device of a person ends that one, and a stranger none.
func TestEndOneSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone, tablet, wang := w.phone("lin"), w.phone("lin"), w.phone("wang")
	id := phone.id()
	w.clock.pass(time.Second)
	tablet.signsIn()
	stranger := wang.id()
	old := w.sessionIDs(id)[1] // the phone's

	wang.post("/me/sessions/"+old+"/end", nil).wantPage(http.StatusNotFound, "")
	wang.post("/api/admin/users/"+id+"/sessions/"+old+"/revoke", nil).wantPage(http.StatusForbidden, "")
	adminBrowser := w.admin()
	adminBrowser.post("/admin/users/"+stranger+"/sessions/"+old+"/revoke", nil).wantPage(http.StatusNotFound, "")
	w.browser(desktopWeb).post("/me/sessions/"+old+"/end", nil).wantPage(http.StatusUnauthorized, "")
	phone.wantMe("lin")

	page := tablet.get("/me").wantPage(http.StatusOK, "/me/sessions/"+old+"/end")
	if n := strings.Count(page.Body, `/end"`); n != 1 {
		t.Errorf("%d devices can be ended, want the other one", n)
	}
	tablet.submits("/me/sessions/"+old+"/end", nil).wantPage(http.StatusOK, "done")
	phone.wantNobody()
	tablet.wantMe("lin")
	w.wantEvents(admin.ActEndSession)
	tablet.post("/me/sessions/"+old+"/end", nil).wantPage(http.StatusNotFound, "")

	adminBrowser.submits("/admin/users/"+id+"/sessions/"+w.sessionIDs(id)[0]+"/revoke", nil).wantPage(http.StatusOK, "")
	tablet.wantNobody()
	wang.wantMe("wang")
	w.wantEvents(admin.ActEndSession, admin.ActEndSession)
}

// An admin is made and unmade on a page, after a typed confirmation.
func TestGrantOnAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	adminBrowser := w.admin()
	for _, wrong := range []url.Values{nil, {"confirm": {""}}, {"confirm": {"wrong!"}}} {
		adminBrowser.post("/admin/users/"+id+"/grant", wrong).wantRedirect("/admin/users/" + id + "?done=mismatch")
	}
	lin.get("/admin").wantPage(http.StatusForbidden, "")
	adminBrowser.submits("/admin/users/"+id+"/grant", w.tail("lin")).wantPage(http.StatusOK, "/revoke")
	lin.get("/admin").wantPage(http.StatusOK, "")
	adminBrowser.post("/admin/users/"+id+"/revoke", nil).wantRedirect("/admin/users/" + id + "?done=mismatch")
	lin.get("/admin").wantPage(http.StatusOK, "")
	adminBrowser.submits("/admin/users/"+id+"/revoke", w.tail("lin")).wantPage(http.StatusOK, "/grant")
	lin.get("/admin").wantPage(http.StatusForbidden, "")
	w.wantEvents(admin.ActRevoke, admin.ActGrant)
}

// The only admin does not lock the door behind themselves, in any way; their own
// data they may erase, as anybody.
func TestLastAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.phone("lin"), w.phone("wang")
	id, other := lin.id(), wang.id()
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
	check(t, err)
	for _, act := range []string{"revoke", "erase", "block"} {
		lin.post("/admin/users/"+id+"/"+act, w.tail("lin")).wantPage(http.StatusForbidden, "至少要留一位管理员")
		lin.get("/admin").wantPage(http.StatusOK, "")
	}
	lin.fetchAPI(http.MethodDelete, "/api/admin/users/"+id).wantPage(http.StatusForbidden, `"reason":"last_admin"`)
	lin.submits("/admin/users/"+other+"/grant", w.tail("wang")).wantPage(http.StatusOK, "")
	lin.post("/admin/users/"+id+"/revoke", w.tail("lin")).wantRedirect("/admin/users/" + id + "?done=revoked")
	lin.get("/admin").wantPage(http.StatusForbidden, "")
	wang.submits("/api/me/erase", url.Values{"confirm": {"yes"}}).wantPage(http.StatusOK, "")
	wang.wantNobody()
}

// Who blocks themselves is asked first, like who erases; their own page says that
// it is theirs, and so does a choice of several people with them among it.
func TestBlockingOneselfAsksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.phone("lin"), w.phone("wang")
	id, other := lin.id(), wang.id()
	for _, key := range []string{"lin", "wang"} {
		_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person(key).OpenID)
		check(t, err)
	}
	asks := func(b *browser, id string, self bool) {
		t.Helper()
		p := b.get("/admin/users/"+id).wantPage(http.StatusOK, "/block\"")
		if marked, asked := strings.Contains(p.Body, "这是你自己"), strings.Contains(p.Body, `id="confirm-block"`); marked != self || asked != self {
			t.Errorf("marked as oneself %v, asked before a block %v, want %v", marked, asked, self)
		}
	}
	asks(lin, id, true)
	asks(lin, other, false)
	asks(w.admin(), id, false)

	for _, wrong := range []url.Values{nil, {"confirm": {""}}, {"confirm": {"wrong!"}}, w.tail("wang")} {
		lin.post("/admin/users/"+id+"/block", wrong).wantRedirect("/admin/users/" + id + "?done=mismatch")
	}
	lin.post("/admin/users/"+id+"/erase", nil).wantRedirect("/admin/users/" + id + "?done=mismatch")
	bulk := url.Values{"act": {"block"}, "id": {other}}
	if p := lin.post("/admin/users/bulk", bulk).wantPage(http.StatusOK, "王大锤"); strings.Contains(p.Body, "你自己") {
		t.Error("a choice without oneself is marked")
	}
	bulk.Add("id", id)
	lin.post("/admin/users/bulk", bulk).wantPage(http.StatusOK, "要停用的是你自己")
	lin.get("/admin").wantPage(http.StatusOK, "")
	lin.wantMe("lin")

	lin.post("/admin/users/"+id+"/block", w.tail("lin"))
	lin.wantNobody()
	wang.submits("/admin/users/"+id+"/unblock", nil).wantPage(http.StatusOK, "")
	wang.post("/admin/users/"+id+"/block", nil).wantRedirect("/admin/users/" + id + "?done=blocked") // somebody else needs no typing
	w.wantEvents(admin.ActBlock, admin.ActUnblock, admin.ActBlock)

	// A program names whom it means by the whole id.
	w.signedIn("alice")
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("alice").OpenID)
	check(t, err)
	wang.post("/api/admin/users/"+other+"/block", nil).wantPage(http.StatusOK, `"blocked":true`)
	wang.wantNobody()
}

func (b *browser) fetchAPI(method, address string) *page {
	b.w.t.Helper()
	req := b.request(method, address, nil)
	req.Header.Set("Accept", "application/json")
	p, err := b.fetch(req)
	check(b.w.t, err)
	return p
}

// An admin who came by their own login is asked for it again after twelve hours,
// and after ten minutes for what cannot be undone. A silent one will do.
func TestAdminSignsInAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.phone("lin"), w.phone("wang")
	lin.signsIn()
	other := wang.id()
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
	check(t, err)
	lin.get("/admin/users/"+other).wantPage(http.StatusOK, `/erase"`)

	w.clock.pass(admin.FreshFor)
	page := lin.get("/admin/users/"+other).wantPage(http.StatusOK, "/block")
	if strings.Contains(page.Body, `/erase"`) || strings.Contains(page.Body, `/grant"`) {
		t.Error("the forms are there although a login is wanted")
	}
	for _, act := range []string{"erase", "grant", "revoke"} {
		lin.post("/admin/users/"+other+"/"+act, w.tail("wang")).wantPage(http.StatusUnauthorized, "请再登录一次")
	}
	lin.fetchAPI(http.MethodDelete, "/api/admin/users/"+other).wantPage(http.StatusUnauthorized, `"reason":"sign_in_again"`)
	wang.wantMe("wang")
	lin.submits("/admin/users/"+other+"/block", nil).wantPage(http.StatusOK, "") // can be undone

	again := regexp.MustCompile(`href="(/login\?return_to=[^"]*users[^"]*)"`).FindStringSubmatch(page.Body)
	if again == nil {
		t.Fatal("no way to sign in again")
	}
	lin.opens(strings.ReplaceAll(again[1], "&amp;", "&")).wantPage(http.StatusOK, `/erase"`)
	lin.submits("/admin/users/"+other+"/erase", w.tail("wang")).wantPage(http.StatusOK, "")

	w.clock.pass(admin.SessionLifetime)
	refused := lin.get("/admin/users").wantPage(http.StatusUnauthorized, "/login?return_to=%2Fadmin%2Fusers")
	if strings.Contains(refused.Body, "林小满") {
		t.Error("the refusal shows people")
	}
	lin.get("/avatar/"+other).wantPage(http.StatusOK, "")
	lin.wantMe("lin") // on their own pages nothing has changed
	lin.opens("/login?return_to=%2Fadmin%2Fusers").wantPage(http.StatusOK, "林小满")
}

// Several people are chosen in the list; a page asks, then it is done to each.
func TestBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang, alice := w.phone("lin"), w.phone("wang"), w.phone("alice")
	ids := []string{lin.id(), wang.id()}
	alice.signsIn()
	adminBrowser := w.admin()
	list := adminBrowser.get("/admin/users?sort=first_login_at&pick=all").wantPage(http.StatusOK, "")
	if n := strings.Count(list.Body, " checked"); n != 3 {
		t.Errorf("%d are chosen, want 3", n)
	}
	back := "/admin/users?sort=first_login_at"
	form := url.Values{"act": {"sessions"}, "id": append(ids, ids[0], "019aa9f0-gone"), "back": {back}}
	adminBrowser.post("/admin/users/bulk", form).wantPage(http.StatusOK, "林小满")
	lin.wantMe("lin") // asked, not done
	form.Set("confirm", "yes")
	adminBrowser.post("/admin/users/bulk", form).wantRedirect("/admin/users?done=bulk_sessions&sort=first_login_at")
	lin.wantNobody()
	wang.wantNobody()
	alice.wantMe("alice")

	form.Set("act", "block")
	form.Set("reason", "一起停用")
	adminBrowser.submits("/admin/users/bulk", form).wantPage(http.StatusOK, "选中的人已停用")
	lin.opens("/login").wantPage(http.StatusForbidden, "")
	adminBrowser.get("/admin/events?action=block").wantPage(http.StatusOK, "一起停用")
	w.wantEvents(admin.ActBlock, admin.ActBlock, admin.ActEndSessions, admin.ActEndSessions)

	adminBrowser.post("/admin/users/bulk", url.Values{"act": {"block"}}).wantRedirect("/admin/users?done=bulk_nobody")
	for _, bad := range []url.Values{{"act": {"erase"}, "id": ids}, {"id": ids}, {"act": {"block"}, "id": make([]string, admin.MaxPage+1)}} {
		adminBrowser.post("/admin/users/bulk", bad).wantPage(http.StatusBadRequest, "")
	}
	for _, elsewhere := range []string{"https://evil.example/admin/users", "//evil.example/admin/users", "/login", "javascript:alert(1)"} {
		adminBrowser.post("/admin/users/bulk", url.Values{"act": {"block"}, "back": {elsewhere}}).wantRedirect("/admin/users?done=bulk_nobody")
	}
}

// What WeChat refuses is counted by its number, named, and shown where it
// happened.
func TestErrcodesOnTheDashboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40125})
	w.phone("wang").opens("/login").wantPage(http.StatusServiceUnavailable, "")
	w.clock.pass(time.Minute)
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Errcode: 48001})
	lin.opens("/login?consent=1").wantPage(http.StatusOK, "林小满") // without a profile

	adminBrowser := w.admin()
	home := adminBrowser.get("/admin").wantPage(http.StatusOK, "40125")
	for _, want := range []string{"48001", "AppSecret 无效", "接口未授权", "读取资料时", `class="bar_1"`, "<table"} {
		if !strings.Contains(home.Body, want) {
			t.Errorf("the dashboard does not say %q", want)
		}
	}
	adminBrowser.get("/admin?days=90").wantPage(http.StatusOK, "40125")
	adminBrowser.get("/admin?days=nonsense").wantPage(http.StatusOK, "40125")
	adminBrowser.get("/admin/users/"+id).wantPage(http.StatusOK, "48001")
}

// Whom a login was refused is found in their history too.
func TestRefusedLoginIsInTheTimeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	adminBrowser := w.admin()
	adminBrowser.submits("/admin/users/"+id+"/block", url.Values{"reason": {"x"}}).wantPage(http.StatusOK, "")
	lin.opens("/login").wantPage(http.StatusForbidden, "")
	adminBrowser.get("/admin/users/"+id).wantPage(http.StatusOK, "核对身份时")
}

// Who agreed on our own page is noted with the text's version and the time; a
// silent login changes neither.
func TestConsentIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	type personalData struct {
		Consent *struct{ Version, At string }
	}
	var first, second personalData
	check(t, json.Unmarshal([]byte(lin.get("/api/me/export").Body), &first))
	if first.Consent == nil || first.Consent.Version == "" || first.Consent.At == "" {
		t.Fatalf("consent: %+v", first.Consent)
	}
	w.clock.pass(time.Hour)
	lin.opens("/login").wantPage(http.StatusOK, "")
	check(t, json.Unmarshal([]byte(lin.get("/api/me/export").Body), &second))
	if *first.Consent != *second.Consent {
		t.Errorf("a silent login made %v of %v", second.Consent, first.Consent)
	}
	w.admin().get("/admin/users/"+id).wantPage(http.StatusOK, "文本版本 "+first.Consent.Version)

	base := newWorld(t, options{mode: auth.ModeBase})
	phone := base.phone("lin")
	phone.signsIn()
	if body := phone.get("/api/me/export").Body; !strings.Contains(body, `"consent": null`) {
		t.Errorf("nobody was asked, and yet: %s", body[:200])
	}
}

// The audit log is filtered by what, who and when, and exported as filtered. Every
// act of an admin is in it, taking a copy too.
func TestEventsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	wang := w.phone("wang").id()
	adminBrowser := w.admin()
	post := func(path string, form url.Values) { adminBrowser.submits(path, form).wantPage(http.StatusOK, "") }
	post("/admin/users/"+id+"/block", url.Values{"reason": {"=1+1"}})
	post("/admin/users/"+id+"/unblock", nil)
	post("/admin/users/"+id+"/sessions/revoke", nil)
	post("/admin/users/"+id+"/refresh", nil)
	post("/admin/users/"+id+"/grant", w.tail("lin"))
	post("/admin/users/"+id+"/revoke", w.tail("lin"))
	adminBrowser.get("/api/admin/users/"+id+"/export").wantPage(http.StatusOK, "林小满")
	adminBrowser.get("/api/admin/users.json").wantPage(http.StatusOK, "林小满")
	post("/admin/users/"+wang+"/erase", w.tail("wang"))
	w.wantEvents(admin.ActErase, admin.ActExport, admin.ActExport, admin.ActRevoke, admin.ActGrant, admin.ActRefresh, admin.ActEndSessions, admin.ActUnblock, admin.ActBlock, admin.ActLinkUsed)

	count := func(query string) int {
		t.Helper()
		var answer struct{ Events []map[string]any }
		p := adminBrowser.get("/api/admin/events.json?"+query).wantPage(http.StatusOK, "")
		check(t, json.Unmarshal([]byte(p.Body), &answer))
		return len(answer.Events)
	}
	today := w.clock.now().UTC().Format(time.DateOnly)
	tomorrow := w.clock.now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	if n := count("who=" + id); n != 7 { // by id, and by openid: grant and revoke
		t.Errorf("%d entries about the person, want 7", n)
	}
	for query, want := range map[string]int{"action=block": 1, "who=nobody": 0, "from=" + tomorrow: 0, "action=block&from=" + today + "&to=" + today: 1, "action=dance": 0} {
		if n := count(query); n != want {
			t.Errorf("%s: %d entries, want %d", query, n, want)
		}
	}
	page := adminBrowser.get("/admin/events?action=block&from="+today).wantPage(http.StatusOK, "林小满")
	if strings.Contains(page.Body, "恢复账号</b>") {
		t.Error("the filter lets others through")
	}
	file := adminBrowser.get("/api/admin/events.csv?action=block").wantPage(http.StatusOK, "")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.Body, "\uFEFF"))).ReadAll()
	check(t, err)
	if len(rows) != 2 || rows[1][7] != "'=1+1" {
		t.Errorf("the CSV has %q", rows)
	}
	for _, bad := range []string{"from=yesterday", "cursor=forged", "who=" + strings.Repeat("x", 2000)} {
		adminBrowser.get("/admin/events?"+bad).wantPage(http.StatusBadRequest, "")
		if bad != "cursor=forged" { // an export has no pages
			adminBrowser.get("/api/admin/events.csv?"+bad).wantPage(http.StatusBadRequest, "")
		}
	}
	adminBrowser.post("/admin/logout", nil)
	w.wantEvents(admin.ActSignOut)
}

// A person's copy of their data says what was done to them and when, and nothing of
// what admins note among themselves or who they are. What an admin did to others does
// not read as done to themselves.
func TestExportHoldsNoNotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, key := range []string{"lin", "wang", "alice"} {
		w.phone(key).signsIn()
	}
	own := newWorld(t, options{dbPath: w.dbPath, sim: w.sim, admins: []string{w.person("lin").OpenID}})
	boss := own.signedIn("lin")
	wang := "/admin/users/" + w.user("wang").ID
	boss.post(wang+"/block", url.Values{"reason": {"老赖，别放进来"}})
	boss.post(wang+"/unblock", nil)
	zhao := w.user("alice").ID
	boss.post("/admin/users/"+zhao+"/erase", w.tail("alice"))

	for name, p := range map[string]*page{
		"the person's": own.signedIn("wang").get("/api/me/export"),
		"an admin's":   own.admin().get("/api/admin/users/" + w.user("wang").ID + "/export"),
	} {
		p.wantPage(http.StatusOK, `"action": "block"`)
		for _, note := range []string{"老赖", w.user("lin").ID, w.person("lin").OpenID} {
			if strings.Contains(p.Body, note) {
				t.Errorf("%s copy tells %q:\n%s", name, note, p.Body)
			}
		}
	}
	var copied struct {
		Events []struct{ Actor, Action, Subject string }
	}
	p := boss.get("/api/me/export")
	check(t, json.Unmarshal([]byte(p.Body), &copied))
	for _, e := range copied.Events {
		if e.Action == "erase" && (e.Actor != "you" || e.Subject != "somebody else") {
			t.Errorf("an admin's copy reads %+v", e)
		}
	}
	if !strings.Contains(p.Body, `"action": "erase"`) || strings.Contains(p.Body, zhao) {
		t.Errorf("the admin's act is missing, or says on whom:\n%s", p.Body)
	}
}

// 退出 in the admin pages ends whatever opens them, and says so.
func TestAdminSignsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.phone("lin").signsIn()
	own := newWorld(t, options{dbPath: w.dbPath, sim: w.sim, admins: []string{w.person("lin").OpenID}})
	for name, adminBrowser := range map[string]*browser{"own login": own.signedIn("lin"), "link": own.admin()} {
		adminBrowser.get("/admin").wantPage(http.StatusOK, "")
		adminBrowser.post("/admin/logout", nil).wantPage(http.StatusOK, "已退出管理后台")
		if p := adminBrowser.get("/admin"); p.Status == http.StatusOK {
			t.Errorf("%s: still in", name)
		}
		adminBrowser.wantNobody()
	}
	// A browser that has both is out of both; somebody else's session in an admin's browser stays.
	both, guest := own.signedIn("lin"), own.signedIn("wang")
	for _, b := range []*browser{both, guest} {
		token, _, err := own.admins.NewLink(t.Context(), admin.CommandLine())
		check(t, err)
		b.post("/admin/link", url.Values{"token": {string(token)}})
		b.get("/admin").wantPage(http.StatusOK, "")
		b.post("/admin/logout", nil).wantPage(http.StatusOK, "已退出管理后台")
		if p := b.get("/admin"); p.Status == http.StatusOK {
			t.Error("still in")
		}
	}
	both.wantNobody()
	guest.wantMe("wang")
}

// An export has exactly who matches, in both forms, and nobody is missing from it
// who logs in while it is made.
func TestExportIsWhatIsFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for i := range 5 {
		key := fmt.Sprint("p", i)
		w.sim.AddPerson(wechatsim.Person{Key: key, Nickname: []string{"张", "李"}[i%2] + key})
		w.phone(key).signsIn()
		w.clock.pass(time.Second)
	}
	adminBrowser := w.admin()
	for _, query := range []string{"", "?q=" + url.QueryEscape("张"), "?q=" + url.QueryEscape("张") + "&sort=-last_login_at", "?filter=blocked"} {
		var list struct{ Users []map[string]any }
		p := adminBrowser.get("/api/admin/users.json"+query).wantPage(http.StatusOK, "")
		check(t, json.Unmarshal([]byte(p.Body), &list))
		file := adminBrowser.get("/api/admin/users.csv" + query)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.Body, "\uFEFF"))).ReadAll()
		check(t, err)
		want := map[string]int{"": 5, "?filter=blocked": 0}[query]
		if strings.Contains(query, "q=") {
			want = 3
		}
		if len(list.Users) != want || len(rows) != want+1 || p.Header.Get("X-Total-Count") != fmt.Sprint(want) {
			t.Errorf("%q: %d in JSON, %d in CSV, counted %s, want %d", query, len(list.Users), len(rows)-1, p.Header.Get("X-Total-Count"), want)
		}
		for i, user := range list.Users {
			if user["id"] != rows[i+1][0] {
				t.Errorf("%q: row %d differs", query, i)
			}
		}
	}
	// The first to come logs in again, while an export by the last login is under
	// way for all that is known: it goes by what does not change.
	w.phone("p0").signsIn()
	p := adminBrowser.get("/api/admin/users.json?sort=-last_login_at").wantPage(http.StatusOK, "")
	if strings.Index(p.Body, "张p0") < strings.Index(p.Body, "李p1") {
		t.Error("the export goes by the time of the last login")
	}
	for _, bad := range []string{"sort=x", "filter=x", "limit=0"} {
		adminBrowser.get("/api/admin/users.json?"+bad).wantPage(http.StatusBadRequest, `"reason":"bad_request"`)
	}
}

// My data shows what is stored, and nothing of anybody else.
func TestMyDataPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	w.phone("wang").signsIn()
	page := lin.get("/me").wantPage(http.StatusOK, w.person("lin").OpenID)
	for _, want := range []string{"林小满", "当前设备", "iOS · 微信", "/api/me/export", "/erase", "同意授权说明"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.Body, "王大锤") || strings.Contains(page.Body, lin.cookie("wxlogin")) {
		t.Error("the page says too much")
	}
	w.browser(iPhone).get("/me").wantRedirect("/login?return_to=%2Fme")
	lin.get("/").wantPage(http.StatusOK, `href="/me"`)
}
