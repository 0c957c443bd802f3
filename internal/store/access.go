package store

import (
	"context"
	"database/sql"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// accessColumns are the columns about a client and a person from consents and grants. A
// client has few grants of one person.
const accessColumns = `consents.scopes, consents.agreed_at,
	(SELECT MAX(created_at) FROM grants WHERE grants.user_id = users.id AND grants.client_id = clients.id AND redeemed_at IS NOT NULL) AS last_at,
	CASE WHEN EXISTS (SELECT 1 FROM grants WHERE grants.user_id = users.id AND grants.client_id = clients.id AND redeemed_at IS NOT NULL AND offline = 1)
		THEN 1 ELSE 0 END AS offline`

type accessRow struct {
	Client   clientRow        `db:"clients"`
	User     list.UserRow     `db:"users"`
	Scopes   sql.Null[string] `db:"scopes"`
	AgreedAt sql.Null[int64]  `db:"agreed_at"`
	LastAt   sql.Null[int64]  `db:"last_at"`
	Offline  bool             `db:"offline"`
}

// access leaves out the hash of the client's secret, which nobody may see.
func (r accessRow) access() admin.Access {
	client := r.Client.client()
	client.SecretHash = ""
	return admin.Access{
		Client: client, User: r.User.User(), Scopes: words(r.Scopes.V), AgreedAt: maybeInstant(r.AgreedAt),
		LastAt: maybeInstant(r.LastAt), Offline: r.Offline,
	}
}

var accessOfQuery = `SELECT ` + nested(clientColumns) + `, ` + nested(list.UserColumns) + `, ` + accessColumns + `
	FROM users CROSS JOIN clients LEFT JOIN consents ON consents.client_id = clients.id AND consents.user_id = users.id
	WHERE users.id = $1 AND (consents.user_id IS NOT NULL
		OR EXISTS (SELECT 1 FROM grants WHERE grants.user_id = users.id AND grants.client_id = clients.id AND redeemed_at IS NOT NULL))
	ORDER BY clients.name`

// selecter reads rows, in a transaction or without one.
type selecter interface {
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

func accessOf(ctx context.Context, db selecter, userID string) ([]admin.Access, error) {
	var rows []accessRow
	if err := db.SelectContext(ctx, &rows, accessOfQuery, userID); err != nil {
		return nil, err
	}
	return each(rows, accessRow.access), nil
}

// AccessOf implements admin.Store.
func (s *Store) AccessOf(ctx context.Context, userID string) ([]admin.Access, error) {
	all, err := accessOf(ctx, s.db, userID)
	return all, s.fail(ctx, "list a person's applications", err)
}

// EndAccess implements admin.Store.
func (s *Store) EndAccess(ctx context.Context, userID, clientID string, event admin.Event) error {
	return s.writeFor(ctx, "end access", &touched{grants: true}, func(tx *sqldb.Tx) error {
		if err := noteLogout(ctx, tx, ofPersonAt, userID, event.At, clientID); err != nil {
			return err
		}
		held, err := changed(tx.ExecContext(ctx, `DELETE FROM grants WHERE user_id = $1 AND client_id = $2`, userID, clientID))
		if err != nil {
			return err
		}
		agreed, err := changed(tx.ExecContext(ctx, `DELETE FROM consents WHERE user_id = $1 AND client_id = $2`, userID, clientID))
		if err != nil {
			return err
		}
		if !held && !agreed {
			return auth.Fail(auth.NoSuchClient, nil)
		}
		if err := tx.GetContext(ctx, &event.Detail, `SELECT name FROM clients WHERE id = $1`, clientID); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}
