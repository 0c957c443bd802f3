package web_test

import (
	"context"
	"database/sql"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// Our own side's page.
const storeDown = "服务暂时中断"

// raw is another program's connection to the database. It ends with the test.
func (w *world) raw() *sql.DB {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.dbPath+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	w.t.Cleanup(func() { db.Close() })
	return db
}

// locks takes the right to write away from the service until the returned
// function is called.
func (w *world) locks() (unlock func()) {
	w.t.Helper()
	conn, err := w.raw().Conn(w.t.Context())
	check(w.t, err)
	_, err = conn.ExecContext(w.t.Context(), "BEGIN IMMEDIATE")
	check(w.t, err)
	return func() {
		w.t.Helper()
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		check(w.t, err)
		check(w.t, conn.Close())
	}
}

// wantDown fails unless the page says that our own side is down, for now.
func (p *page) wantDown() *page {
	p.t.Helper()
	p.wantPage(http.StatusServiceUnavailable, storeDown)
	if p.Header.Get("Retry-After") == "" {
		p.t.Fatal("no Retry-After")
	}
	if len(setCookies(p)) != 0 {
		p.t.Fatalf("cookies were changed: %q", p.Header["Set-Cookie"])
	}
	return p
}

// wantServed fails unless somebody signed in is served as ever.
func (b *browser) wantServed(key string) {
	b.w.t.Helper()
	b.opens("/").wantPage(http.StatusOK, b.w.person(key).Nickname)
	b.wantMe(key)
}

// Somebody holds the lock. Reads go on; a login says to come back, and its code
// has not been sent, so that the same address works when the lock is gone.
func TestDatabaseLocked(t *testing.T) {
	t.Parallel() // it waits for the budget
	w := newWorld(t, options{budget: time.Second})
	regular := w.phone("wang")
	regular.signsIn()
	before := w.sim.Exchanges()

	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	unlock := w.locks()
	answer := phone.sends(callback)
	regular.wantServed("wang")
	regular.get("/readyz").wantPage(http.StatusOK, "")
	(<-answer).wantDown()
	w.wantExchanges(before)
	regular.wantServed("wang")
	phone.wantNobody()

	unlock()
	phone.get(callback).wantRedirect("/shop")
	phone.wantMe("lin")
	w.wantExchanges(before + 1)
}

// The lock is taken while WeChat answers: the commit fails and is not reported
// as success. The same address begins again when the lock is gone.
func TestDatabaseLockedInTheMiddle(t *testing.T) {
	t.Parallel() // it waits for the budget
	w := newWorld(t, options{budget: time.Second})
	held := make(chan struct{})
	w.sim.Plan(wechatsim.Userinfo, wechatsim.Fault{Until: held})
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	answer := phone.sends(callback)
	w.waitForExchanges(1)
	unlock := w.locks()
	close(held)
	(<-answer).wantDown()
	phone.wantNobody()
	if w.users() != 0 {
		t.Fatal("somebody was stored")
	}

	unlock()
	p := phone.opens(callback)
	if p.Hops[len(p.Hops)-1] != "/shop" {
		t.Fatalf("hops %q", p.Hops)
	}
	phone.wantMe("lin")
	w.wantSessions("lin", 1)
}

// A logout that cannot be written is no logout, and says so.
func TestLogoutWhileLocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{impatient: true})
	phone := w.phone("lin")
	phone.signsIn()
	unlock := w.locks()
	phone.post("/logout", nil).wantDown()
	phone.wantMe("lin")
	unlock()
	phone.post("/logout", nil).wantRedirect("/")
	phone.wantNobody()
}

// The database does not answer even to reads: nobody is signed out by it.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	token := phone.cookie("wxlogin")
	check(t, w.db.Close())
	page := phone.get("/me?x=1").wantDown()
	if !strings.Contains(page.Body, `href="/me?x=1">再试一次`) {
		t.Error("the way on is not the page that was asked for")
	}
	phone.get("/").wantDown()
	phone.get("/api/me").wantPage(http.StatusServiceUnavailable, "store_down")
	phone.get("/readyz").wantPage(http.StatusServiceUnavailable, "store_down")
	phone.get("/healthz").wantPage(http.StatusOK, "ok")
	phone.get("/admin").wantPage(http.StatusServiceUnavailable, "")
	phone.post("/logout", nil).wantDown()
	if phone.cookie("wxlogin") != token {
		t.Fatal("the cookie was taken away")
	}
	// The trip to WeChat needs no database; the way back spends no code without.
	other := w.phone("wang")
	other.get(other.stops("/login", "/callback?")).wantDown()
	w.wantExchanges(1)
}

// The file is taken away or replaced: it cannot go on for long, and says so.
func TestDatabaseReplaced(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".other", path) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{})
			phone := w.phone("lin")
			phone.signsIn()
			check(t, os.WriteFile(w.dbPath+".other", nil, 0o600))
			phone.get("/readyz").wantPage(http.StatusOK, "ready")
			check(t, act(w.dbPath))
			p := phone.get("/readyz").wantPage(http.StatusServiceUnavailable, "store_down")
			if strings.Contains(p.Body, w.dbPath) {
				t.Fatal("a stranger learns where the database is")
			}
			if !strings.Contains(w.log.String(), "stop the service before moving it") && !strings.Contains(w.log.String(), "restart the service") {
				t.Fatal("the operator does not learn what to do")
			}
		})
	}
}

// Pages of the file are overwritten: an error, never somebody else's row, and
// nobody is signed out.
func TestDatabaseDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	token := phone.cookie("wxlogin")
	db := w.raw()
	var root, size int64
	check(t, db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = 'users'").Scan(&root))
	check(t, db.QueryRow("PRAGMA page_size").Scan(&size))
	// A write of somebody else's makes the service read the file again.
	for _, statement := range []string{"CREATE TABLE news (x) STRICT", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.Exec(strings.Replace(statement, "(x)", "(x ANY)", 1)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.OpenFile(w.dbPath, os.O_WRONLY, 0)
	check(t, err)
	_, err = file.WriteAt(make([]byte, size), (root-1)*size)
	check(t, err)
	check(t, file.Close())

	phone.get("/").wantDown()
	w.phone("wang").opens("/login?consent=1").wantDown()
	if phone.cookie("wxlogin") != token {
		t.Fatal("the cookie was taken away")
	}
	if !strings.Contains(w.log.String(), "damaged") {
		t.Fatal("the log does not say that the file is damaged")
	}
}

// Keys change while people are on their way: [new, old] finishes what old began,
// and without old it is refused. Sessions do not hang on keys.
func TestKeysChangeOnTheWay(t *testing.T) {
	t.Parallel()
	before, after := auth.NewKey(), auth.NewKey()
	ring := func(s string) auth.Keyring {
		keys, err := auth.ParseKeys(s)
		check(t, err)
		return keys
	}
	w := newWorld(t, options{keys: ring(before)})
	regular := w.phone("wang")
	regular.signsIn()
	phone, late := w.phone("lin"), w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")
	tooLate := late.stops("/login?consent=1&return_to=%2Fshop", "/callback?")

	both := w.second(ring(after + "," + before))
	phone.get(both.at(callback)).wantRedirect("/shop")
	phone.wantMe("lin")
	regular.w = both
	regular.wantServed("wang")

	alone := w.second(ring(after))
	regular.w = alone
	regular.wantServed("wang")
	late.w = alone
	late.get(alone.at(tooLate)).wantPage(http.StatusBadRequest, "/login?return_to=%2F")
	late.opens(alone.at(late.stops("/login?consent=1", "/callback?"))).wantPage(http.StatusOK, "OpenID")
}

// The clock jumps. Nobody is signed in for ever by it, nothing breaks, and a
// small step back is not noticed.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	for _, jump := range []time.Duration{-time.Hour, time.Hour, -day, day} {
		w.clock.pass(jump)
		phone.wantServed("lin")
		w.clock.pass(-jump)
	}

	// Far ahead everything has ended; logins work.
	w.clock.pass(400 * day)
	phone.wantNobody()
	ahead := w.phone("wang")
	ahead.signsIn()
	w.clock.pass(-400 * day)
	// Back in the present: a session of that future is not good for 400 days more.
	ahead.wantNobody()
	phone.wantServed("lin")
	ahead.signsIn()

	// 1970, as on a board without a battery.
	w.clock.pass(-time.Since(time.Unix(0, 0)))
	w.phone("plain").opens("/")
	w.phone("lin").signsIn()

	for shift, status := range map[time.Duration]int{
		-4 * time.Minute: http.StatusSeeOther, -6 * time.Minute: http.StatusBadRequest,
		4 * time.Minute: http.StatusSeeOther, 11 * time.Minute: http.StatusBadRequest,
		9 * time.Minute: http.StatusFound, // WeChat's code is too old by then: once more
	} {
		traveller := w.phone("wang")
		callback := traveller.stops("/login?consent=1", "/callback?")
		w.clock.pass(shift)
		if p := traveller.get(callback); p.Status != status {
			t.Errorf("the clock went %v during a trip: status %d, want %d", shift, p.Status, status)
		}
		w.clock.pass(-shift)
	}
}
