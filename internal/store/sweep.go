package store

import (
	"context"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// abandoned is after how long the process of a pending login counts as dead, and its state
// and its code as useless: a login takes seconds, a trip to WeChat ten minutes at most,
// and a code is valid for five.
const abandoned = time.Hour

// dueWithin is how far ahead a profile may be due: more than any is put off.
const dueWithin = 30 * 24 * time.Hour

// Sweep deletes what has ended by now: sessions that have expired, have been idle for
// longer than idle, or are beyond auth.MaxSessions of a person, unused admin links, scans,
// grants and notices. Logins that were never finished become failed; old states and codes
// are deleted, and with them address and browser of failures without a person. Quarter
// hours that have ended are counted for the dashboard. What can only have been written
// under a wrong clock that was ahead is deleted too, and profiles that it put off become
// due. While this clock is itself in doubt, Sweep only counts (see believes).
//
// It returns how many rows it deleted or ended, and works in small transactions so that
// logins get their turn in between.
func (s *Store) Sweep(ctx context.Context, now time.Time, idle time.Duration) (total int64, err error) {
	believed, err := s.believes(ctx, now)
	if err != nil {
		return 0, err
	}
	if !believed {
		return 0, s.writeFor(ctx, "roll up", &touched{}, func(tx *sqldb.Tx) error {
			_, err := s.rollUpDay(ctx, tx, now) // what was counted under a clock that was ahead is counted again
			return err
		})
	}
	jobs := []struct {
		statement string
		args      []any
	}{
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ends_at <= $1 LIMIT $2)`,
			[]any{millis(now), batch}},
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_seen_at <= $1 LIMIT $2)`,
			[]any{millis(now.Add(-idle)), batch}},
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_seen_at >= $1 LIMIT $2)`,
			[]any{millis(now.Add(max(idle, aheadOfClock))), batch}},
		{`DELETE FROM admin_links WHERE token_hash IN (SELECT token_hash FROM admin_links WHERE ends_at < $1 OR ends_at > $3 LIMIT $2)`,
			[]any{millis(now), batch, millis(now.Add(aheadOfClock))}},
		{`DELETE FROM scans WHERE ticket_hash IN (SELECT ticket_hash FROM scans WHERE ends_at < $1 OR ends_at > $3 LIMIT $2)`,
			[]any{millis(now.Add(-abandoned)), batch, millis(now.Add(aheadOfClock))}},
		{`DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE redeemed_at IS NULL AND code_ends_at < $1 LIMIT $2)`,
			[]any{millis(now.Add(-abandoned)), batch}},
		{`DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE session_id IS NULL AND offline = 0 LIMIT $1)`,
			[]any{batch}},
		{`DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE refresh_ends_at <= $1 LIMIT $2)`,
			[]any{millis(now), batch}},
		{`DELETE FROM outbox WHERE (client_id, sid) IN (SELECT client_id, sid FROM outbox WHERE noted_at < $1 LIMIT $2)`,
			[]any{millis(now.Add(-2 * auth.NoticeLifetime)), batch}},
		{`UPDATE tokens SET due_at = $1 WHERE user_id IN (SELECT user_id FROM tokens WHERE due_at > $3 AND dead_reason IS NULL LIMIT $2)`,
			[]any{millis(now), batch, millis(now.Add(dueWithin))}},
		{`UPDATE identity_tokens SET due_at = $1 WHERE identity_id IN (SELECT identity_id FROM identity_tokens WHERE due_at > $3 AND dead_reason IS NULL LIMIT $2)`,
			[]any{millis(now), batch, millis(now.Add(dueWithin))}},
		{`UPDATE logins SET outcome = 'failed', reason = $3, finished_at = $4 WHERE outcome = 'pending' AND id IN
			(SELECT id FROM logins WHERE outcome = 'pending' AND state_hash IS NOT NULL AND started_at < $1 LIMIT $2)`,
			[]any{millis(now.Add(-abandoned)), batch, auth.CodeSpent, millis(now)}},
		{`UPDATE logins SET state_hash = NULL, code_hash = NULL,
			remote_addr = CASE WHEN user_id IS NULL THEN '' ELSE remote_addr END,
			user_agent = CASE WHEN user_id IS NULL THEN '' ELSE user_agent END WHERE outcome <> 'pending' AND id IN
			(SELECT id FROM logins WHERE state_hash IS NOT NULL AND started_at < $1 LIMIT $2)`,
			[]any{millis(now.Add(-abandoned)), batch}},
	}
	for _, job := range jobs {
		for n := int64(batch); n == batch; total += n {
			var changes touched
			err := s.writeFor(ctx, "sweep", &changes, func(tx *sqldb.Tx) (err error) {
				n, err = count(tx.ExecContext(ctx, job.statement, job.args...))
				changes.all = n > 0
				return err
			})
			if err != nil {
				return total, err
			}
		}
	}
	ended, err := s.sweepSessionLimit(ctx, now)
	if total += ended; err != nil {
		return total, err
	}
	return total, s.rollUp(ctx, now)
}
