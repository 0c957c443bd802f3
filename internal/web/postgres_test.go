package web_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxlogin/internal/programs"
	"wxlogin/internal/store"
	"wxlogin/internal/store/pgtest"
	"wxlogin/internal/store/sqlitetest"
	"wxlogin/migrations"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// onPostgres begins the names of the tests whose worlds are on PostgreSQL.
const onPostgres = "TestOnPostgres"

// newDatabase makes a database that a world can be on: a path, or an address.
// WXLOGIN_TEST_ENGINE=postgres puts every world on PostgreSQL; tests that lay
// hands on SQLite's file fail then.
func newDatabase(t testing.TB) string {
	t.Helper()
	if !strings.HasPrefix(t.Name(), onPostgres) && os.Getenv("WXLOGIN_TEST_ENGINE") != "postgres" {
		return migratedFile.Copy(t, func(path string) error { return migrate(t, "sqlite:"+path) })
	}
	programs.Wanted(t) // make test has the store's own tests on PostgreSQL
	server := pgtest.Shared(t)
	return server.URL(server.Filled(t, func(url string) error { return migrate(t, url) }))
}

var migratedFile sqlitetest.Template

// migrate makes the schema in an empty database.
func migrate(t testing.TB, url string) error {
	s, err := store.Open(context.Background(), store.Config{URL: url, Keys: newKeys(t), Migrations: migrations.FS})
	if err != nil {
		return err
	}
	return s.Close()
}

func databaseURL(path string) string {
	if strings.HasPrefix(path, "postgres://") {
		return path
	}
	return "sqlite:" + path
}

// What people and admins do goes the same way on PostgreSQL, on one replica and
// on two.
func TestOnPostgres(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]func(*testing.T){
		"first visit and repeat visits":  TestFirstVisitAndRepeatVisits,
		"after a restart":                TestRepeatVisitAfterRestart,
		"a repeated callback":            TestRepeatedCallback,
		"twenty callbacks, two replicas": TestOneExchangeOnTwoProcesses,
		"WeChat calls twice":             TestWeChatCallsTwice,
		"many people at once":            TestManyPeopleAtOnce,
		"blocking":                       TestBlock,
		"ending sessions, erasing":       TestEndSessionsAndErase,
		"my data":                        TestMyData,
		"admin link":                     TestAdminLink,
		"hostile nicknames":              TestHostileNicknames,
		"list of people":                 TestUserList,
		"scan":                           TestScan,
		"scan across replicas":           TestScanAcrossReplicas,
		"scan is used once":              TestScanIsUsedOnce,
	} {
		t.Run(name, walk)
	}
}

// replicas are two processes on one PostgreSQL database.
func replicas(t *testing.T, dbPath string) (a, b *world) {
	t.Helper()
	keys := newKeys(t)
	a = newWorld(t, options{keys: keys, dbPath: dbPath})
	return a, a.second(keys)
}

// moves takes a browser to the other replica, as a proxy does: with its cookies.
func (b *browser) moves(to *world) *browser {
	moved := *b
	moved.w = to
	return &moved
}

// A login begun at one replica ends at the other; a logout at one holds at the
// other at once.
func TestOnPostgresReplicasAreOne(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, "")
	phone := a.phone("lin")
	callback := phone.stops("/login?consent=1", "/callback?")
	phone.moves(b).opens(b.at(callback)).wantPage(http.StatusOK, "OpenID")
	for range 3 {
		phone.wantMe("lin")
		phone.moves(b).wantMe("lin")
	}
	a.wantExchanges(1)
	token := phone.cookie("wxlogin")
	phone.moves(b).post("/logout", nil)
	phone.setCookie(a.url, "wxlogin", token) // whatever the browser holds
	phone.wantNobody()
	phone.moves(b).wantNobody()
}

// A database that takes no writes: who is signed in stays so, who is not is told
// to come back later.
func TestOnPostgresThatIsReadOnly(t *testing.T) {
	t.Parallel()
	programs.Wanted(t)
	server := pgtest.Shared(t)
	name := server.Database(t)
	w := newWorld(t, options{dbPath: server.TCP(name)})
	lin := w.signedIn("lin")
	readOnly := func(value string) {
		server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = "+value)
		server.Exec(t, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name)
	}
	readOnly("on")
	lin.wantMe("lin")
	w.phone("wang").opens("/login?consent=1").wantPage(http.StatusServiceUnavailable, "")
	lin.wantMe("lin")
	if p := w.browser(desktopWeb).get("/readyz"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", p.Status)
	}
	readOnly("off")
	w.signedIn("wang")
	w.clock.pass(time.Minute)
	if p := w.browser(desktopWeb).get("/readyz"); p.Status != http.StatusOK {
		t.Errorf("/readyz after it: %d %s", p.Status, p.Body)
	}
}

// The database is killed and started again under traffic: visits fail meanwhile
// with 503, nobody is signed out, and all is well again by itself.
func TestOnPostgresThatRestarts(t *testing.T) {
	t.Parallel()
	programs.Wanted(t)
	server := pgtest.New(t)
	a, b := replicas(t, server.TCP(server.Database(t)))
	var lin [4]*browser
	for i := range lin {
		lin[i] = a.signedIn("lin")
	}
	stop := make(chan struct{})
	var served, refused atomic.Int64
	traffic := make(chan error, len(lin))
	for i, phone := range lin {
		if i%2 == 1 {
			phone = phone.moves(b)
		}
		go func() {
			for {
				select {
				case <-stop:
					traffic <- nil
					return
				default:
				}
				p, err := phone.fetch(phone.request(http.MethodGet, "/api/me", nil))
				switch {
				case err != nil:
					traffic <- err
					return
				case p.Status == http.StatusOK:
					served.Add(1)
				case p.Status == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					traffic <- fmt.Errorf("/api/me: status %d: %s", p.Status, p.Body)
					return
				}
			}
		}()
	}
	waitFor(t, &served, 20)
	server.Kill()
	waitFor(t, &refused, 20)
	check(t, server.Start())
	waitFor(t, &served, 20)
	close(stop)
	for range lin {
		check(t, <-traffic)
	}
	a.signedIn("wang")
	for _, phone := range lin {
		phone.wantMe("lin")
		phone.moves(b).wantMe("lin")
	}
}

// waitFor waits until a number has grown by n.
func waitFor(t *testing.T, number *atomic.Int64, n int64) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for before := number.Load(); number.Load() < before+n; {
		select {
		case <-deadline:
			t.Fatal("nothing more came")
		case <-ticker.C:
		}
	}
}

// What a browser calls itself may be no text at all.
func TestOnPostgresWithAStrangeBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.agent = iPhone + " \xff\xfe\xed\xa0\x80"
	phone.signsIn()
	phone.wantMe("lin")
	admin := w.admin()
	for _, path := range []string{"/admin/users/%00", "/admin/users/%ff%fe", "/avatar/%00", "/avatar/%ff"} {
		if p := admin.get(path); p.Status >= 500 {
			t.Errorf("%s: status %d", path, p.Status)
		}
	}
	for _, path := range []string{"/admin/users?q=%00", "/admin/users?q=%ff", "/admin/events?who=%00", "/admin/events?q=%ff&who=%ff", "/api/admin/users?cursor=%00", "/api/admin/users/%00"} {
		if p := admin.get(path); p.Status >= 500 {
			t.Errorf("%s: status %d\n%s", path, p.Status, excerpt(p.Body))
		}
	}
	for _, path := range []string{"/callback?code=%00&state=%00", "/callback?code=%ff&state=%ff", "/scan/%00", "/scan/%ff", "/scan/events?ticket=%00", "/login?return_to=%00"} {
		if p := phone.get(path); p.Status >= 500 {
			t.Errorf("%s: status %d\n%s", path, p.Status, excerpt(p.Body))
		}
	}
}
