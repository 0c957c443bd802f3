package main_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// buildExampleApp builds examples/app, which is a module of its own: a program
// of somebody else's, that has nothing of ours.
func buildExampleApp(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "shop")
	for _, args := range [][]string{{"vet", "."}, {"build", "-o", binary, "."}} {
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir = "../../examples/app"
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return binary
}

func startExampleApp(t *testing.T, binary, address string) {
	t.Helper()
	said := newLines()
	command := exec.Command(binary, "-addr", address)
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Log(said.text())
		}
	})
	said.wait(t, "listening on")
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// What the guides show of forward auth is the recipe, so that what people copy is what
// the tests run.
func TestSnippetsAreTheExamples(t *testing.T) {
	examples := map[string]string{
		"nginx":     readFile(t, "../../examples/nginx/nginx.conf"),
		"caddyfile": readFile(t, "../../examples/caddy/Caddyfile"),
		"yaml":      readFile(t, "../../examples/traefik/dynamic.yml") + readFile(t, "../../examples/nginx/compose.yml"),
	}
	ofForwardAuth := regexp.MustCompile(`auth_request|forward_auth|forwardAuth|import protected`)
	blocks := regexp.MustCompile("(?ms)^```(nginx|caddyfile|yaml)\n(.*?)^```$")
	guides, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range append(guides, "../../docs/forward-auth.md", "../../docs/forward-auth.zh-CN.md") {
		for _, block := range blocks.FindAllStringSubmatch(readFile(t, guide), -1) {
			if ofForwardAuth.MatchString(block[2]) && !strings.Contains(margin(examples[block[1]]), margin(block[2])) {
				t.Errorf("%s shows what is not in the %s example:\n%s", filepath.Base(guide), block[1], block[2])
			}
		}
	}
}

// margin is a text without the blanks that its lines begin with.
func margin(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
