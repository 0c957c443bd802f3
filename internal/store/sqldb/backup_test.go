package sqldb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"wxlogin/internal/auth"
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
