package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
)

// User returns a person. NoSuchUser when there is none.
func (s *Store) User(ctx context.Context, id string) (auth.User, error) {
	var row list.UserRow
	err := s.db.GetContext(ctx, &row, `SELECT `+list.UserColumns+` FROM users WHERE users.id = $1`, id)
	if err != nil {
		return auth.User{}, s.orNone(ctx, "read user", err, auth.NoSuchUser)
	}
	return row.User(), nil
}

const openIDQuery = `SELECT ` + list.UserColumns + ` FROM users WHERE users.appid = $1 AND users.openid = $2`

// UserByOpenID implements auth.Store.
func (s *Store) UserByOpenID(ctx context.Context, appID, openID string) (auth.User, error) {
	var row list.UserRow
	if err := s.byOpenID.GetContext(ctx, &row, appID, openID); err != nil {
		return auth.User{}, s.orNone(ctx, "read user", err, auth.NoSuchUser)
	}
	return row.User(), nil
}

// UserLogins lists a person's logins, newest first, at most limit.
func (s *Store) UserLogins(ctx context.Context, userID string, limit int) ([]auth.Login, error) {
	var rows []loginRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+loginColumns+` FROM logins
		WHERE user_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2`, userID, limit)
	if err != nil {
		return nil, s.fail(ctx, "list logins", err)
	}
	return each(rows, loginRow.login), nil
}

// FailedLogins lists the logins that failed in a request, newest first: one, unless
// somebody has written by hand.
func (s *Store) FailedLogins(ctx context.Context, requestID string) ([]auth.Login, error) {
	var rows []loginRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+loginColumns+` FROM logins
		WHERE request_id = $1 AND request_id <> '' ORDER BY started_at DESC LIMIT 10`, requestID)
	if err != nil {
		return nil, s.fail(ctx, "read failed logins", err)
	}
	return each(rows, loginRow.login), nil
}

// Counts returns the numbers on the dashboard.
func (s *Store) Counts(ctx context.Context, since time.Time) (admin.Counts, error) {
	counts := admin.Counts{Since: since}
	var err error
	if counts.Users, err = s.countPeople(ctx); err == nil {
		err = s.db.GetContext(ctx, &counts.BlockedUser, `SELECT COUNT(*) FROM users WHERE blocked = 1`)
	}
	if err != nil {
		return admin.Counts{}, s.fail(ctx, "count", err)
	}
	sessions, err := s.CountSessions(ctx)
	if err != nil {
		return admin.Counts{}, err
	}
	counts.Sessions = sessions[auth.VisitorSession]
	rollups, err := s.rollups(ctx, since)
	if err != nil {
		return admin.Counts{}, s.fail(ctx, "count", err)
	}
	for _, row := range rollups {
		counts.NewUsers += row.NewPeople
		counts.Logins += row.Logins
		counts.Snapshots += row.Snapshots
		counts.Failures += row.Failures
	}
	return counts, nil
}

// RefreshToken opens the refresh_token stored for a person. NeedsLogin when
// there is none that is any use: absent, dead, or sealed in a way that the keys
// at hand do not open. A new login brings a new one.
func (s *Store) RefreshToken(ctx context.Context, userID string) (auth.Secret, error) {
	var row struct {
		Scope  auth.Scope       `db:"scope"`
		Sealed string           `db:"refresh_token"`
		EndsAt int64            `db:"ends_at"`
		Dead   sql.Null[string] `db:"dead_reason"`
		AppID  string           `db:"appid"`
		OpenID string           `db:"openid"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT tokens.scope, tokens.refresh_token, tokens.ends_at, tokens.dead_reason, users.appid, users.openid
		FROM tokens JOIN users ON users.id = tokens.user_id WHERE tokens.user_id = $1`, userID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", auth.Failf(auth.NeedsLogin, "no refresh token of user %s", userID)
	case err != nil:
		return "", s.fail(ctx, "read refresh token", err)
	case row.Scope != auth.ScopeUserinfo:
		// WeChat would answer 48001, which means a fault of the operator's.
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s opens no profile", userID)
	case row.Dead.Valid:
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s is dead: %s", userID, row.Dead.V)
	case row.EndsAt <= millis(s.now()):
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s has expired", userID)
	}
	token, err := s.sealer.open(row.Sealed, tokenPlace(row.AppID, row.OpenID))
	if err != nil {
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s: %w", userID, err)
	}
	return token, nil
}

// checkKeys notices that the keys are not those of this database: of the tokens
// of those who came last, none opens. People can still sign in, so it only says so, loudly.
func (s *Store) checkKeys(ctx context.Context) error {
	var rows []struct {
		Sealed string `db:"refresh_token"`
		AppID  string `db:"appid"`
		OpenID string `db:"openid"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT tokens.refresh_token, users.appid, users.openid
		FROM tokens JOIN users ON users.id = tokens.user_id ORDER BY users.last_login_at DESC LIMIT 20`)
	if err != nil || len(rows) == 0 {
		return err
	}
	for _, row := range rows {
		if _, err := s.sealer.open(row.Sealed, tokenPlace(row.AppID, row.OpenID)); err == nil {
			return nil
		}
	}
	s.log.WarnContext(ctx, "THE KEYS OPEN NONE OF THE STORED REFRESH TOKENS: these are not the keys this database was written with. "+
		"People can sign in, but no profile can be refreshed until they do. "+
		"If you still have the old key, append it to WXLOGIN_KEYS and restart.")
	return nil
}
