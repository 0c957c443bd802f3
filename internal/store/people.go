package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Changes to a person, by admins or by themselves: admin.PeopleStore.

// SetBlocked implements admin.Store.
func (s *Store) SetBlocked(ctx context.Context, userID string, blocked bool, guard *admin.Guard, event admin.Event) error {
	flag := 0
	if blocked {
		flag = 1
	}
	return s.write(ctx, "block user", func(tx *sqldb.Tx) error {
		if err := s.leavesAnAdmin(ctx, tx, guard, "id", userID); err != nil {
			return err
		}
		found, err := changed(tx.ExecContext(ctx, `UPDATE users SET blocked = $2 WHERE id = $1`, userID, flag))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		if blocked {
			if _, err := deleteSessionsOf(ctx, tx, userID, event.At); err != nil {
				return err
			}
		}
		return addEvent(ctx, tx, event)
	})
}

// EndSessions implements admin.Store.
func (s *Store) EndSessions(ctx context.Context, userID string, event admin.Event) (n int64, err error) {
	err = s.write(ctx, "end sessions", func(tx *sqldb.Tx) (err error) {
		if n, err = deleteSessionsOf(ctx, tx, userID, event.At); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// EndSession implements admin.Store.
func (s *Store) EndSession(ctx context.Context, userID, sessionID string, event admin.Event) error {
	return s.write(ctx, "end session", func(tx *sqldb.Tx) error {
		if err := noteLogout(ctx, tx, ofSession, sessionID, event.At); err != nil {
			return err
		}
		found, err := changed(tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = $1 AND user_id = $2`, sessionID, userID))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchSession, nil)
		}
		return addEvent(ctx, tx, event)
	})
}

// EraseUser implements admin.Store. The person's logins remain for the statistics, without
// the person, their address and their browser. The audit log remains too; it knows the
// person only by our id.
func (s *Store) EraseUser(ctx context.Context, userID string, guard *admin.Guard, event admin.Event) error {
	err := s.write(ctx, "erase user", func(tx *sqldb.Tx) error {
		if err := s.leavesAnAdmin(ctx, tx, guard, "id", userID); err != nil {
			return err
		}
		// First, keep others from signing this person in, and from finishing a login of
		// theirs: what they write would not be seen here, and would stay.
		var openID string
		err := tx.GetContext(ctx, &openID, `SELECT openid FROM users WHERE id = $1`+s.db.ForUpdate("users"), userID)
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE logins SET user_id = NULL, identity_id = NULL, session_hash = '', remote_addr = '', user_agent = ''
			WHERE user_id = $1`, userID)
		if err != nil {
			return err
		}
		// A login of theirs may have failed before its person was known. Nobody can tell
		// which, so the few of the last hour, which alone have an address, all lose it.
		_, err = tx.ExecContext(ctx, `UPDATE logins SET remote_addr = '', user_agent = ''
			WHERE state_hash IS NOT NULL AND user_id IS NULL AND remote_addr || user_agent <> ''`)
		if err != nil {
			return err
		}
		// An openid is personal data too, and a person who logs in again is a new one.
		_, err = tx.ExecContext(ctx, `DELETE FROM admins WHERE EXISTS (SELECT 1 FROM users
			WHERE users.id = $1 AND users.appid = admins.appid AND users.openid = admins.openid)
			OR EXISTS (SELECT 1 FROM identities
			WHERE identities.user_id = $1 AND identities.appid = admins.appid AND identities.openid = admins.openid)`, userID)
		if err != nil {
			return err
		}
		// The audit log keeps what was done and when, under our id alone: no openid, and
		// no reason that somebody has written about them.
		_, err = tx.ExecContext(ctx, `UPDATE events SET subject = $1, detail = ''
			WHERE subject = $1 OR subject = (SELECT openid FROM users WHERE id = $1)
				OR subject IN (SELECT id FROM identities WHERE user_id = $1 UNION ALL SELECT openid FROM identities WHERE user_id = $1)`, userID)
		if err != nil {
			return err
		}
		if err := noteLogout(ctx, tx, ofPerson, userID, event.At); err != nil {
			return err
		}
		// Tokens, sessions, consents and grants go with the row (ON DELETE CASCADE).
		found, err := changed(tx.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, userID))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		return addEvent(ctx, tx, event)
	})
	if err == nil {
		s.db.EmptyLog(ctx)
	}
	return err
}
