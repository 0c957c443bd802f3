package web_test

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

const day = 24 * time.Hour

// Profiles grow fresh without their people, inside the token's 30 days.
func TestProfilesStayFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.refreshAll()
	if calls := w.sim.Calls(wechatsim.Refresh); len(calls) != 0 {
		t.Fatalf("a fresh profile was fetched again: %v", calls)
	}
	lin := w.person("lin")
	lin.Nickname = "林大满"
	w.sim.AddPerson(lin)
	for range 4 { // 36 days: the token does not live longer by being used
		w.clock.pass(9 * day)
		w.refreshAll()
		if time.Until(w.clock.now()) < 30*day {
			phone.get("/").wantPage(http.StatusOK, "林大满")
		}
	}
	w.admin().get("/api/admin/users?filter=needs_login").wantPage(http.StatusOK, lin.OpenID)
	w.wantExchanges(1)
	phone.signsIn()
	w.admin().get("/api/admin/users?filter=needs_login").wantPage(http.StatusOK, `"users":[]`)
}

// The filters by the token's end go by it, whatever order is asked for; the page says
// so, and keeps what was asked for until the filter goes.
func TestWhoIsDueNextComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	var openIDs []string
	for _, key := range []string{"lin", "wang", "alice"} {
		w.phone(key).signsIn()
		openIDs = append(openIDs, w.person(key).OpenID)
		w.clock.pass(time.Hour)
	}
	w.clock.pass(26 * day)
	wantOrder := func(admin *browser, address string) {
		t.Helper()
		body := admin.get(address).wantPage(http.StatusOK, "").Body
		at := -1
		for _, openID := range openIDs {
			next := strings.Index(body, openID)
			if next <= at {
				t.Errorf("%s: %s is not in its place", address, openID)
			}
			at = next
		}
	}
	check := func(filter string) {
		t.Helper()
		admin := w.admin()
		for _, sort := range []string{"", "&sort=last_login_at", "&sort=-first_login_at"} {
			for _, address := range []string{"/admin/users", "/api/admin/users", "/api/admin/users.csv", "/api/admin/users.json"} {
				wantOrder(admin, address+"?filter="+filter+sort)
			}
		}
		admin.get("/admin/users?filter="+filter+"&sort=last_login_at").wantPage(http.StatusOK, `<input type="hidden" name="sort" value="last_login_at">`)
		if body := admin.get("/admin/users?filter=" + filter).Body; strings.Contains(body, "aria-sort") || strings.Contains(body, `name="sort"`) {
			t.Errorf("%s: another order is offered", filter)
		}
		admin.get("/api/admin/users?filter="+filter+"&sort=nonsense").wantPage(http.StatusBadRequest, "")
	}
	check("token_ends")
	w.clock.pass(7 * day)
	check("needs_login")
}

// A profile that did not come with its login is fetched soon after.
func TestMissingProfileIsFetchedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Status: http.StatusInternalServerError})
	phone := w.phone("lin")
	phone.opens("/login?consent=1").wantPage(http.StatusOK, w.person("lin").OpenID)
	if nickname := phone.me()["nickname"]; nickname != "" {
		t.Fatalf("nickname %q came without a profile", nickname)
	}
	w.clock.pass(2 * time.Minute)
	w.refreshAll()
	phone.get("/").wantPage(http.StatusOK, "林小满")
}

// WeChat's refusals are told apart: the token is dead, or it is a bad moment.
func TestRefreshFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		fault  wechatsim.Fault
		status int
		reason auth.Reason
		dead   bool
	}{
		{"expired", wechatsim.Fault{Errcode: 42002}, http.StatusForbidden, auth.NeedsLogin, true},
		{"invalid", wechatsim.Fault{Errcode: 40030}, http.StatusForbidden, auth.NeedsLogin, true},
		{"invalid, the other number", wechatsim.Fault{Errcode: 40029}, http.StatusForbidden, auth.NeedsLogin, true},
		{"password changed", wechatsim.Fault{Errcode: 42007}, http.StatusForbidden, auth.NeedsLogin, true},
		{"busy", wechatsim.Fault{Errcode: -1}, http.StatusServiceUnavailable, auth.WeChatBusy, false},
		{"too many", wechatsim.Fault{Errcode: 45011}, http.StatusServiceUnavailable, auth.WeChatBusy, false},
		{"bad gateway", wechatsim.Fault{Status: http.StatusBadGateway}, http.StatusBadGateway, auth.WeChatFailed, false},
		{"cut", wechatsim.Fault{CutBefore: true}, http.StatusBadGateway, auth.WeChatFailed, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, options{})
			phone := w.phone("lin")
			phone.signsIn()
			id := phone.me()["id"].(string)
			admin := w.admin()
			test.fault.Times = -1
			w.sim.Plan(wechatsim.Refresh, test.fault)
			admin.post("/api/admin/users/"+id+"/refresh", nil).wantPage(test.status, `"reason":"`+string(test.reason)+`"`)
			phone.get("/").wantPage(http.StatusOK, "林小满") // no visit waits for it
			w.sim.ClearFaults()
			p := admin.post("/api/admin/users/"+id+"/refresh", nil)
			if test.dead {
				p.wantPage(http.StatusForbidden, "needs_login")
				if n := len(w.sim.Calls(wechatsim.Refresh)); n != 1 {
					t.Errorf("a dead token was tried %d times", n)
				}
				admin.submits("/admin/users/"+id+"/refresh", nil).wantPage(http.StatusOK, "微信授权已失效")
			} else {
				p.wantPage(http.StatusOK, "林小满")
			}
		})
	}
}

// Who acts is checked before WeChat is asked and anything is written: a person's token
// is not for those who may not use it, and not for the person either.
func TestWhoMayNotRefreshChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	id := phone.me()["id"].(string)
	lin := w.person("lin")
	lin.Nickname = "林大满"
	w.sim.AddPerson(lin)
	for name, by := range map[string]admin.Actor{
		"nobody":        {},
		"the person":    admin.Self(&auth.Visit{User: auth.User{ID: id}}),
		"somebody else": admin.Self(&auth.Visit{User: auth.User{ID: auth.NewID()}}).Confirming(id),
	} {
		if err := w.admins.Refresh(t.Context(), by, id); auth.ReasonOf(err) != auth.NotAdmin {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := w.sim.Calls(wechatsim.Refresh); len(calls) != 0 {
		t.Errorf("WeChat was asked: %v", calls)
	}
	if nickname := phone.me()["nickname"]; nickname != "林小满" {
		t.Errorf("the profile has become %q's", nickname)
	}
	check(t, w.admins.Refresh(t.Context(), admin.CommandLine(), id))
	if nickname := phone.me()["nickname"]; nickname != "林大满" {
		t.Errorf("the operator's refresh leaves %q", nickname)
	}
}

// One process of several is at it, and the next takes over when it dies.
func TestOneRefresherAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, person := range w.sim.People() {
		if !person.Snapshot {
			w.phone(person.Key).signsIn()
		}
	}
	w.clock.pass(9 * day)
	taken, err := w.db.TakeLease(t.Context(), "refresh", "another process", w.clock.now(), w.clock.now().Add(time.Minute))
	check(t, err)
	if !taken {
		t.Fatal("a free lease was not given")
	}
	w.refreshAll()
	if n := len(w.sim.Calls(wechatsim.Refresh)); n != 0 {
		t.Fatalf("%d profiles were fetched while another process was at it", n)
	}
	w.clock.pass(2 * time.Minute)
	w.refreshAll()
	if n := len(w.sim.Calls(wechatsim.Refresh)); int64(n) != w.users() {
		t.Fatalf("%d profiles were fetched, want %d", n, w.users())
	}
}

// The lease of a process that is at it for longer than one lasts is kept, and one that has
// stood still while its lease ended stops when another has taken over.
func TestALeaseIsKeptWhileItIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, person := range w.sim.People() {
		if !person.Snapshot {
			w.phone(person.Key).signsIn()
		}
	}
	people := int(w.users())
	another := func() bool {
		taken, err := w.db.TakeLease(t.Context(), "refresh", "another process", w.clock.now(), w.clock.now().Add(3*time.Minute))
		check(t, err)
		return taken
	}
	// Between two people, the refresher waits.
	waits := func(d time.Duration, wantTaken bool) {
		w.refresher.Sleep = func(context.Context, time.Duration) error {
			w.clock.pass(d)
			if got := another(); got != wantTaken {
				t.Errorf("another process that asks %v later takes the lease: %t", d, got)
			}
			return nil
		}
	}
	w.clock.pass(9 * day)
	waits(100*time.Second, false)
	w.refreshAll()
	if n := len(w.sim.Calls(wechatsim.Refresh)); n != people || people < 5 {
		t.Fatalf("%d profiles were fetched of %d, in less than the time of a lease", n, people)
	}
	w.clock.pass(9 * day)
	waits(4*time.Minute, true)
	w.refreshAll()
	if n := len(w.sim.Calls(wechatsim.Refresh)) - people; n != 2 { // one before, and the one that was waited for
		t.Errorf("%d profiles were fetched, those after another process had taken over among them", n)
	}
	// To another process, a lease from before the clock was set back does not count.
	w.clock.pass(9 * day)
	w.refresher.Sleep = func(context.Context, time.Duration) error {
		w.clock.set(-time.Hour)
		if !another() {
			t.Error("another process takes no lease that ends in an hour")
		}
		return nil
	}
	w.refreshAll()
	if n := len(w.sim.Calls(wechatsim.Refresh)) - people - 2; n != 2 {
		t.Errorf("%d profiles were fetched, those after the clock was set back among them", n)
	}
}

// After a rotation all tokens are sealed with the new key, and the old one can
// go.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	old, next := auth.NewKey(), auth.NewKey()
	ring := func(keys ...string) auth.Keyring {
		ring, err := auth.ParseKeys(strings.Join(keys, ","))
		check(t, err)
		return ring
	}
	before := newWorld(t, options{keys: ring(old)})
	phone := before.phone("lin")
	phone.signsIn()
	id := phone.me()["id"].(string)
	callback := phone.stops("/login?return_to=/kept", "/callback?")

	both := before.replica(options{keys: ring(next, old)})
	phone.w = both
	phone.wantMe("lin")
	// A trip begun with the old key ends well.
	_, query, _ := strings.Cut(callback, "?")
	phone.get("/callback?" + query).wantRedirect("/kept")
	both.refreshAll()

	// A start with keys of somebody else's spoils nothing.
	newWorld(t, options{keys: newKeys(t), dbPath: before.dbPath, sim: before.sim}).refreshAll()
	after := before.replica(options{keys: ring(next)})
	phone.w = after
	phone.wantMe("lin")
	after.admin().post("/api/admin/users/"+id+"/refresh", nil).wantPage(http.StatusOK, "林小满")
}

// A token that was moved, flipped or cut opens nothing and breaks nothing.
func TestDamagedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.phone("lin"), w.phone("wang")
	lin.signsIn()
	wang.signsIn()
	ids := []string{lin.me()["id"].(string), wang.me()["id"].(string)}
	w.exec(`UPDATE tokens SET refresh_token = other.refresh_token
		FROM (SELECT * FROM tokens LIMIT 2) AS other WHERE other.user_id <> tokens.user_id`)
	admin := w.admin()
	for _, damage := range []string{
		`UPDATE tokens SET refresh_token = refresh_token`,
		`UPDATE tokens SET refresh_token = substr(refresh_token, 1, 20)`,
		`UPDATE tokens SET refresh_token = 'v1|nobody|AAAA'`,
		`UPDATE tokens SET refresh_token = ''`,
	} {
		w.exec(damage)
		for _, id := range ids {
			admin.post("/api/admin/users/"+id+"/refresh", nil).wantPage(http.StatusForbidden, "needs_login")
			admin.get("/admin/users/"+id).wantPage(http.StatusOK, "")
		}
	}
	if n := len(w.sim.Calls(wechatsim.Refresh)); n != 0 {
		t.Errorf("WeChat was asked %d times with damaged tokens", n)
	}
	lin.signsIn()
	admin.post("/api/admin/users/"+ids[0]+"/refresh", nil).wantPage(http.StatusOK, "林小满")
}

// refreshAll runs the background job to its end.
func (w *world) refreshAll() {
	w.t.Helper()
	check(w.t, w.refresher.RunOnce(w.t.Context()))
}

// exec changes the database behind the service's back.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.dbPath+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	defer db.Close()
	_, err = db.ExecContext(w.t.Context(), statement, args...)
	check(w.t, err)
}
