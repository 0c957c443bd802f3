package list

import (
	"context"
	"fmt"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// namedEventRow is an event with the nicknames of today.
type namedEventRow struct {
	EventRow
	ActorName   string `db:"actor_name"`
	SubjectName string `db:"subject_name"`
}

func (r namedEventRow) Event() admin.NamedEvent {
	return admin.NamedEvent{Event: r.EventRow.Event(), ActorName: r.ActorName, SubjectName: r.SubjectName}
}

// namedEvents finds people by id. A grant's subject is an openid, because it may
// come before the person.
const namedEvents = `SELECT events.id, events.at, events.actor, events.action, events.subject, events.detail,
		COALESCE(actors.nickname, '') AS actor_name, COALESCE(subjects.nickname, '') AS subject_name
	FROM events LEFT JOIN users AS actors ON actors.id = events.actor
		LEFT JOIN users AS subjects ON subjects.id = events.subject`

// eventWhere is an EventQuery in SQL, but for who.
func eventWhere(q admin.EventQuery) (where []sqldb.Clause) {
	if q.Action != "" {
		where = append(where, sqldb.SQL("events.action = $1", q.Action))
	}
	if !q.From.IsZero() {
		where = append(where, sqldb.SQL("events.at >= $1", millis(q.From)))
	}
	if !q.To.IsZero() {
		where = append(where, sqldb.SQL("events.at < $1", millis(q.To)))
	}
	return where
}

// eventsOf picks the entries by or about somebody that can be on a page: the first
// ones by each of the two indexes. A grant is about an openid.
func eventsOf(who string, where []sqldb.Clause, order string, limit int) sqldb.Clause {
	var picked sqldb.Clause
	word := "events.id IN ("
	for _, theirs := range []string{"actor = $1", "subject = $1", "subject = (SELECT openid FROM users WHERE id = $1)"} {
		c := sqldb.SQL("SELECT id FROM events").And(append([]sqldb.Clause{sqldb.SQL("events."+theirs, who)}, where...))
		picked = sqldb.Join(picked, sqldb.SQL(word+"SELECT id FROM ("), c, sqldb.SQL(" ORDER BY at"+order+", id"+order+" LIMIT $1) AS picked", limit))
		word = " UNION "
	}
	return picked.Then(")")
}

// readEvents returns up to limit entries from a position on, nearest first: older
// ones, or newer ones when back.
func (l *Lists) readEvents(ctx context.Context, q admin.EventQuery, from *Position, back bool, limit int) ([]namedEventRow, error) {
	where := eventWhere(q)
	order, beyond := " DESC", "<"
	if back {
		order, beyond = " ASC", ">"
	}
	if from != nil {
		where = append(where, sqldb.SQL("(events.at, events.id) "+beyond+" ($1, $2)", from.At, from.ID))
	}
	if who := strings.TrimSpace(q.Who); who != "" {
		where = append(where, eventsOf(who, where, order, limit))
	}
	c := sqldb.SQL(namedEvents).And(where).Then(" ORDER BY events.at"+order+", events.id"+order+" LIMIT $1", limit)
	var rows []namedEventRow
	err := l.db.Select(ctx, &rows, c)
	return rows, l.db.Fail(ctx, "list events", err)
}

// eventPager binds the cursors of the audit log to their query.
func (l *Lists) eventPager(q admin.EventQuery) pager[namedEventRow] {
	return pager[namedEventRow]{
		query: fmt.Sprintf("events %q %q %d %d", q.Action, q.Who, millis(q.From), millis(q.To)),
		read: func(ctx context.Context, from *Position, back bool, limit int) ([]namedEventRow, error) {
			return l.readEvents(ctx, q, from, back, limit)
		},
		position: func(row namedEventRow) Position { return Position{At: row.At, ID: row.ID} },
	}
}

// Events returns one page of the audit log. BadRequest for a limit out of range or
// a cursor that this query did not give.
func (l *Lists) Events(ctx context.Context, q admin.EventQuery) (admin.EventPage, error) {
	limit, err := pageSize(q.Limit)
	if err == nil && !admin.Searchable(q.Who) {
		err = auth.Failf(auth.BadRequest, "search text of %d bytes is no text or too long", len(q.Who))
	}
	if err != nil {
		return admin.EventPage{}, err
	}
	found, err := pageAt(ctx, l, l.eventPager(q), q.Cursor, limit)
	return admin.EventPage{Events: each(found.rows, namedEventRow.Event), Next: found.next, Prev: found.prev}, err
}

// EachEvent calls visit for every entry that matches, newest first, and ends
// with its first error. Limit and Cursor do not count.
func (l *Lists) EachEvent(ctx context.Context, q admin.EventQuery, visit func(admin.NamedEvent) error) error {
	return l.eventPager(q).all(ctx, func(row namedEventRow) error { return visit(row.Event()) })
}
