//go:build compat

package compat_test

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// android is what WeChat on Android says of itself.
func android() string {
	p, _ := wechatsim.PhoneNamed("android")
	return p.UserAgent
}

// npmInstall copies a folder and installs what its package.json names. What has machine
// code of its own is compiled, with Debian's headers of Node.js: the ready-made files are
// on other hosts than npm's, in no pinned version, and not everywhere within reach.
func npmInstall(t *testing.T, from string, args ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", append(args, "--no-audit", "--no-fund")...)
	install.Dir = folder
	install.Env = append(os.Environ(), "npm_config_nodedir=/usr", "npm_config_build_from_source=true")
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

// libraryVersion is what a library of TestSDKs says of itself: its program's modules,
// or its package.
func libraryVersion(t *testing.T, run []string, name string) string {
	t.Helper()
	program := run[len(run)-1]
	if len(run) == 1 {
		built, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, module := range built.Deps {
			if strings.Contains(module.Path, first(name)) {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
		t.Fatalf("%s is linked with no %s", program, name)
	}
	return moduleVersion(t, filepath.Dir(program), first(name))
}

// programVersion is the version of a program that goInstall has built.
func programVersion(t *testing.T, program string) string {
	t.Helper()
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(built.Main.Version, "v")
}

// debianVersion is the version of a package that is installed, or "".
func debianVersion(name string) string {
	out, _ := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	return string(out)
}
