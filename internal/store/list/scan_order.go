package list

import (
	"cmp"
	"slices"

	"wxlogin/internal/store/sqldb"
)

// conditions are all conditions of the selection.
func (sel *selection) conditions() []sqldb.Clause {
	where := slices.Concat(sel.where, sel.late)
	if sel.gatherAt.Text != "" {
		return append(where, sel.gatherAt.Then(" IS NOT NULL"))
	}
	if sel.group != "" {
		where = append(where, sqldb.SQL(sel.group+" <> '' AND "+sel.group+" = $1", sel.value))
	}
	if sel.low != nil {
		where = append(where, sqldb.SQL(sel.at+" >= $1", sel.low.At))
	}
	if sel.high != nil {
		where = append(where, sqldb.SQL(sel.at+" < $1", sel.high.At))
	}
	return where
}

// of restricts the selection to one of its streams, up to a position: rows beyond that are
// on no page, as another stream has enough rows before it.
func (sel *selection) of(stream stream, to *Position, back bool) *selection {
	one := &selection{order: stream.order, where: slices.Concat(sel.where, stream.where), low: sel.low, high: sel.high}
	one.down = sel.down
	if stream.low != nil && (one.low == nil || one.low.At < stream.low.At) {
		one.low = stream.low
	}
	if stream.high != nil && (one.high == nil || one.high.At > stream.high.At) {
		one.high = stream.high
	}
	switch {
	case to == nil:
	case sel.down != back && (one.low == nil || one.low.At < to.At):
		one.low = &Position{At: to.At}
	case sel.down == back && (one.high == nil || one.high.At > to.At):
		one.high = &Position{At: to.At + 1}
	}
	return one
}

// past says whether a position is beyond the far end of the segment.
func (sel *selection) past(from *Position, back bool) bool {
	far := sel.high
	if sel.down != back {
		far = sel.low
	}
	return from != nil && far != nil && sel.compare(*from, *far, back) > 0
}

// scanOrder finds people by a scan of the segment of the order that has them: from a
// position on, or from the near end if that comes later.
func (sel *selection) scanOrder(from *Position, back bool, limit int) sqldb.Clause {
	near, far, after, before := sel.low, sel.high, ">", "<"
	if sel.down != back {
		near, far, after, before = far, near, before, after
	}
	// Given two starts, SQLite might choose the one from which it reads more.
	if from == nil || near != nil && sel.compare(*from, *near, back) < 0 {
		from = near
	}
	where := slices.Clone(sel.where)
	switch {
	case sel.equal:
		where = append(where, sqldb.SQL(sel.group+" = $1", sel.value))
	case sel.group != "":
		where = append(where, sqldb.SQL(sel.group+" <> ''")) // the condition of a partial index
	}
	where = append(where, sel.end(from, after)...)
	where = append(where, sel.end(far, before)...)
	direction := sel.direction(back)
	by := sel.at + direction + ", " + sel.id + direction
	if sel.group != "" {
		by = sel.group + direction + ", " + by
	}
	return sqldb.SQL("SELECT "+UserColumns+", "+sel.at+" AS at FROM "+sel.scanned).And(where).
		Then(" ORDER BY "+by+" LIMIT $1", limit)
}

// end is the condition for one end of a segment, or of the group where the segment has no
// such end. A group is given as a range, and as an equality only if no other index is in
// question: with an equality, PostgreSQL picks any index of the times, expecting to meet
// enough of the group soon, and scans past everybody who came since the last of them. Of a
// range it assumes that the whole group is in it.
func (sel *selection) end(at *Position, side string) []sqldb.Clause {
	grouped := sel.group != "" && !sel.equal
	switch {
	case at == nil && !grouped:
		return nil
	case at == nil:
		return []sqldb.Clause{sqldb.SQL(sel.group+" "+side+"= $1", sel.value)}
	case sel.loose:
		return []sqldb.Clause{
			sqldb.SQL(sel.at+" "+side+"= $1", at.At),
			// Not an OR: PostgreSQL would estimate that few rows match, when nearly all
			// do.
			sqldb.SQL("CASE WHEN "+sel.at+" = $1 THEN "+sel.id+" "+side+" $2 ELSE true END", at.At, at.ID),
		}
	case !grouped:
		return []sqldb.Clause{sqldb.SQL("("+sel.at+", "+sel.id+") "+side+" ($1, $2)", at.At, at.ID)}
	default:
		return []sqldb.Clause{sqldb.SQL("("+sel.group+", "+sel.at+", "+sel.id+") "+side+" ($1, $2, $3)", sel.value, at.At, at.ID)}
	}
}

func (o order) direction(back bool) string {
	if o.down != back {
		return " DESC"
	}
	return " ASC"
}

// compare compares two positions by the order, or against it when back.
func (o order) compare(a, b Position, back bool) int {
	if o.down != back {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
}
