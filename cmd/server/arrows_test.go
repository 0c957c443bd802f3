package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows are the imports that packages of wxlogin may have of one another.
var arrows = map[string][]string{
	"cmd/bench":                 {"internal/bench"},
	"cmd/server":                {"internal/auth", "internal/store", "internal/web", "internal/wechat", "internal/wechat/wechatsim", "migrations", "templates"},
	"internal/auth":             {},
	"internal/bench":            {}, // it knows the built program alone
	"internal/store":            {"internal/auth"},
	"internal/store/pgtest":     {},
	"internal/web":              {"internal/auth"},
	"internal/wechat":           {"internal/auth"},
	"internal/wechat/wechatsim": {},
	"migrations":                {},
	"release":                   {}, // it asks Go what is linked
	"templates":                 {},
}

func TestArrows(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "wxlogin/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], "wxlogin/")
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %s has no place in the architecture", name)
		}
		for _, imported := range fields[1:] {
			if ours, ok := strings.CutPrefix(imported, "wxlogin/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", name, ours)
			}
			if name == "internal/auth" && (imported == "net/http" || imported == "database/sql") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}
