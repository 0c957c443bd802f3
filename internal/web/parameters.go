package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// badParameter says which parameter of a query is wrong and what it may be, in a notation that
// needs no translation. It is shown to the caller.
type badParameter struct{ name, bound string }

func (e badParameter) Error() string { return e.name + ": " + e.bound }

func refuseParameter(name, bound string, args ...any) error {
	return auth.Fail(auth.BadRequest, badParameter{name, fmt.Sprintf(bound, args...)})
}

// wholeQuery parses a query and refuses a malformed one: net/http would leave out what it
// cannot parse, and a list without its filter shows everybody.
func wholeQuery(r *http.Request) (url.Values, error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, auth.Failf(auth.BadRequest, "the query cannot be read")
	}
	return form, nil
}

// userQuery reads a query of people.
func (s *Server) userQuery(r *http.Request) (query admin.UserQuery, err error) {
	form, err := wholeQuery(r)
	if err != nil {
		return admin.UserQuery{}, err
	}
	query = admin.UserQuery{
		Search:   form.Get("q"),
		Filter:   admin.Filter(form.Get("filter")),
		Province: form.Get("province"),
		City:     form.Get("city"),
		Sort:     admin.Sort(form.Get("sort")),
		Cursor:   form.Get("cursor"),
	}
	if query.AppID, err = s.appIDOf(form.Get("account")); err != nil {
		return query, err
	}
	if query.Limit, err = limitOf(form); err != nil {
		return query, err
	}
	if query.First, err = s.days(form, "first_from", "first_to"); err != nil {
		return query, err
	}
	if query.Last, err = s.days(form, "last_from", "last_to"); err != nil {
		return query, err
	}
	return query, checkUserQuery(query)
}

func checkSearch(name, text string) error {
	if !admin.Searchable(text) {
		return refuseParameter(name, "UTF-8, ≤ %d bytes", admin.MaxSearch)
	}
	return nil
}

// checkUserQuery refuses values that a query of people cannot have.
func checkUserQuery(query admin.UserQuery) error {
	if query.Sort != "" && !slices.Contains(admin.Sorts, query.Sort) {
		return refuseParameter("sort", "%s", alternatives(admin.Sorts))
	}
	if !slices.Contains(admin.Filters, query.Filter) {
		return refuseParameter("filter", "%s", alternatives(admin.Filters))
	}
	for name, text := range map[string]string{"q": query.Search, "province": query.Province, "city": query.City} {
		if err := checkSearch(name, text); err != nil {
			return err
		}
	}
	return nil
}

// checkApart refuses a filter by tokens together with days or a place, or with a mini
// program, which has no tokens.
func (s *Server) checkApart(query admin.UserQuery) error {
	switch {
	case query.Filter.ByTokenEnd() && query.Narrowed():
		return refuseParameter("filter", "needs_login | token_ends: ≠ first_from, first_to, last_from, last_to, province, city")
	case s.tokenless(query):
		return refuseParameter("account", "needs_login | token_ends: oa | website")
	}
	return nil
}

// tokenless says whether a query asks for the tokens of an account that has none.
func (s *Server) tokenless(query admin.UserQuery) bool {
	return query.Filter.ByTokenEnd() && query.AppID != "" && s.rules.Account(query.AppID).Kind == auth.MiniProgram
}

// appIDOf returns the AppID of the account with a name; empty for an empty name.
func (s *Server) appIDOf(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	account, err := s.rules.Named(name)
	if err != nil {
		return "", refuseParameter("account", "%s", strings.Join(s.accountNames(), " | "))
	}
	return account.AppID, nil
}

// accountNames returns the names of all accounts, main first.
func (s *Server) accountNames() (names []string) {
	for _, account := range auth.AllAccounts(s.rules.Accounts, s.rules.AppID) {
		names = append(names, account.Name)
	}
	return names
}

// limitOf returns the requested page size; 0 if there is none.
func limitOf(form url.Values) (int, error) {
	if form.Get("limit") == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(form.Get("limit"))
	if err != nil || n < 1 || n > admin.MaxPage {
		return 0, refuseParameter("limit", "1 – %d", admin.MaxPage)
	}
	return n, nil
}

// days reads a span from two days in the server's zone. The last day is included.
func (s *Server) days(form url.Values, from, to string) (span admin.Span, err error) {
	day := func(name string) (at time.Time) {
		if err != nil || form.Get(name) == "" {
			return at
		}
		if at, err = time.ParseInLocation(time.DateOnly, form.Get(name), s.config.Zone); err != nil {
			err = refuseParameter(name, "YYYY-MM-DD")
		}
		return at
	}
	span = admin.Span{From: day(from), To: day(to)}
	if err == nil && !span.To.IsZero() {
		span.To = span.To.AddDate(0, 0, 1)
	}
	return span, err
}

// carryOver returns those of the named parameters that have a value.
func carryOver(form url.Values, names ...string) url.Values {
	values := url.Values{}
	for _, name := range names {
		if value := form.Get(name); value != "" {
			values.Set(name, value)
		}
	}
	return values
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

// ofCursor turns a BadRequest of the store into one that names the cursor: everything else was
// checked before.
func ofCursor(err error) error {
	if _, named := errors.AsType[badParameter](err); !named && auth.ReasonOf(err) == auth.BadRequest {
		return refuseParameter("cursor", "next_cursor (= q, filter, sort …)")
	}
	return err
}
