package list

import (
	"context"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// pager reads pages of rows that are in a total order.
type pager[Row any] struct {
	query string // what its cursors are bound to
	// read returns up to limit rows from a position on, nearest first; from the start
	// when there is none, and against the order when back.
	read     func(ctx context.Context, from *Position, back bool, limit int) ([]Row, error)
	position func(Row) Position
}

// page is some rows in order, with the cursors of the pages beside it.
type page[Row any] struct {
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

// pageAt returns the page that a cursor names, or the first one. BadRequest for a
// cursor that this query did not give.
func pageAt[Row any](ctx context.Context, l *Lists, p pager[Row], cursor string, limit int) (page[Row], error) {
	var from *Position
	var back bool
	if cursor != "" {
		pos, b, err := l.readCursor(p.query, cursor)
		if err != nil {
			return page[Row]{}, err
		}
		from, back = &pos, b
	}
	// One row more than asked for tells whether there are more.
	rows, err := p.read(ctx, from, back, limit+1)
	if err != nil || len(rows) == 0 {
		return page[Row]{}, err
	}
	further := len(rows) > limit
	rows = rows[:min(len(rows), limit)]
	// On the other side is at least the row that the cursor was made from, unless it was
	// deleted.
	behind := false
	if from != nil {
		nearest := p.position(rows[0])
		other, err := p.read(ctx, &nearest, !back, 1)
		if err != nil {
			return page[Row]{}, err
		}
		behind = len(other) > 0
	}
	if back {
		slices.Reverse(rows)
		further, behind = behind, further
	}
	found := page[Row]{rows: rows}
	if further {
		found.next = l.cursor(p.query, p.position(rows[len(rows)-1]), false)
	}
	if behind {
		found.prev = l.cursor(p.query, p.position(rows[0]), true)
	}
	return found, nil
}

// all calls visit for every row in order, and ends with its first error.
func (p pager[Row]) all(ctx context.Context, visit func(Row) error) error {
	first, err := p.read(ctx, nil, false, admin.MaxPage)
	if err != nil {
		return err
	}
	return Each(first, admin.MaxPage, p.position, func(from Position) ([]Row, error) {
		return p.read(ctx, &from, false, admin.MaxPage)
	}, visit)
}

// Each calls visit for every row in order, and ends with its first error. The first page
// has been read already. The others are read one by one, so that a slow visit keeps no
// read open; a page of fewer than size rows is the last.
func Each[Row any](page []Row, size int, position func(Row) Position, next func(Position) ([]Row, error), visit func(Row) error) (err error) {
	for {
		for _, row := range page {
			if err := visit(row); err != nil {
				return err
			}
		}
		if len(page) < size {
			return nil
		}
		if page, err = next(position(page[len(page)-1])); err != nil {
			return err
		}
	}
}
