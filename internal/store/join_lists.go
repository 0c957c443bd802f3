package store

import (
	"context"
	"database/sql"
	"time"

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

// identitiesOf reads the identities of a person besides the first.
func identitiesOf(ctx context.Context, db selecter, userID string) (rows []identityRow, err error) {
	err = db.SelectContext(ctx, &rows, `SELECT `+identityColumns+` FROM identities WHERE user_id = $1 ORDER BY id`, userID)
	return rows, err
}

// linkedBy selects who joined an identity: the event is found by its time, in the index of
// events.
const linkedBy = `(SELECT actor FROM events WHERE action = 'join' AND at = identities.linked_at AND detail = identities.id LIMIT 1)`

// linkedColumns are identityColumns with that actor and their current nickname.
const linkedColumns = identityColumns + `, COALESCE(` + linkedBy + `, '') AS linked_by, COALESCE((SELECT nickname FROM users WHERE id = ` + linkedBy + `), '') AS linked_by_name`

type linkedRow struct {
	identityRow
	LinkedBy     string `db:"linked_by"`
	LinkedByName string `db:"linked_by_name"`
}

func (r linkedRow) identity() admin.Identity {
	i := r.identityRow.identity()
	i.LinkedBy, i.LinkedByName = r.LinkedBy, r.LinkedByName
	if i.Linked == auth.LinkedByUnionID {
		i.LinkedBy = admin.ActorWeChat
	}
	return i
}

// Identities implements admin.Store.
func (s *Store) Identities(ctx context.Context, userID string) ([]admin.Identity, error) {
	user, err := s.User(ctx, userID)
	if err != nil {
		return nil, err
	}
	var rows []linkedRow
	err = s.db.SelectContext(ctx, &rows, `SELECT `+linkedColumns+` FROM identities WHERE identities.user_id = $1 ORDER BY identities.id`, userID)
	if err != nil {
		return nil, s.fail(ctx, "list identities", err)
	}
	first := admin.Identity{Identity: user.Identity(), FirstLoginAt: user.FirstLoginAt, LastLoginAt: user.LastLoginAt, LoginCount: user.LoginCount}
	for _, row := range rows {
		first.LoginCount -= row.LoginCount
	}
	if len(rows) > 0 {
		if first.LastLoginAt, err = s.lastByFirst(ctx, userID); err != nil {
			return nil, s.fail(ctx, "list identities", err)
		}
	}
	all := append([]admin.Identity{first}, each(rows, linkedRow.identity)...)
	tokens, err := tokensOf(ctx, s.db, userID)
	for i := range all {
		all[i].Token = tokens[all[i].ID]
	}
	return all, s.fail(ctx, "list identities", err)
}

// lastByFirst is the last login by the first identity of a person with several, as far as
// the history goes.
func (s *Store) lastByFirst(ctx context.Context, userID string) (time.Time, error) {
	var at sql.Null[int64]
	err := s.db.GetContext(ctx, &at, `SELECT MAX(started_at) FROM logins WHERE user_id = $1 AND identity_id IS NULL AND outcome = 'signed_in'`, userID)
	return maybeInstant(at), err
}

// PersonID implements admin.Store.
func (s *Store) PersonID(ctx context.Context, appID, name string) (id string, err error) {
	err = s.db.GetContext(ctx, &id, `SELECT id FROM users WHERE id = $2 UNION ALL SELECT id FROM users WHERE appid = $1 AND openid = $2
		UNION ALL SELECT user_id FROM identities WHERE appid = $1 AND openid = $2 UNION ALL SELECT user_id FROM identities WHERE id = $2 LIMIT 1`, appID, name)
	return id, s.orNone(ctx, "find a person", err, auth.NoSuchUser)
}

// JoinPage implements admin.Store.
func (s *Store) JoinPage(ctx context.Context, q admin.JoinQuery) (page admin.JoinPage, err error) {
	ids, next, prev, err := s.lists.Joins(ctx, q)
	if err != nil || len(ids) == 0 {
		return page, err
	}
	var rows []struct {
		linkedRow
		User list.UserRow     `db:"users"`
		Was  sql.Null[string] `db:"was"`
	}
	err = s.db.Select(ctx, &rows, sqldb.Join(sqldb.SQL(`SELECT `+linkedColumns+`, `+nested(list.UserColumns)+`, joined_people.person AS was
		FROM identities JOIN users ON users.id = identities.user_id LEFT JOIN joined_people ON joined_people.identity_id = identities.id
		WHERE `), sqldb.In("identities.id", ids), sqldb.SQL(` ORDER BY identities.linked_at DESC, identities.id DESC`)))
	if err != nil {
		return page, s.fail(ctx, "list joins", err)
	}
	page = admin.JoinPage{Next: next, Prev: prev}
	for _, row := range rows {
		join := admin.Join{Identity: row.linkedRow.identity(), Person: row.User.User()}
		if row.Was.Valid {
			join.Nickname = joinedUser(row.Was.V).Nickname
		}
		page.Joins = append(page.Joins, join)
	}
	return page, nil
}

// Joins returns the latest joins, at most limit.
func (s *Store) Joins(ctx context.Context, limit int) ([]admin.Join, error) {
	page, err := s.JoinPage(ctx, admin.JoinQuery{Limit: limit})
	return page.Joins, err
}

// ProposalPage implements admin.Store.
func (s *Store) ProposalPage(ctx context.Context, q admin.JoinQuery) (page admin.ProposalPage, err error) {
	rows, next, prev, err := s.lists.Proposals(ctx, q)
	if err != nil {
		return page, err
	}
	page.Next, page.Prev = next, prev
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.Kept, row.Other)
	}
	people, err := s.peopleByID(ctx, ids)
	if err != nil {
		return page, err
	}
	for _, row := range rows {
		kept, other := people[row.Kept], people[row.Other]
		if kept.ID != "" && other.ID != "" { // otherwise erased since
			page.Proposals = append(page.Proposals, admin.Proposal{Kept: kept, Other: other, UnionID: row.UnionID, NotedAt: instant(row.NotedAt)})
		}
	}
	return page, nil
}

// Proposals returns the latest proposals, at most limit.
func (s *Store) Proposals(ctx context.Context, limit int) ([]admin.Proposal, error) {
	page, err := s.ProposalPage(ctx, admin.JoinQuery{Limit: limit})
	return page.Proposals, err
}

// AnyProposals implements admin.Store.
func (s *Store) AnyProposals(ctx context.Context) (any bool, err error) {
	err = s.db.GetContext(ctx, &any, `SELECT EXISTS (SELECT 1 FROM proposals WHERE dismissed_at IS NULL)`)
	return any, s.fail(ctx, "look for proposals", err)
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
