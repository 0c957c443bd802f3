package store

import (
	"context"
	"fmt"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// namedEventRow is an event with the nicknames of today.
type namedEventRow struct {
	eventRow
	ActorName   string `db:"actor_name"`
	SubjectName string `db:"subject_name"`
}

func (r namedEventRow) event() admin.NamedEvent {
	return admin.NamedEvent{Event: r.eventRow.event(), ActorName: r.ActorName, SubjectName: r.SubjectName}
}

// namedEvents finds people by id. A grant's subject is an openid, because it may
// come before the person.
const namedEvents = `SELECT events.id, events.at, events.actor, events.action, events.subject, events.detail,
		COALESCE(actors.nickname, '') AS actor_name, COALESCE(subjects.nickname, '') AS subject_name
	FROM events LEFT JOIN users AS actors ON actors.id = events.actor
		LEFT JOIN users AS subjects ON subjects.id = events.subject`

// eventWhere is an EventQuery in SQL, but for who.
func eventWhere(q admin.EventQuery) (where []clause) {
	if q.Action != "" {
		where = append(where, clause{"events.action = ?", []any{q.Action}})
	}
	if !q.From.IsZero() {
		where = append(where, clause{"events.at >= ?", []any{millis(q.From)}})
	}
	if !q.To.IsZero() {
		where = append(where, clause{"events.at < ?", []any{millis(q.To)}})
	}
	return where
}

// eventsOf picks the entries by or about somebody that can be on a page: the first
// ones by each of the two indexes. A grant is about an openid.
func eventsOf(who string, where []clause, order string, limit int) clause {
	var picked clause
	for _, theirs := range []string{"actor = ?", "subject = ?", "subject = (SELECT openid FROM users WHERE id = ?)"} {
		c := clause{text: "SELECT id FROM events"}.and(append([]clause{{"events." + theirs, []any{who}}}, where...))
		if picked.text != "" {
			picked.text += " UNION "
		}
		picked.text += "SELECT id FROM (" + c.text + " ORDER BY at" + order + ", id" + order + " LIMIT ?) AS picked"
		picked.args = append(append(picked.args, c.args...), limit)
	}
	return clause{"events.id IN (" + picked.text + ")", picked.args}
}

// readEvents returns up to limit entries from a position on, nearest first: older
// ones, or newer ones when back.
func (s *Store) readEvents(ctx context.Context, q admin.EventQuery, from *position, back bool, limit int) ([]namedEventRow, error) {
	where := eventWhere(q)
	order, beyond := " DESC", "<"
	if back {
		order, beyond = " ASC", ">"
	}
	if from != nil {
		where = append(where, clause{"(events.at, events.id) " + beyond + " (?, ?)", []any{from.at, from.id}})
	}
	if who := strings.TrimSpace(q.Who); who != "" {
		where = append(where, eventsOf(who, where, order, limit))
	}
	c := clause{text: namedEvents}.and(where)
	c.text += " ORDER BY events.at" + order + ", events.id" + order + " LIMIT ?"
	c.args = append(c.args, limit)
	var rows []namedEventRow
	err := s.list(ctx, &rows, c)
	return rows, s.fail(ctx, "list events", err)
}

// eventPager binds the cursors of the audit log to their query.
func (s *Store) eventPager(q admin.EventQuery) pager[namedEventRow] {
	return pager[namedEventRow]{
		query: fmt.Sprintf("events %q %q %d %d", q.Action, q.Who, millis(q.From), millis(q.To)),
		read: func(ctx context.Context, from *position, back bool, limit int) ([]namedEventRow, error) {
			return s.readEvents(ctx, q, from, back, limit)
		},
		position: func(row namedEventRow) position { return row.position() },
	}
}

// Events returns one page of the audit log. BadRequest for a limit out of range or
// a cursor that this query did not give.
func (s *Store) Events(ctx context.Context, q admin.EventQuery) (admin.EventPage, error) {
	limit, err := pageSize(q.Limit)
	if err == nil && len(q.Who) > maxSearch {
		err = auth.Failf(auth.BadRequest, "search text of %d bytes is too long", len(q.Who))
	}
	if err != nil {
		return admin.EventPage{}, err
	}
	found, err := pageAt(ctx, s, s.eventPager(q), q.Cursor, limit)
	return admin.EventPage{Events: each(found.rows, namedEventRow.event), Next: found.next, Prev: found.prev}, err
}

// EachEvent calls visit for every entry that matches, newest first, and ends
// with its first error. Limit and Cursor do not count.
func (s *Store) EachEvent(ctx context.Context, q admin.EventQuery, visit func(admin.NamedEvent) error) error {
	return s.eventPager(q).all(ctx, func(row namedEventRow) error { return visit(row.event()) })
}
