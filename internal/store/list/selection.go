package list

import (
	"context"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// selection is a UserQuery in SQL: which people, in which order.
type selection struct {
	order
	where []sqldb.Clause
	// Conditions that need lookups in other tables: when many people have been gathered,
	// they are checked page by page. The streams imply them.
	late       []sqldb.Clause
	candidates []candidateIndex
	// The segment of the order that has the people, without its two ends; nil: it is open
	// on that side.
	low, high *Position
	// The indexes whose scans are merged; none: the index of the order is scanned.
	streams []stream
	// The value that gathered people are sorted by, where it is not a column of theirs.
	gatherAt sqldb.Clause
}

// stream is a part of the people, in order by an index of its own. Nobody is in two
// streams.
type stream struct {
	order
	where     []sqldb.Clause // besides those of the selection
	low, high *Position      // narrower than the selection's; nil: not narrower
}

// order is a total order of people that an index provides.
type order struct {
	scanned string // tables, read in this order
	beside  string // the same tables, joined to ids that another index has found
	at, id  string // columns that it goes by; the index has both
	down    bool   // largest first
	// The leading column of the order's index. Only people with this value in it are in
	// the order; empty: everybody is.
	group, value string
	// The group is given as an equality, since no other index goes by at.
	equal bool
	// The index has at but not id, so ties at an end of a range are resolved with the id
	// of the table.
	loose bool
}

// candidateIndex finds the people that one condition of a selection matches, and perhaps
// some more, without reading the others.
type candidateIndex struct {
	entries sqldb.Clause // SELECT of the entries of the index
	people  string       // what counts the people among them
	exact   bool         // they are the people who match, and nobody else
	users   string       // users as read by this index; empty: it is an index of another table
	ids     sqldb.Clause // SELECT of the people's ids in that case
	few     int64        // up to so many entries, gathering is quicker than a scan of the order; 0: never
	// listed is one more condition for a scan, when there are more entries than few: it
	// saves the lookups for people who are not among them.
	listed sqldb.Clause
}

// How many entries are few among a million people, as measured: gathering so many takes as
// long as scanning the order for one page of them.
const (
	fewOfUsers  = 5000   // one lookup from the index into the table each
	fewOfOther  = 2000   // three lookups
	fewBeside   = 12_000 // likewise, where a scan would pass over most of them because of a search or of who follows
	fewOfLogins = 25_000 // no lookup: the index covers the query
	fewOfNamed  = 80_000 // likewise, and only the people of a name are sorted
	fewToList   = 8000   // so many are listed instead of scanned past: two lookups, and the list
	aMillion    = 1_000_000
)

// clockSlack is how far a clock may be set back between a person's first login and their
// last.
const clockSlack = 24 * time.Hour

func (l *Lists) selection(ctx context.Context, q admin.UserQuery) (sel selection, err error) {
	sort := q.Order()
	switch sort {
	case admin.SortNewest, admin.SortOldest:
		sel.order = l.orderOfUsers("first_login_at")
	case admin.SortLastSeen, admin.SortLongestAgo:
		sel.order = l.orderOfUsers("last_login_at")
	default:
		return sel, auth.Failf(auth.BadRequest, "no order of people: %q", q.Sort)
	}
	sel.down = strings.HasPrefix(string(sort), "-")
	if err := l.filter(ctx, &sel, q); err != nil {
		return sel, err
	}
	if err := l.narrow(&sel, q); err != nil {
		return sel, err
	}
	search := strings.TrimSpace(q.Search)
	if !admin.Searchable(search) {
		return sel, auth.Failf(auth.BadRequest, "search text of %d bytes is no text or too long", len(search))
	}
	if search != "" {
		if err := l.search(ctx, &sel, search, q.Filter); err != nil {
			return sel, err
		}
	}
	if q.AppID != "" && !q.Filter.ByTokenEnd() { // whose streams are limited to the account already
		err = l.account(ctx, &sel, q)
	}
	return sel, err
}

// orderOfUsers is the order by one of the times of a person.
func (l *Lists) orderOfUsers(column string) order {
	return order{
		scanned: "users" + l.db.IndexedBy(indexOf(column)),
		beside:  "users",
		at:      "users." + column,
		id:      "users.id",
	}
}

// indexOf names the index that has people in the order of one of their times.
func indexOf(column string) string { return "users_by_" + strings.TrimSuffix(column, "_at") }

// filter adds the condition of a filter, and the index that finds the people who meet it.
func (l *Lists) filter(ctx context.Context, sel *selection, q admin.UserQuery) error {
	now := l.now()
	switch filter := q.Filter; filter {
	case admin.FilterNone:
	case admin.FilterBlocked:
		sel.own(l.db.Dialect, fewOfUsers, "users_blocked", "users.blocked = 1")
	case admin.FilterProfile:
		sel.own(l.db.Dialect, fewOfUsers, "users_by_profile", "users.profile_updated_at IS NOT NULL")
	case admin.FilterOpenID:
		sel.own(l.db.Dialect, fewOfUsers, "users_by_profile", "users.profile_updated_at IS NULL")
	case admin.FilterNoUnionID:
		sel.own(l.db.Dialect, fewOfUsers, "users_by_unionid", "users.unionid IS NULL")
	case admin.FilterSubscribed:
		sel.follow(l.db.Dialect, 1)
	case admin.FilterUnsubscribed:
		sel.follow(l.db.Dialect, 0)
	case admin.FilterSeen7d:
		sel.seen(l.db.Dialect, millis(now.Add(-7*24*time.Hour)), q.Search != "")
	case admin.FilterSeen30d:
		sel.seen(l.db.Dialect, millis(now.Add(-30*24*time.Hour)), q.Search != "")
	case admin.FilterAdmin:
		sel.admins()
	case admin.FilterNeedsLogin:
		sel.high = &Position{At: millis(now) + 1}
		return l.tokenEnds(ctx, sel, q)
	case admin.FilterTokenEnds:
		sel.low, sel.high = &Position{At: millis(now) + 1}, &Position{At: millis(now.Add(admin.TokenEndsSoon)) + 1}
		return l.tokenEnds(ctx, sel, q)
	default:
		return auth.Failf(auth.BadRequest, "no filter of people: %q", filter)
	}
	return nil
}

// own adds a condition that an index of users answers.
func (sel *selection) own(d sqldb.Dialect, few int64, index, condition string, args ...any) {
	users := "users" + d.IndexedBy(index)
	sel.where = append(sel.where, sqldb.SQL(condition, args...))
	sel.candidates = append(sel.candidates, candidateIndex{
		entries: sqldb.SQL("SELECT 1 FROM "+users+" WHERE "+condition, args...),
		people:  "COUNT(*)",
		exact:   true,
		users:   users,
		few:     few,
	})
}

// seen adds the condition that a person has logged in since.
func (sel *selection) seen(d sqldb.Dialect, since int64, named bool) {
	few := int64(fewOfLogins)
	switch {
	case sel.down:
		few = fewOfUsers // a scan begins with the latest logins, which match
	case named:
		few = fewOfNamed
	}
	sel.own(d, few, "users_by_last_login", "users.last_login_at >= $1", since)
	if sel.at == "users.last_login_at" {
		sel.where, sel.low = nil, &Position{At: since}
		sel.candidates[0].few = 0 // the scan reads nobody else
	}
}

// admins adds the condition that a person was made an admin by a grant.
func (sel *selection) admins() {
	ids := sqldb.SQL("SELECT users.id FROM admins CROSS JOIN users WHERE users.appid = admins.appid AND users.openid = admins.openid")
	sel.where = append(sel.where, sqldb.SQL("EXISTS (SELECT 1 FROM admins WHERE admins.appid = users.appid AND admins.openid = users.openid)"))
	sel.candidates = append(sel.candidates, candidateIndex{
		entries: ids,
		people:  "COUNT(*)",
		exact:   true,
		ids:     ids,
		few:     fewOfOther,
	})
}
