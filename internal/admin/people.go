package admin

import (
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// UserQuery asks for stored people. The zero value asks for the newest.
type UserQuery struct {
	// Search is a part of a nickname, or a whole openid, unionid, id, session id, or id of a
	// request in which a login failed; empty: everyone.
	Search string
	Filter Filter
	// AppID selects people with an identity of this account; empty: of any account. With a
	// filter by tokens, the token has to be of this account.
	AppID string
	First Span // of their first login
	Last  Span // of their last login
	// Province and City as WeChat has them; empty: any.
	Province string
	City     string
	Sort     Sort // the requested order; for the actual one see Order
	// ByFirst orders by the first login, which never changes.
	ByFirst bool
	Cursor  string // from UserPage; empty: the first page
	Limit   int    // people on a page, 1 to MaxPage; 0: DefaultPage
	Total   bool   // return the total even if it has to be counted
}

// Span is the time from From up to To, exclusive; a zero time is no bound.
type Span struct{ From, To time.Time }

// IsZero says whether the span has no bounds.
func (s Span) IsZero() bool { return s.From.IsZero() && s.To.IsZero() }

// The sizes of a page of people.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// MaxSearch bounds a search text, in bytes.
const MaxSearch = 1000

// Searchable says whether both engines can search for a text.
func Searchable(text string) bool {
	return len(text) <= MaxSearch && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// Filter names a subset of people.
type Filter string

// The filters.
const (
	FilterNone         Filter = ""
	FilterBlocked      Filter = "blocked"
	FilterAdmin        Filter = "admin"       // granted; those that the configuration names are not in the database
	FilterProfile      Filter = "profile"     // a profile is stored
	FilterOpenID       Filter = "openid_only" // no profile is stored
	FilterNoUnionID    Filter = "no_unionid"
	FilterSubscribed   Filter = "subscribed"   // follows an official account, by WeChat's answers
	FilterUnsubscribed Filter = "unsubscribed" // follows none of those that WeChat answered for
	FilterNeedsLogin   Filter = "needs_login"  // the refresh_token has ended or is dead
	FilterTokenEnds    Filter = "token_ends"   // the refresh_token ends within TokenEndsSoon
	FilterSeen7d       Filter = "seen_7d"      // last login within 7 days
	FilterSeen30d      Filter = "seen_30d"
)

// Filters are all filters, in the order that pages list them.
var Filters = []Filter{FilterNone, FilterBlocked, FilterAdmin, FilterProfile, FilterOpenID, FilterNoUnionID, FilterSubscribed, FilterUnsubscribed, FilterNeedsLogin, FilterTokenEnds, FilterSeen7d, FilterSeen30d}

// ByTokenEnd says whether a filter has an order of its own, whatever Sort asks for: by the
// end of the refresh_token, so that the person due next comes first.
func (f Filter) ByTokenEnd() bool { return f == FilterNeedsLogin || f == FilterTokenEnds }

// TokenEndsSoon is how long before its end a refresh_token counts as ending soon.
const TokenEndsSoon = 7 * 24 * time.Hour

// Sort names an order of people. A leading - means descending.
type Sort string

// The orders. Ties are resolved by id, so that every order is total and a cursor exact.
const (
	SortNewest     Sort = "-first_login_at" // the default
	SortOldest     Sort = "first_login_at"
	SortLastSeen   Sort = "-last_login_at"
	SortLongestAgo Sort = "last_login_at"
)

// Sorts are all orders.
var Sorts = []Sort{SortNewest, SortOldest, SortLastSeen, SortLongestAgo}

// Narrowed says whether the query asks for days or a place.
func (q UserQuery) Narrowed() bool {
	return !q.First.IsZero() || !q.Last.IsZero() || q.Province != "" || q.City != ""
}

// Order returns the order of the list, unless the filter has one of its own. With a span of
// days it is by that time, in the direction of Sort, so that the days are one range of the
// index, however many people there are outside it. The filters by the last login are such
// a range too, and are ordered by it when days, a place or an account narrow the query.
func (q UserQuery) Order() Sort {
	sort := q.Sort
	if sort == "" {
		sort = SortNewest
	}
	seen := q.Filter == FilterSeen7d || q.Filter == FilterSeen30d
	switch {
	case q.ByFirst:
		return sort.by(SortNewest, SortOldest)
	case !q.Last.IsZero(), seen && (q.Narrowed() || q.AppID != ""):
		return sort.by(SortLastSeen, SortLongestAgo)
	case !q.First.IsZero():
		return sort.by(SortNewest, SortOldest)
	}
	return sort
}

// by returns the one of two orders that has the direction of s.
func (s Sort) by(down, up Sort) Sort {
	switch s {
	case SortNewest, SortLastSeen:
		return down
	case SortOldest, SortLongestAgo:
		return up
	}
	return s
}

// UserPage is one page of people.
type UserPage struct {
	Users []auth.User
	Next  string // cursor of the page after; empty on the last one
	Prev  string // cursor of the page before; empty on the first one
	Total Total  // on all pages together
}

// Total is a number of people, counted up to a bound.
type Total struct {
	N    int64
	More bool // there are more than N, which is a round number then
}
