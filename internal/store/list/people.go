package list

import (
	"context"
	"math"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// people are the people of a query. Where one of its conditions matches few, they are
// gathered by the index of that condition and sorted; otherwise the order is scanned, and
// nearly every row is a match.
type people struct {
	selection
	lists     *Lists
	gathered  bool
	positions []Position // all of them in order, if gathered
	total     admin.Total
	counted   bool // total is known
}

// listedUser is a person of a list.
type listedUser struct {
	UserRow
	At      int64           `db:"at"` // what the order goes by
	Further []auth.Identity `db:"-"`  // identities besides the first
}

// user is the person of the row, with their identities.
func (r listedUser) user() auth.User {
	return r.User().WithFurther(r.Further)
}

func (r listedUser) position() Position { return Position{At: r.At, ID: r.ID} }

// MaxTotal is how far people are counted for a page.
const MaxTotal = 10_000

// people plans how the people of a query are best read.
func (l *Lists) people(ctx context.Context, q admin.UserQuery) (*people, error) {
	sel, err := l.selection(ctx, q)
	if err != nil {
		return nil, l.db.Fail(ctx, "list users", err)
	}
	p := &people{selection: sel, lists: l}
	if err := p.plan(ctx); err != nil {
		return nil, l.db.Fail(ctx, "list users", err)
	}
	return p, nil
}

// plan counts the entries of the candidate indexes, and gathers the people by the index
// with the fewest, if those are few.
func (p *people) plan(ctx context.Context) error {
	if len(p.candidates) == 0 {
		return nil
	}
	roughly, err := p.lists.roughly(ctx)
	if err != nil {
		return err
	}
	var smallest *candidateIndex
	var least int64
	for i, index := range p.candidates {
		few := few(index.few, roughly)
		limit := few
		if index.listed.Text != "" {
			limit = fewToList
		}
		if len(p.candidates) == 1 && index.exact {
			limit = max(limit, p.lists.maxTotal)
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
		case index.listed.Text != "" && count.Entries <= fewToList:
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
	return p.gather(ctx, *smallest, least > few(fewOfOther, roughly))
}

// few scales a threshold that was measured with a million people: the break-even point
// grows with the square root of the number of people. More, or an unknown number, count as
// a million.
func few(ofMillion int64, people float64) int64 {
	if people < 0 || people >= aMillion {
		return ofMillion
	}
	return int64(float64(ofMillion) * math.Sqrt(people/aMillion))
}

// moreThan is a total of more than n, which is rounded down to its first digit.
func moreThan(n int64) admin.Total {
	unit := int64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return admin.Total{N: n - n%unit, More: true}
}

// count counts all people of the query.
func (p *people) count(ctx context.Context) (n int64, err error) {
	switch {
	case p.counted && !p.total.More:
		return p.total.N, nil
	case len(p.candidates) == 0:
		return p.lists.countPeople(ctx, true)
	case len(p.candidates) == 1 && p.candidates[0].exact:
		count, err := p.countEntries(ctx, p.candidates[0], math.MaxInt64)
		return count.People, err
	default:
		err = p.lists.db.Get(ctx, &n, sqldb.SQL("SELECT COUNT(*) FROM "+p.beside).And(p.conditions()))
		return n, err
	}
}

// read returns up to limit people from a position on, nearest first; from the start
// when there is none, and against the order when back.
func (p *people) read(ctx context.Context, from *Position, back bool, limit int) ([]listedUser, error) {
	if p.gathered {
		return p.readGathered(ctx, from, back, limit)
	}
	if len(p.streams) > 0 {
		return p.readStreams(ctx, from, back, limit)
	}
	return p.rows(ctx, p.scanOrder(from, back, limit))
}

// readStreams merges the scans of several indexes. Once the page is full, the remaining
// indexes are read no further than its last row: they would step over everybody who
// belongs to another stream.
func (p *people) readStreams(ctx context.Context, from *Position, back bool, limit int) (all []listedUser, err error) {
	var to *Position
	for _, stream := range p.streams {
		one := p.of(stream, to, back)
		if one.past(from, back) {
			continue
		}
		rows, err := p.rows(ctx, one.scanOrder(from, back, limit))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		slices.SortFunc(all, func(a, b listedUser) int { return p.compare(a.position(), b.position(), back) })
		if len(all) >= limit {
			all = all[:limit]
			last := all[limit-1].position()
			to = &last
		}
	}
	return all, nil
}

func (p *people) rows(ctx context.Context, c sqldb.Clause) (rows []listedUser, err error) {
	if err := p.lists.db.Select(ctx, &rows, c); err != nil {
		return nil, p.lists.db.Fail(ctx, "list users", err)
	}
	further, err := p.lists.FurtherIdentities(ctx, each(rows, func(r listedUser) string { return r.ID }))
	for i, row := range rows {
		rows[i].Further = further[row.ID]
	}
	return rows, err
}
