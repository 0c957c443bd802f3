package terminal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wxlogin/internal/terminal"
)

// spoken are the packages that speak to people in a terminal: all their texts with
// words in them are messages, but those of the log.
var spoken = []string{"*.go", "../settings/*.go", "../doctor/*.go", "../../cmd/server/*.go"}

// heard are files of others, of which a terminal shows what becomes an error of a start
// or of a command.
var heard = []string{"../store/store.go", "../store/admins.go", "../store/people.go", "../store/clients.go", "../store/sqldb/*.go", "../store/move/*.go",
	"../auth/keys.go", "../auth/client.go", "../admin/clients.go", "../telemetry/tracing*.go", "../wechat/explain.go"}

// messages are the English forms of all that people may read in a terminal, each
// with where it stands.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, pattern := range append(slices.Clone(spoken), heard...) {
		files := must(filepath.Glob(pattern))
		if files == nil {
			t.Errorf("there are no files %s: what they say is not looked for", pattern)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") && !slices.Contains(elsewhere, filepath.Base(name)) {
				c := collector{t: t, set: token.NewFileSet(), all: slices.Contains(spoken, pattern), found: found}
				file := must(parser.ParseFile(c.set, name, nil, parser.SkipObjectResolution))
				ast.Inspect(file, c.visit)
			}
		}
	}
	return found
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// elsewhere are files whose texts nobody reads in a terminal: the page of a start
// that takes long, and what only a running service finds, for its log.
var elsewhere = []string{"door.go", "watch.go", "foreign_commits.go"}

// notWords look like words and are names, or commands to type.
var notWords = []string{"chmod 600 %s", "commit %s", "wxlogin %s %s", "AppSecret                %s", "rid %s", "return to", "public URL", "forward auth", "openid profile",
	"client_secret     %s", "issuer            %s", "示例应用 Sample app"}

type collector struct {
	t     *testing.T
	set   *token.FileSet
	all   bool // every text; else only those that make an error
	found map[string]string
}

var (
	makesErrors = regexp.MustCompile(`^(fmt\.Errorf|errors\.New|(auth\.)?Failf|badVariable)$`)
	logs        = regexp.MustCompile(`(?i)log(ger)?\.(Debug|Info|Warn|Error)(Context)?$`)
	doing       = regexp.MustCompile(`\.(write|fail|Fail)$`)
	compares    = regexp.MustCompile(`^(strings|slices|bytes)\.`)
	explains    = regexp.MustCompile(`^(Words|English|Advice|Chinese)$`)
	hanOnly     = regexp.MustCompile(`^公众号后台 → `) // ways through WeChat's console, which has no other language
	prints      = regexp.MustCompile(`^fmt\.Fprint`)
)

func (c collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.Field:
		if n.Tag != nil && c.all {
			tag := reflect.StructTag(must(strconv.Unquote(n.Tag.Value)))
			c.add(n, tag.Get("help"))
		}
		return false
	case *ast.CallExpr:
		called := source(n.Fun)
		switch {
		case logs.MatchString(called):
			return false
		case compares.MatchString(called):
			for _, arg := range n.Args {
				if _, literal := arg.(*ast.BasicLit); !literal {
					ast.Inspect(arg, c.visit)
				}
			}
			return false
		case c.all && called == "one" && len(n.Args) == 4:
			c.addWords(n.Args[2])
			c.addWords(n.Args[3])
		case called == "env.answer" || called == "env.remark":
			c.addWords(n.Args[0])
		case !c.all && doing.MatchString(called):
			for _, arg := range n.Args {
				c.addWords(arg)
			}
		}
		if prints.MatchString(called) && len(n.Args) > 1 && regexp.MustCompile(`^env\.std`).MatchString(source(n.Args[0])) {
			if form, ok := c.text(n.Args[1]); ok && wordy(form) {
				c.t.Errorf("%s: %q is printed in English alone; use env.answer or env.remark", c.set.Position(n.Pos()), form)
			}
		}
		if !c.all && makesErrors.MatchString(called) {
			for _, arg := range n.Args {
				c.addText(arg)
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && !c.all && explains.MatchString(key.Name) {
			c.addText(n.Value)
		}
	case *ast.FuncDecl:
		if n.Name.Name == "Whose" && !c.all {
			ast.Inspect(n.Body, collector{c.t, c.set, true, c.found}.visit)
		}
	case *ast.BasicLit, *ast.BinaryExpr:
		if c.all {
			return !c.addText(n.(ast.Expr))
		}
	case *ast.ValueSpec:
		for _, value := range n.Values {
			if form, ok := c.text(value); ok && !c.all && strings.HasSuffix(c.set.Position(n.Pos()).Filename, "explain.go") && !hanOnly.MatchString(form) {
				c.addText(value)
			}
		}
	}
	return true
}

// text is what an expression of string literals and other values says, the others
// as %s.
func (c collector) text(e ast.Expr) (form string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return must(strconv.Unquote(e.Value)), true
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			left, l := c.text(e.X)
			right, r := c.text(e.Y)
			return left + right, l || r
		}
		return "", false
	}
	return "%s", false
}

func (c collector) addText(e ast.Expr) bool {
	form, ok := c.text(e)
	if ok {
		c.add(e, form)
	}
	return ok
}

// addWords adds what may be a single word.
func (c collector) addWords(e ast.Expr) {
	form, ok := c.text(e)
	if form = strings.TrimSpace(form); ok && regexp.MustCompile(`^[a-z]{4,}( [a-z]+)?$`).MatchString(form) {
		c.found[form] = c.set.Position(e.Pos()).String()
	}
}

func (c collector) add(n ast.Node, text string) {
	for line := range strings.Lines(text) {
		if form := terminal.Form(line); wordy(form) {
			c.found[form] = c.set.Position(n.Pos()).String()
		}
	}
}

// wordy says whether there is anything to translate in a form.
func wordy(form string) bool {
	if slices.Contains(notWords, strings.TrimSpace(form)) {
		return false
	}
	form = regexp.MustCompile("`[^`]*`|https?://\\S*|"+terminal.Verb.String()).ReplaceAllString(form, " ")
	return regexp.MustCompile(`[A-Za-z]{2,}[,;:.']? [a-z]|[a-z]{3,} |\p{Han}`).MatchString(form)
}

// source is a call's or a value's name as it is written.
func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	}
	return ""
}

var (
	// libraries are what kong and the standard library say, which the program passes on.
	libraries = regexp.MustCompile(`^(Usage$|%s must be one of |%s \[|%s <|Flags|Arguments|Commands|Run "|Show context|unknown flag|unexpected argument|expected |perhaps |missing |bool value|` +
		`(open|stat|mkdir) %|no such file|permission denied|(is|not) a directory|no space|read-only file|connection refused|i/o timeout|context )`)
	// drops are what says in English what its Chinese has already.
	drops = regexp.MustCompile(`^(errcode %d: %s \(%s\)|expected duration|expected a valid|expected %s value)`)
)

// Everything that people may read in a terminal has its form in simplified and in
// traditional Chinese, with the same verbs, and each is found by what is made of it.
func TestEveryMessageIsTranslated(t *testing.T) {
	var all map[string][2]string
	decoder := json.NewDecoder(bytes.NewReader(terminal.Catalogue))
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	needed := messages(t)
	for _, form := range slices.Sorted(maps.Keys(needed)) {
		if _, ok := all[form]; !ok {
			t.Errorf("%s: %q has no Chinese in words.json", needed[form], form)
		}
	}
	translate := map[string]func(string) string{"zh_CN": terminal.WordsOf("zh_CN").Translate, "zh_TW": terminal.WordsOf("zh_TW").Translate}
	for _, english := range slices.Sorted(maps.Keys(all)) {
		if _, ok := needed[english]; !ok && !libraries.MatchString(english) {
			t.Errorf("words.json: nobody says %q any more", english)
		}
		for i, lang := range []string{"zh_CN", "zh_TW"} {
			other := all[english][i]
			if other == "" {
				t.Errorf("words.json: %q has no %s", english, lang)
			}
			line, want := filled(t, english, other)
			if got := translate[lang](line); got != want {
				t.Errorf("%s says %q as %q, not %q", lang, line, got, want)
			}
		}
	}
}

// filled is a message of a form, and the same in the other language.
func filled(t *testing.T, english, other string) (line, want string) {
	t.Helper()
	var fills []string
	line = terminal.Verb.ReplaceAllStringFunc(english, func(v string) string {
		if strings.HasPrefix(v, "%[") {
			t.Errorf("%q: number the verbs of the Chinese alone", english)
		}
		text := fmt.Sprintf("v%d", len(fills))
		switch v[len(v)-1] {
		case 'q':
			text = fmt.Sprintf("%q", "a: b "+text)
		case 'd':
			text = fmt.Sprint(len(fills))
		}
		fills = append(fills, text)
		return text
	})
	next, used := 0, 0
	want = terminal.Verb.ReplaceAllStringFunc(other, func(v string) string {
		if index := terminal.Verb.FindStringSubmatch(v)[1]; index != "" {
			next, _ = strconv.Atoi(index)
		} else {
			next++
		}
		used++
		if next > len(fills) {
			t.Errorf("words.json: %q has more verbs than %q", other, english)
			return ""
		}
		return fills[next-1]
	})
	if used != len(fills) && !drops.MatchString(english) {
		t.Errorf("words.json: %q has %d verbs, %q has %d", english, len(fills), other, used)
	}
	return line, want
}
