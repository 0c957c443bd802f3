package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
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
	further, err := furtherOf(ctx, s.db, id)
	return row.User().WithFurther(further), s.fail(ctx, "read identities", err)
}

var openIDQuery = `SELECT ` + list.UserColumns + `, '' AS identity_id FROM users WHERE users.appid = $1 AND users.openid = $2
	UNION ALL SELECT ` + byIdentity + ` FROM identities JOIN users ON users.id = identities.user_id WHERE identities.appid = $1 AND identities.openid = $2`

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
// somebody has edited the database.
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
	// With very many people, these two take most of the time of the page.
	var counting sync.WaitGroup
	var sessions map[auth.SessionKind]int64
	var failed error
	counting.Go(func() { sessions, failed = s.CountSessions(ctx) })
	var err error
	if counts.Users, err = s.countPeople(ctx, false); err == nil {
		err = s.db.GetContext(ctx, &counts.BlockedUser, `SELECT COUNT(*) FROM users WHERE blocked = 1`)
	}
	counting.Wait()
	if err != nil {
		return admin.Counts{}, s.fail(ctx, "count", err)
	}
	if failed != nil {
		return admin.Counts{}, failed
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

// RefreshToken opens a stored refresh_token. NeedsLogin when there is no usable one: it is
// absent, dead, or not opened by the configured keys. A new login brings a new one.
func (s *Store) RefreshToken(ctx context.Context, id auth.TokenID) (auth.Secret, error) {
	var row struct {
		sealedToken
		Scope  auth.Scope       `db:"scope"`
		EndsAt int64            `db:"ends_at"`
		Dead   sql.Null[string] `db:"dead_reason"`
	}
	t, key := tokenTableOf(id)
	err := s.db.GetContext(ctx, &row, t.one(`, tokens.scope, tokens.ends_at, tokens.dead_reason`), key, id.UserID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", auth.Failf(auth.NeedsLogin, "no refresh token of user %s", id.UserID)
	case err != nil:
		return "", s.fail(ctx, "read refresh token", err)
	case row.Scope != auth.ScopeUserinfo:
		// WeChat would answer 48001, which means a mistake of the operator.
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s opens no profile", id.UserID)
	case row.Dead.Valid:
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s is dead: %s", id.UserID, row.Dead.V)
	case row.EndsAt <= millis(s.now()):
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s has expired", id.UserID)
	}
	token, err := s.sealer.open(row.Sealed, row.place())
	if err != nil {
		return "", auth.Failf(auth.NeedsLogin, "refresh token of user %s: %w", id.UserID, err)
	}
	return token, nil
}

// TokensOf implements auth.RefreshStore.
func (s *Store) TokensOf(ctx context.Context, userID string) ([]auth.TokenID, error) {
	var ids []string
	err := s.db.SelectContext(ctx, &ids, `SELECT identity_id FROM all_tokens WHERE user_id = $1 ORDER BY identity_id`, userID)
	if err != nil {
		return nil, s.fail(ctx, "list tokens", err)
	}
	return each(ids, func(id string) auth.TokenID { return auth.TokenID{UserID: userID, IdentityID: id} }), nil
}

// checkKeys notices that the keys are not those of this database: they open none of the
// tokens of the people who logged in last. People can still sign in, so it only logs a
// loud warning.
func (s *Store) checkKeys(ctx context.Context) error {
	var rows []sealedToken
	for _, t := range tokenTables {
		var some []sealedToken
		if err := s.db.SelectContext(ctx, &some, `SELECT `+t.sealed+` FROM `+t.from+` ORDER BY users.last_login_at DESC LIMIT 20`); err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	if len(rows) == 0 {
		return nil
	}
	for _, row := range rows {
		if _, err := s.sealer.open(row.Sealed, row.place()); err == nil {
			return nil
		}
	}
	s.log.WarnContext(ctx, "THE KEYS OPEN NONE OF THE STORED REFRESH TOKENS: these are not the keys this database was written with. "+
		"People can sign in, but no profile can be refreshed until they do. "+
		"If you still have the old key, append it to WXLOGIN_KEYS and restart.")
	return nil
}
