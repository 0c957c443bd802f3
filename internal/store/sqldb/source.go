package sqldb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
)

// Source is a SQLite file that is only read, all of it as of one moment.
type Source struct {
	*sqlx.Conn
	pool *sqlx.DB
}

// OpenSource opens a file and checks it for damage, unless it is large. It changes
// nothing, its journal mode included, and creates no file. BadRequest when there is no
// such file.
func OpenSource(ctx context.Context, path string) (*Source, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, auth.Fail(auth.BadRequest, err)
	}
	source := &Source{}
	if source.pool, err = openPool(path, "mode=ro&"+inspectParams, 1); err != nil {
		return nil, err
	}
	if source.Conn, err = source.pool.Connx(ctx); err == nil && info.Size() <= quickCheckLimit {
		err = quickCheck(ctx, source)
	}
	if err != nil {
		source.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return source, nil
}

// Close ends the connection. Nothing was written.
func (s *Source) Close() error {
	if s.Conn != nil {
		s.Conn.Close()
	}
	return s.pool.Close()
}

// Schema is the version of the newest migration that the file has. It is an error when the
// file is another program's.
func (s *Source) Schema(ctx context.Context) (int64, error) { return schemaVersion(ctx, s) }

// Tables returns the names of all tables, except SQLite's own, Litestream's, and the list
// of migrations.
func (s *Source) Tables(ctx context.Context) (names []string, err error) {
	err = s.SelectContext(ctx, &names, `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> $1
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_litestream\_%' ESCAPE '\' ORDER BY name`, versionTable)
	return names, err
}

// ErrChanged is the error of a Snapshot during which somebody has written.
var ErrChanged = errors.New("the SQLite database has changed meanwhile")

// Snapshot runs do, whose reads all see the file at one moment. ErrChanged when the file
// had changed by the end.
func (s *Source) Snapshot(ctx context.Context, do func() error) error {
	before, err := s.commits(ctx)
	if err != nil {
		return err
	}
	if _, err := s.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err = do()
	if _, err := s.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if after, err := s.commits(ctx); err != nil || after != before {
		return errors.Join(err, ErrChanged)
	}
	return nil
}

// commits is a number that changes with the commits of other connections.
func (s *Source) commits(ctx context.Context) (n int64, err error) {
	err = s.GetContext(ctx, &n, `PRAGMA data_version`)
	return n, err
}
