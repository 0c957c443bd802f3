//go:build unix

package sqldb_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// inProcess runs one test again, in a process of its own, with a variable set
// that tells it so.
func inProcess(t *testing.T, variables ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variables...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// wantSays checks that an error is StoreDown, on one line, and has all the words.
func wantSays(t *testing.T, err error, words ...string) {
	t.Helper()
	if auth.ReasonOf(err) != auth.StoreDown {
		t.Errorf("got %v, want StoreDown", err)
		return
	}
	for _, word := range append(words, "restart the service") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("more than one line: %q", err)
	}
}

func read(t *testing.T, db *sqldb.DB) error {
	var n int
	return db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM notes")
}

// wantRefusal waits until reads are refused, by themselves, and wants all else to
// be refused then too.
func wantRefusal(t *testing.T, db *sqldb.DB, words ...string) {
	t.Helper()
	began := time.Now()
	for !strings.Contains(fmt.Sprint(read(t, db)), "restart") {
		if time.Since(began) > 10*time.Second {
			t.Fatal("reads go on")
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	wantSays(t, db.Fail(t.Context(), "read", read(t, db)), words...)
	wantSays(t, tryInsert(t, db, 1000), words...)
	wantSays(t, db.Ready(t.Context()), words...)
	wantSays(t, db.Fail(t.Context(), "read", db.Snapshot(t.Context(), func(*sqldb.Tx) error { return nil })), words...)
	wantSays(t, db.Backup(t.Context(), t.TempDir()+"/copy.db"), words...)
	if _, ok := db.State(); ok {
		t.Error("the state is known, and what is cached would be used")
	}
}

// Whoever deletes or replaces what SQLite has beside the database is told so, and
// nothing is answered from files that nobody else sees. What had been committed is
// there after the restart.
func TestFilesBesideTheDatabaseAreGone(t *testing.T) {
	replace := func(path string) error {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		return err
	}
	for name, c := range map[string]struct {
		act   func(path string) error
		files []string
		word  string
	}{
		"deleted":  {os.Remove, []string{"-shm", "-wal"}, "deleted"},
		"replaced": {replace, []string{"-shm"}, "replaced"},
	} {
		for _, suffix := range c.files {
			t.Run(name+suffix, func(t *testing.T) {
				if os.Getenv("SQLDB_TEST_CHILD") == "" {
					t.Parallel()
					inProcess(t, "SQLDB_TEST_CHILD=1")
					return
				}
				db, path := newSQLite(t)
				for n := range 10 {
					insert(t, db, n)
				}
				if err := db.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := c.act(path + suffix); err != nil {
					t.Fatal(err)
				}
				wantSays(t, db.Ready(t.Context()), "x.db"+suffix, c.word) // at once
				wantRefusal(t, db, "x.db"+suffix, c.word)
				if err := db.Close(); err != nil {
					t.Error(err)
				}
				again := openSQLite(t, path)
				if n := rows(t, again); n != 10 {
					t.Errorf("%d rows after a restart", n)
				}
				if err := again.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A hole in memory that SQLite has mapped ends calls, and not the process: the driver
// makes an error of it (SQLITE_IOERR_IN_PAGE, modernc.org/sqlite since 1.62), the
// look at the header in the same memory is ours.
func TestAnIndexThatIsCutOffEndsNoProcess(t *testing.T) {
	for _, size := range []int64{0, 100, 4096} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if os.Getenv("SQLDB_TEST_CHILD") == "" {
				t.Parallel()
				inProcess(t, "SQLDB_TEST_CHILD=1")
				return
			}
			db, path := newSQLite(t)
			for n := range 10 {
				insert(t, db, n)
			}
			stop := make(chan struct{})
			var users sync.WaitGroup
			for i := range 4 {
				users.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						if i == 0 {
							_ = tryInsert(t, db, 100+n)
						} else {
							_ = read(t, db)
						}
						_, _ = db.State()
					}
				})
			}
			if err := os.Truncate(path+"-shm", size); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, db, "x.db-shm", "cut off")
			close(stop)
			users.Wait()
			_ = db.Close() // which need not go well
			if err := os.Remove(path + "-shm"); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		})
	}
}

// A log that somebody has cut off has lost commits that the index still names: what
// is in memory would be answered on, and what is written would go into the holes.
func TestALogThatIsCutOff(t *testing.T) {
	for _, size := range []int64{0, 32, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if os.Getenv("SQLDB_TEST_CHILD") == "" {
				t.Parallel()
				inProcess(t, "SQLDB_TEST_CHILD=1")
				return
			}
			db, path := newSQLite(t)
			for n := range 10 {
				insert(t, db, n)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path+"-wal", size); err != nil {
				t.Fatal(err)
			}
			if size == 0 {
				_ = tryInsert(t, db, 99) // makes it as long as before
			}
			wantSays(t, db.Ready(t.Context()), "x.db-wal", "cut off") // at once
			wantRefusal(t, db, "x.db-wal", "cut off")
		})
	}
}

// SQLite cuts the log off itself, after a checkpoint that asks for it, and nobody who
// looks meanwhile takes that for somebody's fault.
func TestALogThatSQLiteCutsOff(t *testing.T) {
	db, path := newSQLite(t)
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	stop := make(chan struct{})
	var looks sync.WaitGroup
	for range 2 {
		looks.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := db.Ready(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	cut := 0
	for n := range 200 {
		insert(t, db, n)
		var busy, pages, copied int
		if err := other.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &copied); err != nil {
			continue // a reader was in the way
		}
		if info, err := os.Stat(path + "-wal"); err == nil && info.Size() == 0 {
			cut++
		}
	}
	close(stop)
	looks.Wait()
	if cut == 0 {
		t.Error("the log was never cut off, and this test has tried nothing")
	}
	if n := rows(t, db); n != 200 {
		t.Errorf("%d rows", n)
	}
}
