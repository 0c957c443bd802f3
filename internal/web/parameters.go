package web

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// badParameter says which parameter of a query makes no sense and what it may be,
// in signs that need no translation. It is shown to whoever asked.
type badParameter struct{ name, bound string }

func (e badParameter) Error() string { return e.name + ": " + e.bound }

func refuseParameter(name, bound string, args ...any) error {
	return auth.Fail(auth.BadRequest, badParameter{name, fmt.Sprintf(bound, args...)})
}

// maxSearch bounds a search text, in bytes; the store has the same.
const maxSearch = 1000

func checkSearch(name, text string) error {
	if len(text) > maxSearch || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return refuseParameter(name, "UTF-8, ≤ %d bytes", maxSearch)
	}
	return nil
}

// checkUserQuery refuses what a list of people cannot be asked for.
func checkUserQuery(query admin.UserQuery) error {
	if query.Sort != "" && !slices.Contains(admin.Sorts, query.Sort) {
		return refuseParameter("sort", "%s", alternatives(admin.Sorts))
	}
	if !slices.Contains(admin.Filters, query.Filter) {
		return refuseParameter("filter", "%s", alternatives(admin.Filters))
	}
	return checkSearch("q", query.Search)
}

func alternatives[T ~string](all []T) string {
	var names []string
	for _, name := range all {
		if name != "" {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, " | ")
}

// ofCursor names the cursor in a refusal of the store: everything else has been
// checked before.
func ofCursor(err error) error {
	if _, named := errors.AsType[badParameter](err); !named && auth.ReasonOf(err) == auth.BadRequest {
		return refuseParameter("cursor", "next_cursor (= q, filter, sort)")
	}
	return err
}
