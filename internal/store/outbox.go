package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// noteLogout queues notices for the clients that have to be told that a session has ended,
// or, with a condition on user_id, all of a person's sessions. It has to come before the
// deletion, which deletes the grants by which the clients are found.
func noteLogout(ctx context.Context, tx *sqldb.Tx, where, value string, at time.Time, more ...any) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox (client_id, sid, user_id, noted_at, due_at, tries)
		SELECT DISTINCT grants.client_id, grants.sid, grants.user_id, CAST($2 AS BIGINT), CAST($2 AS BIGINT), 0
		FROM grants JOIN clients ON clients.id = grants.client_id
		WHERE `+where+` AND grants.redeemed_at IS NOT NULL AND clients.backchannel_uri <> ''
		ON CONFLICT DO NOTHING`, append([]any{value, millis(at)}, more...)...)
	return err
}

// The conditions of noteLogout.
const (
	ofSession  = `grants.session_id = $1`
	ofToken    = `grants.session_id = (SELECT id FROM sessions WHERE token_hash = $1 AND kind = 'visitor')`
	ofPerson   = `grants.user_id = $1`
	ofPersonAt = `grants.user_id = $1 AND grants.client_id = $3`
	ofIdentity = `grants.user_id = $1 AND grants.identity_id = $3`
)

// NextNotice implements auth.OutboxStore.
func (s *Store) NextNotice(ctx context.Context, now, again time.Time, passOver ...string) (notice auth.Notice, err error) {
	due := sqldb.SQL(`SELECT client_id, sid FROM outbox WHERE due_at <= $1`, millis(now))
	for _, id := range passOver {
		due = due.Then(` AND client_id <> $1`, id)
	}
	// Read first: nearly always there is none, and a write waits for other writes.
	var waiting bool
	if err := s.db.Get(ctx, &waiting, sqldb.Join(sqldb.SQL(`SELECT EXISTS (`), due, sqldb.SQL(`)`))); err != nil {
		return auth.Notice{}, s.fail(ctx, "look for notices", err)
	}
	if !waiting {
		return auth.Notice{}, nil
	}
	pick := sqldb.Join(sqldb.SQL(`UPDATE outbox SET due_at = $1, tries = tries + 1 WHERE (client_id, sid) = (`, millis(again)), due,
		sqldb.SQL(` ORDER BY due_at LIMIT 1`+s.db.SkipLocked("outbox")+`) RETURNING client_id, sid, user_id, noted_at, tries`))
	err = s.writeFor(ctx, "pick a notice", &touched{}, func(tx *sqldb.Tx) error {
		notice = auth.Notice{}
		var row struct {
			ClientID string `db:"client_id"`
			SID      string `db:"sid"`
			UserID   string `db:"user_id"`
			NotedAt  int64  `db:"noted_at"`
			Tries    int    `db:"tries"`
		}
		err := tx.GetContext(ctx, &row, pick.Text, pick.Args...)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		notice = auth.Notice{ClientID: row.ClientID, SessionID: row.SID, UserID: row.UserID, NotedAt: instant(row.NotedAt), Tries: row.Tries}
		return err
	})
	return notice, err
}

// PutOffNotice implements auth.OutboxStore.
func (s *Store) PutOffNotice(ctx context.Context, n auth.Notice, until time.Time) error {
	return s.writeFor(ctx, "put a notice off", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET due_at = $3 WHERE client_id = $1 AND sid = $2`, n.ClientID, n.SessionID, millis(until))
		return err
	})
}

// DropNotice implements auth.OutboxStore.
func (s *Store) DropNotice(ctx context.Context, n auth.Notice) error {
	return s.writeFor(ctx, "drop a notice", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM outbox WHERE client_id = $1 AND sid = $2`, n.ClientID, n.SessionID)
		return err
	})
}
