package terminal

import "strings"

// What the tests of the catalogue look into.
var (
	Wrap      = wrap
	Catalogue = catalogue
	Verb      = verb
)

// Form is the form by which a line of a message is found: without the names before it
// and without what joins it to them.
func Form(line string) string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "%s: ")
	for link.MatchString(line) {
		line = link.ReplaceAllString(line, "")
	}
	return strings.TrimLeft(line, "; ")
}
