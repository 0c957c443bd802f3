package web

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

func checkSearch(name, text string) error {
	if !admin.Searchable(text) {
		return refuseParameter(name, "UTF-8, ≤ %d bytes", admin.MaxSearch)
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
