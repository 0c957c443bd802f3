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
// the engine has counted, or counts the entries of an index, and looks at those
// that have ended and are not swept away yet, and those of the next hours: few.
func (s *Store) CountSessions(ctx context.Context) (map[auth.SessionKind]int64, error) {
	var row struct {
		Visitors int64 `db:"visitors"`
		Ended    int64 `db:"ended"`
		Desks    int64 `db:"desks"`
	}
	now := s.now()
	err := s.reader.GetContext(ctx, &row, `SELECT (`+s.dialect.countSessions+`) AS visitors,
		(SELECT COUNT(*) FROM sessions WHERE ends_at <= $1 AND kind = 'visitor') AS ended,
		(SELECT COUNT(*) FROM sessions WHERE ends_at > $1 AND ends_at <= $2 AND kind = 'desk') AS desks`,
		millis(now), millis(now.Add(auth.DeskLifetime)))
	if err != nil {
		return nil, s.fail(ctx, "count sessions", err)
	}
	return map[auth.SessionKind]int64{
		auth.VisitorSession: row.Visitors - row.Ended,
		auth.DeskSession:    row.Desks,
	}, nil
}
