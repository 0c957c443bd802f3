package store

import (
	"context"
	"fmt"
	"strings"

	"wxlogin/internal/auth"
)

// namedEventRow is an event with the nicknames of today.
type namedEventRow struct {
	eventRow
	ActorName   string `db:"actor_name"`
	SubjectName string `db:"subject_name"`
}

func (r namedEventRow) event() auth.NamedEvent {
	return auth.NamedEvent{Event: r.eventRow.event(), ActorName: r.ActorName, SubjectName: r.SubjectName}
}

func (r namedEventRow) place() place { return place{at: r.At, id: r.ID} }

// namedEvents finds people by id. A grant's subject is an openid, because it may
// come before the person.
const namedEvents = `SELECT events.id, events.at, events.actor, events.action, events.subject, events.detail,
		COALESCE(actors.nickname, '') AS actor_name, COALESCE(subjects.nickname, '') AS subject_name
	FROM events LEFT JOIN users AS actors ON actors.id = events.actor
		LEFT JOIN users AS subjects ON subjects.id = events.subject`

// eventWhere is an EventQuery in SQL.
func eventWhere(q auth.EventQuery) (where []string, args []any) {
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if q.Action != "" {
		where = append(where, "events.action = "+arg(q.Action))
	}
	if who := strings.TrimSpace(q.Who); who != "" {
		place := arg(who)
		// Each side has an index of its own. A grant is about an openid.
		where = append(where, strings.ReplaceAll(`events.id IN (SELECT id FROM events WHERE actor = $who
			UNION SELECT id FROM events WHERE subject = $who
			UNION SELECT id FROM events WHERE subject = (SELECT openid FROM users WHERE id = $who))`, "$who", place))
	}
	if !q.From.IsZero() {
		where = append(where, "events.at >= "+arg(millis(q.From)))
	}
	if !q.To.IsZero() {
		where = append(where, "events.at < "+arg(millis(q.To)))
	}
	return where, args
}

// readEvents returns up to limit entries from a place on, nearest first: older
// ones, or newer ones when back.
func (s *Store) readEvents(ctx context.Context, q auth.EventQuery, from *place, back bool, limit int) ([]namedEventRow, error) {
	where, args := eventWhere(q)
	order, beyond := "DESC", "<"
	if back {
		order, beyond = "ASC", ">"
	}
	if from != nil {
		args = append(args, from.at, from.id)
		where = append(where, fmt.Sprintf("(events.at, events.id) %s ($%d, $%d)", beyond, len(args)-1, len(args)))
	}
	query := namedEvents
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	args = append(args, limit)
	query += fmt.Sprintf(" ORDER BY events.at %s, events.id %s LIMIT $%d", order, order, len(args))
	var rows []namedEventRow
	if err := s.reader.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, s.fail(ctx, "list events", err)
	}
	return rows, nil
}

// eventTurner binds the cursors of the record to their query.
func (s *Store) eventTurner(q auth.EventQuery) turner[namedEventRow] {
	return turner[namedEventRow]{
		query: fmt.Sprintf("events %q %q %d %d", q.Action, q.Who, millis(q.From), millis(q.To)),
		read: func(ctx context.Context, from *place, back bool, limit int) ([]namedEventRow, error) {
			return s.readEvents(ctx, q, from, back, limit)
		},
		place: namedEventRow.place,
	}
}

// Events returns one page of the record. BadRequest for a limit out of range or
// a cursor that this query did not give.
func (s *Store) Events(ctx context.Context, q auth.EventQuery) (auth.EventPage, error) {
	limit, err := pageSize(q.Limit)
	if err == nil && len(q.Who) > maxSearch {
		err = auth.Failf(auth.BadRequest, "search text of %d bytes is too long", len(q.Who))
	}
	if err != nil {
		return auth.EventPage{}, err
	}
	leaf, err := turn(ctx, s, s.eventTurner(q), q.Cursor, limit)
	return auth.EventPage{Events: each(leaf.rows, namedEventRow.event), Next: leaf.next, Prev: leaf.prev}, err
}

// EachEvent calls visit for every entry that matches, newest first, and ends
// with its first error. Limit and Cursor do not count.
func (s *Store) EachEvent(ctx context.Context, q auth.EventQuery, visit func(auth.NamedEvent) error) error {
	return s.eventTurner(q).all(ctx, func(row namedEventRow) error { return visit(row.event()) })
}
