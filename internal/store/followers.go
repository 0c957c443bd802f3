package store

import (
	"context"
	"database/sql"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.FollowerStore = (*Store)(nil)

// followerRow is what WeChat has answered about an identity, with the identity.
type followerRow struct {
	UserID     string          `db:"user_id"`
	IdentityID string          `db:"identity_id"`
	AppID      string          `db:"appid"`
	OpenID     string          `db:"openid"`
	Follows    sql.Null[int]   `db:"follows"`
	Since      sql.Null[int64] `db:"since"`
	Scene      string          `db:"scene"`
	CheckedAt  int64           `db:"checked_at"`
}

func (r followerRow) following() auth.Following {
	return auth.Following{
		UserID:    r.UserID,
		Identity:  auth.Identity{ID: r.IdentityID, AppID: r.AppID, OpenID: r.OpenID},
		Told:      r.Follows.Valid,
		Follower:  auth.Follower{Follows: r.Follows.V != 0, Since: maybeInstant(r.Since), Scene: r.Scene},
		CheckedAt: instant(r.CheckedAt),
	}
}

// followingQuery selects these answers in the order of each person's identities.
func followingQuery(userIDs []string) sqldb.Clause {
	return sqldb.Join(sqldb.SQL(`SELECT followers.user_id, followers.identity_id, COALESCE(identities.appid, users.appid) AS appid,
			COALESCE(identities.openid, users.openid) AS openid, followers.follows, followers.since, followers.scene, followers.checked_at
		FROM followers JOIN users ON users.id = followers.user_id
			LEFT JOIN identities ON identities.id = followers.identity_id AND identities.user_id = followers.user_id
		WHERE (followers.identity_id = '' OR identities.id IS NOT NULL) AND `), sqldb.In("followers.user_id", userIDs)).
		Then(` ORDER BY followers.user_id, followers.identity_id`)
}

// FollowingOf implements auth.FollowerStore.
func (s *Store) FollowingOf(ctx context.Context, userIDs []string) ([]auth.Following, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	all, err := followingOf(ctx, s.db, userIDs)
	return all, s.fail(ctx, "read followers", err)
}

func followingOf(ctx context.Context, db selecter, userIDs []string) ([]auth.Following, error) {
	var rows []followerRow
	query := followingQuery(userIDs)
	err := db.SelectContext(ctx, &rows, query.Text, query.Args...)
	return each(rows, followerRow.following), err
}

// FollowerAnswersOf is FollowingOf without the identities, for callers who have them:
// exports read it for everybody. Each row belongs to an identity of the person.
func (s *Store) FollowerAnswersOf(ctx context.Context, userIDs []string) ([]auth.FollowerAnswer, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	type row struct {
		UserID     string `db:"user_id"`
		IdentityID string `db:"identity_id"`
		Follows    bool   `db:"follows"`
	}
	var rows []row
	err := s.db.Select(ctx, &rows, sqldb.Join(
		sqldb.SQL("SELECT user_id, identity_id, follows FROM followers WHERE follows IS NOT NULL AND "), s.db.Among("user_id", userIDs)))
	return each(rows, func(r row) auth.FollowerAnswer { return auth.FollowerAnswer(r) }), s.fail(ctx, "read followers", err)
}

// SaveFollowing implements auth.FollowerStore.
func (s *Store) SaveFollowing(ctx context.Context, f auth.Following) error {
	follows := sql.Null[int]{Valid: f.Told}
	if f.Follows {
		follows.V = 1
	}
	return s.writeFor(ctx, "save follower", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO followers (user_id, identity_id, follows, since, scene, checked_at)
			SELECT id, CAST($2 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS BIGINT) FROM users
			WHERE id = $1 AND ($2 = '' AND appid = $3 AND openid = $4
				OR EXISTS (SELECT 1 FROM identities WHERE identities.id = $2 AND user_id = $1 AND identities.appid = $3 AND identities.openid = $4))
			ON CONFLICT (user_id, identity_id) DO UPDATE SET follows = excluded.follows, since = excluded.since, scene = excluded.scene,
				checked_at = excluded.checked_at`,
			f.UserID, f.Identity.ID, f.Identity.AppID, f.Identity.OpenID, follows, maybeMillis(f.Since), f.Scene, millis(f.CheckedAt))
		return err
	})
}
