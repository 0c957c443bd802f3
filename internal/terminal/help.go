package terminal

import (
	"bytes"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// unbroken stands for a space where the parser's printer must not break a line: it
// takes a letter of Chinese for one column and knows no place for a break but a
// space.
const unbroken = "\ue000"

// helpWidth is where lines of a translated help end, in columns.
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

// wrap breaks a line of Chinese that is longer than the width, and lets what follows
// begin where its last column does.
func wrap(line string, width int) string {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if gap := strings.LastIndex(line, "  "); gap > indent {
		indent = gap + 2
	}
	var wrapped strings.Builder
	column, from, at := indent, indent, indent // of the screen; of the line's bytes: where it goes on, and its last place for a break
	wrapped.WriteString(line[:indent])
	columns := 0 // since that place
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

// columnsOf is how many columns of a terminal a letter takes.
func columnsOf(r rune) int {
	if r >= 0x2e80 { // CJK
		return 2
	}
	return 1
}

// mayBreak says whether a line can end between two letters: after a space, and beside
// a Chinese one, where punctuation stays with what it belongs to.
func mayBreak(before, after rune) bool {
	if strings.ContainsRune("，。；：、！？）」…,.;:)", after) || strings.ContainsRune("（「(", before) || after == ' ' {
		return false
	}
	return before == ' ' || columnsOf(before) == 2 || columnsOf(after) == 2
}
