//go:build unix

package store_test

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// No file may grow any more in this test, so it has a process to itself.
func TestADiskThatTakesNoMore(t *testing.T) {
	if os.Getenv("STORE_TEST_DISK") == "" {
		inProcess(t, "STORE_TEST_DISK=full")
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	limit := func(to syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &to); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, sqliteEngine)
	user, token := w.visitor("o1")

	limit(syscall.Rlimit{Cur: 4096, Max: room.Max})
	_, err := w.SaveLogin(w.ctx, w.login("o1", auth.ScopeBase))
	wantReason(t, err, auth.StoreDown)
	wantReason(t, w.DeleteSession(w.ctx, auth.VisitorSession, token), auth.StoreDown)
	if visit := w.wantSignedIn(token); visit.User.LoginCount != 1 {
		t.Errorf("%d logins counted", visit.User.LoginCount)
	}
	wantRefused(t, w.Ready(w.ctx), "failed a moment ago")
	w.clock.pass(time.Minute)
	if err := w.Ready(w.ctx); err != nil {
		t.Errorf("not given another try after a minute: %v", err)
	}
	_, err = w.EndSessions(w.ctx, user.ID, w.event(admin.ActEndSessions, user.ID))
	wantReason(t, err, auth.StoreDown)
	wantRefused(t, w.Ready(w.ctx), "failed a moment ago")

	limit(room)
	w.visitor("o1")
	if err := w.Ready(w.ctx); err != nil {
		t.Errorf("not ready with room again: %v", err)
	}
	w.wantSignedIn(token)
}
