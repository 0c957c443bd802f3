package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/text/language"
)

// languages are the languages of the pages, in the order of languageTags.
var languages = []string{"zh_CN", "zh_TW", "en"}

var languageTags = language.NewMatcher([]language.Tag{
	language.SimplifiedChinese, language.TraditionalChinese, language.English,
})

// renderer has a template for every page in every language, so that functions of templates
// know the language. Templates would take a third of the memory of a program at rest, and
// most are of pages and languages that nobody requests: so each is kept from its first
// request on.
type renderer struct {
	pages    map[string]map[string]func() (*template.Template, error) // by language, then file
	words    map[string]words                                         // by language
	fallback string                                                   // the operator's language
	asked    sync.Map                                                 // cache: the language by Accept-Language header
	headers  atomic.Int64                                             // the number of entries in asked
	profiles profiles
}

// rendererConfig is what a renderer needs.
type rendererConfig struct {
	files fs.FS
	// words, if set, are those of a renderer of the same files, for tests: with them no
	// page is parsed before it is requested.
	words    map[string]words
	assets   *assets
	prefix   string // of every address
	fallback string // the operator's language
	zone     *time.Location
}

// newRenderer parses all pages. A template or a word that is missing is an error here
// and not in front of a visitor.
func newRenderer(c rendererConfig) (*renderer, error) {
	r := &renderer{
		pages:    make(map[string]map[string]func() (*template.Template, error)),
		words:    make(map[string]words),
		fallback: c.fallback,
		profiles: profiles{zone: c.zone, shapes: make(map[shape][]part)},
	}
	for _, lang := range languages {
		words := c.words[lang]
		if words == nil {
			var err error
			if words, err = readWords(c.files, lang); err != nil {
				return nil, err
			}
		}
		r.words[lang] = words
		shared := sync.OnceValues(func() (*template.Template, error) {
			return template.New("").Funcs(funcs(c, words, lang)).ParseFS(c.files, "_*.html")
		})
		r.pages[lang] = make(map[string]func() (*template.Template, error))
		for _, p := range pages {
			parse := func() (*template.Template, error) {
				parts, err := shared()
				if err != nil {
					return nil, fmt.Errorf("parse shared templates: %w", err)
				}
				name := p.file() + ".html"
				t, err := template.Must(parts.Clone()).ParseFS(c.files, name)
				if err != nil {
					return nil, fmt.Errorf("parse %s: %w", name, err)
				}
				return t.Lookup(name), nil
			}
			if lang == languages[0] && c.words == nil { // an error in a template is the same in every language
				if _, err := parse(); err != nil {
					return nil, err
				}
			}
			r.pages[lang][p.file()] = sync.OnceValues(parse)
		}
	}
	return r, nil
}

// words are one language's texts by key. A text may contain fmt verbs.
type words map[string]string

func readWords(files fs.FS, lang string) (words, error) {
	data, err := fs.ReadFile(files, "locales/"+lang+".json")
	if err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	var w words
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("read words of %s: %w", lang, err)
	}
	return w, nil
}

// text returns the words of a key, filled in. A key without words is an error, so that a test
// of the page finds it.
func (w words) text(key string, args ...any) (string, error) {
	s, ok := w[key]
	if !ok {
		return "", fmt.Errorf("no words for %q", key)
	}
	if len(args) > 0 {
		s = fmt.Sprintf(s, args...)
	}
	return s, nil
}

func funcs(c rendererConfig, words words, lang string) template.FuncMap {
	return template.FuncMap{
		"t":      words.text,
		"path":   func(p string) string { return c.prefix + p },
		"asset":  func(name string) (string, error) { return c.assets.path(c.prefix, name) },
		"date":   func(t time.Time) string { return t.In(c.zone).Format(dateFormat) },
		"day":    func(t time.Time) string { return t.In(c.zone).Format("01-02") },
		"iso":    func(t time.Time) string { return t.UTC().Format(isoFormat) },
		"ago":    func(now, t time.Time) (string, error) { return ago(words, now, t) },
		"agent":  func(userAgent string) (string, error) { return words.device(nameDevice(userAgent)) },
		"device": words.device,
		"detail": words.detail,
		"zone":   c.zone.String,
		"bcp47":  func() string { return contentLanguages[lang][0] },
	}
}

// ago returns how long ago t was, in one unit.
func ago(words words, now, t time.Time) (string, error) {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return words.text("ago.now")
	case d < time.Hour:
		return words.text("ago.minutes", int(d/time.Minute))
	case d < 24*time.Hour:
		return words.text("ago.hours", int(d/time.Hour))
	}
	return words.text("ago.days", int(d/(24*time.Hour)))
}

// Phones send few different headers, and parsing one costs more than the rest of a visit, so
// the results are cached. The bounds are against made-up headers.
const (
	maxHeaders      = 1000
	maxHeaderLength = 200
)

// language returns the page's language: the one that the browser asks for, else the operator's
// default.
func (r *renderer) language(req *http.Request) string {
	asked := header(req, "Accept-Language")
	if asked == "" {
		return r.fallback
	}
	if lang, ok := r.asked.Load(asked); ok {
		return lang.(string)
	}
	lang := r.match(asked)
	if len(asked) <= maxHeaderLength && r.headers.Add(1) <= maxHeaders {
		r.asked.Store(strings.Clone(asked), lang)
	}
	return lang
}

func (r *renderer) match(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return r.fallback
	}
	// One by one: of zh-HK and zh together, the matcher picks zh, which is the closer match,
	// although the browser prefers the other.
	for _, tag := range tags {
		if _, i, confidence := languageTags.Match(tag); confidence != language.No {
			return languages[i]
		}
	}
	return r.fallback
}

// render returns a whole page, so that nothing is sent if a template fails half-way. It uses
// the given buffer, as far as its capacity goes.
func (r *renderer) render(buffer []byte, f frame, p page) ([]byte, error) {
	if profile, ok := p.(profilePage); ok {
		if page, ok := r.profiles.render(buffer, f, profile.User, r.execute); ok {
			return page, nil
		}
	}
	return r.execute(buffer, f, p)
}

func (r *renderer) execute(buffer []byte, f frame, p page) ([]byte, error) {
	t, err := r.pages[f.Lang][p.file()]()
	if err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(buffer[:0])
	if err := t.Execute(buf, view{frame: f, Page: p}); err != nil {
		return nil, fmt.Errorf("render %s: %w", p.file(), err)
	}
	return buf.Bytes(), nil
}
