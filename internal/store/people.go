package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/admin"
)

// people are those of a query. Where a part of it names few, these are gathered
// by its index and put in order; else the order is walked, and nearly every step
// is a hit.
type people struct {
	selection
	store    *Store
	gathered bool
	places   []place // all of them in order, if gathered
	total    admin.Total
	counted  bool // total is known
}

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

// plan counts what the sources have, and gathers the people by the smallest if it
// has few.
func (p *people) plan(ctx context.Context) error {
	if len(p.sources) == 0 {
		return nil
	}
	var roughly float64
	if err := p.store.db.GetContext(ctx, &roughly, p.store.counts().roughly); err != nil {
		return err
	}
	var smallest *source
	var least int64
	for i, src := range p.sources {
		src.few = few(src.few, roughly)
		limit := src.few
		if src.listed.text != "" {
			limit = max(limit, fewToList)
		}
		if len(p.sources) == 1 {
			limit = max(limit, maxTotal)
		}
		var count struct {
			Entries int64 `db:"entries"`
			People  int64 `db:"people"`
		}
		if err := p.store.get(ctx, &count, src.counting(limit+1)); err != nil {
			return err
		}
		switch {
		case src.few > 0 && count.Entries <= src.few && (smallest == nil || count.Entries < least):
			smallest, least = &p.sources[i], count.Entries
		case src.listed.text != "" && count.Entries <= fewToList:
			p.where[src.where] = src.listed
		}
		if len(p.sources) == 1 && src.exact {
			p.counted = true
			p.total = admin.Total{N: count.People}
			if count.Entries > limit {
				p.total = moreThan(count.People - 1)
			}
		}
	}
	if smallest == nil {
		return p.shorten(ctx, roughly)
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

// counting counts entries up to a limit.
func (src source) counting(limit int64) clause {
	return clause{"SELECT COUNT(*) AS entries, " + src.people + " AS people FROM (" + src.entries.text + " LIMIT ?) AS counted",
		append(slices.Clone(src.entries.args), limit)}
}

// moreThan is a total of more than n, told in a round number.
func moreThan(n int64) admin.Total {
	unit := int64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return admin.Total{N: n - n%unit, More: true}
}

// gather reads where all the people stand in the order.
func (p *people) gather(ctx context.Context, src source) error {
	var rows []struct {
		At int64  `db:"at"`
		ID string `db:"id"`
	}
	if err := p.store.list(ctx, &rows, p.gathering(src)); err != nil {
		return err
	}
	for _, row := range rows {
		p.places = append(p.places, place{row.At, row.ID})
	}
	p.gathered, p.counted, p.total = true, true, admin.Total{N: int64(len(rows))}
	return nil
}

// gathering finds the people by a source. The unary plus keeps the engines from
// walking the order nevertheless.
func (p *people) gathering(src source) clause {
	where := p.conditions()
	if src.link != "" {
		where = append([]clause{{text: src.link}}, where...)
	}
	c := clause{"SELECT users." + p.column + " AS at, users.id FROM " + src.from.text, slices.Clone(src.from.args)}.and(where)
	order := p.direction(false)
	c.text += " ORDER BY +users." + p.column + order + ", users.id" + order
	return c
}

// conditions are all that the people fulfil.
func (p *people) conditions() []clause {
	all := slices.Clone(p.where)
	for _, b := range p.bounds {
		all = append(all, b.clause())
	}
	return all
}

// and adds conditions.
func (c clause) and(where []clause) clause {
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

func (p *people) direction(back bool) string {
	if p.down != back {
		return " DESC"
	}
	return " ASC"
}

// read returns up to limit people from a place on, nearest first; from the start
// when there is no place, and against the order when back.
func (p *people) read(ctx context.Context, from *place, back bool, limit int) ([]userRow, error) {
	if p.gathered {
		return p.pick(ctx, from, back, limit)
	}
	return p.rows(ctx, p.walking(from, back, limit))
}

func (p *people) rows(ctx context.Context, c clause) (rows []userRow, err error) {
	err = p.store.list(ctx, &rows, c)
	return rows, p.store.fail(ctx, "list users", err)
}

// pick is read of people who have been gathered. Who has been erased since is
// left out.
func (p *people) pick(ctx context.Context, from *place, back bool, limit int) ([]userRow, error) {
	places := p.places
	if from != nil {
		i, found := slices.BinarySearchFunc(places, *from, p.compare)
		if back {
			places = places[:i]
		} else {
			if found {
				i++
			}
			places = places[i:]
		}
	}
	places = slices.Clone(places)
	if back {
		slices.Reverse(places)
	}
	places = places[:min(limit, len(places))]
	if len(places) == 0 {
		return nil, nil
	}
	var ids []any
	for _, place := range places {
		ids = append(ids, place.id)
	}
	rows, err := p.rows(ctx, clause{text: "SELECT " + userColumns + " FROM users"}.and([]clause{in("users.id", ids)}))
	// In the order as it was gathered: who logs in meanwhile stays where they were.
	at := make(map[string]int, len(places))
	for i, place := range places {
		at[place.id] = i
	}
	slices.SortFunc(rows, func(a, b userRow) int { return cmp.Compare(at[a.ID], at[b.ID]) })
	return rows, err
}

// compare says which of two places comes first in the order.
func (p *people) compare(a, b place) int {
	order := cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	if p.down {
		return -order
	}
	return order
}

// place is where a person stands in the order.
func (p *people) place(row userRow) place {
	if p.column == "last_login_at" {
		return place{at: row.LastLoginAt, id: row.ID}
	}
	return place{at: row.FirstLoginAt, id: row.ID}
}
