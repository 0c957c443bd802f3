package web_test

import (
	"encoding/json"
	"fmt"
	escape "html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/wechat/wechatsim"
)

var shownRequest = regexp.MustCompile(`请求编号 <code class="id">([0-9a-f]{16})</code>`)

// The number on an error page leads an admin to what happened, and to whom: that of
// a login from the database, on whichever replica; that of anything else from this
// process.
func TestFailureIsFoundByItsRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	id := lin.id()
	adminBrowser := w.admin()
	adminBrowser.submits("/admin/users/"+id+"/block", nil).wantPage(http.StatusOK, "")
	numberOn := func(p *page) string {
		t.Helper()
		found := shownRequest.FindStringSubmatch(p.Body)
		if found == nil || found[1] != p.Header.Get("X-Request-Id") {
			t.Fatalf("%v on the page, %q in its head", found, p.Header.Get("X-Request-Id"))
		}
		return found[1]
	}
	blocked := numberOn(lin.opens("/login").wantPage(http.StatusForbidden, "账号已停用"))
	page := adminBrowser.get("/admin/events?who="+blocked).wantPage(http.StatusOK, "账号已停用")
	for _, want := range []string{"核对身份时", "/admin/users/" + id + "?back="} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("a refused login does not say %q", want)
		}
	}
	adminBrowser.get("/admin/users?q="+blocked).wantPage(http.StatusOK, "林小满")
	adminBrowser.get("/admin/users/"+id).wantPage(http.StatusOK, blocked)

	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40125})
	refused := numberOn(w.phone("wang").opens("/login").wantPage(http.StatusServiceUnavailable, ""))
	adminBrowser.get("/admin/events?who=+"+strings.ToUpper(refused)+"+").wantPage(http.StatusOK, "AppSecret 无效")
	adminBrowser.get("/admin").wantPage(http.StatusOK, "/admin/events?who="+refused)

	lost := numberOn(w.phone("alice").get("/callback?code=x&state="+strings.Repeat("a", 40)).wantPage(http.StatusBadRequest, "登录未完成"))
	page = adminBrowser.get("/admin/events?who="+lost).wantPage(http.StatusOK, "登录未完成")
	if !strings.Contains(page.Body, "GET /callback") {
		t.Error("where it failed is not said")
	}
	adminBrowser.get("/admin/events?who=00c0ffee00c0ffee").wantPage(http.StatusOK, "没有找到这个编号")
	own := adminBrowser.get("/admin/users/nobody").wantPage(http.StatusNotFound, "")
	adminBrowser.get("/admin/events?who="+own.Header.Get("X-Request-Id")).wantPage(http.StatusOK, "找不到这个人")
	if !strings.Contains(own.Body, `href="/admin/events?who=`+own.Header.Get("X-Request-Id")) {
		t.Error("an admin's own error page does not lead there")
	}
	if !strings.Contains(own.Body, `class="button primary" href="/admin/users"`) {
		t.Error("who looks for somebody gone is not led to the list of people")
	}
}

// A person's page and every act on it lead back to the list as it was, and nowhere
// else.
func TestBackToTheListAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.phone("lin").id()
	w.phone("wang").signsIn()
	adminBrowser := w.admin()
	first := adminBrowser.get("/admin/users?sort=first_login_at&limit=1&q=").wantPage(http.StatusOK, "")
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(first.Body)
	if next == nil {
		t.Fatal("no second page")
	}
	for _, list := range []string{"/admin/users?filter=profile&limit=20&province=x+y&q=%E6%9E%97&sort=-last_login_at", strings.ReplaceAll(next[1], "&amp;", "&"), "/admin/events?action=block&who=lin"} {
		address := "/admin/users/" + id + "?back=" + url.QueryEscape(list)
		page := adminBrowser.get(address).wantPage(http.StatusOK, "")
		if want := `class="back"><a href="` + list + `"`; !strings.Contains(escape.UnescapeString(page.Body), want) {
			t.Errorf("%s does not lead back by %s", address, want)
		}
		form := url.Values{"back": {list}}
		for _, act := range []string{"sessions/revoke", "block", "unblock"} {
			done := adminBrowser.post("/admin/users/"+id+"/"+act, form)
			to, err := url.Parse(done.Header.Get("Location"))
			check(t, err)
			if to.Path != "/admin/users/"+id || to.Query().Get("back") != list || to.Query().Get("done") == "" {
				t.Errorf("%s leads to %s", act, to)
			}
		}
	}
	list := "/admin/users?limit=20&sort=first_login_at"
	page := adminBrowser.get(list).wantPage(http.StatusOK, "")
	link := regexp.MustCompile(`/admin/users/` + id + `\?back=([^"]+)"`).FindStringSubmatch(page.Body)
	if link == nil {
		t.Fatal("the list does not say where people lead back to")
	}
	if back, err := url.QueryUnescape(escape.UnescapeString(link[1])); err != nil || back != list {
		t.Errorf("people lead back to %q, %v", back, err)
	}
	for _, elsewhere := range []string{"https://evil.example/admin/users", "//evil.example/admin/users", "/login", "javascript:alert(1)", "/admin/users/../../login", "%", "/admin/events/x"} {
		page := adminBrowser.get("/admin/users/"+id+"?back="+url.QueryEscape(elsewhere)).wantPage(http.StatusOK, "")
		if !strings.Contains(page.Body, `class="back"><a href="/admin/users"`) {
			t.Errorf("%s is come back to", elsewhere)
		}
	}
	form := w.tail("lin")
	form.Set("back", list)
	adminBrowser.post("/admin/users/"+id+"/erase", form).wantRedirect("/admin/users?done=erased&limit=20&sort=first_login_at")
}

// A change of mind finds the same people chosen, and the page size is remembered.
func TestChoiceAndPageSizeAreInTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	ids := []string{w.phone("lin").id(), w.phone("wang").id()}
	w.phone("alice").signsIn()
	adminBrowser := w.admin()
	asked := adminBrowser.post("/admin/users/bulk", url.Values{"act": {"block"}, "id": ids, "back": {"/admin/users?limit=20"}}).wantPage(http.StatusOK, "停用这 2 个人")
	again := regexp.MustCompile(`class="button" href="([^"]+)"`).FindStringSubmatch(asked.Body)
	list := adminBrowser.get(strings.ReplaceAll(again[1], "&amp;", "&")).wantPage(http.StatusOK, "")
	if n := strings.Count(list.Body, " checked"); n != 2 {
		t.Errorf("%d are chosen, want 2", n)
	}
	for path, kept := range map[string]string{"/admin/users?limit=20&q=x": `name="limit" value="20"`, "/admin/events?limit=7": `<b>7</b>`} {
		adminBrowser.get(path).wantPage(http.StatusOK, kept)
	}
	for address, heading := range map[string]string{"/admin/users?limit=20": "limit=20&amp;sort=first_login_at", "/admin/users?sort=first_login_at": "sort=-first_login_at",
		"/admin/users?sort=-last_login_at": "sort=last_login_at", "/admin/users": "sort=-last_login_at"} {
		adminBrowser.get(address).wantPage(http.StatusOK, `"><a href="/admin/users?`+heading+`"`)
	}
	adminBrowser.get("/admin/events?limit=0").wantPage(http.StatusBadRequest, "limit")
	if body := adminBrowser.get("/admin/events?limit=1").wantPage(http.StatusOK, `rel="next"`).Body; strings.Contains(body, "pick=") {
		t.Error("events are not chosen")
	}
}

// Pages, JSON and exports have the same days and places. A day is one of the
// server's zone, and the last one is within.
func TestPeopleByDaysAndPlace(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	check(t, err)
	w := newWorld(t, options{zone: shanghai})
	day := func(at time.Time) string { return at.In(shanghai).Format(time.DateOnly) }
	came := w.clock.now()
	w.phone("lin").signsIn() // 广东 广州
	w.clock.pass(72 * time.Hour)
	w.phone("wang").signsIn() // 北京 朝阳
	w.clock.pass(time.Second)
	w.phone("lin").opens("/login").wantPage(http.StatusOK, "")
	adminBrowser := w.admin()
	names := func(query string) string {
		t.Helper()
		var page struct{ Users []struct{ Nickname string } }
		check(t, json.Unmarshal([]byte(adminBrowser.get("/api/admin/users?sort=first_login_at&"+query).wantPage(http.StatusOK, "").Body), &page))
		var all []string
		for _, u := range page.Users {
			all = append(all, string([]rune(u.Nickname)[:1]))
		}
		return strings.Join(all, "")
	}
	d0, d3 := day(came), day(w.clock.now())
	for query, want := range map[string]string{
		"first_from=" + d0 + "&first_to=" + d0: "林", "first_from=" + d3: "王", "last_from=" + d3: "王林", "last_to=" + d0: "",
		"province=" + url.QueryEscape("广东"): "林", "city=" + url.QueryEscape("朝阳"): "王", "province=" + url.QueryEscape("北京") + "&last_from=" + d3: "王",
		"province=" + url.QueryEscape("北京") + "&first_to=" + d0: "", "filter=seen_7d&province=" + url.QueryEscape("广东"): "林",
	} {
		if got := names(query); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
		page := adminBrowser.get("/admin/users?"+query).wantPage(http.StatusOK, "")
		file := adminBrowser.get("/api/admin/users.csv?"+query).wantPage(http.StatusOK, "")
		for nickname, initial := range map[string]string{"林小满": "林", "王大锤": "王"} {
			if is := strings.Contains(want, initial); strings.Contains(page.Body, nickname) != is || strings.Contains(file.Body, nickname) != is {
				t.Errorf("%s: the page or the file has others", query)
			}
		}
		if want != "" && !strings.Contains(page.Body, "/api/admin/users.csv?"+strings.ReplaceAll(mustParse(t, query).Encode(), "&", "&amp;")) {
			t.Errorf("%s: the link to the file asks for others", query)
		}
	}
	for _, bad := range []string{"first_from=yesterday", "last_to=2026-02-30", "city=%ff", "province=" + strings.Repeat("x", 1001)} {
		adminBrowser.get("/api/admin/users?"+bad).wantPage(http.StatusBadRequest, strings.Split(bad, "=")[0])
		adminBrowser.get("/admin/users?"+bad).wantPage(http.StatusBadRequest, "")
	}
	apart := "filter=needs_login&city=x"
	adminBrowser.get("/api/admin/users?"+apart).wantPage(http.StatusBadRequest, "filter")
	adminBrowser.get("/api/admin/users.json?"+apart).wantPage(http.StatusBadRequest, "filter")
	adminBrowser.get("/admin/users?"+apart).wantPage(http.StatusOK, "不能与日期、地区同时使用")
}

func mustParse(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	check(t, err)
	return values
}

// Entries are found by a nickname; one that too many people have is not gone
// through, and the page says so.
func TestEventsByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.phone("lin").id()
	other := w.phone("wang").id()
	adminBrowser := w.admin()
	adminBrowser.submits("/admin/users/"+id+"/block", nil).wantPage(http.StatusOK, "")
	adminBrowser.submits("/admin/users/"+other+"/sessions/revoke", nil).wantPage(http.StatusOK, "")
	page := adminBrowser.get("/admin/events?who="+url.QueryEscape("小满")).wantPage(http.StatusOK, "停用账号</b>")
	if strings.Contains(page.Body, "退出所有设备</b>") {
		t.Error("somebody else's entries are there")
	}
	adminBrowser.get("/api/admin/events.json?who="+url.QueryEscape("小满")).wantPage(http.StatusOK, string(admin.ActBlock))
	for i := range 21 {
		person := w.sim.AddPerson(wechatsim.Person{Key: fmt.Sprint("k", i), Nickname: "张三"})
		w.phone(person.Key).signsIn()
	}
	adminBrowser.get("/admin/events?who="+url.QueryEscape("张")).wantPage(http.StatusOK, "叫这个名字的人太多")
	adminBrowser.get("/api/admin/events.csv?who="+url.QueryEscape("张")).wantPage(http.StatusBadRequest, "who")
}
