package auth

import "time"

// UserQuery asks for stored people. The zero value asks for the newest.
type UserQuery struct {
	Search string // part of a nickname, or a whole openid, unionid or id; empty: everyone
	Filter Filter
	Sort   Sort
	Cursor string // from UserPage; empty: the first page
	Limit  int    // people on a page, 1 to MaxPage; 0: DefaultPage
	Total  bool   // tell how many there are, even if somebody has to count them
}

// The sizes of a page of people.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// Filter names a subset of people.
type Filter string

// The filters.
const (
	FilterNone       Filter = ""
	FilterBlocked    Filter = "blocked"
	FilterAdmin      Filter = "admin"       // granted; those that the configuration names are not in the database
	FilterProfile    Filter = "profile"     // a profile is stored
	FilterOpenID     Filter = "openid_only" // none is
	FilterNoUnionID  Filter = "no_unionid"
	FilterNeedsLogin Filter = "needs_login" // the refresh_token is dead
	FilterTokenEnds  Filter = "token_ends"  // it dies within TokenEndsSoon
	FilterSeen7d     Filter = "seen_7d"     // last login within 7 days
	FilterSeen30d    Filter = "seen_30d"
)

// Filters are all filters, in the order that pages list them.
var Filters = []Filter{FilterNone, FilterBlocked, FilterAdmin, FilterProfile, FilterOpenID, FilterNoUnionID, FilterNeedsLogin, FilterTokenEnds, FilterSeen7d, FilterSeen30d}

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

// UserPage is one page of people.
type UserPage struct {
	Users []User
	Next  string // cursor of the page after; empty on the last one
	Prev  string // cursor of the page before; empty on the first one
	Total Total  // on all pages together
}

// Total is how many there are, as far as it was worth counting.
type Total struct {
	N    int64
	More bool // than N, which is a round number then
}

// Counts are the numbers on the dashboard.
type Counts struct {
	Users       int64
	NewUsers    int64 // since; some may have been erased by now
	Logins      int64 // since; sign-ins, not silent trips of unknown people
	Sessions    int64 // alive
	Snapshots   int64 // since; snapshot visitors turned away
	Failures    int64 // since; logins that failed for another reason
	BlockedUser int64
	Since       time.Time
}

// DossierVisitor is handed all that is stored on one person, for themselves to
// read, in this order. It holds no token, and the hashes in it are empty. The
// first error ends it.
type DossierVisitor struct {
	Person  func(User) error
	Session func(Session) error // each, newest first
	Login   func(Login) error   // each, newest first
	Event   func(Event) error   // each by or about the person, newest first
	// Rest comes last: token is nil when no refresh_token is stored, picture the
	// zero Picture when no copy is kept.
	Rest func(token *TokenInfo, picture Picture) error
}

// TokenInfo is what is known of a stored refresh_token beside the token.
type TokenInfo struct {
	Scope      Scope
	IssuedAt   time.Time
	EndsAt     time.Time
	DueAt      time.Time // when the profile is fetched anew; zero: not with this token
	DeadReason string    // empty: not known to be dead
}

// EventQuery asks for entries of the record. The zero value asks for the newest.
type EventQuery struct {
	Action Action    // empty: all
	Who    string    // the actor, or the subject: a user's id, an openid, ActorLink …; empty: all
	From   time.Time // zero: from the first on
	To     time.Time // up to, without it; zero: to the last
	Cursor string    // from EventPage; empty: the first page
	Limit  int       // 1 to MaxPage; 0: DefaultPage
}

// NamedEvent is an Event with what people are called now; empty for who has no
// nickname or is no person.
type NamedEvent struct {
	Event
	ActorName   string
	SubjectName string
}

// EventPage is one page of the record, newest first.
type EventPage struct {
	Events []NamedEvent
	Next   string // cursor of the page after; empty on the last one
	Prev   string // cursor of the page before; empty on the first one
}

// Tally is how often something happened within one QuarterHour.
type Tally struct {
	At      time.Time // its beginning
	Errcode int64     // of a tally of errcodes
	Count   int64
}

// QuarterHour is how fine things are counted over time: the offset of every
// clock zone is a multiple of it, so that the counts add up to days in any.
const QuarterHour = 15 * time.Minute

// Activity is what went on since a moment.
type Activity struct {
	Logins   []Tally // sign-ins
	NewUsers []Tally
	Errcodes []Tally // WeChat's refusals, by number
	Troubles []Login // the latest of what went wrong, newest first
	// LastGood is when WeChat last said who somebody is; zero: not within the time.
	LastGood time.Time
	// LastError is the latest login that failed at WeChat; the zero Login: none.
	LastError Login
	// EndingTokens are how many refresh_tokens die within a week, unless their
	// people come.
	EndingTokens Total
}
