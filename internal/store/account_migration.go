package store

import (
	"context"
	"maps"
	"slices"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.AccountMigrationStore = (*Store)(nil)

// OpenIDsOf implements auth.AccountMigrationStore. Each half is a scan of the key of its
// table.
func (s *Store) OpenIDsOf(ctx context.Context, appID, after string, limit int) (openIDs []string, err error) {
	err = s.db.SelectContext(ctx, &openIDs, `SELECT openid FROM (
			SELECT openid FROM (SELECT openid FROM users WHERE appid = $1 AND openid > $2 ORDER BY openid LIMIT $3) AS first
			UNION ALL SELECT openid FROM (SELECT openid FROM identities WHERE appid = $1 AND openid > $2 ORDER BY openid LIMIT $3) AS further
		) AS openids ORDER BY openid LIMIT $3`, appID, after, limit)
	return openIDs, s.fail(ctx, "list openids", err)
}

// CountOpenIDs implements auth.AccountMigrationStore.
func (s *Store) CountOpenIDs(ctx context.Context, appID string) (n int64, err error) {
	err = s.db.GetContext(ctx, &n, `SELECT (SELECT COUNT(*) FROM users WHERE appid = $1) + (SELECT COUNT(*) FROM identities WHERE appid = $1)`, appID)
	return n, s.fail(ctx, "count openids", err)
}

// ownedOpenID is an openid of an account, with the person who has it.
type ownedOpenID struct {
	UserID     string `db:"user_id"`
	IdentityID string `db:"identity_id"` // '': the first identity
	OpenID     string `db:"openid"`
	UnionID    string `db:"unionid"`
}

func owners(ctx context.Context, db selecter, appID string, openIDs []string) (map[string]ownedOpenID, error) {
	var rows []ownedOpenID
	these := sqldb.In("openid", openIDs)
	query := sqldb.Join(
		sqldb.SQL(`SELECT id AS user_id, '' AS identity_id, openid, COALESCE(unionid, '') AS unionid FROM users WHERE appid = $1 AND `, appID), these,
		sqldb.SQL(` UNION ALL SELECT user_id, id, openid, COALESCE(unionid, '') FROM identities WHERE appid = $1 AND `, appID), these)
	err := db.SelectContext(ctx, &rows, query.Text, query.Args...)
	of := make(map[string]ownedOpenID, len(rows))
	for _, row := range rows {
		of[row.OpenID] = row
	}
	return of, err
}

// MoveOpenIDs implements auth.AccountMigrationStore.
func (s *Store) MoveOpenIDs(ctx context.Context, m auth.MoveOpenIDs) (taken int64, err error) {
	if len(m.OpenIDs) == 0 {
		return 0, nil
	}
	olds := slices.Sorted(maps.Keys(m.OpenIDs))
	news := slices.Sorted(maps.Values(m.OpenIDs))
	if m.Dry {
		there, err := owners(ctx, s.db, m.To, news)
		return int64(len(there)), s.fail(ctx, "look for openids", err)
	}
	err = s.write(ctx, "move openids", func(tx *sqldb.Tx) error {
		taken = 0
		if err := s.lockPeople(ctx, tx); err != nil {
			return err
		}
		identities, err := owners(ctx, tx, m.From, olds)
		if err != nil {
			return err
		}
		there, err := owners(ctx, tx, m.To, news)
		if err != nil {
			return err
		}
		for _, old := range olds {
			identity, of := identities[old]
			if !of {
				continue // erased since it was listed
			}
			if other, came := there[m.OpenIDs[old]]; came {
				taken++
				if err := proposeTwo(ctx, tx, identity.UserID, other, m); err != nil {
					return err
				}
				continue
			}
			if err := moveOpenID(ctx, tx, identity, m); err != nil {
				return err
			}
			there[m.OpenIDs[old]] = identity
		}
		return renameMoved(ctx, tx, olds, m)
	})
	return taken, err
}

// proposeTwo records that according to WeChat two people are one.
func proposeTwo(ctx context.Context, tx *sqldb.Tx, userID string, other ownedOpenID, m auth.MoveOpenIDs) error {
	if userID == other.UserID {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO proposals (user_id, other_id, unionid, noted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		min(userID, other.UserID), max(userID, other.UserID), other.UnionID, millis(m.At))
	return err
}

// moveOpenID moves an identity to the new account. Its refresh token and what is known of
// its following belong to the former account and are deleted: the token is sealed for that
// account, and WeChat would not take it.
func moveOpenID(ctx context.Context, tx *sqldb.Tx, i ownedOpenID, m auth.MoveOpenIDs) error {
	move := `UPDATE users SET appid = $3, openid = $4 WHERE id = $1 AND $2 = ''`
	if i.IdentityID != "" {
		move = `UPDATE identities SET appid = $3, openid = $4 WHERE user_id = $1 AND id = $2`
	}
	if _, err := tx.ExecContext(ctx, move, i.UserID, i.IdentityID, m.To, m.OpenIDs[i.OpenID]); err != nil {
		return err
	}
	tokens, key := tokenTableOf(auth.TokenID{UserID: i.UserID, IdentityID: i.IdentityID})
	if _, err := tx.ExecContext(ctx, `DELETE FROM `+tokens.name+` WHERE `+tokens.key+` = $1`, key); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM followers WHERE user_id = $1 AND identity_id = $2`, i.UserID, i.IdentityID)
	return err
}

// renameMoved gives people their new openids among the admins and in the audit log. Where
// a new openid was taken, nothing is renamed: an admin has to decide who that is.
func renameMoved(ctx context.Context, tx *sqldb.Tx, olds []string, m auth.MoveOpenIDs) error {
	stay, err := owners(ctx, tx, m.From, olds)
	if err != nil {
		return err
	}
	named := func(query sqldb.Clause) (moved []string, err error) {
		err = tx.SelectContext(ctx, &moved, query.Text, query.Args...)
		return slices.DeleteFunc(moved, func(old string) bool { _, stays := stay[old]; return stays }), err
	}
	admins, err := named(sqldb.Join(sqldb.SQL(`SELECT openid FROM admins WHERE appid = $1 AND `, m.From), sqldb.In("openid", olds)))
	if err != nil {
		return err
	}
	for _, old := range admins {
		// The new openid may have been made an admin by hand.
		if _, err := tx.ExecContext(ctx, `INSERT INTO admins (appid, openid, granted_at) SELECT CAST($3 AS TEXT), CAST($4 AS TEXT), granted_at
			FROM admins WHERE appid = $1 AND openid = $2 ON CONFLICT DO NOTHING`, m.From, old, m.To, m.OpenIDs[old]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM admins WHERE appid = $1 AND openid = $2`, m.From, old); err != nil {
			return err
		}
	}
	subjects, err := named(sqldb.Join(sqldb.SQL(`SELECT subject FROM events WHERE `), sqldb.In("subject", olds)))
	if err != nil {
		return err
	}
	for _, old := range slices.Compact(subjects) {
		if _, err := tx.ExecContext(ctx, `UPDATE events SET subject = $2 WHERE subject = $1`, old, m.OpenIDs[old]); err != nil {
			return err
		}
	}
	return nil
}
