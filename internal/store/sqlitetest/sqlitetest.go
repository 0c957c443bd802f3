// Package sqlitetest gives tests SQLite files that somebody has filled once. It
// knows nothing of what is in them.
package sqlitetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Template is a SQLite file that is made once a process and copied for each test:
// to migrate an empty one takes longer than most tests.
type Template struct {
	once    sync.Once
	content []byte
	err     error
}

// Copy writes the file that fill leaves at a path, and closes, to a new path in a
// folder of the test's own.
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
	// Not the folder of the test that comes first: others outlive it.
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
