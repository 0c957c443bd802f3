package list

import (
	"context"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// FurtherIdentities returns the identities that some people have besides the first, by the
// id of the person.
func (l *Lists) FurtherIdentities(ctx context.Context, userIDs []string) (map[string][]auth.Identity, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	var rows []struct {
		ID      string     `db:"id"`
		UserID  string     `db:"user_id"`
		AppID   string     `db:"appid"`
		OpenID  string     `db:"openid"`
		UnionID string     `db:"unionid"`
		Scope   auth.Scope `db:"scope"`
	}
	err := l.db.Select(ctx, &rows, sqldb.Join(
		sqldb.SQL(`SELECT id, user_id, appid, openid, COALESCE(unionid, '') AS unionid, scope FROM identities WHERE `),
		l.db.Among("user_id", userIDs)))
	if err != nil {
		return nil, l.db.Fail(ctx, "list identities", err)
	}
	further := make(map[string][]auth.Identity)
	for _, r := range rows {
		further[r.UserID] = append(further[r.UserID], auth.Identity{ID: r.ID, AppID: r.AppID, OpenID: r.OpenID, UnionID: r.UnionID, Scope: r.Scope})
	}
	return further, nil
}
