package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// PersonalData reads all that is stored on a person at one moment. NoSuchUser when
// there is no such person. The hashes are left out: they are no data on a
// person, and of use only to whoever steals the rest.
func (s *Store) PersonalData(ctx context.Context, userID string) (admin.PersonalData, error) {
	data, err := s.personalData(ctx, userID)
	if err != nil && ctx.Err() == nil && s.gone(err) {
		data, err = s.personalData(ctx, userID)
	}
	if err != nil {
		return admin.PersonalData{}, s.orNone(ctx, "read personal data", err, auth.NoSuchUser)
	}
	return data, nil
}

func (s *Store) personalData(ctx context.Context, userID string) (admin.PersonalData, error) {
	tx, err := s.reader.BeginTxx(ctx, s.dialect.reading)
	if err != nil {
		return admin.PersonalData{}, err
	}
	defer tx.Rollback()
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
	data := admin.PersonalData{
		User:     user.user(),
		Sessions: each(sessions, sessionRow.session),
		Logins:   each(logins, loginRow.login),
		Events:   each(events, eventRow.event),
	}
	for i := range data.Sessions {
		data.Sessions[i].TokenHash = ""
	}
	for i := range data.Logins {
		data.Logins[i].SessionHash = ""
	}
	if data.Token, err = tokenInfo(ctx, tx, userID); err != nil {
		return admin.PersonalData{}, err
	}
	return data, nil
}

// Token returns what is known of a person's refresh_token; nil when none is
// stored.
func (s *Store) Token(ctx context.Context, userID string) (*admin.TokenInfo, error) {
	info, err := tokenInfo(ctx, s.reader, userID)
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
