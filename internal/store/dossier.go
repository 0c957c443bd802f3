package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/auth"
)

// Dossier reads all that is stored on a person at one moment. NoSuchUser when
// there is no such person. The hashes are left out: they are no data on a
// person, and of use only to whoever steals the rest.
func (s *Store) Dossier(ctx context.Context, userID string) (auth.Dossier, error) {
	dossier, err := s.dossier(ctx, userID)
	if err != nil {
		return auth.Dossier{}, s.orNone(ctx, "read dossier", err, auth.NoSuchUser)
	}
	return dossier, nil
}

func (s *Store) dossier(ctx context.Context, userID string) (auth.Dossier, error) {
	tx, err := s.reader.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return auth.Dossier{}, err
	}
	defer tx.Rollback()
	var user userRow
	if err := tx.GetContext(ctx, &user, `SELECT `+userColumns+` FROM users WHERE id = $1`, userID); err != nil {
		return auth.Dossier{}, err
	}
	var sessions []sessionRow
	if err := tx.SelectContext(ctx, &sessions, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 ORDER BY created_at DESC, id DESC`, userID); err != nil {
		return auth.Dossier{}, err
	}
	var logins []loginRow
	if err := tx.SelectContext(ctx, &logins, `SELECT `+loginColumns+` FROM logins
		WHERE user_id = $1 ORDER BY started_at DESC, id DESC`, userID); err != nil {
		return auth.Dossier{}, err
	}
	var events []eventRow
	if err := tx.SelectContext(ctx, &events, `SELECT id, at, actor, action, subject, detail FROM events
		WHERE subject = $1 OR subject = $2 OR actor = $1 ORDER BY at DESC, id DESC`, userID, user.OpenID); err != nil {
		return auth.Dossier{}, err
	}
	dossier := auth.Dossier{
		User:     user.user(),
		Sessions: each(sessions, sessionRow.session),
		Logins:   each(logins, loginRow.login),
		Events:   each(events, eventRow.event),
	}
	for i := range dossier.Sessions {
		dossier.Sessions[i].TokenHash = ""
	}
	for i := range dossier.Logins {
		l := &dossier.Logins[i]
		l.StateHash, l.CodeHash, l.SessionHash = "", "", ""
	}
	var token struct {
		Scope    auth.Scope       `db:"scope"`
		IssuedAt int64            `db:"issued_at"`
		EndsAt   int64            `db:"ends_at"`
		Dead     sql.Null[string] `db:"dead_reason"`
	}
	err = tx.GetContext(ctx, &token, `SELECT scope, issued_at, ends_at, dead_reason FROM tokens WHERE user_id = $1`, userID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return auth.Dossier{}, err
	default:
		dossier.Token = &auth.TokenInfo{Scope: token.Scope, IssuedAt: instant(token.IssuedAt), EndsAt: instant(token.EndsAt), DeadReason: token.Dead.V}
	}
	return dossier, nil
}
