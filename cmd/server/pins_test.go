package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// modernc.org/sqlite is C, translated against one version of modernc.org/libc
// and tested with no other, but any module may raise that version silently.
func TestLibcIsTheOneOfSQLite(t *testing.T) {
	sqlite := listModule(t, "{{.GoMod}}", "modernc.org/sqlite")
	content, err := os.ReadFile(sqlite)
	if err != nil {
		t.Fatal(err)
	}
	pin := regexp.MustCompile(`(?m)^\s*(?:require )?modernc\.org/libc (v\S+)`).FindSubmatch(content)
	if pin == nil {
		t.Fatalf("%s names no version of modernc.org/libc", sqlite)
	}
	if got, want := listModule(t, "{{.Version}}", "modernc.org/libc"), string(pin[1]); got != want {
		t.Errorf("modernc.org/libc is %s, and modernc.org/sqlite was made with %s", got, want)
	}
}

func listModule(t *testing.T, format, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}
