package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/wechat/wechatsim"
)

// adminRoutes are all addresses of the admin pages and their API, for the person U.
var adminRoutes = []struct{ method, path string }{
	{"GET", "/admin"}, {"GET", "/admin/users"}, {"GET", "/admin/users/U"}, {"GET", "/admin/events"},
	{"POST", "/admin/logout"}, {"POST", "/admin/users/U/block"}, {"POST", "/admin/users/U/unblock"},
	{"POST", "/admin/users/U/sessions/revoke"}, {"POST", "/admin/users/U/erase"}, {"POST", "/admin/users/U/refresh"}, {"POST", "/api/admin/users/U/refresh"},
	{"GET", "/api/admin/users"}, {"GET", "/api/admin/users.csv"}, {"GET", "/api/admin/users/U"},
	{"POST", "/api/admin/users/U/block"}, {"POST", "/api/admin/users/U/unblock"},
	{"POST", "/api/admin/users/U/sessions/revoke"}, {"DELETE", "/api/admin/users/U"},
	{"POST", "/admin/sessions/{session}/end"}, {"POST", "/admin/users/bulk"}, {"POST", "/admin/users/U/grant"}, {"POST", "/admin/users/U/revoke"},
	{"POST", "/admin/users/U/apps/{client}/end"}, {"POST", "/admin/users/U/groups/join"}, {"POST", "/admin/users/U/groups/leave"},
	{"POST", "/admin/users/U/sessions/{session}/revoke"}, {"POST", "/api/admin/users/U/sessions/{session}/revoke"},
	{"GET", "/admin/clients"}, {"GET", "/admin/clients/{client}"}, {"POST", "/admin/clients/{client}/people/U/end"},
	{"GET", "/api/admin/users.json"}, {"GET", "/api/admin/events.csv"}, {"GET", "/api/admin/events.json"}, {"GET", "/api/admin/users/U/export"},
	{"GET", "/admin/joins"}, {"POST", "/admin/joins"}, {"POST", "/admin/joins/{join}/undo"},
	{"GET", "/api/admin/joins"}, {"POST", "/api/admin/joins"}, {"POST", "/api/admin/joins/{join}/undo"},
	{"GET", "/api/admin/proposals"}, {"POST", "/api/admin/proposals/dismiss"},
}

// Every admin route refuses everyone who is no admin, and changes nothing.
func TestAdminRefusesEveryoneElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	id := lin.me()["id"].(string)
	for _, test := range []struct {
		who    string
		b      *browser
		status int
	}{
		{"nobody", w.browser(desktopWeb), http.StatusUnauthorized},
		{"a visitor", lin, http.StatusForbidden},
	} {
		for _, route := range adminRoutes {
			address := strings.Replace(route.path, "U", id, 1)
			p, err := test.b.fetch(test.b.request(route.method, address, url.Values{}))
			check(t, err)
			if p.Status != test.status {
				t.Errorf("%s: %s %s: status %d, want %d", test.who, route.method, route.path, p.Status, test.status)
			}
		}
	}
	lin.wantMe("lin")

	// Spellings of the path do not lead round the door.
	b := w.browser(desktopWeb)
	for _, path := range []string{"//admin", "/admin/", "/%61dmin", "/admin;x", "/./admin", "/x/../admin", "/ADMIN", "/admin/users/", "/api/admin/users//", "/api//admin/users"} {
		req := b.request(http.MethodGet, "/", nil)
		req.URL.Opaque = "//" + req.URL.Host + path
		p, err := b.fetch(req)
		check(t, err)
		if p.Status == http.StatusOK {
			t.Errorf("GET %s: status 200\n%s", path, excerpt(p.Body))
		}
	}
}

// The route list above is the router's own.
func TestAdminRoutesAreComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	known := map[string]bool{}
	for _, route := range adminRoutes {
		known[route.method+" "+strings.Replace(route.path, "U", "{id}", 1)] = true
	}
	for _, route := range w.routes() {
		if strings.Contains(route, "/admin") && !strings.HasSuffix(route, "/admin/link") && !known[route] {
			t.Errorf("%s is not tried by the test of refusals", route)
		}
	}
}

// An admin link shows a button, works once and lets this browser in, as nobody.
func TestAdminLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
	check(t, err)
	address := "/admin/link?token=" + url.QueryEscape(string(token))
	b := w.browser(desktopWeb)
	for range 2 { // a preview does not spend it
		w.browser(desktopWeb).get(address).wantPage(http.StatusOK, string(token))
	}
	b.submits("/admin/link", url.Values{"token": {string(token)}}).wantPage(http.StatusOK, "")
	b.get("/admin/users").wantPage(http.StatusOK, "")
	b.wantNobody()

	w.browser(desktopWeb).post("/admin/link", url.Values{"token": {string(token)}}).wantPage(http.StatusForbidden, "")
	late, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
	check(t, err)
	w.clock.pass(admin.LinkLifetime)
	w.browser(desktopWeb).post("/admin/link", url.Values{"token": {string(late)}}).wantPage(http.StatusForbidden, "")
	if strings.Contains(w.log.String(), string(token)) {
		t.Error("the token is in the log")
	}

	w.clock.pass(admin.SessionLifetime)
	b.get("/admin/users").wantPage(http.StatusUnauthorized, "")
}

// Admins by name, from the configuration or granted; taken back at once.
func TestAdminsByTheirOwnLogin(t *testing.T) {
	t.Parallel()
	sim := wechatsim.New(wechatsim.Config{})
	w := newWorld(t, options{sim: sim, admins: []string{openID(sim, "lin")}})
	lin, wang := w.phone("lin"), w.phone("wang")
	lin.signsIn()
	wang.signsIn()
	lin.get("/admin").wantPage(http.StatusOK, "")
	wang.get("/admin").wantPage(http.StatusForbidden, "")
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), openID(sim, "wang"))
	check(t, err)
	wang.get("/admin").wantPage(http.StatusOK, "")
	_, err = w.admins.Revoke(t.Context(), admin.CommandLine(), openID(sim, "wang"))
	check(t, err)
	wang.get("/admin").wantPage(http.StatusForbidden, "")

	// Somebody erased who comes again is no admin any more.
	_, err = w.admins.Grant(t.Context(), admin.CommandLine(), openID(sim, "wang"))
	check(t, err)
	check(t, w.admins.Erase(t.Context(), admin.CommandLine(), wang.me()["id"].(string)))
	wang.signsIn()
	wang.get("/admin").wantPage(http.StatusForbidden, "")
}

func openID(sim *wechatsim.Simulator, key string) string {
	for _, person := range sim.People() {
		if person.Key == key {
			return person.OpenID
		}
	}
	return ""
}

// Blocking acts on the next request and on the next login.
func TestBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	id := lin.me()["id"].(string)
	adminBrowser := w.admin()
	adminBrowser.submits("/admin/users/"+id+"/block", url.Values{"reason": {"spam & <b>"}}).wantPage(http.StatusOK, "")
	lin.wantNobody()
	lin.opens("/login").wantPage(http.StatusForbidden, "")
	lin.opens("/login?consent=1").wantPage(http.StatusForbidden, "")
	lin.wantNobody()
	if page := adminBrowser.get("/admin/events").Body; !strings.Contains(page, "spam &amp; &lt;b&gt;") {
		t.Errorf("the reason is not in the audit log: %s", excerpt(page))
	}
	adminBrowser.post("/api/admin/users/"+id+"/unblock", nil).wantPage(http.StatusOK, `"blocked":false`)
	lin.opens("/login").wantPage(http.StatusOK, "林小满")
}

func TestEndSessionsAndErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	id := lin.me()["id"].(string)
	adminBrowser := w.admin()
	adminBrowser.post("/api/admin/users/"+id+"/sessions/revoke", nil).wantPage(http.StatusOK, `"id":"`+id+`"`)
	lin.wantNobody()

	lin.signsIn()
	adminBrowser.post("/admin/users/"+id+"/erase", url.Values{"confirm": {"wrong"}}).wantRedirect("/admin/users/" + id + "?done=mismatch")
	lin.wantMe("lin")
	openID := w.person("lin").OpenID
	adminBrowser.submits("/admin/users/"+id+"/erase", url.Values{"confirm": {openID[len(openID)-6:]}}).wantPage(http.StatusOK, "")
	lin.wantNobody()
	for _, address := range []string{"/api/admin/users/" + id, "/admin/users/" + id} {
		adminBrowser.get(address).wantPage(http.StatusNotFound, "")
	}
	for _, act := range []string{"/block", "/unblock", "/sessions/revoke"} {
		adminBrowser.post("/api/admin/users/"+id+act, nil).wantPage(http.StatusNotFound, `"reason":"no_such_user"`)
	}
	// Somebody who comes again is new.
	lin.signsIn()
	if me := lin.me(); me["id"] == id || me["login_count"] != 1.0 {
		t.Errorf("after an erase: %v", me)
	}
}

// A person reads all that is stored on them, and erases it.
func TestMyData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	p := lin.get("/api/me/export").wantPage(http.StatusOK, "林小满")
	var stored map[string]any
	check(t, json.Unmarshal([]byte(p.Body), &stored))
	for _, part := range []string{"user", "sessions", "logins", "events", "refresh_token"} {
		if stored[part] == nil {
			t.Errorf("no %s in the export", part)
		}
	}
	if strings.Contains(p.Body, lin.cookie("wxlogin")) {
		t.Error("the export holds a session token")
	}
	lin.get("/erase").wantPage(http.StatusOK, "/api/me/erase")
	lin.submits("/api/me/erase", url.Values{"confirm": {"yes"}}).wantPage(http.StatusOK, "/login?return_to=%2F")
	lin.wantNobody()
	if n := w.users(); n != 0 {
		t.Errorf("%d people are stored", n)
	}
}

// hostile are nicknames that have broken other systems.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.Page}}`, `'; DROP TABLE users; --`, `=cmd|'/C calc'!A0`, `+1+1`, `-2+3`, `@SUM(A1)`,
	"\t=1", "＝1+1", "a\nb\r\nc", "\u202Egnp.exe", "שלום עולם", "\x00nul", "bad\xff\xfeutf8", "\uE13C", "👨‍👩‍👧‍👦🏳️‍🌈", "%s%n%d", `a"b,c;d`, "  ", "",
	";=1+1", "a;=1+1", "a\t=1+1", "a|+1", "a:-1", "a,@SUM(A1)", "a =1", "a; =1", `a;"=1`, "a;＝1", "；＋1", "a\u00a0=1", "a;b;=c;-d",
	strings.Repeat("长", 10_000), strings.Repeat("a\u0301", 100), "\u200badmin", `\u0000`, `&lt;b&gt;`,
}

// No nickname breaks a login, a page, the JSON or the CSV, and none is lost.
func TestHostileNicknames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	stored := map[string]string{} // by openid
	for i, nickname := range hostile {
		key := fmt.Sprint("hostile", i)
		w.sim.AddPerson(wechatsim.Person{Key: key, Nickname: nickname})
		phone := w.phone(key)
		phone.signsIn()
		me := phone.me()
		got := me["nickname"].(string)
		stored[me["openid"].(string)] = got
		if strings.ContainsAny(got, "\x00\n\r\t\u202e") {
			t.Errorf("nickname %q is stored as %q", nickname, got)
		}
		if letters := strings.Trim(nickname, "\t"); strings.IndexFunc(letters, func(r rune) bool { return r < ' ' || r == 0x202e || r == 0xfffd }) < 0 && strings.TrimSpace(letters) != got {
			t.Errorf("nickname %.40q is stored as %.40q", nickname, got)
		}
	}
	adminBrowser := w.admin()
	list := adminBrowser.get("/admin/users?limit=500").wantPage(http.StatusOK, "")
	for _, bad := range []string{"<script>", "alert(1)</script", "<img src=x", "onerror=alert(1)>\"", "{{"} {
		if strings.Contains(strings.ReplaceAll(list.Body, "{{.Page}}", ""), bad) {
			t.Errorf("the list holds %q", bad)
		}
	}
	file := adminBrowser.get("/api/admin/users.csv").wantPage(http.StatusOK, "")
	body, ok := strings.CutPrefix(file.Body, "\uFEFF")
	if !ok {
		t.Error("the CSV has no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	check(t, err)
	if len(rows) != len(hostile)+1 {
		t.Fatalf("the CSV has %d rows, want %d", len(rows), len(hostile)+1)
	}
	for _, row := range rows[1:] {
		cell := row[4]
		if cell != "" && strings.ContainsRune("=+-@\t\r＝", []rune(cell)[0]) {
			t.Errorf("a cell begins like a formula: %.40q", cell)
		}
		if want := stored[row[2]]; strings.ReplaceAll(cell, "'", "") != strings.ReplaceAll(want, "'", "") {
			t.Errorf("cell %.40q, want %.40q", cell, want)
		}
	}
	// Nor does anything where another separator than ours is taken for one.
	for _, separator := range []string{",", ";", "\t", "|", ":", " ", "\n"} {
		for cell := range strings.SplitSeq(body, separator) {
			bare := strings.TrimLeft(cell, "\" \t\r\n")
			if bare != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(bare)[0]) {
				t.Errorf("split by %q, a cell begins like a formula: %.40q", separator, cell)
			}
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(w.log.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Fatalf("a line of the log is no JSON: %.100q", line)
		}
	}
	// Each is found by what is shown.
	for openID, nickname := range stored {
		if nickname == "" || len(nickname) > 1000 {
			continue
		}
		found := adminBrowser.get("/api/admin/users?limit=500&q=" + url.QueryEscape(nickname))
		if !strings.Contains(found.Body, openID) {
			t.Errorf("a search for %q does not find them", nickname)
		}
	}
}

// The list turns by cursor, forwards and back, while people come.
func TestUserList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	var openIDs []string
	for i := range 7 {
		person := w.sim.AddPerson(wechatsim.Person{Key: fmt.Sprint("p", i), Nickname: fmt.Sprint("张", i)})
		w.phone(person.Key).signsIn()
		openIDs = append([]string{person.OpenID}, openIDs...) // newest first
		w.clock.pass(1e9)
	}
	adminBrowser := w.admin()
	var seen []string
	cursor := ""
	for range 10 {
		var page struct {
			Users      []map[string]any `json:"users"`
			NextCursor string           `json:"next_cursor"`
		}
		p := adminBrowser.get("/api/admin/users?limit=3&cursor="+url.QueryEscape(cursor)).wantPage(http.StatusOK, "")
		check(t, json.Unmarshal([]byte(p.Body), &page))
		for _, user := range page.Users {
			seen = append(seen, user["openid"].(string))
		}
		w.sim.AddPerson(wechatsim.Person{Key: "late" + fmt.Sprint(len(seen)), Nickname: "迟到"})
		w.phone("late" + fmt.Sprint(len(seen))).signsIn()
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if strings.Join(seen, " ") != strings.Join(openIDs, " ") {
		t.Errorf("pages show\n%v, want\n%v", seen, openIDs)
	}
	for _, bad := range []string{"limit=0", "limit=-1", "limit=1e9", "limit=NaN", "limit=501", "sort=id%3bdrop", "filter=nonsense", "cursor=forged"} {
		adminBrowser.get("/api/admin/users?"+bad).wantPage(http.StatusBadRequest, `"reason":"bad_request"`)
		adminBrowser.get("/admin/users?"+bad).wantPage(http.StatusBadRequest, "")
	}
}
