package store

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/admin"
)

// people are those of a query. Where a part of it names few, these are gathered
// by its index and put in order; else the order is scanned, and nearly every step
// is a hit.
type people struct {
	selection
	store     *Store
	gathered  bool
	positions []position // all of them in order, if gathered
	total     admin.Total
	counted   bool // total is known
}

// listedUser is a person of a list.
type listedUser struct {
	userRow
	At int64 `db:"at"` // what the order goes by
}

func (r listedUser) position() position { return position{at: r.At, id: r.ID} }

// maxTotal is how far people are counted for a page.
const maxTotal = 10_000

// get reads one row.
func (s *Store) get(ctx context.Context, dest any, c clause) error {
	return s.db.GetContext(ctx, dest, sqlx.Rebind(sqlx.DOLLAR, c.text), c.args...)
}

// list reads rows.
func (s *Store) list(ctx context.Context, dest any, c clause) error {
	return s.db.SelectContext(ctx, dest, sqlx.Rebind(sqlx.DOLLAR, c.text), c.args...)
}

// people finds out how the people of a query are best read.
func (s *Store) people(ctx context.Context, q admin.UserQuery) (*people, error) {
	sel, err := s.selection(ctx, q)
	if err != nil {
		return nil, s.fail(ctx, "list users", err)
	}
	p := &people{selection: sel, store: s}
	if err := p.plan(ctx); err != nil {
		return nil, s.fail(ctx, "list users", err)
	}
	return p, nil
}

// plan counts what the candidate indices have, and gathers the people by the one
// that has fewest, if those are few.
func (p *people) plan(ctx context.Context) error {
	if len(p.candidates) == 0 {
		return nil
	}
	var roughly float64
	if err := p.store.db.GetContext(ctx, &roughly, p.store.counts().roughly); err != nil {
		return err
	}
	var smallest *candidateIndex
	var least int64
	for i, index := range p.candidates {
		few := few(index.few, roughly)
		limit := few
		if index.listed.text != "" {
			limit = fewToList
		}
		if len(p.candidates) == 1 {
			limit = max(limit, maxTotal)
		}
		if limit == 0 {
			continue
		}
		count, err := p.countEntries(ctx, index, limit+1)
		if err != nil {
			return err
		}
		switch {
		case few > 0 && count.Entries <= few && (smallest == nil || count.Entries < least):
			smallest, least = &p.candidates[i], count.Entries
		case index.listed.text != "" && count.Entries <= fewToList:
			p.where = append(p.where, index.listed)
		}
		if len(p.candidates) == 1 && index.exact {
			p.counted = true
			p.total = admin.Total{N: count.People}
			if count.Entries > limit {
				p.total = moreThan(count.People - 1)
			}
		}
	}
	if smallest == nil {
		return nil
	}
	return p.gather(ctx, *smallest)
}

// few is what is few among so many people, where nobody knows how many among a
// million. Both ways take as long where the square of the few is as large as a
// multiple of all.
func few(ofMillion int64, people float64) int64 {
	if people < 0 || people >= aMillion {
		return ofMillion
	}
	return int64(float64(ofMillion) * math.Sqrt(people/aMillion))
}

// moreThan is a total of more than n, told in a round number.
func moreThan(n int64) admin.Total {
	unit := int64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return admin.Total{N: n - n%unit, More: true}
}

// count counts all of them.
func (p *people) count(ctx context.Context) (n int64, err error) {
	switch {
	case p.counted && !p.total.More:
		return p.total.N, nil
	case len(p.candidates) == 0:
		return p.store.countPeople(ctx)
	case len(p.candidates) == 1 && p.candidates[0].exact:
		count, err := p.countEntries(ctx, p.candidates[0], math.MaxInt64)
		return count.People, err
	default:
		err = p.store.get(ctx, &n, clause{text: "SELECT COUNT(*) FROM " + p.beside}.and(p.conditions()))
		return n, err
	}
}

// and adds conditions.
func (c clause) and(where []clause) clause {
	c.args = slices.Clone(c.args)
	for i, condition := range where {
		c.text += []string{" WHERE ", " AND "}[min(i, 1)] + condition.text
		c.args = append(c.args, condition.args...)
	}
	return c
}

// in says that a column has one of some values, at least one.
func in(column string, values []any) clause {
	return clause{column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", values}
}

// read returns up to limit people from a position on, nearest first; from the start
// when there is none, and against the order when back.
func (p *people) read(ctx context.Context, from *position, back bool, limit int) ([]listedUser, error) {
	if p.gathered {
		return p.readGathered(ctx, from, back, limit)
	}
	return p.rows(ctx, p.scanOrder(from, back, limit))
}

func (p *people) rows(ctx context.Context, c clause) (rows []listedUser, err error) {
	err = p.store.list(ctx, &rows, c)
	return rows, p.store.fail(ctx, "list users", err)
}
