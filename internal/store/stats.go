package store

import (
	"context"
	"strconv"
	"sync"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// counts are statements for which each engine has a quick way of its own.
type counts struct {
	people   string // all people
	visitors string // sessions of visitors, ended ones included
}

var (
	sqliteCounts = counts{
		people:   `SELECT COUNT(*) FROM users`, // it adds up the pages of the smallest index
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

// From manyRows on, counting takes longer than the rest of a page, and a slightly older
// count will do: it is returned while the rows are counted again.
const (
	manyRows  = 100_000
	whileAgo  = time.Hour
	recounted = 10 * time.Second // timeout
)

// cachedCount is a cached count of rows. It is valid while the database is in the state in
// which they were counted, as with sessions.
type cachedCount struct {
	many int64 // from this many on it may be stale

	mu    sync.Mutex
	state sqldb.State
	known bool
	again bool // a recount is running
	n     int64
	at    time.Time
}

// of returns the count of a state or, unless it has to be exact, a stale one. again asks
// the caller to recount in the background, and then to call set or leave.
func (c *cachedCount) of(state sqldb.State, now time.Time, exact bool) (n int64, known, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known || c.state == state {
		return c.n, c.known, false
	}
	if age := now.Sub(c.at); exact || c.n < c.many || age < 0 || age > whileAgo {
		return 0, false, false
	}
	again = !c.again
	c.again = true
	return c.n, true, again
}

func (c *cachedCount) set(state sqldb.State, n int64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.known, c.again, c.n, c.at = state, true, false, n, now
}

// leave says that a recount has failed.
func (c *cachedCount) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again = false
}

// cachedCount returns what is cached, or counts by a statement.
func (s *Store) cachedCount(ctx context.Context, cached *cachedCount, statement string, exact bool) (n int64, err error) {
	state, ok := s.db.State()
	if !ok {
		err = s.db.GetContext(ctx, &n, statement)
		return n, err
	}
	n, known, again := cached.of(state, s.now(), exact)
	if again {
		s.recount(ctx, cached, statement)
	}
	if known {
		return n, nil
	}
	if err = s.db.GetContext(ctx, &n, statement); err == nil {
		cached.set(state, n, s.now())
	}
	return n, err
}

// recount counts again in the background.
func (s *Store) recount(ctx context.Context, cached *cachedCount, statement string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recounted)
	go func() {
		defer cancel()
		var n int64
		state, ok := s.db.State()
		if err := s.db.GetContext(ctx, &n, statement); err != nil || !ok {
			cached.leave() // the next caller tries again
			return
		}
		cached.set(state, n, s.now())
	}()
}

// countPeople counts everybody. Unless it has to be exact, a very large count may be
// stale.
func (s *Store) countPeople(ctx context.Context, exact bool) (int64, error) {
	return s.cachedCount(ctx, &s.everybody, s.counts().people, exact)
}

// CountSessions counts the sessions that have not ended, by kind. A session that has only
// been idle for too long counts until Sweep finds it. No session is read: the engine has
// counted, or counts the entries of an index, and reads entries only of those that have
// ended and are not swept yet, and of those that end within hours: few. A very large count
// may be stale.
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
	var visitors int64
	var known, again bool
	if ok {
		visitors, known, again = s.signedIn.of(state, now, false)
	}
	if again {
		s.recount(ctx, &s.signedIn, s.counts().visitors)
	}
	var err error
	if known {
		err = count(strconv.FormatInt(visitors, 10))
		later, ok := s.db.State()
		known = visitors >= s.signedIn.many || ok && later == state // otherwise the numbers are of different moments
	}
	if err == nil && !known {
		err = count(s.counts().visitors)
		if err == nil && ok {
			s.signedIn.set(state, row.Visitors, now)
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

// OtherAccounts counts the sessions by accounts other than these. They are not valid any
// more: the people have to sign in again.
func (s *Store) OtherAccounts(ctx context.Context, appIDs []string) (sessions int64, err error) {
	query := sqldb.Join(sqldb.SQL(`SELECT COUNT(*) FROM sessions JOIN users ON users.id = sessions.user_id LEFT JOIN identities ON identities.id = sessions.identity_id
		WHERE sessions.ends_at > $1 AND NOT `, millis(s.now())), sqldb.In("COALESCE(identities.appid, users.appid)", appIDs))
	err = s.db.Get(ctx, &sessions, query)
	return sessions, s.fail(ctx, "count sessions of other accounts", err)
}
