package store

import (
	"context"
	"time"

	"wxlogin/internal/store/sqldb"
)

// Forget deletes the history of logins and the audit log from before a moment each; a zero
// time keeps all. It returns how many rows were deleted, and works in small transactions
// so that logins get their turn in between.
//
// While the clock is in doubt it deletes nothing (see believes).
//
// For an hour, the row of a login also keeps its state and its code from being used again,
// so history has to be kept for longer than that.
func (s *Store) Forget(ctx context.Context, logins, events time.Time) (total int64, err error) {
	if believed, err := s.believes(ctx, s.now()); err != nil || !believed {
		return 0, err
	}
	for _, job := range []struct {
		before    time.Time
		statement string
	}{
		{logins, `DELETE FROM tallies WHERE slot IN (SELECT slot FROM tallies WHERE (slot + 1) * 900000 <= $1 LIMIT $2)`},
		{logins, `DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE started_at < $1 LIMIT $2)`},
		{events, `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 LIMIT $2)`},
	} {
		if job.before.IsZero() {
			continue
		}
		for n := int64(batch); n == batch; total += n {
			err := s.write(ctx, "delete old history", func(tx *sqldb.Tx) (err error) {
				n, err = count(tx.ExecContext(ctx, job.statement, millis(job.before), batch))
				return err
			})
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}
