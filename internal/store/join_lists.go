package store

import (
	"context"
	"database/sql"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

const identityColumns = `identities.id, identities.user_id, identities.appid, identities.openid, identities.unionid, identities.scope,
	identities.first_login_at, identities.last_login_at, identities.login_count, identities.linked, identities.linked_at`

// identityRow is a row of identities.
type identityRow struct {
	ID           string           `db:"id"`
	UserID       string           `db:"user_id"`
	AppID        string           `db:"appid"`
	OpenID       string           `db:"openid"`
	UnionID      sql.Null[string] `db:"unionid"`
	Scope        auth.Scope       `db:"scope"`
	FirstLoginAt int64            `db:"first_login_at"`
	LastLoginAt  int64            `db:"last_login_at"`
	LoginCount   int64            `db:"login_count"`
	Linked       auth.Linked      `db:"linked"`
	LinkedAt     int64            `db:"linked_at"`
}

func (r identityRow) identity() admin.Identity {
	return admin.Identity{
		Identity:     auth.Identity{ID: r.ID, AppID: r.AppID, OpenID: r.OpenID, UnionID: r.UnionID.V, Scope: r.Scope},
		FirstLoginAt: instant(r.FirstLoginAt),
		LastLoginAt:  instant(r.LastLoginAt),
		LoginCount:   r.LoginCount,
		Linked:       r.Linked,
		LinkedAt:     instant(r.LinkedAt),
	}
}

// identitiesOf are those of a person besides the first.
func identitiesOf(ctx context.Context, db selecter, userID string) (rows []identityRow, err error) {
	err = db.SelectContext(ctx, &rows, `SELECT `+identityColumns+` FROM identities WHERE user_id = $1 ORDER BY id`, userID)
	return rows, err
}

// Identities implements admin.Store.
func (s *Store) Identities(ctx context.Context, userID string) ([]admin.Identity, error) {
	user, err := s.User(ctx, userID)
	if err != nil {
		return nil, err
	}
	rows, err := identitiesOf(ctx, s.db, userID)
	if err != nil {
		return nil, s.fail(ctx, "list identities", err)
	}
	return append([]admin.Identity{{Identity: user.Identity()}}, each(rows, identityRow.identity)...), nil
}

// PersonID implements admin.Store.
func (s *Store) PersonID(ctx context.Context, appID, name string) (id string, err error) {
	err = s.db.GetContext(ctx, &id, `SELECT id FROM users WHERE id = $2 UNION ALL SELECT id FROM users WHERE appid = $1 AND openid = $2
		UNION ALL SELECT user_id FROM identities WHERE appid = $1 AND openid = $2 LIMIT 1`, appID, name)
	return id, s.orNone(ctx, "find a person", err, auth.NoSuchUser)
}

// Joins implements admin.Store.
func (s *Store) Joins(ctx context.Context, limit int) ([]admin.Join, error) {
	var rows []struct {
		Identity identityRow      `db:"identities"`
		User     list.UserRow     `db:"users"`
		Was      sql.Null[string] `db:"was"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT `+nested(identityColumns)+`, `+nested(list.UserColumns)+`, joined_people.person AS was
		FROM identities JOIN users ON users.id = identities.user_id LEFT JOIN joined_people ON joined_people.identity_id = identities.id
		ORDER BY identities.linked_at DESC, identities.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, s.fail(ctx, "list joins", err)
	}
	joins := make([]admin.Join, len(rows))
	for i, row := range rows {
		joins[i] = admin.Join{Identity: row.Identity.identity(), Person: row.User.User()}
		if row.Was.Valid {
			joins[i].Nickname = joinedUser(row.Was.V).Nickname
		}
	}
	return joins, nil
}

// Proposals implements admin.Store.
func (s *Store) Proposals(ctx context.Context, limit int) ([]admin.Proposal, error) {
	var rows []struct {
		Kept    string `db:"user_id"`
		Other   string `db:"other_id"`
		UnionID string `db:"unionid"`
		NotedAt int64  `db:"noted_at"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT user_id, other_id, unionid, noted_at FROM proposals
		WHERE dismissed_at IS NULL ORDER BY noted_at DESC LIMIT $1`, limit)
	if err != nil {
		return nil, s.fail(ctx, "list proposals", err)
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.Kept, row.Other)
	}
	people, err := s.peopleByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var proposals []admin.Proposal
	for _, row := range rows {
		kept, other := people[row.Kept], people[row.Other]
		if kept.ID != "" && other.ID != "" { // else erased since
			proposals = append(proposals, admin.Proposal{Kept: kept, Other: other, UnionID: row.UnionID, NotedAt: instant(row.NotedAt)})
		}
	}
	return proposals, nil
}

// peopleByID reads people with their identities.
func (s *Store) peopleByID(ctx context.Context, ids []string) (map[string]auth.User, error) {
	people := make(map[string]auth.User)
	if len(ids) == 0 {
		return people, nil
	}
	var rows []list.UserRow
	if err := s.db.Select(ctx, &rows, sqldb.Join(sqldb.SQL(`SELECT `+list.UserColumns+` FROM users WHERE `), sqldb.In("users.id", ids))); err != nil {
		return nil, s.fail(ctx, "read users", err)
	}
	further, err := s.lists.FurtherIdentities(ctx, ids)
	for _, row := range rows {
		people[row.ID] = row.User().WithFurther(further[row.ID])
	}
	return people, err
}
