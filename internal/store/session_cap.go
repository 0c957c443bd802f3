package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// aheadOfClock is how far ahead of now the last visit of a session may be for it to count
// as recently used: beyond that a clock was wrong, and the session ends first.
const aheadOfClock = 24 * time.Hour

// countSessionsOf counts a person's sessions, up to what one transaction ends: a few
// entries of sessions_by_user, however many there are. The limit is a literal: SQLite
// would plan the statement again each time for a bound one.
var countSessionsOf = fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE user_id = $1 LIMIT %d) AS counted`, auth.MaxSessions+batch)

// endLeastUsed ends the least recently used sessions of a person, expired ones before any
// other, and never the one that has just begun.
const endLeastUsed = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND token_hash <> $2
	ORDER BY CASE WHEN ends_at <= $3 OR last_seen_at > $4 THEN 0 ELSE 1 END, last_seen_at, created_at, id LIMIT $5)`

// limitSessions ends the sessions of a person beyond auth.MaxSessions, at most a batch of
// them, and returns how many it ended. The transaction has locked the person, so that of
// two logins at once the second sees what the first has added. Its change names the
// person, so that the ended sessions leave the cache.
func limitSessions(ctx context.Context, tx *sqldb.Tx, userID, begun string, now time.Time) (ended int64, err error) {
	var has int64
	if err := tx.GetContext(ctx, &has, countSessionsOf, userID); err != nil || has <= auth.MaxSessions {
		return 0, err
	}
	return count(tx.ExecContext(ctx, endLeastUsed, userID, begun, millis(now), millis(now.Add(aheadOfClock)), has-auth.MaxSessions))
}

// overLimit finds people with more than auth.MaxSessions: in a database that is older than
// the limit, or was written by other programs.
const overLimit = `SELECT user_id FROM sessions WHERE user_id IS NOT NULL GROUP BY user_id HAVING COUNT(*) > $1 LIMIT $2`

// sweepSessionLimit ends sessions beyond the limit. It searches without a lock, and ends
// one batch in each transaction. A person whom it misses is found by the next sweep.
func (s *Store) sweepSessionLimit(ctx context.Context, now time.Time) (total int64, err error) {
	var people []string
	if err := s.db.SelectContext(ctx, &people, overLimit, auth.MaxSessions, batch); err != nil {
		return 0, s.fail(ctx, "find surplus sessions", err)
	}
	for _, userID := range people {
		for n := int64(batch); n == batch; total += n {
			err := s.writeFor(ctx, "end surplus sessions", &touched{user: userID}, func(tx *sqldb.Tx) (err error) {
				var locked string
				err = tx.GetContext(ctx, &locked, `SELECT id FROM users WHERE id = $1`+s.db.ForUpdate("users"), userID)
				if errors.Is(err, sql.ErrNoRows) {
					n = 0 // erased since
					return nil
				}
				if err == nil {
					n, err = limitSessions(ctx, tx, userID, "", now)
				}
				return err
			})
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}
