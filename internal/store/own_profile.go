package store

import (
	"context"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// SaveOwnProfile saves what people enter about themselves. A profile from WeChat is kept:
// then nothing is written, and that is no error.
func (s *Store) SaveOwnProfile(ctx context.Context, own auth.OwnProfile) error {
	return s.writeFor(ctx, "save own profile", &touched{user: own.UserID}, func(tx *sqldb.Tx) error {
		if own.Nickname != nil {
			_, err := tx.ExecContext(ctx, `UPDATE users SET nickname = $2 WHERE id = $1 AND profile_updated_at IS NULL`, own.UserID, *own.Nickname)
			if err != nil {
				return err
			}
		}
		if own.Picture == nil {
			return nil
		}
		p := own.Picture
		taken, err := changed(tx.ExecContext(ctx, `UPDATE users SET avatar_url = $2 WHERE id = $1 AND profile_updated_at IS NULL`, own.UserID, p.Source))
		if err != nil || !taken {
			return err
		}
		_, err = tx.ExecContext(ctx, savePicture, own.UserID, p.Source, p.Type, p.Body, p.ETag, millis(p.CopiedAt))
		return err
	})
}
