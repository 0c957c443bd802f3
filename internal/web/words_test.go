package web

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/templates"
)

// messageKeys are the keys that a messagePage is made with: every reason, and
// the ends of things.
func messageKeys() []string {
	keys := []string{"signed_out", "erased", "scan_confirmed", "scan_refused", "scan_outside", "framed", "not_delivered", "going_round", "admin_signed_out"}
	for _, reason := range reasons() {
		keys = append(keys, "reason."+reason)
	}
	return keys
}

// reasons reads the constants of auth.Reason out of the source, so that a new
// one cannot be forgotten here.
func reasons() []string { return constants("Reason") }

// scanStatuses are those that a desktop's page can have.
func scanStatuses() []string {
	return slices.DeleteFunc(constants("ScanStatus"), func(s string) bool { return s == string(auth.ScanUsed) })
}

// constants are the values of a type of auth or admin.
func constants(typeName string) []string { return slices.Clone(allConstants()[typeName]) }

// allConstants are the constants of auth and admin by their type. The source is read
// once: to parse it with the race detector takes a tenth of a second.
var allConstants = sync.OnceValue(func() map[string][]string {
	values := make(map[string][]string)
	var files []string
	for _, domain := range []string{"../auth/*.go", "../admin/*.go"} {
		found, err := filepath.Glob(domain)
		if err != nil || len(found) == 0 {
			panic("no source in " + domain)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			panic(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); ok {
				for _, v := range spec.Values {
					if lit, ok := v.(*ast.BasicLit); ok {
						s, _ := strconv.Unquote(lit.Value)
						values[id.Name] = append(values[id.Name], s)
					}
				}
			}
			return true
		})
	}
	return values
})

// TestWords holds the three languages against each other and against what the
// pages and handlers ask for.
func TestWords(t *testing.T) {
	t.Parallel()
	all := make(map[string]words)
	for _, lang := range languages {
		w, err := readWords(templates.FS, lang)
		if err != nil {
			t.Fatal(err)
		}
		all[lang] = w
		for _, key := range twice(t, lang) {
			t.Errorf("%s: %q stands there twice", lang, key)
		}
	}
	asked := askedFor(t)
	verbs := regexp.MustCompile(`%[^%]`)
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		for _, lang := range languages {
			s, ok := all[lang][key]
			if !ok || strings.TrimSpace(s) == "" || s != strings.TrimSpace(s) {
				t.Errorf("%s: words of %q are %q", lang, key, s)
			}
			if got, want := verbs.FindAllString(s, -1), verbs.FindAllString(all["zh_CN"][key], -1); !slices.Equal(got, want) {
				t.Errorf("%s: %q has verbs %q, zh_CN has %q", lang, key, got, want)
			}
		}
	}
	for _, lang := range languages {
		for key := range all[lang] {
			if !asked[key] {
				t.Errorf("%s: nobody asks for %q", lang, key)
			}
		}
	}
}

// twice lists the keys that the file of a language repeats; encoding/json keeps
// the last one without a word.
func twice(t *testing.T, lang string) []string {
	t.Helper()
	data, err := fs.ReadFile(templates.FS, "locales/"+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var repeated []string
	seen := make(map[string]bool)
	d := json.NewDecoder(strings.NewReader(string(data)))
	for i := 0; ; i++ {
		tok, err := d.Token()
		if err != nil {
			return repeated
		}
		// Token 0 is the brace; then keys and texts take turns.
		if key, ok := tok.(string); ok && i%2 == 1 {
			if seen[key] {
				repeated = append(repeated, key)
			}
			seen[key] = true
		}
	}
}

// askedFor gathers every key that a template or a handler looks up.
func askedFor(t *testing.T) map[string]bool {
	t.Helper()
	asked := make(map[string]bool)
	family := func(format string, values []string) {
		for _, v := range values {
			asked[fmt.Sprintf(format, v)] = true
		}
	}
	known := map[string][]string{
		"sex.%d":          {"0", "1", "2"},
		"scope.%s":        constants("Scope"),
		"how.%s":          constants("Scope"),
		"kind.%s":         constants("AccountKind"),
		"linked.%s":       constants("Linked"),
		"way.%s":          append(constants("AccountKind"), "gone"),
		"mine.linked.%s":  append(constants("Linked"), "first"),
		"step.%s":         constants("Step"),
		"event.%s":        constants("Action"),
		"outcome.%s":      constants("Outcome"),
		"filter.%s":       slices.DeleteFunc(constants("Filter"), func(s string) bool { return s == "" }),
		"sort.%s":         constants("Sort"),
		"scene.%s":        auth.FollowScenes,
		"scan.%s":         scanStatuses(),
		"client.flag.%s":  clientFlags,
		"app.scope.%s":    append(slices.Clone(auth.ClientScopes), auth.ScopeWeChat, auth.ScopeFollows),
		"reason.%s.title": reasons(),
		"%s.title":        messageKeys(),
		"%s.text":         messageKeys(),
	}

	files, err := fs.Glob(templates.FS, "*.html")
	if err != nil || len(files) == 0 {
		t.Fatal("no templates", err)
	}
	plain := regexp.MustCompile(`\(?\bt "([^"]+)"`)
	made := regexp.MustCompile(`t \(printf "([^"]+)"`)
	for _, name := range files {
		data, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range plain.FindAllStringSubmatch(string(data), -1) {
			asked[m[1]] = true
		}
		for _, m := range made.FindAllStringSubmatch(string(data), -1) {
			values, ok := known[m[1]]
			if !ok || len(values) == 0 {
				t.Errorf("%s makes keys from %q, and the test does not know of what", name, m[1])
			}
			family(strings.ReplaceAll(m[1], "%d", "%s"), values)
		}
	}
	for _, key := range []string{"ago.now", "ago.minutes", "ago.hours", "ago.days", "detail.people", "detail.events", "detail.person", "token.base", "token.refused",
		"browser.WeChat", "browser.WeCom", "browser.QQ Browser", "browser.UC Browser"} {
		asked[key] = true
	}
	family("done.%s", dones)
	family("%s", []string{seriesLogins, seriesNewUsers, seriesOthers})

	// Handlers name keys too, in the Key, Label and Done of their pages.
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(Key|Label|Done):\s*"([^"]*[^".])"`).FindAllStringSubmatch(string(data), -1) {
			if m[1] == "Key" {
				asked[m[2]+".title"], asked[m[2]+".text"] = true, true
			} else {
				asked[m[2]] = true
			}
		}
	}
	return asked
}
