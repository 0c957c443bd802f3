package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// selection is a UserQuery in SQL: which people, in which order.
type selection struct {
	where  []string
	args   []any
	column string // of the order; ties go by id
	down   bool   // largest first
}

// arg adds a value and returns its placeholder.
func (sel *selection) arg(v any) string {
	sel.args = append(sel.args, v)
	return fmt.Sprintf("$%d", len(sel.args))
}

// maxSearch bounds a search text, in bytes.
const maxSearch = 1000

func (s *Store) selection(q auth.UserQuery) (selection, error) {
	var sel selection
	switch q.Sort {
	case "", auth.SortNewest, auth.SortOldest:
		sel.column = "first_login_at"
	case auth.SortLastSeen, auth.SortLongestAgo:
		sel.column = "last_login_at"
	default:
		return sel, auth.Failf(auth.BadRequest, "no order of people: %q", q.Sort)
	}
	sel.down = q.Sort == "" || strings.HasPrefix(string(q.Sort), "-")

	seenWithin := func(days int) string {
		return "users.last_login_at >= " + sel.arg(millis(s.now().Add(time.Duration(-days)*24*time.Hour)))
	}
	switch q.Filter {
	case auth.FilterNone:
	case auth.FilterBlocked:
		sel.where = append(sel.where, "users.blocked = 1")
	case auth.FilterAdmin:
		sel.where = append(sel.where, "EXISTS (SELECT 1 FROM admins WHERE admins.appid = users.appid AND admins.openid = users.openid)")
	case auth.FilterProfile:
		sel.where = append(sel.where, "users.profile_updated_at IS NOT NULL")
	case auth.FilterOpenID:
		sel.where = append(sel.where, "users.profile_updated_at IS NULL")
	case auth.FilterNoUnionID:
		sel.where = append(sel.where, "users.unionid IS NULL")
	case auth.FilterNeedsLogin:
		sel.where = append(sel.where, "EXISTS (SELECT 1 FROM tokens WHERE tokens.user_id = users.id AND (tokens.dead_reason IS NOT NULL OR tokens.ends_at <= "+sel.arg(millis(s.now()))+"))")
	case auth.FilterTokenEnds:
		now := s.now()
		sel.where = append(sel.where, fmt.Sprintf("users.id IN (SELECT user_id FROM tokens WHERE dead_reason IS NULL AND ends_at > %s AND ends_at <= %s)",
			sel.arg(millis(now)), sel.arg(millis(now.Add(auth.TokenEndsSoon)))))
	case auth.FilterSeen7d:
		sel.where = append(sel.where, seenWithin(7))
	case auth.FilterSeen30d:
		sel.where = append(sel.where, seenWithin(30))
	default:
		return sel, auth.Failf(auth.BadRequest, "no filter of people: %q", q.Filter)
	}

	search := strings.TrimSpace(q.Search)
	if len(search) > maxSearch || !utf8.ValidString(search) || strings.ContainsRune(search, 0) {
		return sel, auth.Failf(auth.BadRequest, "search text of %d bytes is no text or too long", len(search))
	}
	if search != "" {
		exact, part := sel.arg(search), sel.arg("%"+likeEscaper.Replace(search)+"%")
		sel.where = append(sel.where, fmt.Sprintf(`(users.nickname %s %s ESCAPE '\' OR users.openid = %s OR users.unionid = %s OR users.id = %s)`,
			s.dialect.like, part, exact, exact, exact))
	}
	return sel, nil
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// read returns up to limit people of the selection from a place on, nearest
// first; from the start when there is no place, and against the order when back.
func (s *Store) read(ctx context.Context, sel selection, from *place, back bool, limit int) ([]userRow, error) {
	sel.where, sel.args = slices.Clone(sel.where), slices.Clone(sel.args)
	order, beyond := "ASC", ">"
	if sel.down != back {
		order, beyond = "DESC", "<"
	}
	if from != nil {
		sel.where = append(sel.where, fmt.Sprintf("(users.%s, users.id) %s (%s, %s)", sel.column, beyond, sel.arg(from.at), sel.arg(from.id)))
	}
	query := "SELECT " + userColumns + " FROM users" + sel.clause() +
		fmt.Sprintf(" ORDER BY users.%s %s, users.id %s LIMIT %s", sel.column, order, order, sel.arg(limit))
	var rows []userRow
	if err := s.reader.SelectContext(ctx, &rows, query, sel.args...); err != nil {
		return nil, s.fail(ctx, "list users", err)
	}
	return rows, nil
}

func (sel selection) clause() string {
	if len(sel.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(sel.where, " AND ")
}

// placeOf is where a person stands in the order.
func (sel selection) placeOf(row userRow) place {
	if sel.column == "last_login_at" {
		return place{at: row.LastLoginAt, id: row.ID}
	}
	return place{at: row.FirstLoginAt, id: row.ID}
}

// Users returns one page of people. BadRequest for an unknown filter or order, a
// limit out of range, a search that is no text, or a cursor that this query did
// not give.
func (s *Store) Users(ctx context.Context, q auth.UserQuery) (auth.UserPage, error) {
	limit := q.Limit
	if limit == 0 {
		limit = auth.DefaultPage
	}
	if limit < 1 || limit > auth.MaxPage {
		return auth.UserPage{}, auth.Failf(auth.BadRequest, "limit %d is not within 1 and %d", limit, auth.MaxPage)
	}
	sel, err := s.selection(q)
	if err != nil {
		return auth.UserPage{}, err
	}
	var from *place
	var back bool
	if q.Cursor != "" {
		p, b, err := s.readCursor(marked(q), q.Cursor)
		if err != nil {
			return auth.UserPage{}, err
		}
		from, back = &p, b
	}
	// One more than asked tells whether there are more.
	rows, err := s.read(ctx, sel, from, back, limit+1)
	if err != nil || len(rows) == 0 {
		return auth.UserPage{}, err
	}
	further := len(rows) > limit
	rows = rows[:min(len(rows), limit)]
	// On the other side is at least what the cursor came from, unless it has gone.
	behind := false
	if from != nil {
		nearest := sel.placeOf(rows[0])
		other, err := s.read(ctx, sel, &nearest, !back, 1)
		if err != nil {
			return auth.UserPage{}, err
		}
		behind = len(other) > 0
	}
	if back {
		slices.Reverse(rows)
		further, behind = behind, further
	}
	page := auth.UserPage{Users: each(rows, userRow.user)}
	if further {
		page.Next = s.cursor(marked(q), sel.placeOf(rows[len(rows)-1]), false)
	}
	if behind {
		page.Prev = s.cursor(marked(q), sel.placeOf(rows[0]), true)
	}
	return page, nil
}

// EachUser calls visit for everyone who matches, in order, and ends with its
// first error. Limit and Cursor do not count. It reads page by page, so that a
// slow visit keeps no read open.
func (s *Store) EachUser(ctx context.Context, q auth.UserQuery, visit func(auth.User) error) error {
	sel, err := s.selection(q)
	if err != nil {
		return err
	}
	var from *place
	for {
		rows, err := s.read(ctx, sel, from, false, auth.MaxPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := visit(row.user()); err != nil {
				return err
			}
		}
		if len(rows) < auth.MaxPage {
			return nil
		}
		last := sel.placeOf(rows[len(rows)-1])
		from = &last
	}
}

// CountUsers counts everyone who matches. Limit, Cursor and Sort do not count.
func (s *Store) CountUsers(ctx context.Context, q auth.UserQuery) (n int64, err error) {
	sel, err := s.selection(q)
	if err != nil {
		return 0, err
	}
	err = s.reader.GetContext(ctx, &n, "SELECT COUNT(*) FROM users"+sel.clause(), sel.args...)
	return n, s.fail(ctx, "count users", err)
}
