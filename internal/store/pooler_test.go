package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxlogin/compat/record"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/pgtest"
)

// A store works through PgBouncer in both of its modes as it does without, and says
// nothing of it in the address: a first start gets by with one connection, people
// sign in and visit side by side, and the limit for locks holds.
func TestPooler(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	for _, mode := range []string{"session", "transaction"} {
		for _, size := range []int{1, 2} {
			if mode == "session" && size > 1 {
				size = 40 // each connection of ours has one of the server's
			}
			t.Run(fmt.Sprint(mode, " ", size), func(t *testing.T) {
				t.Parallel()
				record.Of(t, record.Databases, "PgBouncer, "+mode+" mode", bouncerVersion(), map[bool]string{true: "one connection", false: "more people than connections"}[size == 1])
				database := server.Database(t)
				at := onPostgres(t, server.TCP(database))
				at.url = server.Pooler(t, mode, size).URL(database)
				w := unopened(t, at)
				began := time.Now()
				w.Store = w.another()
				if took := time.Since(began); took > notForEver {
					t.Errorf("the first start took %v", took)
				}
				if mode == "session" && size == 1 {
					return // a pool of one serves one of our connections
				}
				_, token := w.visitor("o1")
				together(16, func(i int) {
					for n := range 5 {
						if _, err := w.Visit(w.ctx, auth.VisitorSession, token); err != nil {
							t.Errorf("a visit: %v", err)
						}
						if _, err := w.SaveLogin(w.ctx, w.login(fmt.Sprint("p", i, "-", n), auth.ScopeBase)); err != nil {
							t.Errorf("a login: %v", err)
						}
					}
				})
				w.wantLockLimit(token)
			})
		}
	}
}

// wantLockLimit locks what visits and logins need, and wants both to end.
func (w *world) wantLockLimit(token string) {
	w.t.Helper()
	conn := must(w.at.raw.Conn(w.ctx))(w.t)
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		w.t.Fatal(err)
	}
	impatient := w.impatient()
	// One after the other: they may have one connection between them.
	for _, call := range []func() error{
		func() error { _, err := impatient.Visit(w.ctx, auth.VisitorSession, token); return err },
		func() error { _, err := impatient.SaveLogin(w.ctx, w.login("late", auth.ScopeBase)); return err },
	} {
		began := time.Now()
		wantRefused(w.t, call(), "locked")
		if took := time.Since(began); took > notForEver {
			w.t.Errorf("it waited %v for somebody else's lock", took)
		}
	}
	if _, err := conn.ExecContext(w.ctx, "ROLLBACK"); err != nil {
		w.t.Fatal(err)
	}
	w.wantSignedIn(token)
}

// A schema named in the address, which PgBouncer refuses at the beginning of a
// connection, is set in each transaction.
func TestPoolerAndSchema(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			record.Of(t, record.Databases, "PgBouncer, "+mode+" mode", bouncerVersion(), "a schema of its own")
			database := server.Database(t)
			server.ExecIn(t, database, "CREATE SCHEMA its_own; CREATE TABLE somebody_elses (id INT)")
			at := onPostgres(t, server.TCP(database)+"&search_path=its_own")
			at.url = server.Pooler(t, mode, 40).URL(database) + "&search_path=its_own"
			w := unopened(t, at)
			w.Store = w.another()
			_, token := w.visitor("o1")
			together(8, func(int) { w.wantSignedIn(token) })
			if n := w.number("SELECT COUNT(*) FROM its_own.users"); n != 1 {
				t.Errorf("%d people are in the schema", n)
			}
			if n := w.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"); n != 1 {
				t.Errorf("%d tables are in the other schema", n)
			}
			w.another() // has nothing to migrate
			if n := strings.Count(w.log.String(), "migrated"); n != 1 {
				t.Errorf("migrated %d times", n)
			}
		})
	}
}
