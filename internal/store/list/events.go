package list

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// namedEventRow is an event with the current nicknames.
type namedEventRow struct {
	EventRow
	ActorName   string `db:"actor_name"`
	SubjectName string `db:"subject_name"`
}

func (r namedEventRow) Event() admin.NamedEvent {
	return admin.NamedEvent{Event: r.EventRow.Event(), ActorName: r.ActorName, SubjectName: r.SubjectName}
}

// namedEvents joins people by id. The subject of a grant is an openid, because the grant
// may be made before the person has ever logged in.
const namedEvents = `SELECT events.id, events.at, events.actor, events.action, events.subject, events.detail,
		COALESCE(actors.nickname, '') AS actor_name, COALESCE(subjects.nickname, '') AS subject_name
	FROM events LEFT JOIN users AS actors ON actors.id = events.actor
		LEFT JOIN users AS subjects ON subjects.id = events.subject`

// eventWhere is an EventQuery in SQL, except for its Who.
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

// maxNamesakes is how many people of one name the audit log is searched for.
const maxNamesakes = 20

// whom lists the names that entries have to be by or about: the text itself, which may be
// the id of an erased person or an actor that is no person, and the people that it
// identifies, in full or by a part of their nickname. ErrTooMany when more than
// maxNamesakes people have that part.
func (l *Lists) whom(ctx context.Context, text string) ([]string, error) {
	whom := []string{text}
	var named []string
	if err := l.db.Select(ctx, &named, naming(text)); err != nil {
		return nil, l.db.Fail(ctx, "list events", err)
	}
	if len(named) == 0 {
		p, err := l.people(ctx, admin.UserQuery{Search: text})
		if err != nil {
			return nil, err
		}
		people, err := p.read(ctx, nil, false, maxNamesakes+1)
		if err != nil {
			return nil, err
		}
		if len(people) > maxNamesakes {
			return nil, auth.Fail(auth.BadRequest, admin.ErrTooMany)
		}
		named = each(people, func(r listedUser) string { return r.ID })
	}
	theirs, err := l.furtherNames(ctx, named)
	if err != nil {
		return nil, err
	}
	return append(whom, slices.DeleteFunc(append(named, theirs...), func(id string) bool { return id == text })...), nil
}

// furtherNames are the names besides their ids under which the audit log may know people:
// openids, and the ids that they had before a join.
func (l *Lists) furtherNames(ctx context.Context, ids []string) (names []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	theirs := sqldb.In("user_id", ids)
	err = l.db.Select(ctx, &names, sqldb.Join(sqldb.SQL("SELECT id FROM identities WHERE "), theirs, sqldb.SQL(" UNION ALL SELECT openid FROM identities WHERE "), theirs,
		sqldb.SQL(" LIMIT $1", maxNamesakes)))
	return names, l.db.Fail(ctx, "list events", err)
}

// eventsOf picks the entries by or about some people that can be on a page: the first ones
// of each person from each of the two indexes. The subject of a grant is an openid.
func eventsOf(whom []string, where []sqldb.Clause, order string, limit int) sqldb.Clause {
	var picked sqldb.Clause
	word := "events.id IN ("
	for _, who := range whom {
		for _, theirs := range []string{"actor = $1", "subject = $1", "subject = (SELECT openid FROM users WHERE id = $1)"} {
			c := sqldb.SQL("SELECT id FROM events").And(append([]sqldb.Clause{sqldb.SQL("events."+theirs, who)}, where...))
			picked = sqldb.Join(picked, sqldb.SQL(word+"SELECT id FROM ("), c, sqldb.SQL(" ORDER BY at"+order+", id"+order+" LIMIT $1) AS picked", limit))
			word = " UNION "
		}
	}
	return picked.Then(")")
}

// readEvents returns up to limit entries from a position on, nearest first: older ones, or
// newer ones when back. With a nil whom they are everybody's.
func (l *Lists) readEvents(ctx context.Context, q admin.EventQuery, whom []string, from *Position, back bool, limit int) ([]namedEventRow, error) {
	c := findEvents(q, whom, from, back, limit)
	var rows []namedEventRow
	err := l.db.Select(ctx, &rows, c)
	return rows, l.db.Fail(ctx, "list events", err)
}

func findEvents(q admin.EventQuery, whom []string, from *Position, back bool, limit int) sqldb.Clause {
	where := eventWhere(q)
	order, beyond := " DESC", "<"
	if back {
		order, beyond = " ASC", ">"
	}
	if from != nil {
		where = append(where, sqldb.SQL("(events.at, events.id) "+beyond+" ($1, $2)", from.At, from.ID))
	}
	if whom != nil {
		where = append(where, eventsOf(whom, where, order, limit))
	}
	return sqldb.SQL(namedEvents).And(where).Then(" ORDER BY events.at"+order+", events.id"+order+" LIMIT $1", limit)
}

// eventPager binds the cursors of the audit log to their query. BadRequest for a text that
// is too long, or that too many people have in their nickname.
func (l *Lists) eventPager(ctx context.Context, q admin.EventQuery) (pager[namedEventRow], error) {
	var whom []string
	if !admin.Searchable(q.Who) {
		return pager[namedEventRow]{}, auth.Failf(auth.BadRequest, "search text of %d bytes is no text or too long", len(q.Who))
	}
	if who := strings.TrimSpace(q.Who); who != "" {
		var err error
		if whom, err = l.whom(ctx, who); err != nil {
			return pager[namedEventRow]{}, err
		}
	}
	return pager[namedEventRow]{
		query: fmt.Sprintf("events %q %q %d %d", q.Action, q.Who, millis(q.From), millis(q.To)),
		read: func(ctx context.Context, from *Position, back bool, limit int) ([]namedEventRow, error) {
			return l.readEvents(ctx, q, whom, from, back, limit)
		},
		position: func(row namedEventRow) Position { return Position{At: row.At, ID: row.ID} },
	}, nil
}

// Events returns one page of the audit log. BadRequest for a limit out of range, a
// cursor that this query did not give, or ErrTooMany people of a name.
func (l *Lists) Events(ctx context.Context, q admin.EventQuery) (admin.EventPage, error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return admin.EventPage{}, err
	}
	pager, err := l.eventPager(ctx, q)
	if err != nil {
		return admin.EventPage{}, err
	}
	found, err := pageAt(ctx, l, pager, q.Cursor, limit)
	return admin.EventPage{Events: each(found.rows, namedEventRow.Event), Next: found.next, Prev: found.prev}, err
}

// EachEvent calls visit for every entry that matches, newest first, and ends with its
// first error. Limit and Cursor are ignored.
func (l *Lists) EachEvent(ctx context.Context, q admin.EventQuery, visit func(admin.NamedEvent) error) error {
	pager, err := l.eventPager(ctx, q)
	if err != nil {
		return err
	}
	return pager.all(ctx, func(row namedEventRow) error { return visit(row.Event()) })
}
