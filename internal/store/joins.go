package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// lockPeople makes logins, and everybody else who writes a person, wait until the
// transaction ends. A join moves openids between two tables, and the statement of a login
// reads both in one snapshot.
func (s *Store) lockPeople(ctx context.Context, tx *sqldb.Tx) error {
	if !s.db.ManyWriters {
		return nil
	}
	_, err := tx.ExecContext(ctx, `LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// keepPeople makes joins and their undos wait until the transaction ends, but not other
// logins: the person of an identity that is read next stays the same. A transaction that
// writes to users first does not need it.
func (s *Store) keepPeople(ctx context.Context, tx *sqldb.Tx) error {
	if !s.db.ManyWriters {
		return nil
	}
	_, err := tx.ExecContext(ctx, `LOCK TABLE users IN ROW EXCLUSIVE MODE`)
	return err
}

// JoinPeople implements admin.Store.
func (s *Store) JoinPeople(ctx context.Context, keptID, otherID string, guard *admin.Guard, event admin.Event) error {
	return s.write(ctx, "join people", func(tx *sqldb.Tx) error {
		if err := s.lockAdmins(ctx, tx, guard); err != nil {
			return err
		}
		if err := s.lockPeople(ctx, tx); err != nil {
			return err
		}
		kept, err := readPerson(ctx, tx, keptID)
		if err != nil {
			return err
		}
		other, err := readPerson(ctx, tx, otherID)
		if err != nil {
			return err
		}
		if kept.ID == other.ID {
			return auth.Failf(auth.BadRequest, "a person is joined to somebody else")
		}
		if err := s.joinPeople(ctx, tx, kept, other, auth.LinkedByAdmin, guard, event.At); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}

func readPerson(ctx context.Context, db getter, id string) (row list.UserRow, err error) {
	err = db.GetContext(ctx, &row, `SELECT `+list.UserColumns+` FROM users WHERE users.id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = auth.Failf(auth.NoSuchUser, "nobody has the id %q", id)
	}
	return row, err
}

// joinPeople moves everything of the other person to the one who is kept.
func (s *Store) joinPeople(ctx context.Context, tx *sqldb.Tx, kept, other list.UserRow, linked auth.Linked, guard *admin.Guard, at time.Time) error {
	was, err := rememberPerson(ctx, tx, other)
	if err != nil {
		return err
	}
	groups := texts(kept.Groups)
	was.Kept = keptChange{Groups: without(texts(other.Groups), groups), Blocked: kept.Blocked, LastLoginAt: kept.LastLoginAt}
	groups = append(groups, was.Kept.Groups...)
	slices.Sort(groups)
	// If the other is blocked, both are afterwards.
	if other.Blocked > kept.Blocked {
		if err := s.wantAnAdmin(ctx, tx, guard, "id", kept.ID); err != nil {
			return err
		}
	}
	if err := endGrants(ctx, tx, other.ID, at); err != nil {
		return err
	}
	if kept.Blocked != other.Blocked {
		for _, id := range []string{kept.ID, other.ID} {
			if _, err := deleteSessionsOf(ctx, tx, id, at); err != nil {
				return err
			}
		}
	}
	if err := moveIdentities(ctx, tx, kept.ID, was, linked, at); err != nil {
		return err
	}
	// Sessions and history have moved; token, picture, scans and consents are deleted with
	// the row.
	if _, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, other.ID); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE users SET login_count = login_count + $2, blocked = $3, group_names = $4,
			last_login_at = CASE WHEN last_login_at < $5 THEN $5 ELSE last_login_at END WHERE id = $1`,
		kept.ID, other.LoginCount, max(kept.Blocked, other.Blocked), jsonList(groups), other.LastLoginAt)
	return err
}

// moveIdentities moves the identities of a person to another, with tokens, sessions and
// history, and saves the former person.
func moveIdentities(ctx context.Context, tx *sqldb.Tx, keptID string, was joinedPerson, linked auth.Linked, at time.Time) error {
	p := was.Person
	// Open proposals of the other become those of the person who is kept.
	err := tx.SelectContext(ctx, &was.Kept.Proposed, `INSERT INTO proposals (user_id, other_id, unionid, noted_at)
		SELECT CASE WHEN third < $2 THEN third ELSE CAST($2 AS TEXT) END, CASE WHEN third < $2 THEN CAST($2 AS TEXT) ELSE third END, unionid, noted_at
		FROM (SELECT CASE WHEN user_id = $1 THEN other_id ELSE user_id END AS third, unionid, noted_at
			FROM proposals WHERE (user_id = $1 OR other_id = $1) AND dismissed_at IS NULL) AS open
		WHERE third <> $2 ON CONFLICT DO NOTHING
		RETURNING CASE WHEN user_id = $2 THEN other_id ELSE user_id END`, p.ID, keptID)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		statement string
		args      []any
	}{
		// Its count of logins is the total without those of the further identities.
		{`INSERT INTO identities (id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
			SELECT id, CAST($2 AS TEXT), appid, openid, unionid, scope, first_login_at, last_login_at,
				login_count - (SELECT COALESCE(SUM(login_count), 0) FROM identities WHERE user_id = $1), CAST($3 AS TEXT), CAST($4 AS BIGINT)
			FROM users WHERE id = $1`, []any{p.ID, keptID, linked, millis(at)}},
		{`UPDATE identities SET user_id = $2 WHERE user_id = $1`, []any{p.ID, keptID}},
		{`INSERT INTO identity_tokens (identity_id, ` + tokenColumns + `) SELECT user_id, ` + tokenColumns + ` FROM tokens WHERE user_id = $1`, []any{p.ID}},
		{`UPDATE followers SET user_id = $2, identity_id = CASE WHEN identity_id = '' THEN $1 ELSE identity_id END WHERE user_id = $1`, []any{p.ID, keptID}},
		{`UPDATE sessions SET user_id = $2, identity_id = COALESCE(identity_id, $1) WHERE user_id = $1`, []any{p.ID, keptID}},
		{`UPDATE logins SET user_id = $2, identity_id = COALESCE(identity_id, $1) WHERE user_id = $1`, []any{p.ID, keptID}},
	} {
		if _, err := tx.ExecContext(ctx, step.statement, step.args...); err != nil {
			return err
		}
	}
	return writeJoined(ctx, tx, was)
}
