package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	db, _ := newSQLite(t)
	insert(t, db, 1)
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.Symlink("/nowhere", taken); err != nil {
		t.Fatal(err)
	}
	wantReason(t, db.Backup(t.Context(), taken), auth.BadRequest)
	wantReason(t, db.Backup(t.Context(), filepath.Join(dir, "no", "such", "folder")), auth.StoreDown)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantReason(t, db.Backup(ctx, filepath.Join(dir, "x.db")), auth.StoreDown)
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// A log that another file of this name has left is no log of the copy.
func TestABackupStandsBesideNoLog(t *testing.T) {
	db, path := newSQLite(t)
	insert(t, db, 1)
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatal(err, len(log))
	}
	for _, end := range []string{"-wal", "-journal"} {
		file := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(file+end, log, 0o600); err != nil {
			t.Fatal(err)
		}
		wantReason(t, db.Backup(t.Context(), file), auth.BadRequest)
		if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
			t.Errorf("beside %s: %v", end, entries)
		}
	}
}

func TestBackupsGoOnWhileOthersWrite(t *testing.T) {
	db, _ := newSQLite(t)
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if i < 3 {
				if err := db.Backup(t.Context(), filepath.Join(dir, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
				return
			}
			for n := range 5 {
				if err := tryInsert(t, db, 5*i+n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := rows(t, db); n != 45 {
		t.Errorf("%d rows", n)
	}
}

// A copy is of one moment, however long it takes: writes during the copy are not in it,
// and do not make it start over.
func TestABackupIsOfOneMoment(t *testing.T) {
	const pages = 5000
	_, path := newSQLite(t)
	another := openSQLite(t, path)
	set := func(n int) error {
		return another.Write(t.Context(), "set both", nil, func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE notes SET text = $1 WHERE id IN ('note 0', 'note 1')", fmt.Sprint(n))
			return err
		})
	}
	// The two that change together stand at both ends.
	insert(t, another, 0)
	err := another.Write(t.Context(), "fill", nil, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1) INSERT INTO notes SELECT 'between ' || n, hex(zeroblob(1900)) FROM n", pages)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	insert(t, another, 1)

	steps := 0
	ctx, cancel := context.WithCancel(t.Context())
	db, err := sqldb.Open(ctx, sqldb.Config{URL: "sqlite:" + path, Migrations: schema, Gap: func() {
		if err := set(steps); err != nil {
			t.Error(err)
		}
		if steps++; steps > pages/100 {
			cancel() // it would go on for ever
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := db.Backup(ctx, file); err != nil {
		t.Fatalf("after %d steps, with a write behind each: %v", steps, err)
	}
	if steps < 4 {
		t.Fatalf("it took only %d steps", steps)
	}
	if mode := modeOf(t, file); mode != "delete" {
		t.Errorf("the journal mode of the copy is %s", mode)
	}
	var texts []string
	if err := openSQLite(t, file).SelectContext(t.Context(), &texts, "SELECT text FROM notes WHERE id IN ('note 0', 'note 1')"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(texts, []string{"text", "text"}) {
		t.Errorf("the copy has %v, written after it had begun", texts)
	}
}

// modeOf is the journal mode that a file is in.
func modeOf(t *testing.T, file string) (mode string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	return mode
}
