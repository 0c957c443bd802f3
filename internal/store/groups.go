package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// ChangeGroups implements admin.Store.
func (s *Store) ChangeGroups(ctx context.Context, appID, person string, change func([]string) []string, event admin.Event) (did bool, err error) {
	var who touched
	err = s.writeFor(ctx, "change groups", &who, func(tx *sqldb.Tx) error {
		did = false
		var row struct {
			ID     string `db:"id"`
			Groups string `db:"group_names"`
		}
		err := tx.GetContext(ctx, &row, `SELECT id, group_names FROM users WHERE id = $2 OR appid = $1 AND openid = $2
			OR id IN (SELECT user_id FROM identities WHERE appid = $1 AND openid = $2)`+s.db.ForUpdate("users"), appID, person)
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		if err != nil {
			return err
		}
		groups := jsonList(change(texts(row.Groups)))
		if groups == row.Groups {
			return nil
		}
		did, who.user, event.Subject = true, row.ID, row.ID
		if _, err := tx.ExecContext(ctx, `UPDATE users SET group_names = $2 WHERE id = $1`, row.ID, groups); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
	return did && err == nil, err
}
