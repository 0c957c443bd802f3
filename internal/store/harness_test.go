package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/store/sqlitetest"
	"wxlogin/migrations"
)

const appID = "wx0123456789abcdef"

// notForEver is how long what ends by itself after some seconds may take on a machine
// that is busy with other things.
const notForEver = time.Minute

// shortBudget is what a test waits for that has somebody hold a lock.
const shortBudget = 200 * time.Millisecond

// clock stands still until told otherwise.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time                { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) pass(d time.Duration)          { c.ms.Add(d.Milliseconds()) }
func (c *clock) ago(d time.Duration) time.Time { return c.now().Add(-d) }

// engine makes new, empty databases for the conformance suite.
type engine struct {
	name string
	make func(t *testing.T) address
}

// address is one database, and the way in beside the store.
type address struct {
	url string
	raw *sql.DB
}

var migratedFile sqlitetest.Template

var sqliteEngine = engine{"sqlite", func(t *testing.T) address {
	path := migratedFile.Copy(t, func(path string) error { return migrated("sqlite:" + path) })
	return address{"sqlite:" + path, rawSQLite(t, path)}
}}

// emptySQLite makes paths of files that nobody has made.
var emptySQLite = engine{"sqlite", func(t *testing.T) address {
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	return address{"sqlite:" + path, rawSQLite(t, path)}
}}

func rawSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// world is a database under test with a store on it.
type world struct {
	t     *testing.T
	ctx   context.Context
	at    address
	clock *clock
	keys  auth.Keyring
	log   *logbook
	*store.Store
	counter atomic.Int64
}

func newWorld(t *testing.T, e engine) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), at: e.make(t), clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
	w.Store = w.another()
	return w
}

// another opens a second store on the same database, as a second process would.
func (w *world) another() *store.Store {
	w.t.Helper()
	return w.anotherWith(w.keys)
}

func (w *world) anotherWith(keys auth.Keyring) *store.Store {
	w.t.Helper()
	return w.open(w.config(keys))
}

// impatient opens a store whose writes wait for no lock as long as those of others.
func (w *world) impatient() *store.Store {
	w.t.Helper()
	config := w.config(w.keys)
	config.WriteBudget = shortBudget
	return w.open(config)
}

func (w *world) open(config store.Config) *store.Store {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

func (w *world) config(keys auth.Keyring) store.Config {
	return store.Config{URL: w.at.url, Keys: keys, Migrations: migrations.FS, Now: w.clock.now, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
}

// logbook keeps what was logged.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// allKeys are the keys that rings are made of, so that k1 is the same key in
// every ring of one test run.
var allKeys = sync.OnceValue(func() map[string]string {
	keys := map[string]string{}
	for _, id := range []string{"k1", "k2", "k3"} {
		_, encoded, _ := strings.Cut(auth.NewKey(), ":")
		keys[id] = id + ":" + encoded
	}
	return keys
})

func ring(t *testing.T, ids ...string) auth.Keyring {
	t.Helper()
	var keys []string
	for _, id := range ids {
		keys = append(keys, allKeys()[id])
	}
	ring, err := auth.ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// login is a login of openID as auth would save it, with everything about it
// different from every other.
func (w *world) login(openID string, scope auth.Scope) auth.SaveLogin {
	n := w.counter.Add(1)
	at := w.clock.now()
	device := auth.Device{RemoteAddr: fmt.Sprintf("192.0.2.%d", n%250), UserAgent: fmt.Sprintf("MicroMessenger/8.0.%d", n)}
	token := auth.NewToken()
	return auth.SaveLogin{
		Login: auth.Login{
			ID: auth.NewID(), AppID: appID, StateHash: auth.Hash(auth.NewToken()), CodeHash: auth.Hash(auth.NewToken()),
			SessionHash: auth.Hash(token), Scope: scope, Outcome: auth.SignedIn, StartedAt: at, FinishedAt: at, Device: device,
		},
		OpenID: openID,
		Scope:  scope,
		Session: auth.Session{
			ID: auth.NewID(), TokenHash: auth.Hash(token), Kind: auth.VisitorSession, CreatedAt: at, LastSeenAt: at,
			EndsAt: at.Add(4320 * time.Hour), Device: device,
		},
	}
}

func pending(save auth.SaveLogin) auth.Login {
	l := save.Login
	l.Outcome, l.FinishedAt = auth.Pending, time.Time{}
	return l
}

// read is a login as the store gives it: without what is only looked up.
func read(l auth.Login) auth.Login {
	l.StateHash, l.CodeHash = "", ""
	return l
}

// signsIn claims and saves a login, as auth does.
func (w *world) signsIn(save auth.SaveLogin) auth.User {
	w.t.Helper()
	return w.signsInAt(w.Store, save)
}

func (w *world) signsInAt(s *store.Store, save auth.SaveLogin) auth.User {
	w.t.Helper()
	if claimed, err := s.ClaimLogin(w.ctx, pending(save)); err != nil || !claimed {
		w.t.Fatalf("claim: %v, %v", claimed, err)
	}
	visit, err := s.SaveLogin(w.ctx, save)
	if err != nil {
		w.t.Fatal(err)
	}
	return visit.User
}

// visitor signs a new person in and returns them with the hash of their token.
func (w *world) visitor(openID string) (auth.User, string) {
	w.t.Helper()
	save := w.login(openID, auth.ScopeBase)
	return w.signsIn(save), save.Session.TokenHash
}

func (w *world) event(action admin.Action, subject string) admin.Event {
	return admin.Event{ID: auth.NewID(), At: w.clock.now(), Actor: admin.ActorLink, Action: action, Subject: subject, Detail: "why"}
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.at.raw.ExecContext(w.ctx, statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// number reads one number past the store.
func (w *world) number(query string, args ...any) (n int64) {
	w.t.Helper()
	if err := w.at.raw.QueryRowContext(w.ctx, query, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (w *world) text(query string, args ...any) (s string) {
	w.t.Helper()
	if err := w.at.raw.QueryRowContext(w.ctx, query, args...).Scan(&s); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return s
}

// wantRows checks how many rows a table has.
func (w *world) wantRows(table string, want int64) {
	w.t.Helper()
	if got := w.number("SELECT COUNT(*) FROM " + table); got != want {
		w.t.Errorf("%s has %d rows, want %d", table, got, want)
	}
}

func wantReason(t *testing.T, err error, want auth.Reason) {
	t.Helper()
	if got := auth.ReasonOf(err); got != want {
		t.Errorf("got %v, want reason %q", err, want)
	}
}

func (w *world) wantSignedIn(tokenHash string) auth.Visit {
	w.t.Helper()
	visit, err := w.Visit(w.ctx, auth.VisitorSession, tokenHash)
	if err != nil {
		w.t.Errorf("not signed in: %v", err)
		return auth.Visit{}
	}
	return *visit
}

func (w *world) wantSignedOut(tokenHash string) {
	w.t.Helper()
	_, err := w.Visit(w.ctx, auth.VisitorSession, tokenHash)
	wantReason(w.t, err, auth.NotSignedIn)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// together runs do n times at once and returns when all are done.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}
