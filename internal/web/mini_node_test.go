package web_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/programs"
)

// The sample mini program signs in, fills in its form, gets over a token that has ended,
// and signs out, with wx.login and wx.request played by Node.js.
func TestMiniExample(t *testing.T) {
	t.Parallel()
	node := programs.Find(t, "Debian: apt-get install nodejs", "node")
	w := newWorld(t, options{accounts: threeAccounts})
	example, err := filepath.Abs("../../examples/mini") // Node.js wants it whole
	check(t, err)
	play := exec.CommandContext(t.Context(), node, "testdata/mini/play.mjs", example, w.url, w.simURL, w.account("app").AppID, "plain")
	play.Env = append(os.Environ(), "PICTURE="+pngOf(40, 40))
	out, err := play.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, err.(*exec.ExitError).Stderr)
	}
	var told struct {
		Logins       int
		Statuses     []string
		First, Saved map[string]any
		Again        map[string]any
		Left         any
		After        int
		Failure      string
	}
	check(t, json.Unmarshal(out, &told))
	want := []string{
		"POST /mini/app/login 200", "GET /api/me 200", "PUT /api/me/profile 200",
		"GET /api/me 401", "POST /mini/app/login 200", "GET /api/me 200", "POST /logout 204",
	}
	if !slices.Equal(told.Statuses, want) || told.Logins != 2 || told.Failure != "" {
		t.Errorf("it asked\n%s\nwith %d logins, failure %q", strings.Join(told.Statuses, "\n"), told.Logins, told.Failure)
	}
	if told.First["id"] == nil || told.Saved["nickname"] != "小程序里的林" || told.Again["id"] != told.First["id"] || told.Left != nil || told.After != 401 {
		t.Errorf("%s", out)
	}
}
