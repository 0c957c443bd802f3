//go:build compat

package compat_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npmInstall copies a folder and installs what its package.json names. Debian's headers
// of Node.js are there for what has to be compiled.
func npmInstall(t *testing.T, from string, args ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", append(args, "--no-audit", "--no-fund")...)
	install.Dir = folder
	install.Env = append(os.Environ(), "npm_config_nodedir=/usr")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// moduleVersion is what an installed module says of itself.
func moduleVersion(t *testing.T, folder, module string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, "node_modules", module, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Version string }
	if err := json.Unmarshal(content, &said); err != nil {
		t.Fatal(err)
	}
	return said.Version
}

// first is the first word.
func first(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}
