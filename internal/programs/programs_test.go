package programs_test

import (
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/programs"
)

// walk is set in the process that plays a test.
const walk = "TEST_PROGRAMS_WALK"

// A test is never left out with CI=true, be its program there or not; make test leaves
// it out wherever it stands; by hand it runs where it can.
func TestWhatIsLeftOut(t *testing.T) {
	for _, c := range []struct{ program, env, want string }{
		{"go", "", "PASS"},
		{"go", programs.Variable + "=none", "SKIP"},
		{"go", "CI=true", "PASS"},
		{"go", "CI=true " + programs.Variable + "=none", "PASS"},
		{"no-such-program", "", "SKIP"},
		{"no-such-program", programs.Variable + "=none", "SKIP"},
		{"no-such-program", "CI=true", "FAIL"},
		{"no-such-program", "CI=true " + programs.Variable + "=none", "FAIL"},
	} {
		play := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestPlayed$", "-test.v")
		play.Env = append(os.Environ(), "CI=", programs.Variable+"=", walk+"="+c.program)
		play.Env = append(play.Env, strings.Fields(c.env)...)
		out, err := play.CombinedOutput()
		if (err != nil) != (c.want == "FAIL") || !strings.Contains(string(out), "--- "+c.want+": TestPlayed") {
			t.Errorf("%s with %q: want %s: %v\n%s", c.program, c.env, c.want, err, out)
		}
	}
}

// skips are the files that leave tests out by themselves, with how often, and why CI loses
// nothing by it. What needs a program asks this package.
var skips = map[string]struct {
	n   int
	why string
}{
	"cmd/server/forward_auth_test.go":               {1, "make compat builds those proxies"},
	"cmd/server/kill_test.go":                       {1, "no target says -short"},
	"internal/store/compat_test.go":                 {1, "make compat's"},
	"compat/sqlite_test.go":                         {2, "make compat's"},
	"bench/soak_test.go":                            {2, ".ci/run has both soaks after make test"},
	"internal/web/erase_files_test.go":              {1, "not on PostgreSQL, on which it is not run"},
	"internal/store/sqldb/file_linux_test.go":       {2, "CI is root, on Linux"},
	"internal/store/sqldb/start_test.go":            {1, "CI's disks have links"},
	"internal/store/interleaving_test.go":           {1, "CI's disks can be mapped"},
	"internal/store/session_cache_internal_test.go": {1, "CI's disks can be mapped"},
	"internal/store/session_cache_test.go":          {1, "CI's disks can be mapped"},
}

var skip = regexp.MustCompile(`\.Skip(f|Now)?\(|\btesting\.Short\(`)

// No test leaves itself out past this package.
func TestEverySkipIsKnown(t *testing.T) {
	root := os.DirFS("../..")
	seen := map[string]bool{}
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "internal/programs/") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		if n := len(skip.FindAll(text, -1)); n != skips[path].n {
			t.Errorf("%s skips in %d places, and %d are known: use programs.Find, Wanted or Absent", path, n, skips[path].n)
		}
		seen[path] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range skips {
		if !seen[path] {
			t.Errorf("there is no %s any more", path)
		}
	}
}

// TestPlayed is a test that needs a program, for the one above.
func TestPlayed(t *testing.T) {
	if program := os.Getenv(walk); program != "" && programs.Find(t, "apt-get install it", program) == "" {
		t.Error("no path")
	}
}
