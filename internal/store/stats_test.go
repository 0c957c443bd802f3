package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// The sessions that have not ended are counted, by kind; and both pools are
// there to be looked at.
func TestCountSessions(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := newWorld(t, e)
			want := func(visitors, admins int64) {
				t.Helper()
				got := must(w.CountSessions(w.ctx))(t)
				if diff := cmp.Diff(map[auth.SessionKind]int64{auth.VisitorSession: visitors, auth.AdminSession: admins}, got); diff != "" {
					t.Error(diff)
				}
			}
			want(0, 0)
			w.visitor("o1")
			w.visitor("o1")
			w.visitor("o2")
			w.adminSession()
			want(3, 1)
			w.clock.pass(admin.SessionLifetime)
			want(3, 0)
			w.clock.pass(4320 * time.Hour)
			want(0, 0)
			for _, name := range []string{"reader", "writer"} {
				if pool := w.Pools()[name]; pool == nil || pool.Stats().MaxOpenConnections == 0 {
					t.Errorf("nothing is known of the %s", name)
				}
			}
		})
	}
}

// Of very many people and sessions, the numbers are those of the last look while they
// are counted again, and those of long ago are not given.
func TestCountsOfVeryMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	w.Store = w.open(store.WithManyRows(w.config(w.keys), 4))
	counts := func() [2]int64 {
		t.Helper()
		c := must(w.Counts(w.ctx, w.clock.now()))(t)
		return [2]int64{c.Users, c.Sessions}
	}
	want := func(n int64) {
		t.Helper()
		if got := counts(); got != [2]int64{n, n} {
			t.Errorf("%d people and sessions, want %d", got, n)
		}
	}
	for n := range int64(4) { // few are counted each time
		want(n)
		w.visitor(fmt.Sprint("o", n))
	}
	want(4)
	w.visitor("o4")
	want(4)
	for deadline := time.Now().Add(notForEver); counts() != [2]int64{5, 5}; {
		if time.Now().After(deadline) {
			t.Fatal("they are not counted again")
		}
	}
	w.visitor("o5")
	w.clock.pass(2 * time.Hour)
	want(6)
	w.visitor("o6") // what an export says and the audit log keeps is no number of a while ago
	if n := must(w.CountUsers(w.ctx, admin.UserQuery{}))(t); n != 7 {
		t.Errorf("%d people are counted for an export, want 7", n)
	}
}
