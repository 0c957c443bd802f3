package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Counting the logins of a month takes long with many people, and last week's do not
// change any more. So each quarter hour is counted once, into the table tallies, when
// nothing can be added to it any more; later ones are counted on request.

// rollUpDelay is how long after the end of a quarter hour nothing can begin in it any
// more: a login is recorded as soon as WeChat sends the browser back.
const rollUpDelay = admin.QuarterHour

// quarter is the length of a slot in milliseconds.
const quarter = int64(admin.QuarterHour / time.Millisecond)

// rollup is what happened in a quarter of an hour.
type rollup struct {
	Slot      int64 `db:"slot"` // quarter hours since 1970
	Logins    int64 `db:"logins"`
	Snapshots int64 `db:"snapshots"`
	Failures  int64 `db:"failures"`
	NewPeople int64 `db:"new_people"`
}

// counting counts from $1 up to but not including $2, by slots of $3; $4 is the reason for
// refusing snapshot visitors. Each part reads a range of an index and no table.
const counting = `SELECT slot, CAST(SUM(logins) AS BIGINT) AS logins, CAST(SUM(snapshots) AS BIGINT) AS snapshots,
		CAST(SUM(failures) AS BIGINT) AS failures, CAST(SUM(new_people) AS BIGINT) AS new_people FROM (
	SELECT started_at / $3 AS slot, COUNT(CASE WHEN outcome = 'signed_in' THEN 1 END) AS logins,
		COUNT(CASE WHEN outcome = 'failed' AND reason = $4 THEN 1 END) AS snapshots,
		COUNT(CASE WHEN outcome = 'failed' AND reason <> $4 THEN 1 END) AS failures, 0 AS new_people
		FROM logins WHERE started_at >= $1 AND started_at < $2 GROUP BY 1
	UNION ALL SELECT first_login_at / $3, 0, 0, 0, COUNT(*) FROM users WHERE first_login_at >= $1 AND first_login_at < $2 GROUP BY 1
	) AS counted GROUP BY slot HAVING SUM(logins + snapshots + failures + new_people) > 0 ORDER BY slot`

// rolledUpTo is the first slot that is not in the table tallies.
func rolledUpTo(ctx context.Context, db getter, lock string) (slot int64, err error) {
	err = db.GetContext(ctx, &slot, `SELECT slot FROM tallied WHERE what = 'slots'`+lock)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return slot, err
}

// dayOfSlots is how many slots one transaction counts.
const dayOfSlots = 96

// rollUp counts the quarter hours that have ended.
func (s *Store) rollUp(ctx context.Context, now time.Time) error {
	for more := true; more; {
		err := s.writeFor(ctx, "roll up", &touched{}, func(tx *sqldb.Tx) (err error) {
			more, err = s.rollUpDay(ctx, tx, now)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rollUpDay counts the next day, and says whether there may be another.
func (s *Store) rollUpDay(ctx context.Context, tx *sqldb.Tx, now time.Time) (more bool, err error) {
	if _, err := tx.ExecContext(ctx, `INSERT INTO tallied (what, slot) VALUES ('slots', 0) ON CONFLICT DO NOTHING`); err != nil {
		return false, err
	}
	from, err := rolledUpTo(ctx, tx, s.db.ForUpdate("tallied"))
	if err != nil {
		return false, err
	}
	over := (millis(now) - rollUpDelay.Milliseconds()) / quarter
	// A pending login is counted when it has ended.
	var pending, first sql.Null[int64]
	if err := tx.GetContext(ctx, &pending, `SELECT MIN(started_at) FROM logins WHERE outcome = 'pending' AND state_hash IS NOT NULL`); err != nil {
		return false, err
	}
	if pending.Valid {
		over = min(over, pending.V/quarter)
	}
	switch {
	case from == over:
		return false, nil
	case from > over:
		// The clock was wrong, here or in another process. What was counted too early is
		// counted again.
		from = over
	case from == 0:
		err := tx.GetContext(ctx, &first, `SELECT MIN(at) FROM (SELECT MIN(started_at) AS at FROM logins UNION ALL SELECT MIN(first_login_at) FROM users) AS firsts`)
		if err != nil || !first.Valid {
			return false, err
		}
		from = min(first.V/quarter, over)
	}
	to := min(from+dayOfSlots, over)
	if _, err := tx.ExecContext(ctx, `DELETE FROM tallies WHERE slot >= $1`, from); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tallies (slot, logins, snapshots, failures, new_people) `+counting, from*quarter, to*quarter, quarter, auth.Snapshot)
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE tallied SET slot = $1 WHERE what = 'slots'`, to)
	return to < over, err
}

// rollups returns what has happened since a moment, by quarter hours, oldest first.
func (s *Store) rollups(ctx context.Context, since time.Time) (all []rollup, err error) {
	until, err := rolledUpTo(ctx, s.db, "")
	if err != nil {
		return nil, err
	}
	count := func(from, to int64) error {
		var rows []rollup
		err := s.db.SelectContext(ctx, &rows, counting, from, to, quarter, auth.Snapshot)
		all = append(all, rows...)
		return err
	}
	begin, whole := millis(since), (millis(since)+quarter-1)/quarter
	if until > whole {
		if begin < whole*quarter { // only a part of the first quarter hour is wanted
			if err := count(begin, whole*quarter); err != nil {
				return nil, err
			}
		}
		var rows []rollup
		err := s.db.SelectContext(ctx, &rows, `SELECT slot, logins, snapshots, failures, new_people FROM tallies
			WHERE slot >= $1 AND slot < $2 ORDER BY slot`, whole, until)
		if err != nil {
			return nil, err
		}
		all, begin = append(all, rows...), until*quarter
	}
	return all, count(begin, math.MaxInt64)
}
