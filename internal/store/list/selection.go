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
	// Conditions that take a look at other tables: of many who have been gathered, they
	// are asked page by page. The streams fulfil them.
	late       []sqldb.Clause
	candidates []candidateIndex
	// The segment of the order that has them, without its two ends; nil: it has none
	// on that side.
	low, high *Position
	// The indexes that a scan goes through one beside the other; none: that of the order.
	streams []stream
	// What the order goes by, of who has been gathered, where that is no column of theirs.
	gatherAt sqldb.Clause
}

// stream is a part of the people, in the order by an index of its own: nobody is in two.
type stream struct {
	order
	where     []sqldb.Clause // besides those of the selection
	low, high *Position      // narrower than that; nil: it is not
}

// order is a total order of people that an index has.
type order struct {
	scanned string // tables, read in this order
	beside  string // the same tables, beside ids that another index has found
	at, id  string // columns that it goes by; the index has both
	down    bool   // largest first
	// The index of the order goes by this column before all, and only those who have
	// this value in it are in the order; empty: everybody is.
	group, value string
	// The group is given as the equal value that it is, as no other index goes by at.
	equal bool
	// The index has at, and not id: who is within a range is told by both.
	loose bool
}

// candidateIndex finds the people that one part of a selection names, and perhaps
// some more, without a look at the others.
type candidateIndex struct {
	entries sqldb.Clause // SELECT of what the index has
	people  string       // what counts the people among them
	exact   bool         // they are those people and nobody else
	users   string       // as they are read by it; empty: it is no index of users
	ids     sqldb.Clause // SELECT of their ids otherwise
	few     int64        // entries that are quicker gathered than the order is scanned; 0: none are
	// listed is one more condition, for a scan of tokens when there are more than few:
	// it spares the look at a person who is not among them.
	listed sqldb.Clause
}

// How many entries are few in a million people, as measured: gathering them takes
// as long as scanning the order for a page of them.
const (
	fewOfUsers  = 5000   // a look from the index into the table each
	fewOfOther  = 2000   // three looks
	fewBeside   = 12_000 // likewise, where a scan goes past most of those for want of a name, or of who follows
	fewOfLogins = 25_000 // none: the index has all that it takes
	fewOfNamed  = 80_000 // likewise, and only those of a name are put in order
	fewToList   = 8000   // rather than scanned past: two looks, and the list
	aMillion    = 1_000_000
)

// clockSlack is how far a clock may be set back between somebody's first login and the last.
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
	if q.AppID != "" && !q.Filter.ByTokenEnd() { // whose streams are of the account
		err = l.account(ctx, &sel, q)
	}
	return sel, err
}

// orderOfUsers goes by one of the times of a person.
func (l *Lists) orderOfUsers(column string) order {
	return order{
		scanned: "users" + l.db.IndexedBy(indexOf(column)),
		beside:  "users",
		at:      "users." + column,
		id:      "users.id",
	}
}

// indexOf has people in the order of one of their times.
func indexOf(column string) string { return "users_by_" + strings.TrimSuffix(column, "_at") }

// filter adds a condition and where those who fulfil it are found.
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

// seen adds that somebody has logged in since.
func (sel *selection) seen(d sqldb.Dialect, since int64, named bool) {
	few := int64(fewOfLogins)
	switch {
	case sel.down:
		few = fewOfUsers // the last to come have been seen, and are where a scan begins
	case named:
		few = fewOfNamed
	}
	sel.own(d, few, "users_by_last_login", "users.last_login_at >= $1", since)
	if sel.at == "users.last_login_at" {
		sel.where, sel.low = nil, &Position{At: since}
		sel.candidates[0].few = 0 // a scan reads nobody else
	}
}

// admins adds that somebody has been granted to be one.
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
