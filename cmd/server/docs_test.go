package main_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	server "wxlogin/cmd/server"
)

// docs are the texts that people read, by their path from the root, without
// what a program may have left in them.
func docs(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "findings/*.md", "examples/*/*.md"} {
		for _, file := range must(filepath.Glob("../../" + pattern)) {
			name := strings.TrimPrefix(filepath.ToSlash(file), "../../")
			if name == "THIRD_PARTY_LICENSES.md" {
				continue // others have written it
			}
			texts[name] = string(must(os.ReadFile(file)))
		}
	}
	return texts
}

// chinese is the path of the Chinese version of a text.
func chinese(name string) string { return strings.TrimSuffix(name, ".md") + ".zh-CN.md" }

// codeOf is all that stands as code in a text: blocks, then spans.
func codeOf(text string) []string {
	return append(codeBlock.FindAllString(text, -1), codeSpan.FindAllString(codeBlock.ReplaceAllString(text, ""), -1)...)
}

var (
	codeBlock = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]+`")
	linkForm  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^(#{1,6}) +(.+?) *$`)
)

// Every relative link of the documentation leads to a file, and to a heading if
// it names one.
func TestLinksOfDocs(t *testing.T) {
	texts := docs(t)
	for name, text := range texts {
		text = codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
		for _, found := range linkForm.FindAllStringSubmatch(text, -1) {
			link, err := url.Parse(found[1])
			if err != nil {
				t.Errorf("%s: %s: %v", name, found[1], err)
				continue
			}
			if link.Scheme != "" {
				continue // elsewhere; the tests ask nobody
			}
			target := name
			if link.Path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), link.Path))
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, found[1])
			}
			if text, ok := texts[target]; ok && link.Fragment != "" && !slices.Contains(anchors(text), link.Fragment) {
				t.Errorf("%s links to %s, and there is no such heading", name, found[1])
			}
		}
	}
}

// anchors are the names by which headings can be linked to: small letters,
// digits and hyphens for blanks, other characters left out.
func anchors(text string) []string {
	var names []string
	for _, found := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		name := strings.ReplaceAll(strings.ToLower(found[2]), " ", "-")
		names = append(names, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, ""))
	}
	return names
}

// People who install or run wxlogin, or build against it, find all of it in Chinese.
func TestChineseVersions(t *testing.T) {
	texts := docs(t)
	for _, name := range []string{"README.md", "docs/README.md", "docs/settings.md", "docs/operations.md", "docs/forward-auth.md", "docs/admin.md",
		"docs/security.md", "docs/troubleshooting.md", "docs/postgres.md", "docs/scale.md", "docs/metrics.md", "docs/simulator.md",
		"docs/accounts.md", "docs/oidc.md", "docs/js-sdk.md", "docs/faults.md", "examples/mini/README.md"} {
		if texts[name] == "" || texts[chinese(name)] == "" {
			t.Errorf("%s is not there in both languages", name)
		}
	}
}

// A text and its Chinese version say the same: the same headings by number and
// level, the same tables by their rows, the same blocks, links, typed lines, code
// and settings, in the same order.
func TestLanguagesAgree(t *testing.T) {
	texts := docs(t)
	for name, english := range texts {
		if text, ok := texts[chinese(name)]; ok {
			t.Run(name, func(t *testing.T) { wantSameDocument(t, english, text) })
		} else if strings.HasSuffix(name, ".zh-CN.md") && texts[strings.TrimSuffix(name, ".zh-CN.md")+".md"] == "" {
			t.Errorf("%s has no English version", name)
		}
	}
}

func wantSameDocument(t *testing.T, english, chinese string) {
	same := func(what string, of func(string) []string) {
		t.Helper()
		e, c := of(english), of(chinese)
		for i := range max(len(e), len(c)) {
			if i >= len(e) || i >= len(c) || e[i] != c[i] {
				t.Errorf("%s %d is not the same:\n%q\n%q", what, i+1, e[min(i, len(e)):min(i+1, len(e))], c[min(i, len(c)):min(i+1, len(c))])
				return
			}
		}
	}
	same("the level of heading", func(text string) []string {
		var levels []string
		for _, found := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			levels = append(levels, found[1])
		}
		return levels
	})
	same("the row of a table, by its cells,", func(text string) []string {
		var rows []string
		for line := range strings.Lines(codeBlock.ReplaceAllString(text, "")) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") {
				rows = append(rows, strings.Repeat("|", strings.Count(line, "|")))
			}
		}
		return rows
	})
	// A link may lead to the Chinese version, where headings have other names.
	same("the link", func(text string) []string {
		var links []string
		for i, found := range linkForm.FindAllStringSubmatch(codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), ""), -1) {
			if i == 0 {
				continue // the other language
			}
			link := strings.Replace(found[1], ".zh-CN.md", ".md", 1)
			if target, _, named := strings.Cut(link, "#"); named && !strings.Contains(link, "://") {
				link = target + "#"
			}
			links = append(links, link)
		}
		return links
	})
	// Comments and labels in blocks are words, so only a block's language and length
	// are compared, and of a typed line everything but its comment.
	same("the block", func(text string) []string {
		var blocks []string
		for _, block := range codeBlock.FindAllString(text, -1) {
			first, rest, _ := strings.Cut(block, "\n")
			blocks = append(blocks, first+strings.Repeat(".", strings.Count(rest, "\n")))
		}
		return blocks
	})
	same("the typed line", func(text string) []string {
		var commands []string
		for _, block := range codeBlock.FindAllString(text, -1) {
			first, rest, _ := strings.Cut(strings.TrimSpace(block), "\n")
			if first != "```sh" {
				continue
			}
			for line := range strings.Lines(rest) {
				command, _, _ := strings.Cut(line, " # ")
				commands = append(commands, strings.TrimSpace(command))
			}
		}
		return commands
	})
	// Sentences of two languages have another order, so the words of code are
	// compared as a set.
	same("the word of code", func(text string) []string {
		words := codeSpan.FindAllString(codeBlock.ReplaceAllString(text, ""), -1)
		for i, word := range words {
			words[i] = strings.ReplaceAll(word, ".zh-CN.md", ".md")
		}
		slices.Sort(words)
		return slices.Compact(words)
	})
	same("the setting", func(text string) []string {
		names := variables.FindAllString(text, -1)
		slices.Sort(names)
		return slices.Compact(names)
	})
}

// A README is read in some minutes.
func TestREADMEsAreShort(t *testing.T) {
	texts := docs(t)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		if size := len(texts[name]); size > 10_000 {
			t.Errorf("%s has %d bytes, more than 10 kB: what is for some of its readers belongs in docs/", name, size)
		}
	}
}

// A reader finds each document in the index of their language.
func TestIndexOfDocs(t *testing.T) {
	texts := docs(t)
	for name := range texts {
		file, inDocs := strings.CutPrefix(name, "docs/")
		if !inDocs || strings.HasPrefix(file, "README.") {
			continue
		}
		if !strings.HasSuffix(file, ".zh-CN.md") && !strings.Contains(texts["docs/README.md"], "]("+file+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
		if _, translated := texts[chinese(name)]; !translated && !strings.Contains(texts["docs/README.zh-CN.md"], "]("+file+")") {
			t.Errorf("docs/README.zh-CN.md does not list %s", name)
		}
	}
}

// The settings' page lists every command in both languages, and no text names a
// command or a flag that is not there.
func TestCommandsOfDocs(t *testing.T) {
	flags := must(server.CommandFlags())
	groups := []string{"admin", "account", "client", "person"} // commands of commands
	texts := docs(t)
	for _, name := range []string{"docs/settings.md", "docs/settings.zh-CN.md"} {
		for command := range flags {
			if !strings.Contains(texts[name], "`server "+command) {
				t.Errorf("%s does not list `server %s`", name, command)
			}
		}
	}
	known := []string{"--help"}
	for _, of := range flags {
		known = append(known, of...)
	}
	// In code, server stands at the beginning of what is typed.
	typed := regexp.MustCompile("(?m)(?:`|^[ \t]*|exec wxlogin /|run ./cmd/|bin/|&& |\\(|：|: |ExecStart=/)server ([a-z-]+)(?: ([a-z]+))?([^`#\n|;)]*)")
	flag := regexp.MustCompile(`(?:^|[ \x60])(--[a-z][a-z-]*)`)
	for name, text := range texts {
		code := strings.Join(codeOf(text), "\n")
		for _, found := range typed.FindAllStringSubmatch(code, -1) {
			command := found[1]
			if slices.Contains(groups, command) && found[2] != "" {
				command += " " + found[2]
			}
			of, ok := flags[command]
			if !ok && !slices.Contains(groups, command) {
				t.Errorf("%s names the command server %s, which is not there", name, command)
			}
			for _, given := range flag.FindAllStringSubmatch(found[3], -1) {
				if ok && given[1] != "--help" && !slices.Contains(of, given[1]) {
					t.Errorf("%s gives server %s the flag %s, which it does not have", name, command, given[1])
				}
			}
		}
		for _, span := range codeSpan.FindAllString(codeBlock.ReplaceAllString(text, ""), -1) {
			if name == "docs/performance.md" {
				continue // its flags are the benchmark's
			}
			if found := flag.FindStringSubmatch(span); found != nil && strings.HasPrefix(span, "`--") && !slices.Contains(known, found[1]) {
				t.Errorf("%s names the flag %s, which no command has", name, found[1])
			}
		}
	}
}

// Every target of make that a text names is there, and every folder that a text
// has Go run or test.
func TestMakeAndGoOfDocs(t *testing.T) {
	makefile := readFile(t, "../../Makefile")
	target := regexp.MustCompile("(?m)(?:^[ \t]*|`|=true )make ([a-z][a-z-]*)")
	folder := regexp.MustCompile(`go (?:run|test|build) (?:-\S+ (?:\S+ )?)*\./(\S+)`)
	for name, text := range docs(t) {
		code := strings.Join(codeOf(text), "\n")
		for _, found := range target.FindAllStringSubmatch(code, -1) {
			if !regexp.MustCompile(`(?m)^` + found[1] + `:`).MatchString(makefile) {
				t.Errorf("%s names make %s, which is no target", name, found[1])
			}
		}
		for _, found := range folder.FindAllStringSubmatch(code, -1) {
			path := strings.Trim(found[1], "`.")
			if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
				t.Errorf("%s has Go run ./%s, which is not there", name, path)
			}
		}
	}
}

var variables = regexp.MustCompile(`WXLOGIN_[A-Z0-9_]*[A-Z0-9]`)

// The documentation speaks to everybody: it knows no folder of the machine that
// it was written on, nor where that machine gets its modules from.
func TestDocsKnowNoMachine(t *testing.T) {
	machine := regexp.MustCompile(`(?i)(^|[\s"'(=:` + "`" + `])(/work|/root|/home/\w+|/Users/\w+|/mnt)(/|\b)|goproxy|proxy\.golang|artifactory|\bnexus\b|pypi|npmmirror|mirrors?\.[a-z]+\.`)
	// What readers in China set for their own builds is no machine of ours.
	theirs := regexp.MustCompile("GOPROXY=https://goproxy.cn,direct|`GOPROXY`")
	for name, text := range docs(t) {
		text = theirs.ReplaceAllString(text, "")
		for i, line := range strings.Split(text, "\n") {
			if found := machine.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", name, i+1, strings.TrimSpace(found))
			}
		}
	}
}

// A picture is there to be looked at on a phone's connection too.
func TestScreenshotsAreSmall(t *testing.T) {
	for _, file := range must(filepath.Glob("../../docs/screenshots/*.png")) {
		if info := must(os.Stat(file)); info.Size() > 150<<10 {
			t.Errorf("%s has %d kB", filepath.Base(file), info.Size()>>10)
		}
	}
}

var testName = regexp.MustCompile(`\bTest\w+`)

// Every test that the table of the conformance suite's plans names is there.
func TestPlansOfTheSuite(t *testing.T) {
	var source strings.Builder
	for _, folder := range []string{"../../internal/web", "../../internal/idtoken", "../../internal/auth"} {
		for _, file := range must(filepath.Glob(folder + "/*_test.go")) {
			source.Write(must(os.ReadFile(file)))
		}
	}
	plans := 0
	for line := range strings.Lines(docs(t)["docs/oidc.md"]) {
		if !strings.HasPrefix(line, "| `oidcc-") {
			continue
		}
		plans++
		name := testName.FindString(line)
		if name == "" || !strings.Contains(source.String(), "func "+name+"(") {
			t.Errorf("there is no test %s of %s", name, line)
		}
	}
	if plans < 35 {
		t.Errorf("%d plans", plans)
	}
}
