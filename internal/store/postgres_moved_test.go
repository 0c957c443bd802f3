package store_test

import (
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/pgtest"
)

// Somebody signs in by a further identity while it becomes another person's: the login is
// that person's, and nothing of it is written to the former one.
func TestALoginMeetsAJoinOnPostgres(t *testing.T) {
	t.Parallel()
	w := postgresWorld(t, pgtest.Shared(t))
	first, second := w.comes(shopID, "oLin", "").User, w.comes(otherID, "oWei", "").User
	further := w.comes(websiteID, "oDesk", "").User
	w.wantJoined(first, further)
	save := w.door(websiteID, "oDesk", "")
	if claimed := must(w.ClaimLogin(w.ctx, pending(save)))(t); !claimed {
		t.Fatal("not claimed")
	}
	conn := must(w.at.raw.Conn(w.ctx))(t)
	defer conn.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := conn.ExecContext(w.ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("BEGIN")
	exec("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE") // as joins and undos do
	type result struct {
		visit *auth.Visit
		err   error
	}
	done := make(chan result, 1)
	go func() {
		visit, err := w.SaveLogin(w.ctx, save)
		done <- result{visit, err}
	}()
	waitUntil(t, func() bool {
		return w.number("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	})
	exec("UPDATE identities SET user_id = $2 WHERE id = $1", further.ID, second.ID)
	exec("COMMIT")
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	if got.visit.User.ID != second.ID || got.visit.Session.IdentityID != further.ID {
		t.Errorf("the login is %s's, by %s", got.visit.User.ID, got.visit.Session.IdentityID)
	}
}
