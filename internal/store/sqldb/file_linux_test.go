package sqldb_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"modernc.org/sqlite"

	"wxlogin/internal/store/sqldb"
)

// service is the user of a service that is not root.
const service = 54321

// folderOf is a folder that belongs to the service.
func folderOf(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files for others")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, service, service); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A command that root runs leaves nothing behind that the service cannot open, and
// repairs what an earlier one has left.
func TestFilesThatRootMakesAreTheServices(t *testing.T) {
	dir := folderOf(t)
	path := filepath.Join(dir, "x.db")
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil { // of an older version
		t.Fatal(err)
	}
	db := openSQLite(t, path)
	insert(t, db, 1)
	for _, suffix := range []string{"", ".lock", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != service {
			t.Errorf("x.db%s belongs to user %d", suffix, uid)
		}
	}
	// A name that the service's user has made is no way to be given a file of root's.
	other := filepath.Join(t.TempDir(), "of root's")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(string, string) error{"symbolic": os.Symlink, "hard": os.Link} {
		link := filepath.Join(dir, name)
		if err := make(other, link); err != nil {
			t.Skip(err) // another file system
		}
		if err := sqldb.TakeOwner(link, path); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(other); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("by a %s link root has given away its own file", name)
		}
	}
}

// A service that may not open a file gets an error that names the file and its owner.
func TestAFileOfAnotherUserIsNamed(t *testing.T) {
	dir := os.Getenv("SQLDB_TEST_FOLDER")
	if dir == "" {
		dir = folderOf(t)
		inProcess(t, "SQLDB_TEST_FOLDER="+dir)
		return
	}
	path := filepath.Join(dir, "x.db")
	for _, file := range []string{path, path + ".lock"} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	become := func(uid int) {
		if err := syscall.Setresuid(uid, uid, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{path + ".lock", path} {
		become(service)
		_, err := sqldb.Open(t.Context(), sqldb.Config{URL: "sqlite:" + path, Migrations: schema})
		become(0)
		if err == nil || !strings.Contains(err.Error(), file+" belongs to root") || strings.Contains(err.Error(), "folder") {
			t.Errorf("%s is not blamed: %v", file, err)
		}
		if err := os.Chown(file, service, service); err != nil {
			t.Fatal(err)
		}
	}
	become(service)
	defer become(0)
	openSQLite(t, path)
}

// All names of one file lead to one path, whether it is there or not.
func TestFilePath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "data", "x.db")
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "data"), 0o755),
		os.Symlink("data", filepath.Join(dir, "folder")),
		os.Symlink(filepath.Join("folder", "x.db"), filepath.Join(dir, "relative")),
		os.Symlink(filepath.Join(dir, "relative"), filepath.Join(dir, "twice")),
		os.Symlink("round", filepath.Join(dir, "round")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // absent, and there
		for _, name := range []string{"data/x.db", "folder/x.db", "relative", "twice", "data/../data/x.db"} {
			if got, err := sqldb.FilePath(filepath.Join(dir, name)); err != nil || got != want {
				t.Errorf("%s is %s, %v", name, got, err)
			}
		}
		if err := os.WriteFile(want, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := sqldb.FilePath(filepath.Join(dir, "round")); err != nil || got != filepath.Join(dir, "round") {
		t.Errorf("a link to itself is %s, %v", got, err)
	}
}

// A commit is on the disk when its data is: fsync would have it wait for the times of
// the file, too.
func TestCommitsSyncData(t *testing.T) {
	if _, err := sqlite.Fdatasync(false); err != nil {
		t.Fatal(err)
	}
	insert(t, openSQLite(t, filepath.Join(t.TempDir(), "x.db")), 1)
	if !sqlite.FdatasyncEnabled() {
		t.Error("commits wait for fsync")
	}
}
