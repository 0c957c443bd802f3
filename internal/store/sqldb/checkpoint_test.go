package sqldb_test

import (
	"os"
	"testing"
	"time"

	"wxlogin/internal/store/sqldb"
)

// The log is copied into the file while writes go on, and starts over before it
// gets long.
func TestTheLogIsCopiedMeanwhile(t *testing.T) {
	db, path := newSQLite(t)
	writes := 0
	write := func() uint32 {
		writes++
		insert(t, db, writes)
		all, _ := db.LogPages()
		return all
	}
	for write() < 1500 { // SQLite itself would wait for 4000
	}
	late := time.After(time.Minute)
	for all, copied := db.LogPages(); copied < 1000; all, copied = db.LogPages() {
		select {
		case <-late:
			t.Fatalf("of %d pages %d are copied", all, copied)
		case <-time.After(time.Millisecond):
		}
	}
	again := 0
	for last := uint32(0); again < 3 && writes < 20_000; {
		all := write()
		if all < last {
			again++
		}
		last = all
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(5000 * (4096 + 24)); again < 3 || info.Size() > most {
		t.Errorf("after %d writes the log has started over %d times and has %d bytes; at most %d", writes, again, info.Size(), most)
	}
	if n := rows(t, db); n != writes {
		t.Errorf("%d rows, want %d", n, writes)
	}
}

// rows counts what insert has written.
func rows(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM notes"); err != nil {
		t.Fatal(err)
	}
	return n
}
