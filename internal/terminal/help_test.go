package terminal_test

import (
	"testing"

	"wxlogin/internal/terminal"
)

// A line of a help that is too long goes on below its last column. No line begins
// with a comma, and no word of Latin letters is cut.
func TestWrap(t *testing.T) {
	for line, want := range map[string]string{
		"用法：server":          "用法：server",
		"一二三四五六七八九十":         "一二三四五六七八九\n十",
		"一二三四五六七八九，十":        "一二三四五六七八\n九，十",
		"  --addr  一二三四五":    "  --addr  一二三四\n          五",
		"  --addr  一二 nginx": "  --addr  一二\n          nginx",
	} {
		if got := terminal.Wrap(line, 18); got != want {
			t.Errorf("%q is wrapped into %q, not %q", line, got, want)
		}
	}
}
