package terminal

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/language"
)

// Words translate messages into the language of the terminal.
//
// A message is put together in English by many packages, ours and others', and the log has
// it in English. Before it is shown to a person, Words find the format from which it was
// made, its verbs (%s) included, and put the values of the verbs into the same format in the
// other language. A text without a translation stays English.
//
// The zero Words are English.
type Words struct {
	translations func() map[string]string // by English form
	forms        func() []form            // those with verbs, the most specific first
}

// catalogue maps each English format to the one in simplified and in traditional Chinese.
//
//go:embed words.json
var catalogue []byte

// LanguageOf returns the language that the terminal is set to, by POSIX's rule: LC_ALL
// before LC_MESSAGES before LANG. It is zh_CN, zh_TW or, for any other language, empty. It
// is also empty if the terminal's charset is not UTF-8, as it could not show our Chinese.
func LanguageOf(environ []string) string {
	for _, name := range []string{"LC_ALL=", "LC_MESSAGES=", "LANG="} {
		// The last one counts, as for the process itself.
		for _, entry := range slices.Backward(environ) {
			if locale, ok := strings.CutPrefix(entry, name); ok && locale != "" {
				return chinese(locale)
			}
		}
	}
	return ""
}

func chinese(locale string) string {
	locale, _, _ = strings.Cut(locale, "@") // zh_CN.UTF-8@pinyin
	locale, charset, given := strings.Cut(locale, ".")
	if given && !strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "UTF8") {
		return ""
	}
	tag, err := language.Parse(locale)
	if base, _ := tag.Base(); err != nil || base.String() != "zh" {
		return ""
	}
	if script, _ := tag.Script(); script.String() == "Hant" {
		return "zh_TW"
	}
	return "zh_CN"
}

// WordsOf returns the Words of zh_CN or zh_TW. For any other language they are English.
func WordsOf(lang string) Words {
	at := slices.Index([]string{"zh_CN", "zh_TW"}, lang)
	if at < 0 {
		return Words{}
	}
	translations := sync.OnceValue(func() map[string]string {
		var all map[string][2]string
		if err := json.Unmarshal(catalogue, &all); err != nil {
			return nil // a test reads the catalogue, so this cannot happen; messages stay English
		}
		chosen := make(map[string]string, len(all))
		for english, both := range all {
			chosen[english] = both[at]
		}
		return chosen
	})
	return Words{translations: translations, forms: sync.OnceValue(func() []form { return formsOf(translations()) })}
}

// English reports whether nothing is translated.
func (w Words) English() bool { return w.translations == nil }

// Translate translates a text, line by line.
func (w Words) Translate(text string) string {
	if w.English() {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		translated, _ := w.lookUp(trimmed)
		lines[i] = strings.Replace(line, trimmed, translated, 1)
	}
	return strings.Join(lines, "\n")
}

// link matches the first link of a chain of errors, if it is a word or the name of a
// setting, a file or a reason. Names are the same in every language.
var link = regexp.MustCompile(`^(--)?[\w.-]+: `)

// lookUp translates a line, or as much of it as the catalogue knows.
func (w Words) lookUp(line string) (translated string, known bool) {
	if translated, known = w.translations()[line]; known {
		return translated, true
	}
	if name := link.FindString(line); name != "" {
		translated, known = w.lookUp(line[len(name):])
		if word, ok := w.translations()[strings.TrimSuffix(name, ": ")]; ok {
			return word + "：" + translated, true
		}
		return name + translated, known
	}
	for _, f := range w.forms() {
		if filled, ok := f.match(line); ok {
			return w.fill(f, filled), true
		}
	}
	// Two messages: what has happened and why, or what has happened and what to do.
	for i := range line {
		for _, between := range [][2]string{{": ", "："}, {"; ", "；"}} {
			if !strings.HasPrefix(line[i:], between[0]) {
				continue
			}
			what, knows := w.lookUp(line[:i])
			why, knowsWhy := w.lookUp(line[i+len(between[0]):])
			switch {
			case knows || knowsWhy && (what == "" || strings.ContainsFunc(what, isHan)):
				return what + between[1] + why, true
			case knowsWhy:
				return what + between[0] + why, true
			}
		}
	}
	return line, false
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// form is an English format, split at its verbs.
type form struct {
	between []string // the texts around the verbs
	verbs   []string // their letters
	other   string   // the format in the other language
}

// verb matches a verb of package fmt.
var verb = regexp.MustCompile(`%(?:\[(\d)\])?[-+#0-9.]*([a-zA-Z])`)

// formsOf returns the formats that have verbs. Those with more text of their own come
// first, as those with less match more.
func formsOf(translations map[string]string) []form {
	var forms []form
	for english, other := range translations {
		verbs := verb.FindAllStringSubmatch(english, -1)
		if verbs == nil {
			continue
		}
		f := form{between: verb.Split(english, -1), other: other}
		for _, v := range verbs {
			f.verbs = append(f.verbs, v[2])
		}
		forms = append(forms, f)
	}
	slices.SortFunc(forms, func(a, b form) int {
		x, y := strings.Join(a.between, ""), strings.Join(b.between, "")
		if len(x) != len(y) {
			return len(y) - len(x)
		}
		return strings.Compare(x, y)
	})
	return forms
}

// match returns the values of the verbs, if the line was made from this format.
func (f form) match(line string) (filled []string, ok bool) {
	for _, text := range f.between {
		if !strings.Contains(line, text) {
			return nil, false // most lines end here; compiling a pattern is slower
		}
	}
	pattern := "^" + regexp.QuoteMeta(f.between[0])
	for i, letter := range f.verbs {
		switch letter {
		case "q":
			pattern += `("(?:[^"\\]|\\.)*")`
		case "d":
			pattern += `(\s*-?\d+)`
		default:
			pattern += `(.*?)`
		}
		pattern += regexp.QuoteMeta(f.between[i+1])
	}
	found := regexp.MustCompile(pattern + "$").FindStringSubmatch(line)
	if found == nil {
		return nil, false
	}
	return found[1:], true
}

// fill puts the values into the format of the other language. A value that is a message
// itself is translated too.
func (w Words) fill(f form, filled []string) string {
	next := 0
	return verb.ReplaceAllStringFunc(f.other, func(v string) string {
		if index := verb.FindStringSubmatch(v)[1]; index != "" {
			next, _ = strconv.Atoi(index)
		} else {
			next++
		}
		if next > len(filled) {
			return ""
		}
		text := filled[next-1]
		if kind := f.verbs[next-1]; kind != "q" && kind != "d" {
			text, _ = w.lookUp(text)
		}
		return text
	})
}
