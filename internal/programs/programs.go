// Package programs finds other people's programs that tests run: browsers, proxies,
// poolers, Node.js, Python. It says why a test runs without one.
//
// It does not know what is done with them, and is part of no program.
package programs

import (
	"os"
	"os/exec"
	"testing"
)

// Variable is set to leftOut by make test, unless CI=true. A go test by hand runs all that
// is installed.
const (
	Variable = "TEST_PROGRAMS"
	leftOut  = "none"
)

// Wanted skips a test that runs other people's programs, where those are left out.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == leftOut && !inCI() {
		t.Skip("make test leaves this out: make test-all runs it")
	}
}

// Find returns the path of the first of these programs that is installed. They are names,
// or paths where a folder is not on everybody's PATH. If there is none, it calls Absent;
// source says where to get it, as in "Debian: apt-get install nginx".
func Find(t testing.TB, source string, names ...string) string {
	t.Helper()
	Wanted(t)
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Absent(t, names[0]+" is not installed here ("+source+")")
	return ""
}

// Absent ends a test for which something is missing: it is skipped, or fails with CI=true.
func Absent(t testing.TB, what string) {
	t.Helper()
	if inCI() {
		t.Fatalf("with CI=true this is not left out, and .ci/run installs it: %s", what)
	}
	t.Skip(what)
}

func inCI() bool { return os.Getenv("CI") == "true" }
