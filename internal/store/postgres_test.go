package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/pgtest"
)

// postgresWorld is a world on a database that no other test uses after it.
func postgresWorld(t *testing.T, server *pgtest.Server) *world {
	t.Helper()
	return newWorld(t, engine{"postgres", func(t *testing.T) address { return onPostgres(t, server.TCP(server.Database(t))) }})
}

// Every connection is cut while nobody uses it: no call notices.
func TestConnectionsThatAreEndedHeal(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	_, token := w.visitor("o1")
	// The driver itself asks after the health of connections that are new, or have
	// not been used for a second. Few are ended sooner.
	for _, n := range []int{3, 3, 8} {
		w.opensConnections(n, token)
		w.opensConnections(n, token)
		w.endsConnections()
		w.wantSignedIn(token) // alone, with many dead connections before it
		together(16, func(i int) {
			if _, err := w.Visit(w.ctx, auth.VisitorSession, token); err != nil {
				t.Errorf("a visit after all connections were ended: %v", err)
			}
			if _, err := w.SaveLogin(w.ctx, w.login(fmt.Sprint("p", i), auth.ScopeBase)); err != nil {
				t.Errorf("a login after all connections were ended: %v", err)
			}
			if err := w.Ready(w.ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// opensConnections has n visits wait at once, so that the pool has as many
// connections afterwards.
func (w *world) opensConnections(n int, token string) {
	w.t.Helper()
	conn := must(w.at.raw.Conn(w.ctx))(w.t)
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		w.t.Fatal(err)
	}
	var visits sync.WaitGroup
	for range n {
		visits.Go(func() { w.wantSignedIn(token) })
	}
	waitUntil(w.t, func() bool {
		return w.number("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == int64(n)
	})
	if _, err := conn.ExecContext(w.ctx, "ROLLBACK"); err != nil {
		w.t.Fatal(err)
	}
	visits.Wait()
}

// endsConnections ends every connection but those of the test's own, and waits until the
// server has.
func (w *world) endsConnections() {
	w.t.Helper()
	w.exec(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'beside'`)
}

// Connections end all the time, in the middle of statements too. What a call
// says it has written is there, and no read fails.
func TestConnectionsEndedUnderTraffic(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	_, token := w.visitor("o1")
	ctx, stop := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			w.endsConnections()
		}
		stop()
	}()
	var saved, failed atomic.Int64
	together(8, func(i int) {
		for n := 0; ctx.Err() == nil; n++ {
			_, err := w.SaveLogin(w.ctx, w.login(fmt.Sprintf("p%d-%d", i, n), auth.ScopeBase))
			if err == nil {
				saved.Add(1)
			} else {
				failed.Add(1)
				wantReason(t, err, auth.StoreDown)
			}
			if _, err := w.Visit(w.ctx, auth.VisitorSession, token); err != nil {
				wantReason(t, err, auth.StoreDown) // cut twice in a row
			}
		}
	})
	<-done
	if people := w.number("SELECT COUNT(*) FROM users") - 1; people < saved.Load() {
		t.Errorf("%d logins were saved, %d people are there", saved.Load(), people)
	}
	if saved.Load() == 0 || failed.Load() > saved.Load() {
		t.Errorf("%d saved, %d failed", saved.Load(), failed.Load())
	}
	w.wantSignedIn(token)
}

// A connection that is cut while it waits for an answer: the read is made again,
// and so is the write, which had not come to its end.
func TestWhatIsCutIsDoneAgain(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	_, token := w.visitor("o1")
	conn := must(w.at.raw.Conn(w.ctx))(t)
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 2)
	go func() {
		_, err := w.Visit(w.ctx, auth.VisitorSession, token)
		results <- err
	}()
	go func() {
		_, err := w.SaveLogin(w.ctx, w.login("o2", auth.ScopeBase))
		results <- err
	}()
	const waiting = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	waitUntil(t, func() bool { return w.number("SELECT COUNT(*) "+waiting) == 2 })
	if n := w.number("SELECT COUNT(pg_terminate_backend(pid, 5000)) " + waiting); n != 2 {
		t.Fatalf("%d were cut", n)
	}
	if _, err := conn.ExecContext(w.ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	w.wantRows("users", 2)
}

// Two transactions that wait for each other: the server ends ours, and it is run
// again.
func TestADeadlockIsNobodysFault(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	_, token := w.visitor("o1")
	conn := must(w.at.raw.Conn(w.ctx))(t)
	defer conn.Close()
	exec := func(statements string) {
		t.Helper()
		if _, err := conn.ExecContext(w.ctx, statements); err != nil {
			t.Fatal(err)
		}
	}
	exec("SET deadlock_timeout = '20s'") // ours looks for it first, after a second
	exec("BEGIN; UPDATE sessions SET last_seen_at = 0")
	result := make(chan error, 1)
	go func() {
		save := w.login("o1", auth.ScopeBase)
		save.Replaces = token
		_, err := w.SaveLogin(w.ctx, save)
		result <- err
	}()
	waitUntil(t, func() bool {
		return w.number("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	})
	exec("UPDATE users SET sex = 1") // goes on as soon as ours has ended
	exec("COMMIT")
	if err := <-result; err != nil {
		t.Error(err)
	}
	w.wantSignedOut(token)
	w.wantRows("sessions", 1)
}

func TestAReadOnlyDatabaseServesReadsAndHeals(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	name := server.Database(t)
	w := newWorld(t, engine{"postgres", func(t *testing.T) address { return onPostgres(t, server.TCP(name)) }})
	_, token := w.visitor("o1")
	server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	w.endsConnections()
	for range 3 {
		w.wantSignedIn(token)
		wantRefused(t, w.Ready(w.ctx), "read-only")
		_, err := w.SaveLogin(w.ctx, w.login("o2", auth.ScopeBase))
		wantRefused(t, err, "read-only")
	}
	// A process that starts now serves what can be served.
	other := w.another()
	if _, err := other.Visit(w.ctx, auth.VisitorSession, token); err != nil {
		t.Error(err)
	}
	server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = off")
	waitUntil(t, func() bool {
		_, err := w.SaveLogin(w.ctx, w.login("o2", auth.ScopeBase))
		return err == nil
	})
	waitUntil(t, func() bool { return w.Ready(w.ctx) == nil })
}

// Somebody else's lock holds writes up for a bounded time, and reads not at all.
func TestALockedRowHoldsNobodyUpForEver(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	user, token := w.visitor("o1")
	conn := must(w.at.raw.Conn(w.ctx))(t)
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN; UPDATE users SET nickname = 'not yet'"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	_, err := w.SaveLogin(ctx, w.login("o1", auth.ScopeBase))
	wantReason(t, err, auth.StoreDown)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not say that the context ended", err)
	}
	w.wantSignedIn(token)
	if err := w.Ready(w.ctx); err != nil {
		t.Error(err)
	}
	began := time.Now()
	err = w.impatient().EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)) // no deadline of its own
	wantRefused(t, err, "locked")
	if took := time.Since(began); took > notForEver {
		t.Errorf("gave up after %v", took)
	}
}

func TestNoConnectionToSpareIsAFaultOfTheMoment(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	name := server.Database(t)
	w := newWorld(t, engine{"postgres", func(t *testing.T) address { return onPostgres(t, server.TCP(name)) }})
	_, token := w.visitor("o1")
	server.Exec(t, "CREATE ROLE narrow LOGIN CONNECTION LIMIT 2")
	w.exec("GRANT ALL ON ALL TABLES IN SCHEMA public TO narrow")
	w.at.url = strings.Replace(w.at.url, "wxlogin@", "narrow@", 1)
	narrow := w.another()
	var served, refused atomic.Int64
	together(20, func(int) {
		if _, err := narrow.Visit(w.ctx, auth.VisitorSession, token); err != nil {
			wantRefused(t, err, "too many connections")
			refused.Add(1)
			return
		}
		served.Add(1)
	})
	if served.Load() == 0 {
		t.Error("nobody was served")
	}
	if _, err := narrow.Visit(w.ctx, auth.VisitorSession, token); err != nil {
		t.Errorf("after the rush: %v", err)
	}
}

func TestWhatIsNoTextIsNotThere(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	for _, id := range []string{"a\x00b", "\xff\xfe", "\xed\xa0\x80"} {
		_, err := w.User(w.ctx, id)
		wantReason(t, err, auth.NoSuchUser)
		_, err = w.Visit(w.ctx, auth.VisitorSession, id)
		wantReason(t, err, auth.NotSignedIn)
		_, err = w.Events(w.ctx, admin.EventQuery{Who: id})
		wantReason(t, err, auth.BadRequest)
		wantReason(t, w.EraseUser(w.ctx, id, nil, w.event(admin.ActErase, "")), auth.BadRequest)
	}
	if err := w.Ready(w.ctx); err != nil {
		t.Error(err)
	}
}
