package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const figuresOfARun = `
CPU, 2 cores, 25 GB of memory, Linux.

### Repeat visit: ` + "`GET /`" + `, signed in

| bare net/http | 24402 | 1.01 ms |
| 1 k people | 16902 | 1.58 ms |
| 1.5 M people | 15450 | 1.58 ms |

### Forward auth: ` + "`GET /verify`" + `, signed in

| bare net/http | 23202 | 1.03 ms |
| 1.5 M people | 16607 | 1.43 ms |

### Whole logins, each on the disk before it is answered

| returning, 1 k people | 882 | 70.7 ms |
| returning, 1.5 M people | 753 | 83.1 ms |
| first time, 1.5 M people | 1520 | 120 ms |

### Memory and start

| at rest, 1.5 M people | 39 MB |  |  | 70.2 ms |
| 1000 visits in flight, 1.5 M people | 125 MB | 126 MB | 12446 |  |
`

// The READMEs say what the document's tables say, of the most people, and nothing
// of theirs but the marked sentence changes.
func TestSentences(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("before\n"+beginSentence+"\nold\n"+endSentence+"\nafter\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := writeSentences(filepath.Join(root, "docs"), figuresOfARun); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		"README.md":       {"2 cores", "1,500,000 people", "15,450 visits", "16,607 answers", "753 whole", "1,520 of new", "39 MB at rest", "125 MB with 1,000 visits"},
		"README.zh-CN.md": {"2 核", "150 万用户", "15,450 次已登录访问", "16,607 次", "753 次老用户", "1,520 次新用户", "39 MB", "1,000 个访问同时进行时 125 MB"},
	} {
		text := readText(t, filepath.Join(root, name))
		for _, figure := range want {
			if !strings.Contains(text, figure) {
				t.Errorf("%s does not say %q:\n%s", name, figure, text)
			}
		}
		if !strings.HasPrefix(text, "before\n"+beginSentence+"\n") || !strings.HasSuffix(text, "\n"+endSentence+"\nafter\n") || strings.Contains(text, "old") || strings.Count(text, "\n") != 5 {
			t.Errorf("%s is\n%s", name, text)
		}
	}

	before := readText(t, filepath.Join(root, "README.md"))
	err := writeSentences(filepath.Join(root, "docs"), strings.Replace(figuresOfARun, "first time", "later", 1))
	if err == nil || !strings.Contains(err.Error(), "Whole logins") || readText(t, filepath.Join(root, "README.md")) != before {
		t.Errorf("a run without first logins is written: %v", err)
	}
	if _, err := withSentence("no marks", "new"); err == nil {
		t.Error("a README without marks is accepted")
	}
}

// What the READMEs promise today is what docs/performance.md says today.
func TestREADMEsSayWhatWasMeasured(t *testing.T) {
	f, err := readFigures(readText(t, "../docs/performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, sentence := range map[string]string{"README.md": f.english(), "README.zh-CN.md": f.chinese()} {
		text := readText(t, "../"+name)
		if want, err := withSentence(text, sentence); err != nil || want != text {
			t.Errorf("%s does not say, in its place (%v):\n%s", name, err, sentence)
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
