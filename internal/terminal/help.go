package terminal

import (
	"bytes"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// unbroken stands for a space where the parser's printer must not break a line: the printer
// counts a Chinese character as one column and breaks only at spaces.
const unbroken = "\ue000"

// helpWidth is the width of a translated help, in columns.
const helpWidth = 80

// PrintHelp prints the help in the language of the words.
func (w Words) PrintHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if w.English() {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	w.translateHelp(ctx.Model.Node)
	var page bytes.Buffer
	to := ctx.Stdout
	ctx.Stdout = &page
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	text := strings.ReplaceAll(page.String(), unbroken, " ")
	for line := range strings.Lines(text) {
		line = w.Translate(strings.TrimSuffix(line, "\n"))
		if _, err := io.WriteString(to, wrap(line, helpWidth)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// translateHelp translates the help of a command, its flags and its subcommands.
func (w Words) translateHelp(node *kong.Node) {
	translated := func(text string) string { return strings.ReplaceAll(w.Translate(text), " ", unbroken) }
	node.Help, node.Detail = translated(node.Help), translated(node.Detail)
	for _, flag := range node.Flags {
		flag.Help = translated(flag.Help)
	}
	for _, argument := range node.Positional {
		argument.Help = translated(argument.Help)
	}
	for _, child := range node.Children {
		w.translateHelp(child)
	}
}

// wrap breaks a Chinese line that is longer than the width. The lines that follow are
// indented like its last column of text.
func wrap(line string, width int) string {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if gap := strings.LastIndex(line, "  "); gap > indent {
		indent = gap + 2
	}
	var wrapped strings.Builder
	column, from, at := indent, indent, indent // column on the screen; byte where the current line begins; byte of the last possible break
	wrapped.WriteString(line[:indent])
	columns := 0 // since the last possible break
	before := ' '
	for i, r := range line {
		if i < indent {
			continue
		}
		if i > from && mayBreak(before, r) {
			at, columns = i, 0
		}
		wide := columnsOf(r)
		if column+wide > width && at > from {
			wrapped.WriteString(strings.TrimRight(line[from:at], " ") + "\n" + strings.Repeat(" ", indent))
			from, column = at, indent+columns
		}
		column, columns, before = column+wide, columns+wide, r
	}
	wrapped.WriteString(line[from:])
	return wrapped.String()
}

// columnsOf returns how many columns of a terminal a character takes.
func columnsOf(r rune) int {
	if r >= 0x2e80 { // CJK
		return 2
	}
	return 1
}

// mayBreak reports whether a line can end between two characters: after a space or beside a
// Chinese character, but never between punctuation and what it belongs to.
func mayBreak(before, after rune) bool {
	if strings.ContainsRune("，。；：、！？）」…,.;:)", after) || strings.ContainsRune("（「(", before) || after == ' ' {
		return false
	}
	return before == ' ' || columnsOf(before) == 2 || columnsOf(after) == 2
}
