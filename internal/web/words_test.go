package web_test

import (
	"regexp"
	"testing"

	"wxlogin/templates"
)

var keyOfWords = regexp.MustCompile(`(?m)^  "([^"]+)":`)

// A key that stands in a file twice is one page's words on another.
func TestWordsAreThereOnce(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"zh_CN", "zh_TW", "en"} {
		file, err := templates.FS.ReadFile("locales/" + lang + ".json")
		check(t, err)
		seen := map[string]bool{}
		for _, found := range keyOfWords.FindAllSubmatch(file, -1) {
			key := string(found[1])
			if seen[key] {
				t.Errorf("%s: %s is there twice", lang, key)
			}
			seen[key] = true
		}
		if len(seen) < 400 {
			t.Errorf("%s: only %d words were found", lang, len(seen))
		}
	}
}
