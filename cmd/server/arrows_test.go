package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// arrows are the imports that packages of wxlogin have of one another, sorted.
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

// The imports are those of the table, no more and no fewer, and the block of arrows in
// CONTRIBUTING.md says the same.
func TestArrows(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "wxlogin/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], "wxlogin/")
		found[name] = []string{}
		for _, imported := range fields[1:] {
			if ours, ok := strings.CutPrefix(imported, "wxlogin/"); ok {
				found[name] = append(found[name], ours)
			}
			if (name == "internal/auth" || name == "internal/admin") && (imported == "net/http" || imported == "database/sql") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
	if diff := cmp.Diff(arrows, found); diff != "" {
		t.Errorf("there are other imports (+) than arrows (-):\n%s", diff)
	}
	if diff := cmp.Diff(arrows, arrowsOfDocs(t)); diff != "" {
		t.Errorf("CONTRIBUTING.md has other arrows (+) than the table (-):\n%s", diff)
	}
}

// arrowsOfDocs reads the block of arrows in CONTRIBUTING.md, where packages below internal
// are called by their last name.
func arrowsOfDocs(t *testing.T) map[string][]string {
	t.Helper()
	paths := make(map[string]string)
	for path := range arrows {
		name := path
		if strings.HasPrefix(path, "internal/") {
			name = path[strings.LastIndexByte(path, '/')+1:]
		}
		paths[name] = path
	}
	pathOf := func(name string) string {
		if path, ok := paths[name]; ok {
			return path
		}
		return name // no package of the table
	}
	blocks := codeBlock.FindAllString(docs(t)["CONTRIBUTING.md"], -1)
	at := slices.IndexFunc(blocks, func(block string) bool { return strings.Contains(block, " → ") })
	if at < 0 {
		t.Fatal("CONTRIBUTING.md has no block of arrows")
	}
	said := make(map[string][]string)
	for line := range strings.Lines(blocks[at]) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " → ")
		if !ok {
			continue // the fence
		}
		imported := []string{}
		if to != "nothing of ours" {
			for name := range strings.SplitSeq(to, ", ") {
				imported = append(imported, pathOf(name))
			}
			slices.Sort(imported)
		}
		for name := range strings.SplitSeq(from, ", ") {
			path := pathOf(name)
			if _, twice := said[path]; twice {
				t.Errorf("CONTRIBUTING.md has two rows of %s", name)
			}
			said[path] = imported
		}
	}
	return said
}
