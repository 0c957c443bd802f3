package store

import (
	"context"
	"strconv"
	"sync"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// counts are statements that each engine has another quick way for.
type counts struct {
	people   string // all of them
	visitors string // sessions of visitors, ended ones included
}

var (
	sqliteCounts = counts{
		people:   `SELECT COUNT(*) FROM users`, // it counts the pages of the smallest index
		visitors: `SELECT (SELECT COUNT(*) FROM sessions) - (SELECT COUNT(*) FROM sessions WHERE user_id IS NULL)`,
	}
	postgresCounts = counts{
		people:   `SELECT COALESCE(SUM(people), 0)::BIGINT FROM totals`,
		visitors: `SELECT COALESCE(SUM(sessions), 0)::BIGINT FROM totals`,
	}
)

func (s *Store) counts() counts {
	if s.db.ManyWriters {
		return postgresCounts
	}
	return sqliteCounts
}

// cachedCount is a count of very many rows. It is good for as long as the database is
// in the state in which it was counted, as with sessions.
type cachedCount struct {
	mu    sync.Mutex
	state sqldb.State
	known bool
	n     int64
}

// of gives what was counted in a state.
func (c *cachedCount) of(state sqldb.State) (n int64, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.known && c.state == state
}

func (c *cachedCount) set(state sqldb.State, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.known, c.n = state, true, n
}

// countPeople counts everybody.
func (s *Store) countPeople(ctx context.Context) (n int64, err error) {
	state, ok := s.db.State()
	if n, known := s.everybody.of(state); ok && known {
		return n, nil
	}
	if err = s.db.GetContext(ctx, &n, s.counts().people); err == nil && ok {
		s.everybody.set(state, n)
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
		return s.db.GetContext(ctx, &row, `SELECT (`+visitors+`) AS visitors,
			(SELECT COUNT(*) FROM sessions WHERE ends_at <= $1 AND kind = 'visitor') AS ended,
			(SELECT COUNT(*) FROM sessions WHERE ends_at > $1 AND ends_at <= $2 AND kind = 'desk') AS admins`,
			millis(now), millis(now.Add(admin.SessionLifetime)))
	}
	state, ok := s.db.State()
	visitors, known := s.signedIn.of(state)
	var err error
	if known = ok && known; known {
		err = count(strconv.FormatInt(visitors, 10))
		later, ok := s.db.State()
		known = ok && later == state // else one number is of another moment than the others
	}
	if err == nil && !known {
		err = count(s.counts().visitors)
		if err == nil && ok {
			s.signedIn.set(state, row.Visitors)
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

// OtherAccounts counts the sessions of people of other accounts than these, which
// begin again with a login.
func (s *Store) OtherAccounts(ctx context.Context, appIDs []string) (sessions int64, err error) {
	others := sqldb.Join(sqldb.SQL(`SELECT COUNT(*) FROM sessions JOIN users ON users.id = sessions.user_id
		WHERE sessions.ends_at > $1 AND NOT `, millis(s.now())), sqldb.In("users.appid", appIDs))
	err = s.db.GetContext(ctx, &sessions, others.Text, others.Args...)
	return sessions, s.fail(ctx, "count sessions of other accounts", err)
}
