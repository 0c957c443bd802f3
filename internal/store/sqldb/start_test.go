package sqldb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

func wantReason(t *testing.T, err error, want auth.Reason) {
	t.Helper()
	if got := auth.ReasonOf(err); got != want {
		t.Errorf("got %v, want reason %q", err, want)
	}
}

func TestAPathMayBeAnything(t *testing.T) {
	for _, name := range []string{"a b.db", "q?x=1&mode=memory.db", "h#sh.db", "100%25 %zz.db", "微信登录.db", "file:odd.db", "semi;colon'\".db", "plus+.db"} {
		dir := filepath.Join(t.TempDir(), "目录 %41?#")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		db := openSQLite(t, filepath.Join(dir, name))
		insert(t, db, 1)
		if err := db.Ready(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Backup(t.Context(), filepath.Join(dir, "copy of "+name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), name) && entry.Name() != "copy of "+name {
				t.Errorf("%s: a file %s came up", name, entry.Name())
			}
			if info, _ := entry.Info(); info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v", name, entry.Name(), info.Mode())
			}
		}
	}
}

func TestARelativePathStaysWhereItWas(t *testing.T) {
	t.Chdir(t.TempDir())
	db := openSQLite(t, "here.db")
	t.Chdir(t.TempDir())
	insert(t, db, 1)
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// A database that is moved away, or has another in its place, is not served; one
// that is back is.
func TestReadyNoticesThatTheFileIsAnother(t *testing.T) {
	db, path := newSQLite(t)
	insert(t, db, 1)
	wantNotReady := func(word string) {
		t.Helper()
		err := db.Ready(t.Context())
		wantReason(t, err, auth.StoreDown)
		if err != nil && (!strings.Contains(err.Error(), "x.db") || !strings.Contains(err.Error(), word)) {
			t.Errorf("%v does not say %s", err, word)
		}
		wantReason(t, tryInsert(t, db, 2), auth.StoreDown)
		if _, ok := db.State(); ok {
			t.Error("the state is known")
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	wantNotReady("gone")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantNotReady("replaced")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	insert(t, db, 2)
}

// A file with a second name would have a log for each, and be spoilt.
func TestAFileWithTwoNamesIsRefused(t *testing.T) {
	db, path := newSQLite(t)
	insert(t, db, 1)
	other := filepath.Join(filepath.Dir(path), "other.db")
	if err := os.Link(path, other); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{path, other} {
		_, err := sqldb.Open(t.Context(), sqldb.Config{URL: "sqlite:" + name, Migrations: schema})
		wantReason(t, err, auth.StoreDown)
		if err == nil || !strings.Contains(err.Error(), "hard link") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	openSQLite(t, path)
}
