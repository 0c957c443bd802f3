package list

import (
	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// narrow adds the conditions on the time of the first and the last login, and on the
// place.
func (l *Lists) narrow(sel *selection, q admin.UserQuery) error {
	if !q.Narrowed() {
		return nil
	}
	if q.Filter.ByTokenEnd() {
		return auth.Failf(auth.BadRequest, "filter %q goes by tokens, not by days or places", q.Filter)
	}
	l.place(sel, q)
	sel.within(l.db.Dialect, "first_login_at", q.First)
	sel.within(l.db.Dialect, "last_login_at", q.Last)
	if !q.First.From.IsZero() && sel.at == "users.last_login_at" {
		// No last login is before the first, except where clocks were set back. Without
		// this, a scan that begins with the oldest logins would pass over everybody before
		// the span until it found the first match.
		sel.cut(admin.Span{From: q.First.From.Add(-clockSlack)})
	}
	return nil
}

// within adds the condition that a time of a person falls into a span: as a segment of the
// order, if the order goes by that time, otherwise as a range of the time's own index.
func (sel *selection) within(d sqldb.Dialect, column string, span admin.Span) {
	if span.IsZero() {
		return
	}
	at := "users." + column
	var condition sqldb.Clause
	and := ""
	if !span.From.IsZero() {
		condition, and = sqldb.SQL(at+" >= $1", millis(span.From)), " AND "
	}
	if !span.To.IsZero() {
		condition = condition.Then(and+at+" < $1", millis(span.To))
	}
	others := len(sel.where)
	sel.own(d, fewOfUsers, indexOf(column), condition.Text, condition.Args...)
	if sel.at == at {
		sel.where = sel.where[:others]
		sel.candidates[len(sel.candidates)-1].few = 0 // the scan reads nobody else
		sel.cut(span)
	}
}

// cut narrows the segment of the order to a span.
func (sel *selection) cut(span admin.Span) {
	if !span.From.IsZero() && (sel.low == nil || sel.low.At < millis(span.From)) {
		sel.low = &Position{At: millis(span.From)}
	}
	if !span.To.IsZero() && (sel.high == nil || sel.high.At > millis(span.To)) {
		sel.high = &Position{At: millis(span.To)}
	}
}

// place adds the condition on the place of a person, as WeChat gave it. Each of the two
// orders has an index for it.
func (l *Lists) place(sel *selection, q admin.UserQuery) {
	column, value := "city", q.City
	switch {
	case q.City == "" && q.Province == "":
		return
	case q.City == "":
		column, value = "province", q.Province
	case q.Province != "":
		sel.where = append(sel.where, sqldb.SQL("users.province = $1", q.Province))
	}
	index := "users_by_" + column
	sel.own(l.db.Dialect, 0, index, "users."+column+" = $1 AND users."+column+" <> ''", value)
	sel.candidates[len(sel.candidates)-1].exact = q.City == "" || q.Province == ""
	if sel.at == "users.last_login_at" {
		index += "_last"
	}
	sel.scanned = "users" + l.db.IndexedBy(index)
	sel.where = sel.where[:len(sel.where)-1]
	sel.group, sel.value = "users."+column, value
}
