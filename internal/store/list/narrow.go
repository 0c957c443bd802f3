package list

import (
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// during adds when somebody came, first or last: a segment of the order that goes by
// it, else a range of the other index.
func (l *Lists) during(sel *selection, q admin.UserQuery) {
	rest := len(sel.where) > 0 || sel.link != "" // has to be looked up in the table
	sel.within(l.db.Dialect, fewOfUsers, "first_login_at", q.First)
	few := int64(fewOfLogins)
	if rest {
		few = fewOfUsers
	}
	sel.within(l.db.Dialect, few, "last_login_at", q.Last)
	sel.follow(q)
}

// within adds that a time of a person falls into a span.
func (sel *selection) within(d sqldb.Dialect, few int64, column string, span admin.Span) {
	if span.IsZero() {
		return
	}
	at := "users." + column
	var condition sqldb.Clause
	add := func(text string, t time.Time) {
		if t.IsZero() {
			return
		}
		if condition.Text != "" {
			condition.Text += " AND "
		}
		condition.Text += at + text
		condition.Args = append(condition.Args, millis(t))
	}
	add(" >= ?", span.From)
	add(" < ?", span.To)
	others := len(sel.where)
	sel.own(d, few, indexOf(column), condition.Text, condition.Args...)
	if sel.at == at {
		sel.where = sel.where[:others]
		sel.candidates[len(sel.candidates)-1].few = 0 // a scan reads nobody else
		sel.cut(span)
	}
}

// follow leaves out of the order what cannot have anybody who came in the spans of
// other times: nobody comes for the last time before the first. Without it, a scan
// that begins with who came long ago would go past all of them before it found the
// new ones.
func (sel *selection) follow(q admin.UserQuery) {
	const slack = 24 * time.Hour // clocks are set back
	var bound admin.Span
	if !q.First.From.IsZero() && sel.at != "users.first_login_at" {
		bound.From = q.First.From.Add(-slack) // of a token too: it ends after it was given
	}
	if !q.Last.To.IsZero() && sel.at == "users.first_login_at" {
		bound.To = q.Last.To.Add(slack)
	}
	if !q.Last.To.IsZero() && sel.link != "" {
		bound.To = q.Last.To.Add(auth.RefreshLifetime + slack)
	}
	sel.cut(bound)
}

// cut makes the segment of the order smaller.
func (sel *selection) cut(span admin.Span) {
	if !span.From.IsZero() && (sel.low == nil || sel.low.at < millis(span.From)) {
		sel.low = &position{at: millis(span.From)}
	}
	if !span.To.IsZero() && (sel.high == nil || sel.high.at > millis(span.To)) {
		sel.high = &position{at: millis(span.To)}
	}
}

// place adds where somebody is, as WeChat told it. WeChat tells it of hardly anybody
// who has come since 2021, so that the order of first logins would have to be gone
// through for years; the index of the place has its own.
func (l *Lists) place(sel *selection, q admin.UserQuery) {
	column, value := "city", q.City
	switch {
	case q.City == "" && q.Province == "":
		return
	case q.City == "":
		column, value = "province", q.Province
	case q.Province != "":
		sel.where = append(sel.where, sqldb.SQL("users.province = ?", q.Province))
	}
	index := "users_by_" + column
	sel.own(l.db.Dialect, fewOfUsers, index, "users."+column+" = ? AND users."+column+" <> ''", value)
	here := &sel.candidates[len(sel.candidates)-1]
	here.exact = q.City == "" || q.Province == ""
	if sel.at == "users.first_login_at" {
		sel.scanned = "users" + l.db.IndexedBy(index)
		here.few = 0
	}
}
