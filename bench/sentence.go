package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The line of the READMEs that a run writes.
const (
	beginSentence = "<!-- bench -->"
	endSentence   = "<!-- /bench -->"
)

// writeSentences copies the figures of docs/performance.md into the READMEs above the folder
// of the document.
func writeSentences(folder, document string) error {
	f, err := readFigures(document)
	if err != nil {
		return fmt.Errorf("the READMEs are as they were: %w", err)
	}
	for name, sentence := range map[string]string{"README.md": f.english(), "README.zh-CN.md": f.chinese()} {
		file := filepath.Join(folder, "..", name)
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		written, err := withSentence(string(text), sentence)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(file, []byte(written), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// withSentence puts the sentence between the marks of a text.
func withSentence(text, sentence string) (string, error) {
	before, rest, ok := strings.Cut(text, beginSentence)
	_, after, closed := strings.Cut(rest, endSentence)
	if !ok || !closed {
		return "", errors.New("the marks of the written sentence are missing")
	}
	return before + beginSentence + "\n" + sentence + "\n" + endSentence + after, nil
}

// figures are the figures of a document that the READMEs repeat, as written in its tables,
// each for the largest number of people.
type figures struct {
	cores, people            string
	visits, verify           string // a second
	returning, first         string // logins a second
	atRest, flight, inFlight string // memory at rest; visits in flight, and the memory with them
}

// readFigures reads the figures from a document, so that a README and the document cannot
// differ.
func readFigures(document string) (figures, error) {
	var f figures
	var missing []string
	// last returns what a pattern finds in the last row that it matches, in the section
	// with these words in its title.
	last := func(title, form string) []string {
		for _, section := range strings.Split(document, "\n### ")[1:] {
			if heading, _, _ := strings.Cut(section, "\n"); !strings.Contains(heading, title) {
				continue
			}
			if found := regexp.MustCompile(`(?m)^\| *`+form).FindAllStringSubmatch(section, -1); len(found) > 0 {
				return found[len(found)-1]
			}
		}
		missing = append(missing, title)
		return make([]string, 4)
	}
	const people, number = `([\d.]+(?: [kM])?) people`, ` *\| *(\d+) *\|`
	row := last("`GET /`", people+number)
	f.people, f.visits = uncount(row[1]), row[2]
	f.verify = last("`GET /verify`", people+number)[2]
	f.returning = last("Whole logins", returning+", "+people+number)[2]
	f.first = last("Whole logins", firstTime+", "+people+number)[2]
	f.atRest = last(memoryTitle, "at rest, "+people+` *\| *(\d+ MB) *\|`)[2]
	row = last(memoryTitle, `(\d+) visits in flight, `+people+` *\| *(\d+ MB) *\|`)
	f.flight, f.inFlight = row[1], row[3]
	if found := regexp.MustCompile(`, (\d+) cores`).FindStringSubmatch(document); found != nil {
		f.cores = found[1]
	} else {
		missing = append(missing, "the machine's cores")
	}
	if len(missing) > 0 {
		return f, fmt.Errorf("there are no figures of: %s", strings.Join(missing, ", "))
	}
	return f, nil
}

func (f figures) english() string {
	return fmt.Sprintf("On %s cores, with the load and the simulated WeChat on the same machine and %s people stored: %s visits of signed-in people a second, or %s answers of `/verify`, or %s whole logins of known people, or %s of new ones, each on the disk before it is answered. Memory: %s at rest, %s with %s visits in flight.",
		f.cores, grouped(f.people), grouped(f.visits), grouped(f.verify), grouped(f.returning), grouped(f.first), f.atRest, f.inFlight, grouped(f.flight))
}

func (f figures) chinese() string {
	people := grouped(f.people) + " 个"
	if most, ok := strings.CutSuffix(f.people, "0000"); ok {
		people = most + " 万"
	}
	return fmt.Sprintf("在 %s 核机器上，压测程序和模拟微信也在同一台，存有 %s用户：每秒 %s 次已登录访问，或 %s 次 `/verify`，或 %s 次老用户完整登录，或 %s 次新用户完整登录，每次登录都先落盘再应答。内存：空闲时 %s，%s 个访问同时进行时 %s。",
		f.cores, people, grouped(f.visits), grouped(f.verify), grouped(f.returning), grouped(f.first), f.atRest, grouped(f.flight), f.inFlight)
}

// uncount returns the number that count has written, in digits.
func uncount(written string) string {
	digits, unit, _ := strings.Cut(written, " ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return written
	}
	return fmt.Sprint(int(n * map[string]float64{"": 1, "k": 1e3, "M": 1e6}[unit]))
}

// grouped writes a number with commas between groups of three digits.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
