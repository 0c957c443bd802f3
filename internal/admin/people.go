package admin

import (
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// UserQuery asks for stored people. The zero value asks for the newest.
type UserQuery struct {
	// Search is a part of a nickname, or a whole openid, unionid, id, the id of a session
	// or that of a request in which a login failed; empty: everyone.
	Search string
	Filter Filter
	// AppID is of an account that they have an identity of; empty: of any. With a filter
	// that goes by tokens it is the account that the token is of.
	AppID string
	First Span // of their first login
	Last  Span // of their last one
	// Where they are, as WeChat told it; empty: anywhere.
	Province string
	City     string
	Sort     Sort // what the list has is Order
	// ByFirst has the order go by the first login, which never changes.
	ByFirst bool
	Cursor  string // from UserPage; empty: the first page
	Limit   int    // people on a page, 1 to MaxPage; 0: DefaultPage
	Total   bool   // tell how many there are, even if somebody has to count them
}

// Span is from one moment up to another, without that; zero: without a bound.
type Span struct{ From, To time.Time }

// IsZero says that it has no bounds.
func (s Span) IsZero() bool { return s.From.IsZero() && s.To.IsZero() }

// The sizes of a page of people.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// MaxSearch bounds a search text, in bytes.
const MaxSearch = 1000

// Searchable says whether a text can be searched for on both engines.
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
	FilterOpenID       Filter = "openid_only" // none is
	FilterNoUnionID    Filter = "no_unionid"
	FilterSubscribed   Filter = "subscribed"   // follows one of the official accounts, as WeChat told
	FilterUnsubscribed Filter = "unsubscribed" // follows none of those that it told of
	FilterNeedsLogin   Filter = "needs_login"  // the refresh_token has ended, or died before its time
	FilterTokenEnds    Filter = "token_ends"   // it ends within TokenEndsSoon
	FilterSeen7d       Filter = "seen_7d"      // last login within 7 days
	FilterSeen30d      Filter = "seen_30d"
)

// Filters are all filters, in the order that pages list them.
var Filters = []Filter{FilterNone, FilterBlocked, FilterAdmin, FilterProfile, FilterOpenID, FilterNoUnionID, FilterSubscribed, FilterUnsubscribed, FilterNeedsLogin, FilterTokenEnds, FilterSeen7d, FilterSeen30d}

// ByTokenEnd says that a filter has an order of its own, whatever Sort asks for: by
// the end of the refresh_token, so that the person due next comes first.
func (f Filter) ByTokenEnd() bool { return f == FilterNeedsLogin || f == FilterTokenEnds }

// TokenEndsSoon is what counts as soon in the life of a refresh_token.
const TokenEndsSoon = 7 * 24 * time.Hour

// Sort names an order of people. A leading - turns it round.
type Sort string

// The orders. Ties go by id, so every order is total and a cursor is exact.
const (
	SortNewest     Sort = "-first_login_at" // the default
	SortOldest     Sort = "first_login_at"
	SortLastSeen   Sort = "-last_login_at"
	SortLongestAgo Sort = "last_login_at"
)

// Sorts are all orders.
var Sorts = []Sort{SortNewest, SortOldest, SortLastSeen, SortLongestAgo}

// Narrowed says that it asks for days or a place.
func (q UserQuery) Narrowed() bool {
	return !q.First.IsZero() || !q.Last.IsZero() || q.Province != "" || q.City != ""
}

// Order is the order that the people stand in, if the filter has none of its own. It
// goes by the time whose days are asked for, in the direction of Sort: so the days are
// a segment of it, however many people others have. Who was seen lately is such a segment
// beside all that is not looked up by the other time as well: days, places and accounts.
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

// by is the one of two orders that goes in the same direction.
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

// Total is how many there are, as far as it was worth counting.
type Total struct {
	N    int64
	More bool // than N, which is a round number then
}
