package store

import (
	"context"
	"fmt"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// turner binds the cursors of people to their query.
func (p *people) turner(q admin.UserQuery) turner[userRow] {
	return turner[userRow]{query: fmt.Sprintf("%q %q %q", q.Search, q.Filter, q.Sort), read: p.read, place: p.place}
}

// Users returns one page of people. BadRequest for an unknown filter or order, a
// limit out of range, a search that is no text, or a cursor that this query did
// not give.
func (s *Store) Users(ctx context.Context, q admin.UserQuery) (admin.UserPage, error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return admin.UserPage{}, err
	}
	p, err := s.people(ctx, q)
	if err != nil {
		return admin.UserPage{}, err
	}
	leaf, err := turn(ctx, s, p.turner(q), q.Cursor, limit)
	if err != nil {
		return admin.UserPage{}, err
	}
	page := admin.UserPage{Users: each(leaf.rows, userRow.user), Next: leaf.next, Prev: leaf.prev, Total: p.total}
	switch {
	case p.counted:
	case len(p.sources) == 0 && q.Total:
		page.Total.N, err = s.countPeople(ctx)
		return page, s.fail(ctx, "count users", err)
	default:
		// Nobody has counted; but these are there, and perhaps more.
		page.Total = admin.Total{N: int64(len(page.Users)), More: page.Next != "" || page.Prev != ""}
	}
	return page, nil
}

// EachUser calls visit for everyone who matches, in order, and ends with its
// first error. Limit and Cursor do not count.
func (s *Store) EachUser(ctx context.Context, q admin.UserQuery, visit func(auth.User) error) error {
	p, err := s.people(ctx, q)
	if err != nil {
		return err
	}
	return p.turner(q).all(ctx, func(row userRow) error { return visit(row.user()) })
}

// CountUsers counts everyone who matches, however many they are. Limit, Cursor
// and Sort do not count.
func (s *Store) CountUsers(ctx context.Context, q admin.UserQuery) (n int64, err error) {
	p, err := s.people(ctx, q)
	switch {
	case err != nil:
		return 0, err
	case p.gathered:
		return p.total.N, nil
	case len(p.sources) == 0:
		n, err = s.countPeople(ctx)
	default:
		err = s.get(ctx, &n, clause{text: "SELECT COUNT(*) FROM users"}.and(p.conditions()))
	}
	return n, s.fail(ctx, "count users", err)
}
