package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

// The log is copied into the file while logins go on, and begins anew before it
// gets long.
func TestTheLogIsCopiedMeanwhile(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	logins := 0
	login := func() uint32 {
		logins++
		w.signsIn(w.login(fmt.Sprintf("o%d", logins), auth.ScopeUserinfo))
		all, _ := w.LogPages()
		return all
	}
	for login() < 1500 { // SQLite itself would wait for 4000
	}
	late := time.After(time.Minute)
	for all, copied := w.LogPages(); copied < 1000; all, copied = w.LogPages() {
		select {
		case <-late:
			t.Fatalf("of %d pages %d are copied", all, copied)
		case <-time.After(time.Millisecond):
		}
	}
	anew := 0
	for last := uint32(0); anew < 3 && logins < 5000; {
		all := login()
		if all < last {
			anew++
		}
		last = all
	}
	info, err := os.Stat(strings.TrimPrefix(w.at.url, "sqlite:") + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(5000 * (4096 + 24)); anew < 3 || info.Size() > most {
		t.Errorf("after %d logins the log has begun anew %d times and has %d bytes; at most %d", logins, anew, info.Size(), most)
	}
	w.wantRows("users", int64(logins))
}
