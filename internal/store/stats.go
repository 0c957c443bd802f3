package store

import (
	"context"
	"database/sql"
	"strconv"
	"sync"

	"wxlogin/internal/admin"
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

// keptCount is a count of very many rows. It is good for as long as the database is
// in the state in which it was counted, as with sessions.
type keptCount struct {
	mu    sync.Mutex
	state walHeader
	known bool
	n     int64
}

// of gives what was counted in a state.
func (c *keptCount) of(state walHeader) (n int64, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.known && c.state == state
}

func (c *keptCount) keep(state walHeader, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.known, c.n = state, true, n
}

// countPeople counts everybody.
func (s *Store) countPeople(ctx context.Context) (n int64, err error) {
	state, ok := s.cache.now()
	if n, known := s.everybody.of(state); ok && known {
		return n, nil
	}
	if err = s.reader.GetContext(ctx, &n, s.dialect.countPeople); err == nil && ok {
		s.everybody.keep(state, n)
	}
	return n, err
}

// CountSessions counts the sessions that have not ended, by kind. One that has
// only been idle for too long counts until Sweep finds it. It reads no session:
// the engine has counted, or counts the entries of an index, and looks at those
// that have ended and are not swept away yet, and those of the next hours: few.
func (s *Store) CountSessions(ctx context.Context) (map[auth.SessionKind]int64, error) {
	var row struct {
		Visitors int64 `db:"visitors"`
		Ended    int64 `db:"ended"`
		Admins   int64 `db:"admins"`
	}
	now := s.now()
	count := func(visitors string) error {
		return s.reader.GetContext(ctx, &row, `SELECT (`+visitors+`) AS visitors,
			(SELECT COUNT(*) FROM sessions WHERE ends_at <= $1 AND kind = 'visitor') AS ended,
			(SELECT COUNT(*) FROM sessions WHERE ends_at > $1 AND ends_at <= $2 AND kind = 'desk') AS admins`,
			millis(now), millis(now.Add(admin.SessionLifetime)))
	}
	state, ok := s.cache.now()
	visitors, known := s.signedIn.of(state)
	var err error
	if known = ok && known; known {
		err = count(strconv.FormatInt(visitors, 10))
		later, ok := s.cache.now()
		known = ok && later == state // else one number is of another moment than the others
	}
	if err == nil && !known {
		err = count(s.dialect.countSessions)
		if err == nil && ok {
			s.signedIn.keep(state, row.Visitors)
		}
	}
	if err != nil {
		return nil, s.fail(ctx, "count sessions", err)
	}
	return map[auth.SessionKind]int64{
		auth.VisitorSession: row.Visitors - row.Ended,
		auth.AdminSession:   row.Admins,
	}, nil
}
