package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.PictureStore = (*Store)(nil)

// Picture returns the stored copy of a person's picture; the zero Picture when there is
// none.
func (s *Store) Picture(ctx context.Context, userID string) (auth.Picture, error) {
	picture, err := readPicture(ctx, s.db, userID)
	return picture, s.fail(ctx, "read picture", err)
}

func readPicture(ctx context.Context, db getter, userID string) (auth.Picture, error) {
	var row struct {
		UserID   string `db:"user_id"`
		Source   string `db:"source"`
		Type     string `db:"content_type"`
		Body     []byte `db:"body"`
		ETag     string `db:"etag"`
		CopiedAt int64  `db:"copied_at"`
	}
	err := db.GetContext(ctx, &row, `SELECT user_id, source, content_type, body, etag, copied_at
		FROM pictures WHERE user_id = $1`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Picture{}, nil
	}
	if err != nil {
		return auth.Picture{}, err
	}
	return auth.Picture{
		UserID:   row.UserID,
		Source:   row.Source,
		Type:     row.Type,
		Body:     row.Body,
		ETag:     row.ETag,
		CopiedAt: instant(row.CopiedAt),
	}, nil
}

const pictureQuery = `SELECT source FROM pictures WHERE user_id = $1`

// PictureSource implements auth.PictureStore.
func (s *Store) PictureSource(ctx context.Context, userID string) (source string, err error) {
	err = s.pictureSource.GetContext(ctx, &source, userID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", s.fail(ctx, "read picture's source", err)
	}
	return source, nil
}

const savePicture = `INSERT INTO pictures (user_id, source, content_type, body, etag, copied_at)
	SELECT id, avatar_url, $3, $4, $5, $6 FROM users WHERE id = $1 AND avatar_url = $2
	ON CONFLICT (user_id) DO UPDATE SET source = excluded.source, content_type = excluded.content_type,
		body = excluded.body, etag = excluded.etag, copied_at = excluded.copied_at`

// SavePicture implements auth.PictureStore. The same statement checks the person: they may
// have been erased, or have changed their picture again, while this one was copied.
func (s *Store) SavePicture(ctx context.Context, p auth.Picture) (saved bool, err error) {
	err = s.writeFor(ctx, "save picture", &touched{}, func(tx *sqldb.Tx) (err error) {
		saved, err = changed(tx.ExecContext(ctx, savePicture, p.UserID, p.Source, p.Type, p.Body, p.ETag, millis(p.CopiedAt)))
		return err
	})
	return saved && err == nil, err
}

// DeletePicture implements auth.PictureStore. If the person has a picture again by now,
// its copy is kept.
func (s *Store) DeletePicture(ctx context.Context, userID string) error {
	return s.writeFor(ctx, "delete picture", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM pictures
			WHERE user_id = $1 AND EXISTS (SELECT 1 FROM users WHERE id = $1 AND avatar_url = '')`, userID)
		return err
	})
}
