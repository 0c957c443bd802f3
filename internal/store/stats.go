package store

import (
	"context"
	"database/sql"

	"wxlogin/internal/auth"
)

// Pools returns the connections by what they are for, to look at their
// statistics.
func (s *Store) Pools() map[string]*sql.DB {
	return map[string]*sql.DB{"reader": s.reader.DB.DB, "writer": s.writer.DB}
}

// WritesWaiting is how many transactions wait for the one writer of SQLite. With
// another engine they wait for a connection.
func (s *Store) WritesWaiting() int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}

// CountSessions counts the sessions that have not ended, by kind. One that has
// only been idle for too long counts until Sweep finds it. It reads no session:
// the engine counts the entries of an index, and looks at those that have ended
// and those of the next hours, which are few.
func (s *Store) CountSessions(ctx context.Context) (map[auth.SessionKind]int64, error) {
	var row struct {
		All   int64 `db:"present"`
		Ended int64 `db:"ended"`
		Desks int64 `db:"desks"`
	}
	now := s.now()
	err := s.reader.GetContext(ctx, &row, countSessions, millis(now), millis(now.Add(auth.DeskLifetime)))
	if err != nil {
		return nil, s.fail(ctx, "count sessions", err)
	}
	return map[auth.SessionKind]int64{
		auth.VisitorSession: row.All - row.Ended - row.Desks,
		auth.DeskSession:    row.Desks,
	}, nil
}

const countSessions = `SELECT
	(SELECT COUNT(*) FROM sessions) AS present,
	(SELECT COUNT(*) FROM sessions WHERE ends_at <= $1) AS ended,
	(SELECT COUNT(*) FROM sessions WHERE kind = 'desk' AND ends_at > $1 AND ends_at <= $2) AS desks`
