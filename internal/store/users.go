package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
)

// User returns a person. NoSuchUser when there is none.
func (s *Store) User(ctx context.Context, id string) (auth.User, error) {
	return s.oneUser(ctx, `users.id = $1`, id)
}

// UserByOpenID implements auth.Store.
func (s *Store) UserByOpenID(ctx context.Context, appID, openID string) (auth.User, error) {
	return s.oneUser(ctx, `users.appid = $1 AND users.openid = $2`, appID, openID)
}

func (s *Store) oneUser(ctx context.Context, where string, args ...any) (auth.User, error) {
	var row userRow
	err := s.reader.GetContext(ctx, &row, `SELECT `+userColumns+` FROM users WHERE `+where, args...)
	if err != nil {
		return auth.User{}, s.orNone(ctx, "read user", err, auth.NoSuchUser)
	}
	return row.user(), nil
}

// UserLogins lists a person's logins, newest first, at most limit.
func (s *Store) UserLogins(ctx context.Context, userID string, limit int) ([]auth.Login, error) {
	var rows []loginRow
	err := s.reader.SelectContext(ctx, &rows, `SELECT `+loginColumns+` FROM logins
		WHERE user_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2`, userID, limit)
	if err != nil {
		return nil, s.fail(ctx, "list logins", err)
	}
	return each(rows, loginRow.login), nil
}

// Counts returns the numbers on the dashboard.
func (s *Store) Counts(ctx context.Context, since time.Time) (auth.Counts, error) {
	var row struct {
		Users    int64 `db:"users"`
		NewUsers int64 `db:"new_users"`
		Blocked  int64 `db:"blocked"`
		Sessions int64 `db:"sessions"`
		Logins   int64 `db:"logins"`
		Snapshot int64 `db:"snapshots"`
		Failures int64 `db:"failures"`
	}
	err := s.reader.GetContext(ctx, &row, `SELECT
		(SELECT COUNT(*) FROM users) AS users,
		(SELECT COUNT(*) FROM users WHERE first_login_at >= $1) AS new_users,
		(SELECT COUNT(*) FROM users WHERE blocked = 1) AS blocked,
		(SELECT COUNT(*) FROM sessions WHERE kind = 'visitor' AND ends_at > $2) AS sessions,
		(SELECT COUNT(*) FROM logins WHERE started_at >= $1 AND outcome = 'signed_in') AS logins,
		(SELECT COUNT(*) FROM logins WHERE started_at >= $1 AND outcome = 'failed' AND reason = $3) AS snapshots,
		(SELECT COUNT(*) FROM logins WHERE started_at >= $1 AND outcome = 'failed' AND reason <> $3) AS failures`,
		millis(since), millis(s.now()), auth.Snapshot)
	if err != nil {
		return auth.Counts{}, s.fail(ctx, "count", err)
	}
	return auth.Counts{
		Users:       row.Users,
		NewUsers:    row.NewUsers,
		Logins:      row.Logins,
		Sessions:    row.Sessions,
		Snapshots:   row.Snapshot,
		Failures:    row.Failures,
		BlockedUser: row.Blocked,
		Since:       since,
	}, nil
}

// RefreshToken opens the refresh_token stored for a person. NeedsLogin when
// there is none that is any use: absent, dead, or sealed in a way that the keys
// at hand do not open. A new login brings a new one.
func (s *Store) RefreshToken(ctx context.Context, userID string) (auth.Secret, error) {
	var row struct {
		Sealed string           `db:"refresh_token"`
		EndsAt int64            `db:"ends_at"`
		Dead   sql.Null[string] `db:"dead_reason"`
		AppID  string           `db:"appid"`
		OpenID string           `db:"openid"`
	}
	err := s.reader.GetContext(ctx, &row, `SELECT tokens.refresh_token, tokens.ends_at, tokens.dead_reason, users.appid, users.openid
		FROM tokens JOIN users ON users.id = tokens.user_id WHERE tokens.user_id = $1`, userID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", auth.Failf(auth.NeedsLogin, "no refresh token of user %s", userID)
	case err != nil:
		return "", s.fail(ctx, "read refresh token", err)
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

// checkKeys notices that the keys are not those of this database: of the newest
// tokens, none opens. People can still sign in, so it only says so, loudly.
func (s *Store) checkKeys(ctx context.Context) error {
	var rows []struct {
		Sealed string `db:"refresh_token"`
		AppID  string `db:"appid"`
		OpenID string `db:"openid"`
	}
	err := s.reader.SelectContext(ctx, &rows, `SELECT tokens.refresh_token, users.appid, users.openid
		FROM tokens JOIN users ON users.id = tokens.user_id ORDER BY tokens.issued_at DESC LIMIT 20`)
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
