package list

import (
	"context"
	"fmt"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// pager binds the cursors of people to their query.
func (p *people) pager(q admin.UserQuery) pager[listedUser] {
	return pager[listedUser]{query: queryOf(q), read: p.read, position: listedUser.position}
}

// queryOf identifies a query, whichever page of it is asked for.
func queryOf(q admin.UserQuery) string {
	text := fmt.Sprintf("%q %q %q", q.Search, q.Filter, q.Order())
	for _, span := range []admin.Span{q.First, q.Last} {
		text += fmt.Sprintf(" %d %d", millis(span.From), millis(span.To))
	}
	return text + fmt.Sprintf(" %q %q %q", q.Province, q.City, q.AppID)
}

// Users returns one page of people. BadRequest for an unknown filter or order, a limit out
// of range, a search that is not text, or a cursor that this query did not give.
func (l *Lists) Users(ctx context.Context, q admin.UserQuery) (admin.UserPage, error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return admin.UserPage{}, err
	}
	p, err := l.people(ctx, q)
	if err != nil {
		return admin.UserPage{}, err
	}
	found, err := pageAt(ctx, l, p.pager(q), q.Cursor, limit)
	if err != nil {
		return admin.UserPage{}, err
	}
	page := admin.UserPage{Users: each(found.rows, listedUser.user), Next: found.next, Prev: found.prev, Total: p.total}
	switch {
	case p.counted:
	case len(p.candidates) == 0 && q.Total:
		page.Total.N, err = l.countPeople(ctx, false)
		return page, l.db.Fail(ctx, "count users", err)
	default:
		// They have not been counted, but this page's people are there, and perhaps more.
		page.Total = admin.Total{N: int64(len(page.Users)), More: page.Next != "" || page.Prev != ""}
	}
	return page, nil
}

// EachUser calls visit for everyone who matches, in order, and ends with its first error.
// Limit and Cursor are ignored.
func (l *Lists) EachUser(ctx context.Context, q admin.UserQuery, visit func(auth.User) error) error {
	p, err := l.people(ctx, q)
	if err != nil {
		return err
	}
	return p.pager(q).all(ctx, func(row listedUser) error { return visit(row.user()) })
}

// CountUsers counts everyone who matches, however many they are. Limit, Cursor and Sort
// are ignored.
func (l *Lists) CountUsers(ctx context.Context, q admin.UserQuery) (int64, error) {
	p, err := l.people(ctx, q)
	if err != nil {
		return 0, err
	}
	n, err := p.count(ctx)
	return n, l.db.Fail(ctx, "count users", err)
}
