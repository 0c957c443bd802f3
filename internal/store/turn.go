package store

import (
	"context"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// turner turns the pages of rows that stand in a total order.
type turner[Row any] struct {
	query string // what its cursors are bound to
	// read returns up to limit rows from a place on, nearest first; from the start
	// when there is no place, and against the order when back.
	read  func(ctx context.Context, from *place, back bool, limit int) ([]Row, error)
	place func(Row) place
}

// leaf is one page.
type leaf[Row any] struct {
	rows       []Row
	next, prev string // cursors; empty where there is no page
}

// pageSize is the limit of a query. BadRequest for one out of range.
func pageSize(limit int) (int, error) {
	if limit == 0 {
		return admin.DefaultPage, nil
	}
	if limit < 1 || limit > admin.MaxPage {
		return 0, auth.Failf(auth.BadRequest, "limit %d is not within 1 and %d", limit, admin.MaxPage)
	}
	return limit, nil
}

// turn returns the page that a cursor names, or the first one. BadRequest for a
// cursor that this query did not give.
func turn[Row any](ctx context.Context, s *Store, t turner[Row], cursor string, limit int) (leaf[Row], error) {
	var from *place
	var back bool
	if cursor != "" {
		p, b, err := s.readCursor(t.query, cursor)
		if err != nil {
			return leaf[Row]{}, err
		}
		from, back = &p, b
	}
	// One more than asked tells whether there are more.
	rows, err := t.read(ctx, from, back, limit+1)
	if err != nil || len(rows) == 0 {
		return leaf[Row]{}, err
	}
	further := len(rows) > limit
	rows = rows[:min(len(rows), limit)]
	// On the other side is at least what the cursor came from, unless it has gone.
	behind := false
	if from != nil {
		nearest := t.place(rows[0])
		other, err := t.read(ctx, &nearest, !back, 1)
		if err != nil {
			return leaf[Row]{}, err
		}
		behind = len(other) > 0
	}
	if back {
		slices.Reverse(rows)
		further, behind = behind, further
	}
	page := leaf[Row]{rows: rows}
	if further {
		page.next = s.cursor(t.query, t.place(rows[len(rows)-1]), false)
	}
	if behind {
		page.prev = s.cursor(t.query, t.place(rows[0]), true)
	}
	return page, nil
}

// all calls visit for every row in order, and ends with its first error. It reads
// page by page, so that a slow visit keeps no read open.
func (t turner[Row]) all(ctx context.Context, visit func(Row) error) error {
	var from *place
	for {
		rows, err := t.read(ctx, from, false, admin.MaxPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := visit(row); err != nil {
				return err
			}
		}
		if len(rows) < admin.MaxPage {
			return nil
		}
		last := t.place(rows[len(rows)-1])
		from = &last
	}
}
