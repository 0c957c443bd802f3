package store

import (
	"context"
	"errors"
	"fmt"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// History is made-up history, for Import.
type History struct {
	Logins   []auth.SaveLogin // logins that signed people in, oldest first
	Failed   []auth.Login     // logins that failed
	Pictures []auth.Picture   // by openid instead of user id
	Blocked  []string         // openids
	Events   []admin.Event    // actors and subjects may be openids
}

// Import fills an empty database with history, in one transaction: for demonstrations, and
// for tests with many people. Its tokens are not real, so none is due for a refresh of the
// profile.
func (s *Store) Import(ctx context.Context, h History) error {
	return s.write(ctx, "import", func(tx *sqldb.Tx) error {
		var any int64
		if err := tx.GetContext(ctx, &any, `SELECT COUNT(*) FROM users`); err != nil {
			return err
		}
		if any > 0 {
			return errors.New("the database is not empty")
		}
		// The rollups were made before this history was there.
		for _, table := range []string{"tallies", "tallied"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		ids := make(map[string]string) // user ids by openid
		repeated := tx
		for _, save := range h.Logins {
			visit, err := s.saveLogin(ctx, repeated, save)
			if err != nil {
				return fmt.Errorf("login of %s: %w", save.OpenID, err)
			}
			ids[save.OpenID] = visit.User.ID
		}
		for _, l := range h.Failed {
			if _, err := addLogin(ctx, repeated, l); err != nil {
				return err
			}
		}
		for _, openID := range h.Blocked {
			if _, err := tx.ExecContext(ctx, `UPDATE users SET blocked = 1 WHERE id = $1`, ids[openID]); err != nil {
				return err
			}
			if _, err := deleteSessionsOf(ctx, tx, ids[openID], s.now()); err != nil {
				return err
			}
		}
		for _, p := range h.Pictures {
			if _, err := tx.ExecContext(ctx, `INSERT INTO pictures (user_id, source, content_type, body, etag, copied_at)
				VALUES ($1, $2, $3, $4, $5, $6)`, ids[p.UserID], p.Source, p.Type, p.Body, p.ETag, millis(p.CopiedAt)); err != nil {
				return err
			}
		}
		for _, e := range h.Events {
			if id := ids[e.Subject]; id != "" && e.Action != admin.ActGrant && e.Action != admin.ActRevoke {
				e.Subject = id
			}
			if id := ids[e.Actor]; id != "" {
				e.Actor = id
			}
			if err := addEvent(ctx, tx, e); err != nil {
				return err
			}
		}
		for _, t := range tokenTables {
			if _, err := tx.ExecContext(ctx, `UPDATE `+t.name+` SET due_at = NULL`); err != nil {
				return err
			}
		}
		return nil
	})
}
