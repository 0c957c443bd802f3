package main_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every direct requirement of go.mod has one row in docs/dependencies.md: in the table of the
// program if the program's own packages import it, and in the other one if they do not.
// Every row is a direct requirement, and the page says how much is linked.
func TestDependenciesOfDocs(t *testing.T) {
	text := docs(t)["docs/dependencies.md"]
	program, rest, found := strings.Cut(text, "\n## In tests and tools alone\n")
	tools, _, ends := strings.Cut(rest, "\n## ")
	if !found || !ends {
		t.Fatal("docs/dependencies.md has other headings")
	}
	linked := linkedModules(t)
	required := directRequirements(t)
	for imported, rows := range map[bool][]string{true: modulesOfRows(program), false: modulesOfRows(tools)} {
		var want []string
		for _, module := range required {
			if slices.Contains(linked.imported, module) == imported {
				want = append(want, module)
			}
		}
		slices.Sort(rows)
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("docs/dependencies.md has other rows (+) than go.mod has requirements (-); the program imports them: %t\n%s", imported, diff)
		}
	}
	for _, sentence := range []string{
		fmt.Sprintf("links %d packages of %d modules", linked.packages, linked.modules),
		fmt.Sprintf("链接 %d 个模块的 %d 个包", linked.modules, linked.packages),
	} {
		if !strings.Contains(text, sentence) {
			t.Errorf("docs/dependencies.md does not say %q", sentence)
		}
	}
}

// modulesOfRows returns the modules that the first cells of a table name.
func modulesOfRows(text string) (modules []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[1:], "|")
		for _, span := range codeSpan.FindAllString(cell, -1) {
			modules = append(modules, strings.Trim(span, "`"))
		}
	}
	return modules
}

// directRequirements returns the modules that go.mod requires directly, or for a tool.
func directRequirements(t *testing.T) (modules []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	type path struct{ Path string }
	var mod struct {
		Require []struct {
			path
			Indirect bool
		}
		Tool []path
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, require := range mod.Require {
		ofTool := slices.ContainsFunc(mod.Tool, func(tool path) bool { return strings.HasPrefix(tool.Path, require.Path+"/") })
		if !require.Indirect || ofTool {
			modules = append(modules, require.Path)
		}
	}
	slices.Sort(modules)
	return modules
}

// linked is what the program links of other modules.
type linked struct {
	packages, modules int
	imported          []string // modules that packages of ours import
}

func linkedModules(t *testing.T) linked {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-f", `{{with .Module}}{{.Path}} {{$.ImportPath}} {{if .Main}}{{join $.Imports " "}}{{end}}{{end}}`, ".")
	list.Env = append(list.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	moduleOf := make(map[string]string) // by the path of a package
	var l linked
	modules := make(map[string]bool)
	for line := range strings.Lines(string(out)) { // what a package imports comes before it
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] != "wxlogin" {
			moduleOf[fields[1]] = fields[0]
			modules[fields[0]] = true
			l.packages++
			continue
		}
		for _, imported := range fields[2:] {
			l.imported = append(l.imported, moduleOf[imported])
		}
	}
	l.modules = len(modules)
	return l
}
