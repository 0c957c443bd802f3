package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// The sessions that have not ended are counted, by kind; and both pools are
// there to be looked at.
func TestCountSessions(t *testing.T) {
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
