package main

import (
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"wxlogin/internal/store/pgtest"
)

var (
	soakFor  = flag.Duration("soak.for", 0, "how long the soak breaks things; 0: it is left out")
	soakSeed = flag.Uint64("soak.seed", 0, "what it breaks when; 0: another at each run")
)

// The program starts itself for parts that have a process of their own; here
// that is this binary.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	code := pgtest.Main(m)
	if program.folder != "" {
		os.RemoveAll(program.folder)
	}
	os.Exit(code)
}

var program struct {
	once         sync.Once
	folder, path string
	err          error
}

// theServer is the program under load, built once for all tests.
func theServer(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		if program.folder, program.err = os.MkdirTemp("", "wxlogin-bench-test-"); program.err == nil {
			program.path, program.err = built(t.Context(), "", program.folder)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return filepath.Clean(program.path)
}
