package store

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// clause is a piece of SQL with the values of its question marks.
type clause struct {
	text string
	args []any
}

// selection is a UserQuery in SQL: which people, in which order.
type selection struct {
	where     []clause
	bounds    []bound   // more conditions
	stretches []stretch // that a walk goes through; none: the whole order
	sources   []source
	column    string // of the order; ties go by id
	index     string // of users, in that order
	down      bool   // largest first
}

// source finds the people that one part of a selection names, and perhaps some
// more, without a look at the others.
type source struct {
	entries clause // SELECT of what its index has
	people  string // what counts the people among them
	exact   bool   // they are those people and nobody else
	from    clause // users, as they are read by it
	link    string // condition between the two; empty: the index is one of users
	few     int64  // entries that are quicker gathered than the order is walked
	// listed stands for the condition when there are more than few, and still so few
	// that the engine may keep a list of them while it walks.
	listed clause
	where  int // of which condition
}

// fewToList is how many ids are quicker listed than looked up one by one.
const fewToList = 25_000

// How many entries are few in a million people, as measured: gathering them takes
// as long as walking to a page of them.
const (
	fewOfUsers  = 5000   // a look from the index into the table each
	fewOfOther  = 2000   // three looks
	fewOfLogins = 25_000 // none: the index has all that it takes
	aMillion    = 1_000_000
)

// maxSearch bounds a search text, in bytes.
const maxSearch = 1000

func (s *Store) selection(ctx context.Context, q admin.UserQuery) (sel selection, err error) {
	switch q.Sort {
	case "", admin.SortNewest, admin.SortOldest:
		sel.column, sel.index = "first_login_at", "users_by_first_login"
	case admin.SortLastSeen, admin.SortLongestAgo:
		sel.column, sel.index = "last_login_at", "users_by_last_login"
	default:
		return sel, auth.Failf(auth.BadRequest, "no order of people: %q", q.Sort)
	}
	sel.down = q.Sort == "" || strings.HasPrefix(string(q.Sort), "-")
	if err := s.filter(&sel, q.Filter); err != nil {
		return sel, err
	}
	search := strings.TrimSpace(q.Search)
	if len(search) > maxSearch || !utf8.ValidString(search) || strings.ContainsRune(search, 0) {
		return sel, auth.Failf(auth.BadRequest, "search text of %d bytes is no text or too long", len(search))
	}
	if search != "" {
		err = s.search(ctx, &sel, search)
	}
	return sel, err
}

// filter adds a condition and where those who fulfil it are found.
func (s *Store) filter(sel *selection, filter admin.Filter) error {
	now := s.now()
	switch filter {
	case admin.FilterNone:
	case admin.FilterBlocked:
		sel.own(s.db.Dialect, fewOfUsers, "users_blocked", "users.blocked = 1")
	case admin.FilterProfile:
		sel.own(s.db.Dialect, fewOfUsers, "users_by_profile", "users.profile_updated_at IS NOT NULL")
	case admin.FilterOpenID:
		sel.own(s.db.Dialect, fewOfUsers, "users_by_profile", "users.profile_updated_at IS NULL")
	case admin.FilterNoUnionID:
		sel.own(s.db.Dialect, fewOfUsers, "users_by_unionid", "users.unionid IS NULL")
	case admin.FilterSeen7d:
		sel.seen(s.db.Dialect, millis(now.Add(-7*24*time.Hour)))
	case admin.FilterSeen30d:
		sel.seen(s.db.Dialect, millis(now.Add(-30*24*time.Hour)))
	case admin.FilterAdmin:
		sel.other(s.db.Dialect, fewOfOther, "EXISTS (SELECT 1 FROM admins WHERE admins.appid = users.appid AND admins.openid = users.openid)",
			"SELECT users.id FROM admins CROSS JOIN users WHERE users.appid = admins.appid AND users.openid = admins.openid")
	case admin.FilterNeedsLogin:
		sel.other(s.db.Dialect, fewOfOther, "EXISTS (SELECT 1 FROM tokens WHERE tokens.user_id = users.id AND (tokens.dead_reason IS NOT NULL OR tokens.ends_at <= ?))",
			`SELECT user_id AS id FROM tokens WHERE dead_reason IS NULL AND ends_at <= ?
				UNION ALL SELECT user_id FROM tokens WHERE dead_reason IS NOT NULL`, millis(now))
		sel.ended(s.db.Dialect, millis(now))
	case admin.FilterTokenEnds:
		from, to := millis(now), millis(now.Add(admin.TokenEndsSoon))
		sel.other(s.db.Dialect, fewOfOther, "EXISTS (SELECT 1 FROM tokens WHERE tokens.user_id = users.id AND tokens.dead_reason IS NULL AND tokens.ends_at > ? AND tokens.ends_at <= ?)",
			"SELECT user_id AS id FROM tokens WHERE dead_reason IS NULL AND ends_at > ? AND ends_at <= ?", from, to)
		sel.ending(s.db.Dialect, from, to)
	default:
		return auth.Failf(auth.BadRequest, "no filter of people: %q", filter)
	}
	return nil
}

// own adds a condition that an index of users answers.
func (sel *selection) own(d sqldb.Dialect, few int64, index, condition string, args ...any) {
	users := "users" + d.IndexedBy(index)
	sel.where = append(sel.where, clause{condition, args})
	sel.sources = append(sel.sources, source{
		entries: clause{"SELECT 1 FROM " + users + " WHERE " + condition, args},
		people:  "COUNT(*)",
		exact:   true,
		from:    clause{text: users},
		few:     few,
	})
}

// seen adds that somebody has logged in since.
func (sel *selection) seen(d sqldb.Dialect, since int64) {
	few := int64(fewOfLogins)
	if sel.down {
		few = fewOfUsers // who came last has been seen, and is where a walk begins
	}
	sel.own(d, few, "users_by_last_login", "users.last_login_at >= ?", since)
	sel.where, sel.bounds = nil, []bound{{"users.last_login_at", true, since}}
	if sel.column == "last_login_at" {
		sel.sources[0].few = 0 // a walk reads nobody else
	}
}

// other adds a condition that another table answers with people's ids, each once.
func (sel *selection) other(d sqldb.Dialect, few int64, condition, ids string, args ...any) {
	sel.where = append(sel.where, clause{condition, args})
	sel.sources = append(sel.sources, source{
		listed:  clause{d.HalfTrue("users.id IN (" + ids + ")"), args},
		where:   len(sel.where) - 1,
		entries: clause{ids, args},
		people:  "COUNT(*)",
		exact:   true,
		from:    chosen(few, ids, args...),
		link:    ofChosen,
		few:     few,
	})
}

// chosen are people by a SELECT of a few ids. The limit tells the planner that
// there are few.
func chosen(few int64, ids string, args ...any) clause {
	return clause{fmt.Sprintf(`(SELECT DISTINCT id FROM (%s) AS ids LIMIT %d) AS chosen CROSS JOIN users`, ids, 2*few), args}
}

const ofChosen = "users.id = chosen.id"
