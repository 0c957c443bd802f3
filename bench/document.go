package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The part of the document that a run writes; the rest is written by hand.
const (
	beginMark = "<!-- written by make bench -->"
	endMark   = "<!-- until here -->"
)

// writeDocs writes the figures into docs/performance.md, draws docs/performance.svg, and
// updates the figures in the READMEs.
func (r *report) writeDocs(folder string) error {
	file := filepath.Join(folder, "performance.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	written, err := r.into(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return errors.Join(
		os.WriteFile(file, []byte(written), 0o644),
		os.WriteFile(filepath.Join(folder, "performance.svg"), r.chart(), 0o644),
		writeSentences(folder, written),
	)
}

// into puts the figures between the marks of a text.
func (r *report) into(text string) (string, error) {
	before, rest, ok := strings.Cut(text, beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok || !ok2 {
		return "", errors.New("the marks of the written part are missing")
	}
	return before + beginMark + "\n\n" + r.markdown() + "\n" + endMark + after, nil
}

func (r *report) markdown() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "![Ratios of this run](performance.svg)\n")
	b.WriteString("\n" + strings.Join(r.machine.lines(), ". ") + fmt.Sprintf(". The run took %.0f minutes.\n", r.took.Minutes()))
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n### %s\n\n", s.title)
		fmt.Fprintf(&b, "|%s|\n|---|%s\n", strings.Join(padded(s.columns), "|"), strings.Repeat("---:|", len(s.columns)-1))
		for _, row := range s.rows {
			fmt.Fprintf(&b, "|%s|\n", strings.Join(padded(row), "|"))
		}
	}
	return b.String()
}

func padded(cells []string) []string {
	var out []string
	for _, cell := range cells {
		out = append(out, " "+cell+" ")
	}
	return out
}
