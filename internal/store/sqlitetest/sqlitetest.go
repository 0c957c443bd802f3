// Package sqlitetest gives each test a copy of a SQLite file that was filled once. It
// knows nothing of what is in it.
package sqlitetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Template is a SQLite file that is made once in a process and copied for each test:
// migrating an empty one takes longer than most tests.
type Template struct {
	once    sync.Once
	content []byte
	err     error
}

// Copy copies the file to a new path in the test's own folder. fill makes the file at a
// path, and closes it.
func (f *Template) Copy(t testing.TB, fill func(path string) error) string {
	t.Helper()
	f.once.Do(func() { f.content, f.err = filled(fill) })
	if f.err != nil {
		t.Fatal(f.err)
	}
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	if err := os.WriteFile(path, f.content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func filled(fill func(path string) error) ([]byte, error) {
	// Not in the folder of the first test, which the others outlive.
	folder, err := os.MkdirTemp("", "wxlogin-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "wxlogin.db")
	if err := fill(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
