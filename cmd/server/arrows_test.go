package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows are the imports that packages of wxlogin may have of one another.
var arrows = map[string][]string{
	"bench":                     {"bench/rig"},
	"compat":                    {}, // it knows commands and addresses
	"compat/record":             {},
	"compat/table":              {"compat/record"},
	"bench/rig":                 {}, // it knows the built program alone
	"cmd/server":                {"examples/oidc-app", "internal/admin", "internal/auth", "internal/demo", "internal/doctor", "internal/idtoken", "internal/settings", "internal/store", "internal/telemetry", "internal/terminal", "internal/web", "internal/wechat", "internal/wechat/wechatsim", "migrations", "templates"},
	"examples/oidc-app":         {}, // somebody else's application
	"internal/admin":            {"internal/auth"},
	"internal/auth":             {},
	"internal/demo":             {"internal/admin", "internal/auth", "internal/store", "internal/web"},
	"internal/doctor":           {"internal/auth", "internal/idtoken", "internal/settings", "internal/store", "internal/terminal", "internal/web", "internal/wechat", "migrations"},
	"internal/idtoken":          {"internal/auth"},
	"internal/settings":         {"internal/auth", "internal/store"},
	"internal/store":            {"internal/admin", "internal/auth", "internal/store/list", "internal/store/move", "internal/store/sqldb"},
	"internal/store/list":       {"internal/admin", "internal/auth", "internal/store/sqldb"},
	"internal/store/move":       {"internal/auth", "internal/store/sqldb"},
	"internal/store/sqldb":      {"internal/auth"},
	"internal/telemetry":        {"internal/auth", "internal/store", "internal/web", "internal/wechat"},
	"internal/terminal":         {},
	"internal/clocktest":        {},
	"internal/programs":         {},
	"internal/store/pgtest":     {"internal/programs"},
	"internal/store/sqlitetest": {},
	"internal/web":              {"internal/admin", "internal/auth"},
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
			if (name == "internal/auth" || name == "internal/admin") && (imported == "net/http" || imported == "database/sql") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}
