package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/compat/record"
)

// The page in the repository has a line for every pair that there is, and names tests
// that exist.
func TestPage(t *testing.T) {
	content, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	if !strings.HasPrefix(page, introduction) || !strings.HasSuffix(page, found) || !strings.Contains(page, "\nLast run on ") {
		t.Error("the page was not written by make compat")
	}
	for _, b := range behaviours {
		if !strings.Contains(page, "\n| "+b.promise+" |") {
			t.Errorf("no line for %q", b.promise)
		}
	}
	for _, f := range frontEnds {
		if !regexp.MustCompile(`\| what has to be so \|.* ` + regexp.QuoteMeta(f.name) + ` .*\| test \|`).MatchString(page) {
			t.Errorf("no column for %s", f.name)
		}
	}
	for _, table := range tables {
		for _, r := range table.known {
			if !strings.Contains(page, "\n| "+r.Program+" |") {
				t.Errorf("%s: no line for %s", table.heading, r.Program)
			}
		}
	}

	tests := map[string]bool{}
	for _, file := range testFiles(t) {
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(textOf(t, file), -1) {
			tests[found[1]] = true
		}
	}
	named := regexp.MustCompile(`Test[A-Z]\w*`).FindAllString(page, -1)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(named))) {
		if !tests[name] {
			t.Errorf("the page names %s, which is no test", name)
		}
	}
}

// The lines of the first table are the walks of the tests of forward auth.
func TestWalksAreLines(t *testing.T) {
	walks := map[string]bool{}
	for _, file := range testFiles(t) {
		if strings.HasPrefix(filepath.Base(file), "forward_auth") {
			for _, found := range regexp.MustCompile(`(?m)(?:walk|^\t\t)\{"([^"]+)", \w+\}`).FindAllStringSubmatch(textOf(t, file), -1) {
				walks[found[1]] = true
			}
		}
	}
	for _, b := range behaviours {
		if !walks[b.name] {
			t.Errorf("%q is no walk", b.name)
		}
		delete(walks, b.name)
	}
	if len(walks) > 0 {
		t.Errorf("no line for the walks %v", walks)
	}
}

func TestDocument(t *testing.T) {
	page := document([]record.Row{
		{Table: record.FrontEnds, Program: "nginx", Version: "1.22.1", What: "names", Ended: "passed", Date: "2026-11-28"},
		{Table: record.FrontEnds, Program: "nginx", Version: "1.22.1", What: "paths", Ended: "failed", Date: "2026-11-27"},
		{Table: record.SDKs, Program: "a|b", Version: "2", What: "a whole login", Ended: "passed", Seen: "signs in", Test: "TestSDKs/a"},
		{Table: record.SQLite, Program: "duckdb", What: "reads the live file", Ended: "skipped", Seen: "no reader", Test: "TestX"},
	})
	for _, want := range []string{
		"Last run on 2026-11-28", " nginx 1.22.1 |", "| Names arrive percent-encoded and whole | so | not run: not installed |", "others are | **fails** |",
		"| a\\|b | 2 | a whole login | signs in | `TestSDKs/a` |", "| duckdb |  | reads the live file | not run: no reader | `TestX` |", "| PgBouncer, session mode |  | all promises | not run |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func testFiles(t *testing.T) []string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, folder := range []string{"cmd/server", "internal/store", "internal/web", "compat"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimSpace(string(root))), folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
