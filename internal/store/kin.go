package store

import (
	"context"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// kinship selects the ids of the people who have a unionid in some accounts.
func kinship(unionID string, appIDs []string) sqldb.Clause {
	accounts := sqldb.In("appid", appIDs)
	return sqldb.Join(
		sqldb.SQL(`SELECT id FROM users WHERE unionid = $1 AND `, unionID), accounts,
		sqldb.SQL(` UNION SELECT user_id FROM identities WHERE unionid = $1 AND `, unionID), accounts,
	)
}

// joinKin adds a new identity to the person who has its unionid in another account of the
// same Open Platform account, and says whether it did. A blocked person cannot log in by
// another account either.
func (s *Store) joinKin(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin, row *savedRow) (joined bool, err error) {
	if len(save.Kin) == 0 || !auth.Joins(save.UnionID) {
		return false, nil
	}
	// If a person logs in by two accounts for the first time at the same moment, the
	// second login sees the first.
	if err := s.lockText(ctx, tx, lockOfUnionID, save.UnionID); err != nil {
		return false, err
	}
	if err := s.keepPeople(ctx, tx); err != nil {
		return false, err
	}
	var known bool
	err = tx.GetContext(ctx, &known, `SELECT EXISTS (SELECT 1 FROM users WHERE appid = $1 AND openid = $2)
		OR EXISTS (SELECT 1 FROM identities WHERE appid = $1 AND openid = $2)`, save.Login.AppID, save.OpenID)
	if err != nil || known {
		return false, err
	}
	kin, err := kinOf(ctx, tx, save)
	if err != nil || len(kin) == 0 {
		return false, err
	}
	for _, person := range kin {
		if person.Blocked != 0 {
			return false, auth.Failf(auth.Blocked, "user %s, of the same unionid", person.ID)
		}
	}
	userID, at, id := kin[0].ID, save.Session.CreatedAt, auth.NewID()
	if *row, err = comeAgain(ctx, tx, save, userID); err != nil {
		return false, err
	}
	err = tx.GetContext(ctx, &row.By, `INSERT INTO identities (id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8, $7) RETURNING `+furtherColumns, id, userID, save.Login.AppID, save.OpenID, save.UnionID, save.Scope, millis(at), auth.LinkedByUnionID)
	if err != nil {
		return false, err
	}
	return true, addEvent(ctx, tx, admin.Event{ID: auth.NewID(), At: at, Actor: admin.ActorWeChat, Action: admin.ActJoin, Subject: userID, Detail: save.Login.AppID})
}

// kinRow is a person with the same unionid.
type kinRow struct {
	ID      string `db:"id"`
	Blocked int    `db:"blocked"`
}

// kinOf reads the people with the unionid of a login, the earliest first. A person with
// another openid of the same account is somebody else, whatever the unionid says: WeChat
// gives a person one openid for each account.
func kinOf(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (kin []kinRow, err error) {
	query := kinQuery(save)
	err = tx.SelectContext(ctx, &kin, query.Text, query.Args...)
	return kin, err
}

func kinQuery(save auth.SaveLogin) sqldb.Clause {
	return sqldb.Join(sqldb.SQL(`SELECT id, blocked FROM users WHERE id IN (`), kinship(save.UnionID, save.Kin), sqldb.SQL(`)
		AND appid <> $1 AND NOT EXISTS (SELECT 1 FROM identities WHERE identities.user_id = users.id AND identities.appid = $1)
		ORDER BY first_login_at, id LIMIT 10`, save.Login.AppID))
}

// propose records for admins that other people have the unionid of a person, in one of
// some accounts; they stay separate until an admin joins them. The earlier of the two is
// kept, as ids are ordered by time. It returns how many proposals are new.
func propose(ctx context.Context, tx *sqldb.Tx, userID, unionID string, appIDs []string, at time.Time) (proposed int64, err error) {
	var others []string
	query := kinship(unionID, appIDs)
	if err := tx.SelectContext(ctx, &others, query.Text+` LIMIT 10`, query.Args...); err != nil {
		return 0, err
	}
	for _, other := range others {
		if other == userID {
			continue
		}
		n, err := count(tx.ExecContext(ctx, `INSERT INTO proposals (user_id, other_id, unionid, noted_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, min(userID, other), max(userID, other), unionID, millis(at)))
		if err != nil {
			return proposed, err
		}
		proposed += n
	}
	return proposed, nil
}
