//go:build unix

package sqldb_test

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// No file may grow any more in this test, so it has a process to itself.
func TestADiskThatTakesNoMore(t *testing.T) {
	if os.Getenv("SQLDB_TEST_CHILD") == "" {
		inProcess(t, "SQLDB_TEST_CHILD=1")
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
	now := time.Now()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: "sqlite:" + t.TempDir() + "/x.db", Migrations: schema, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wantFailed := func() {
		t.Helper()
		err := db.Ready(t.Context())
		wantReason(t, err, auth.StoreDown)
		if err != nil && !strings.Contains(err.Error(), "failed a moment ago") {
			t.Errorf("got %v", err)
		}
	}
	insert(t, db, 1)

	limit(syscall.Rlimit{Cur: 4096, Max: room.Max})
	wantReason(t, tryInsert(t, db, 2), auth.StoreDown)
	if n := rows(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
	wantFailed()
	now = now.Add(time.Minute)
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("not given another try after a minute: %v", err)
	}
	wantReason(t, tryInsert(t, db, 2), auth.StoreDown)
	wantFailed()

	limit(room)
	insert(t, db, 2)
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("not ready with room again: %v", err)
	}
	if n := rows(t, db); n != 2 {
		t.Errorf("%d rows", n)
	}
}
