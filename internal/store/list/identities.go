package list

import (
	"context"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// WithIdentities gives people the identities that they have besides the first, if any
// has some.
func (l *Lists) WithIdentities(ctx context.Context, users []auth.User) ([]auth.User, error) {
	if len(users) == 0 {
		return users, nil
	}
	var rows []struct {
		ID      string     `db:"id"`
		UserID  string     `db:"user_id"`
		AppID   string     `db:"appid"`
		OpenID  string     `db:"openid"`
		UnionID string     `db:"unionid"`
		Scope   auth.Scope `db:"scope"`
	}
	ids := each(users, func(u auth.User) string { return u.ID })
	err := l.db.Select(ctx, &rows, sqldb.Join(
		sqldb.SQL(`SELECT id, user_id, appid, openid, COALESCE(unionid, '') AS unionid, scope FROM identities WHERE `),
		sqldb.In("user_id", ids), sqldb.SQL(` ORDER BY id`)))
	if err != nil {
		return nil, l.db.Fail(ctx, "list identities", err)
	}
	of := make(map[string][]auth.Identity)
	for _, r := range rows {
		of[r.UserID] = append(of[r.UserID], auth.Identity{ID: r.ID, AppID: r.AppID, OpenID: r.OpenID, UnionID: r.UnionID, Scope: r.Scope})
	}
	for i, user := range users {
		if further := of[user.ID]; further != nil {
			users[i].Identities = append([]auth.Identity{user.Identity()}, further...)
		}
	}
	return users, nil
}
