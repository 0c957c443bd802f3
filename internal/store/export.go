package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
)

// Export is all that is stored on one person, as they may see it. The hashes in
// Sessions and Logins are left empty: they are no data on a person, and of use
// only to whoever steals the rest.
type Export struct {
	User     auth.User
	Sessions []auth.Session // newest first
	Logins   []auth.Login   // newest first
	Events   []auth.Event   // by or about the person, newest first
	Token    *TokenMeta     // nil: no refresh_token is stored
}

// TokenMeta is what is known of a stored refresh_token beside the token.
type TokenMeta struct {
	Scope      auth.Scope
	IssuedAt   time.Time
	EndsAt     time.Time
	DeadReason string // empty: not known to be dead
}

// Export reads all of it at one moment. NoSuchUser when there is no such person.
func (s *Store) Export(ctx context.Context, userID string) (Export, error) {
	export, err := s.export(ctx, userID)
	if err != nil {
		return Export{}, s.orNone(ctx, "export user", err, auth.NoSuchUser)
	}
	return export, nil
}

func (s *Store) export(ctx context.Context, userID string) (Export, error) {
	tx, err := s.reader.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Export{}, err
	}
	defer tx.Rollback()
	var user userRow
	if err := tx.GetContext(ctx, &user, `SELECT `+userColumns+` FROM users WHERE id = $1`, userID); err != nil {
		return Export{}, err
	}
	var sessions []sessionRow
	if err := tx.SelectContext(ctx, &sessions, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 ORDER BY created_at DESC, id DESC`, userID); err != nil {
		return Export{}, err
	}
	var logins []loginRow
	if err := tx.SelectContext(ctx, &logins, `SELECT `+loginColumns+` FROM logins
		WHERE user_id = $1 ORDER BY started_at DESC, id DESC`, userID); err != nil {
		return Export{}, err
	}
	var events []eventRow
	if err := tx.SelectContext(ctx, &events, `SELECT id, at, actor, action, subject, detail FROM events
		WHERE subject = $1 OR subject = $2 OR actor = $1 ORDER BY at DESC, id DESC`, userID, user.OpenID); err != nil {
		return Export{}, err
	}
	export := Export{
		User:     user.user(),
		Sessions: each(sessions, sessionRow.session),
		Logins:   each(logins, loginRow.login),
		Events:   each(events, eventRow.event),
	}
	for i := range export.Sessions {
		export.Sessions[i].TokenHash = ""
	}
	for i := range export.Logins {
		l := &export.Logins[i]
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
		return Export{}, err
	default:
		export.Token = &TokenMeta{Scope: token.Scope, IssuedAt: instant(token.IssuedAt), EndsAt: instant(token.EndsAt), DeadReason: token.Dead.V}
	}
	return export, nil
}
