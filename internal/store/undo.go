package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// UndoJoin implements admin.Store.
func (s *Store) UndoJoin(ctx context.Context, id, personID string, event admin.Event) error {
	return s.write(ctx, "undo a join", func(tx *sqldb.Tx) error {
		if err := s.lockPeople(ctx, tx); err != nil {
			return err
		}
		var identity identityRow
		err := tx.GetContext(ctx, &identity, `SELECT `+identityColumns+` FROM identities WHERE id = $1`, id)
		if errors.Is(err, sql.ErrNoRows) || err == nil && personID != "" && identity.UserID != personID {
			return auth.Failf(auth.NoSuchJoin, "%q", id)
		}
		if err != nil {
			return err
		}
		if err := part(ctx, tx, identity, event); err != nil {
			return err
		}
		event.Subject = identity.UserID
		return addEvent(ctx, tx, event)
	})
}

// part splits an identity off into a person of its own: the former person, or a new one if
// it never was one.
func part(ctx context.Context, tx *sqldb.Tx, identity identityRow, event admin.Event) error {
	kept, err := readPerson(ctx, tx, identity.UserID)
	if err != nil {
		return err
	}
	tree, err := readTree(ctx, tx, identity.UserID)
	if err != nil {
		return err
	}
	was := joinedPerson{Person: list.UserRow{ // nothing else is known of a new person
		ID: identity.ID, AppID: identity.AppID, OpenID: identity.OpenID, Privilege: "[]", Groups: "[]", FirstLoginAt: identity.FirstLoginAt, Blocked: kept.Blocked,
	}}
	gone := keptChange{Blocked: kept.Blocked}
	node := tree.of(identity.ID)
	if node == nil {
		tree.removeIdentity(identity.ID)
	} else {
		decided, err := tree.decided(ctx, tx, node, kept)
		if err != nil {
			return err
		}
		was = node.joinedPerson
		if gone = tree.takeOut(node, millis(event.At)); decided {
			gone.Blocked, was.Person.Blocked = kept.Blocked, kept.Blocked
		}
	}
	if err := tree.write(ctx, tx); err != nil {
		return err
	}
	p := was.Person
	p.AppID, p.OpenID = identity.AppID, identity.OpenID // an account migration may have changed them
	// Identities that came with the person, and are still there, leave with them.
	all, err := identitiesOf(ctx, tx, kept.ID)
	if err != nil {
		return err
	}
	var ids []string
	p.UnionID, p.Scope, p.LoginCount, p.LastLoginAt = identity.UnionID, identity.Scope, 0, 0
	for _, i := range all {
		if i.ID == identity.ID || slices.Contains(was.CameWith, i.ID) {
			ids, p.LoginCount, p.LastLoginAt = append(ids, i.ID), p.LoginCount+i.LoginCount, max(p.LastLoginAt, i.LastLoginAt)
		}
	}
	for _, id := range ids {
		if err := endByIdentity(ctx, tx, kept.ID, id, event); err != nil {
			return err
		}
	}
	if err := insertPerson(ctx, tx, p); err != nil {
		return err
	}
	for _, id := range ids {
		if err := giveBack(ctx, tx, kept.ID, p.ID, id); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM identities WHERE id = $1`, identity.ID); err != nil {
		return err
	}
	if err := giveBackRest(ctx, tx, p.ID, was.Rest); err != nil {
		return err
	}
	if err := takeFromKept(ctx, tx, kept, gone, p.LoginCount); err != nil {
		return err
	}
	return dismiss(ctx, tx, kept.ID, p.ID, event)
}

// giveBackRest restores the rows that were deleted with a person, if their other party
// still exists.
func giveBackRest(ctx context.Context, tx *sqldb.Tx, userID string, rest joinedRest) error {
	for _, c := range rest.Consents {
		_, err := tx.ExecContext(ctx, `INSERT INTO consents (user_id, client_id, scopes, agreed_at) SELECT $1, id, $3, $4 FROM clients WHERE id = $2`,
			userID, c.ClientID, c.Scopes, c.AgreedAt)
		if err != nil {
			return err
		}
	}
	for _, p := range rest.Proposals {
		_, err := tx.ExecContext(ctx, `INSERT INTO proposals (user_id, other_id, unionid, noted_at, dismissed_at)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT) FROM users WHERE id = $3 ON CONFLICT DO NOTHING`,
			min(userID, p.Third), max(userID, p.Third), p.Third, p.UnionID, p.NotedAt, p.DismissedAt)
		if err != nil {
			return err
		}
	}
	if p := rest.Picture; p != nil {
		_, err := tx.ExecContext(ctx, savePicture, userID, p.Source, p.Type, p.Body, p.ETag, millis(p.CopiedAt))
		return err
	}
	return nil
}

// endByIdentity ends the sessions of an identity, what was confirmed with it for desktops,
// and what applications hold by it.
func endByIdentity(ctx context.Context, tx *sqldb.Tx, userID, id string, event admin.Event) error {
	if err := noteLogout(ctx, tx, ofIdentity, userID, event.At, id); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM grants WHERE user_id = $1 AND identity_id = $2`,
		`DELETE FROM scans WHERE user_id = $1 AND identity_id = $2`,
		`DELETE FROM sessions WHERE user_id = $1 AND identity_id = $2`,
	} {
		if _, err := tx.ExecContext(ctx, statement, userID, id); err != nil {
			return err
		}
	}
	return nil
}

// giveBack moves the rows of an identity from one person to another. If it has the id of
// the other, it becomes their first identity.
func giveBack(ctx context.Context, tx *sqldb.Tx, from, to, id string) error {
	if id == to { // the row of the identity is deleted, and its token with it
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (user_id, `+tokenColumns+`) SELECT identity_id, `+tokenColumns+` FROM identity_tokens WHERE identity_id = $1`, id)
		if err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`UPDATE followers SET user_id = $2, identity_id = CASE WHEN identity_id = $2 THEN '' ELSE identity_id END WHERE user_id = $1 AND identity_id = $3`,
		`UPDATE logins SET user_id = $2, identity_id = CASE WHEN identity_id = $2 THEN NULL ELSE identity_id END WHERE user_id = $1 AND identity_id = $3`,
		`UPDATE identities SET user_id = $2 WHERE user_id = $1 AND id = $3`,
	} {
		if _, err := tx.ExecContext(ctx, statement, from, to, id); err != nil {
			return err
		}
	}
	return nil
}

// insertPerson restores a row of users.
func insertPerson(ctx context.Context, tx *sqldb.Tx, p list.UserRow) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, appid, openid, unionid, nickname, sex, language, country, province, city, avatar_url, privilege,
			scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count, consent_version, consent_at, group_names)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		p.ID, p.AppID, p.OpenID, p.UnionID, p.Nickname, p.Sex, p.Language, p.Country, p.Province, p.City, p.AvatarURL, p.Privilege,
		p.Scope, p.Blocked, p.FirstLoginAt, p.LastLoginAt, p.ProfileUpdatedAt, p.LoginCount, p.ConsentVersion, p.ConsentAt, p.Groups)
	return err
}

// takeFromKept removes what a join has added to the person who was kept. What an admin has
// changed since stays.
func takeFromKept(ctx context.Context, tx *sqldb.Tx, kept list.UserRow, change keptChange, logins int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE users SET login_count = login_count - $2, group_names = $3, blocked = $4, last_login_at = COALESCE((SELECT MAX(at) FROM (
			SELECT MAX(started_at) AS at FROM logins WHERE user_id = $1 AND outcome = 'signed_in'
			UNION ALL SELECT MAX(last_login_at) FROM identities WHERE user_id = $1
			UNION ALL SELECT CAST($5 AS BIGINT)) AS theirs WHERE at > 0), last_login_at)
		WHERE id = $1`, kept.ID, logins, jsonList(without(texts(kept.Groups), change.Groups)), change.Blocked, change.LastLoginAt)
	if err != nil {
		return err
	}
	for _, third := range change.Proposed {
		_, err := tx.ExecContext(ctx, `DELETE FROM proposals WHERE user_id = $1 AND other_id = $2 AND dismissed_at IS NULL`, min(kept.ID, third), max(kept.ID, third))
		if err != nil {
			return err
		}
	}
	return nil
}

// Dismiss implements admin.Store.
func (s *Store) Dismiss(ctx context.Context, keptID, otherID string, event admin.Event) error {
	return s.writeFor(ctx, "dismiss a proposal", &touched{}, func(tx *sqldb.Tx) error {
		for _, id := range []string{keptID, otherID} {
			if _, err := readPerson(ctx, tx, id); err != nil {
				return err
			}
		}
		if err := dismiss(ctx, tx, keptID, otherID, event); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}

// dismiss keeps two people from being proposed again, or at all.
func dismiss(ctx context.Context, tx *sqldb.Tx, a, b string, event admin.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO proposals (user_id, other_id, unionid, noted_at, dismissed_at) VALUES ($1, $2, '', $3, $3)
		ON CONFLICT (user_id, other_id) DO UPDATE SET dismissed_at = excluded.dismissed_at`, min(a, b), max(a, b), millis(event.At))
	return err
}
