package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Dossier reads all that is stored on a person at one moment. NoSuchUser when
// there is no such person. The hashes are left out: they are no data on a
// person, and of use only to whoever steals the rest.
func (s *Store) Dossier(ctx context.Context, userID string) (admin.PersonalData, error) {
	var dossier admin.PersonalData
	err := s.db.Snapshot(ctx, func(tx *sqldb.Tx) (err error) {
		dossier, err = readDossier(ctx, tx, userID)
		return err
	})
	if err != nil {
		return admin.PersonalData{}, s.orNone(ctx, "read dossier", err, auth.NoSuchUser)
	}
	return dossier, nil
}

func readDossier(ctx context.Context, tx *sqldb.Tx, userID string) (dossier admin.PersonalData, err error) {
	var user userRow
	if err := tx.GetContext(ctx, &user, `SELECT `+userColumns+` FROM users WHERE id = $1`, userID); err != nil {
		return admin.PersonalData{}, err
	}
	var sessions []sessionRow
	if err := tx.SelectContext(ctx, &sessions, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 ORDER BY created_at DESC, id DESC`, userID); err != nil {
		return admin.PersonalData{}, err
	}
	var logins []loginRow
	if err := tx.SelectContext(ctx, &logins, `SELECT `+loginColumns+` FROM logins
		WHERE user_id = $1 ORDER BY started_at DESC, id DESC`, userID); err != nil {
		return admin.PersonalData{}, err
	}
	var events []eventRow
	if err := tx.SelectContext(ctx, &events, `SELECT id, at, actor, action, subject, detail FROM events
		WHERE subject = $1 OR subject = $2 OR actor = $1 ORDER BY at DESC, id DESC`, userID, user.OpenID); err != nil {
		return admin.PersonalData{}, err
	}
	dossier = admin.PersonalData{
		User:     user.user(),
		Sessions: each(sessions, sessionRow.session),
		Logins:   each(logins, loginRow.login),
		Events:   each(events, eventRow.event),
	}
	for i := range dossier.Sessions {
		dossier.Sessions[i].TokenHash = ""
	}
	for i := range dossier.Logins {
		dossier.Logins[i].SessionHash = ""
	}
	if dossier.Token, err = tokenInfo(ctx, tx, userID); err != nil {
		return admin.PersonalData{}, err
	}
	return dossier, nil
}

// Token returns what is known of a person's refresh_token; nil when none is
// stored.
func (s *Store) Token(ctx context.Context, userID string) (*admin.TokenInfo, error) {
	info, err := tokenInfo(ctx, s.db, userID)
	return info, s.fail(ctx, "read token", err)
}

func tokenInfo(ctx context.Context, db getter, userID string) (*admin.TokenInfo, error) {
	var row struct {
		Scope    auth.Scope       `db:"scope"`
		IssuedAt int64            `db:"issued_at"`
		EndsAt   int64            `db:"ends_at"`
		DueAt    sql.Null[int64]  `db:"due_at"`
		Dead     sql.Null[string] `db:"dead_reason"`
	}
	err := db.GetContext(ctx, &row, `SELECT scope, issued_at, ends_at, due_at, dead_reason FROM tokens WHERE user_id = $1`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &admin.TokenInfo{
		Scope:      row.Scope,
		IssuedAt:   instant(row.IssuedAt),
		EndsAt:     instant(row.EndsAt),
		DueAt:      maybeInstant(row.DueAt),
		DeadReason: row.Dead.V,
	}, nil
}
