//go:build unix

package store_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

// Who deletes SQLite's index of the log has the next process make another one: what
// that process commits, nobody here would see. So nothing is answered any more, the
// cached sessions least of all.
func TestASessionThatNobodyCanRevokeAnswersNoMore(t *testing.T) {
	t.Parallel()
	if os.Getenv("STORE_TEST_WATCH") == "" {
		inProcess(t, "STORE_TEST_WATCH=1") // which leaves files behind that are of no use
		return
	}
	w := newWorld(t, sqliteEngine)
	_, token := w.visitor("lin")
	w.wantSignedIn(token)
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	if err := os.Remove(path + "-shm"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for ; ; time.Sleep(time.Millisecond) { // between two looks
		_, err := w.Visit(w.ctx, auth.VisitorSession, token)
		if err != nil {
			wantRefused(t, err, "-shm", "restart the service")
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("the session answers for ever")
		}
	}
	wantRefused(t, w.Ready(w.ctx), "-shm", "restart the service")
	wantRefused(t, w.DeleteSession(w.ctx, auth.VisitorSession, token), "-shm", "restart the service")
}
