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
	files := must(filepath.Glob("../../docs/*.md"))
	files = append(files, "../../README.md", "../../README.zh-CN.md", "../../CONTRIBUTING.md")
	texts := make(map[string]string)
	for _, file := range files {
		texts[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = string(must(os.ReadFile(file)))
	}
	return texts
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

// The two READMEs say the same: the same headings by number and level, the same
// blocks, links, commands and settings, in the same order.
func TestREADMEsAgree(t *testing.T) {
	texts := docs(t)
	english, chinese := texts["README.md"], texts["README.zh-CN.md"]
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
	same("the link", func(text string) []string {
		var links []string
		for _, found := range linkForm.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if found[1] != "README.md" && found[1] != "README.zh-CN.md" {
				links = append(links, found[1])
			}
		}
		return links
	})
	// Comments and labels in blocks are words, so of a block only its language and
	// length are compared, and of what is typed all but the comment.
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
	same("the setting", func(text string) []string { return variables.FindAllString(text, -1) })
}

// Both READMEs list every command, and no text names one that is not there.
func TestCommandsOfDocs(t *testing.T) {
	commands := must(server.Commands())
	groups := []string{"admin"} // commands of commands
	texts := docs(t)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		for _, command := range commands {
			if !strings.Contains(texts[name], "`server "+command) {
				t.Errorf("%s does not list `server %s`", name, command)
			}
		}
	}
	// In code, server stands at the beginning of what is typed.
	typed := regexp.MustCompile("(?m)(?:`|^[ \t]*|exec wxlogin /|run ./cmd/|bin/|&& |\\(|ExecStart=/)server ([a-z-]+)(?: ([a-z]+))?")
	for name, text := range texts {
		code := strings.Join(append(codeBlock.FindAllString(text, -1), codeSpan.FindAllString(codeBlock.ReplaceAllString(text, ""), -1)...), "\n")
		for _, found := range typed.FindAllStringSubmatch(code, -1) {
			command := found[1]
			if slices.Contains(groups, command) && found[2] != "" {
				command += " " + found[2]
			}
			if !slices.Contains(commands, command) && !slices.Contains(groups, command) {
				t.Errorf("%s names the command server %s, which is not there", name, command)
			}
		}
	}
}

var variables = regexp.MustCompile(`WXLOGIN_[A-Z0-9_]*[A-Z0-9]`)

// Every variable that a text, an example or a file of the build names is a
// setting.
func TestVariablesOfDocs(t *testing.T) {
	known := append(server.Variables(), screenshotsVariable, "WXLOGIN_TEST_ENGINE")
	texts := docs(t)
	for _, pattern := range []string{"../../Dockerfile", "../../docker-compose.yml", "../../Makefile", "../../examples/*/*"} {
		for _, file := range must(filepath.Glob(pattern)) {
			texts[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = string(must(os.ReadFile(file)))
		}
	}
	for name, text := range texts {
		for _, variable := range variables.FindAllString(text, -1) {
			if !slices.Contains(known, variable) {
				t.Errorf("%s names %s, which is no setting", name, variable)
			}
		}
	}
}

// The documentation speaks to everybody: it knows no folder of the machine that
// it was written on, nor where that machine gets its modules from.
func TestDocsKnowNoMachine(t *testing.T) {
	machine := regexp.MustCompile(`(?i)(^|[\s"'(=:` + "`" + `])(/work|/root|/home/\w+|/Users/\w+|/mnt)(/|\b)|goproxy|proxy\.golang|artifactory|\bnexus\b|pypi|npmmirror|mirrors?\.[a-z]+\.`)
	for name, text := range docs(t) {
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
