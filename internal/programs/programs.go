// Package programs is about other people's programs that tests run: browsers, proxies,
// poolers, Node.js, Python. It finds them, and says why a test does without.
//
// It does not know what is done with them, and is part of no program.
package programs

import (
	"os"
	"os/exec"
	"testing"
)

// Variable is set to leftOut by make test, unless it is also told CI=true. Whoever calls
// go test by hand has all that is installed.
const (
	Variable = "TEST_PROGRAMS"
	leftOut  = "none"
)

// Wanted skips a test that runs other people's programs where those are left out.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == leftOut && !inCI() {
		t.Skip("make test leaves this out: make test-all runs it")
	}
}

// Find gives the path of the first of these programs that is installed: names, or paths
// where a folder is not on everybody's. Without any, the test is Absent; source says
// what brings it, as in "Debian: apt-get install nginx".
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

// Absent ends a test for which something is missing: at home it is left out, and with
// CI=true it fails.
func Absent(t testing.TB, what string) {
	t.Helper()
	if inCI() {
		t.Fatalf("with CI=true this is not left out, and .ci/run installs it: %s", what)
	}
	t.Skip(what)
}

func inCI() bool { return os.Getenv("CI") == "true" }
