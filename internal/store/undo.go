package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// UndoJoin implements admin.Store.
func (s *Store) UndoJoin(ctx context.Context, id string, event admin.Event) error {
	return s.write(ctx, "undo a join", func(tx *sqldb.Tx) error {
		if err := s.lockPeople(ctx, tx); err != nil {
			return err
		}
		var identity identityRow
		err := tx.GetContext(ctx, &identity, `SELECT `+identityColumns+` FROM identities WHERE id = $1`, id)
		if errors.Is(err, sql.ErrNoRows) {
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

// part makes a person of their own of whom an identity was before, or who has never
// been one.
func part(ctx context.Context, tx *sqldb.Tx, identity identityRow, event admin.Event) error {
	kept, err := readPerson(ctx, tx, identity.UserID)
	if err != nil {
		return err
	}
	was, err := readJoined(ctx, tx, identity)
	if err != nil {
		return err
	}
	// What came along and is still there goes along.
	all, err := identitiesOf(ctx, tx, kept.ID)
	if err != nil {
		return err
	}
	ids, logins, last := []string{}, int64(0), int64(0)
	for _, i := range all {
		if i.ID == identity.ID || slices.Contains(was.CameWith, i.ID) {
			ids, logins, last = append(ids, i.ID), logins+i.LoginCount, max(last, i.LastLoginAt)
		}
	}
	for _, id := range ids {
		if err := endByIdentity(ctx, tx, kept.ID, id, event); err != nil {
			return err
		}
	}
	p := was.Person
	p.AppID, p.OpenID = identity.AppID, identity.OpenID // an account migration may have changed them
	p.UnionID, p.Scope, p.LoginCount, p.LastLoginAt, p.Blocked = identity.UnionID, identity.Scope, logins, last, kept.Blocked
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
	for _, c := range was.Consents {
		_, err := tx.ExecContext(ctx, `INSERT INTO consents (user_id, client_id, scopes, agreed_at) SELECT $1, id, $3, $4 FROM clients WHERE id = $2`,
			p.ID, c.ClientID, c.Scopes, c.AgreedAt)
		if err != nil {
			return err
		}
	}
	if err := takeFromKept(ctx, tx, kept, was.Kept, logins); err != nil {
		return err
	}
	return dismiss(ctx, tx, kept.ID, p.ID, event)
}

// readJoined is who an identity was before; of one that has never been a person's own,
// a person of whom nothing else is known.
func readJoined(ctx context.Context, tx *sqldb.Tx, i identityRow) (was joinedPerson, err error) {
	var row struct {
		Person   string `db:"person"`
		CameWith string `db:"came_with"`
		Consents string `db:"consents"`
		Kept     string `db:"kept"`
	}
	err = tx.GetContext(ctx, &row, `SELECT person, came_with, consents, kept FROM joined_people WHERE identity_id = $1`, i.ID)
	if errors.Is(err, sql.ErrNoRows) {
		was.Person = list.UserRow{ID: i.ID, AppID: i.AppID, OpenID: i.OpenID, Privilege: "[]", Groups: "[]", FirstLoginAt: i.FirstLoginAt}
		return was, nil
	}
	if err != nil {
		return was, err
	}
	was.CameWith = texts(row.CameWith)
	return was, errors.Join(json.Unmarshal([]byte(row.Person), &was.Person), json.Unmarshal([]byte(row.Consents), &was.Consents),
		json.Unmarshal([]byte(row.Kept), &was.Kept))
}

// endByIdentity ends the sessions of an identity, what they have confirmed for
// desktops, and what applications hold by them.
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

// giveBack moves what is of an identity from the person who had it to another: to
// whom it is the first one, if it has the id of theirs.
func giveBack(ctx context.Context, tx *sqldb.Tx, from, to, id string) error {
	for _, statement := range []string{
		`UPDATE tokens SET user_id = $2, identity_id = CASE WHEN identity_id = $2 THEN '' ELSE identity_id END WHERE user_id = $1 AND identity_id = $3`,
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

// insertPerson writes a row of users as it was.
func insertPerson(ctx context.Context, tx *sqldb.Tx, p list.UserRow) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, appid, openid, unionid, nickname, sex, language, country, province, city, avatar_url, privilege,
			scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count, consent_version, consent_at, group_names)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		p.ID, p.AppID, p.OpenID, p.UnionID, p.Nickname, p.Sex, p.Language, p.Country, p.Province, p.City, p.AvatarURL, p.Privilege,
		p.Scope, p.Blocked, p.FirstLoginAt, p.LastLoginAt, p.ProfileUpdatedAt, p.LoginCount, p.ConsentVersion, p.ConsentAt, p.Groups)
	return err
}

// takeFromKept takes back what a join has added to the person who was kept: what an
// admin has changed since stays so.
func takeFromKept(ctx context.Context, tx *sqldb.Tx, kept list.UserRow, change keptChange, logins int64) error {
	groups := slices.DeleteFunc(texts(kept.Groups), func(group string) bool { return slices.Contains(change.Groups, group) })
	blocked := kept.Blocked
	if change.Blocked {
		blocked = 0
	}
	_, err := tx.ExecContext(ctx, `UPDATE users SET login_count = login_count - $2, group_names = $3, blocked = $4,
			last_login_at = COALESCE((SELECT MAX(started_at) FROM logins WHERE user_id = $1 AND outcome = 'signed_in'), last_login_at)
		WHERE id = $1`, kept.ID, logins, jsonList(groups), blocked)
	return err
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

// dismiss keeps two people from being proposed (again).
func dismiss(ctx context.Context, tx *sqldb.Tx, a, b string, event admin.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO proposals (user_id, other_id, unionid, noted_at, dismissed_at) VALUES ($1, $2, '', $3, $3)
		ON CONFLICT (user_id, other_id) DO UPDATE SET dismissed_at = excluded.dismissed_at`, min(a, b), max(a, b), millis(event.At))
	return err
}
