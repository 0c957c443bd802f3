package list

import (
	"cmp"
	"slices"

	"wxlogin/internal/store/sqldb"
)

// conditions are all that the people fulfil.
func (sel *selection) conditions() []sqldb.Clause {
	where := sel.joined()
	if sel.low != nil {
		where = append(where, sqldb.SQL(sel.at+" >= $1", sel.low.At))
	}
	if sel.high != nil {
		where = append(where, sqldb.SQL(sel.at+" < $1", sel.high.At))
	}
	return where
}

// joined are the conditions but those of the segment.
func (sel *selection) joined() []sqldb.Clause {
	where := slices.Clone(sel.where)
	if sel.link != "" {
		where = append(where, sqldb.SQL(sel.link))
	}
	return where
}

// scanOrder finds people by going through the segment of the order that has them:
// from a position on, or from its near end if that comes later.
func (sel *selection) scanOrder(from *Position, back bool, limit int) sqldb.Clause {
	near, far, after, before := sel.low, sel.high, ">", "<"
	if sel.down != back {
		near, far, after, before = far, near, before, after
	}
	// Of two starts, SQLite might take the one that has it read more.
	if from == nil || near != nil && sel.compare(*from, *near, back) < 0 {
		from = near
	}
	where := sel.joined()
	for _, end := range []struct {
		*Position
		side string
	}{{from, after}, {far, before}} {
		if end.Position != nil {
			where = append(where, sqldb.SQL("("+sel.at+", "+sel.id+") "+end.side+" ($1, $2)", end.At, end.ID))
		}
	}
	direction := sel.direction(back)
	return sqldb.SQL("SELECT "+UserColumns+", "+sel.at+" AS at FROM "+sel.scanned).And(where).
		Then(" ORDER BY "+sel.at+direction+", "+sel.id+direction+" LIMIT $1", limit)
}

func (o order) direction(back bool) string {
	if o.down != back {
		return " DESC"
	}
	return " ASC"
}

// compare says which of two positions comes first in the order, or against it.
func (o order) compare(a, b Position, back bool) int {
	if o.down != back {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
}
