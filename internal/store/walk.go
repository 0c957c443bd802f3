package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/store/sqldb"
)

// stretch is a part of the order where people of a filter are found.
type stretch struct {
	from   string   // tables, users among them
	at, id string   // what the order goes by in these
	where  []clause // besides the conditions on users
	bounds []bound
	few    int64 // no index has it in order, so it has to have few entries; 0: one has
	// entries counts those; of a stretch that has to have few.
	entries clause
}

// bound is a condition on a time by which people are ordered, perhaps: then a walk
// may begin or end there.
type bound struct {
	column string
	least  bool // at is the smallest, and else the largest
	at     int64
}

func (b bound) clause() clause {
	if b.least {
		return clause{b.column + " >= ?", []any{b.at}}
	}
	return clause{b.column + " <= ?", []any{b.at}}
}

func (b bound) admits(at int64) bool { return b.least && at >= b.at || !b.least && at <= b.at }

// A token is of the last login, or that login has kept it (tokens.login_at). So who
// has one of the last login, and how long that lives, is told by the order of last
// logins. In the order of first logins, nobody has a token of a time before; the
// day there is for clocks that went wrong.
const clocks = int64(24 * time.Hour / time.Millisecond)

const lifetime = int64(refreshLifetime / time.Millisecond)

// ended adds where those stand in the order whose token has ended by now, or is
// dead: the tokens of that time on have ended, and few later ones are dead.
func (sel *selection) ended(d sqldb.Dialect, now int64) {
	at := "users." + sel.column
	until := now - lifetime
	if sel.column == "first_login_at" {
		until += clocks
	}
	const dead = "tokens.dead_reason IS NOT NULL AND tokens.ends_at > ?"
	late := stretch{
		from:    "tokens" + d.IndexedBy("tokens_dead") + " CROSS JOIN users",
		at:      at,
		id:      "users.id",
		where:   []clause{{text: "users.id = tokens.user_id"}, {dead, []any{now}}},
		bounds:  []bound{{at, true, until + 1}},
		few:     fewOfOther,
		entries: clause{"SELECT 1 FROM tokens WHERE " + dead, []any{now}},
	}
	sel.stretches = []stretch{sel.ordered(d, bound{at, false, until}), late}
	if sel.column == "last_login_at" {
		sel.stretches = append(sel.stretches, kept(d, clause{"tokens.ends_at <= ?", []any{now}}, bound{keptAt, true, until + 1}))
	}
}

// ending adds where those stand in the order whose token lives, and ends within
// two moments.
func (sel *selection) ending(d sqldb.Dialect, after, until int64) {
	first, last := after-lifetime+1, until-lifetime
	sel.bounds = append(sel.bounds, bound{"users.first_login_at", false, last + clocks})
	if sel.column != "last_login_at" {
		sel.bounds = append(sel.bounds, bound{"users.last_login_at", true, first - clocks})
		return
	}
	soon := clause{"tokens.dead_reason IS NULL AND tokens.ends_at > ? AND tokens.ends_at <= ?", []any{after, until}}
	sel.stretches = []stretch{
		sel.ordered(d, bound{"users.last_login_at", true, first}, bound{"users.last_login_at", false, last}),
		kept(d, soon, bound{keptAt, true, last + 1}),
		kept(d, soon, bound{keptAt, false, first - 1}), // clocks that went wrong
	}
}

const keptAt = "tokens.login_at"

// kept are the people whose last login has kept their token.
func kept(d sqldb.Dialect, which clause, bounds ...bound) stretch {
	return stretch{
		from:   "tokens" + d.IndexedBy("tokens_kept") + " CROSS JOIN users",
		at:     keptAt,
		id:     "tokens.user_id",
		where:  []clause{{text: "users.id = tokens.user_id"}, {text: "tokens.login_at <> tokens.issued_at"}, which},
		bounds: bounds,
	}
}

// ordered is the order of all people, within bounds.
func (sel *selection) ordered(d sqldb.Dialect, bounds ...bound) stretch {
	return stretch{from: "users" + d.IndexedBy(sel.index), at: "users." + sel.column, id: "users.id", bounds: bounds}
}

// shorten has the whole order walked after all, where a stretch has many entries
// that it should have few of. Then there are enough of them everywhere.
func (p *people) shorten(ctx context.Context, people float64) error {
	for _, st := range p.stretches {
		if st.few == 0 {
			continue
		}
		var n int64
		limit := few(st.few, people)
		err := p.store.get(ctx, &n, clause{"SELECT COUNT(*) FROM (" + st.entries.text + " LIMIT ?) AS counted", append(slices.Clone(st.entries.args), limit+1)})
		if err != nil {
			return err
		}
		if n > limit {
			p.stretches = nil
			return nil
		}
	}
	return nil
}

// walking finds the people by going through the order.
func (p *people) walking(from *place, back bool, limit int) clause {
	if len(p.stretches) == 0 {
		return p.along(p.ordered(p.store.db.Dialect), from, back, limit)
	}
	var parts []string
	var args []any
	for _, st := range p.stretches {
		part := p.along(st, from, back, limit)
		parts = append(parts, "SELECT * FROM ("+part.text+") AS stretch")
		args = append(args, part.args...)
	}
	return clause{strings.Join(parts, " UNION ALL "), args}.first(p.column, "id", p.direction(back), limit)
}

// along finds the people of a stretch.
func (p *people) along(st stretch, from *place, back bool, limit int) clause {
	up := p.down == back
	where := slices.Concat(st.where, p.where)
	for _, b := range slices.Concat(st.bounds, p.bounds) {
		if from != nil && b.column == st.at && b.least == up {
			// The walk begins at the cursor or at the bound, whichever comes later. Of two,
			// SQLite might take the other.
			if b.admits(from.at) {
				continue
			}
			from = nil
		}
		where = append(where, b.clause())
	}
	if from != nil {
		beyond := " > "
		if !up {
			beyond = " < "
		}
		where = append(where, clause{"(" + st.at + ", " + st.id + ")" + beyond + "(?, ?)", []any{from.at, from.id}})
	}
	return clause{text: "SELECT " + userColumns + " FROM " + st.from}.and(where).first(st.at, st.id, p.direction(back), limit)
}

// first are the first rows of an order.
func (c clause) first(at, id, direction string, limit int) clause {
	return clause{c.text + " ORDER BY " + at + direction + ", " + id + direction + " LIMIT ?", append(c.args, limit)}
}
