package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

const versionTable = "goose_db_version"

// schemaVersion is the newest version that has been applied.
func schemaVersion(ctx context.Context, db getter) (version int64, err error) {
	err = db.GetContext(ctx, &version, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable)
	return version, err
}

// quickCheckLimit bounds the check at start to about a second.
const quickCheckLimit = 256 << 20

// inspect refuses a file that this program must not touch. It changes nothing.
func (db *DB) inspect(ctx context.Context) error {
	pool, err := openPool(db.path, inspectParams, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	var tables []string
	err = pool.SelectContext(ctx, &tables, `SELECT name FROM sqlite_master WHERE type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_litestream\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	if len(tables) > 0 && !slices.Contains(tables, versionTable) {
		return errors.New("it is the database of another program")
	}
	if size := db.watch.files[0].info.Size(); size > quickCheckLimit {
		db.log.InfoContext(ctx, "database not checked for damage at start: too large", "bytes", size)
		return nil
	}
	return quickCheck(ctx, pool)
}

// quickCheck reads the whole database and reports the first fault it finds.
func quickCheck(ctx context.Context, db getter) error {
	var found string
	if err := db.GetContext(ctx, &found, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	if found != "ok" {
		line, _, _ := strings.Cut(strings.TrimSpace(found), "\n")
		return fmt.Errorf("the database file is damaged: %s", line)
	}
	return nil
}

// migrator reads the migrations, and with them the version that this program is
// for.
func (db *DB) migrator(pool *sqlx.DB, files fs.FS) (*goose.Provider, error) {
	provider, err := goose.NewProvider(db.goose, pool.DB, translated{files, db.Dialect},
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	db.schema = sources[len(sources)-1].Version
	return provider, nil
}

// migrate applies the migrations that are missing, each in a transaction with
// the note that it has been. The caller holds the lock.
func (db *DB) migrate(ctx context.Context, provider *goose.Provider) error {
	current, _, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if current > db.schema {
		return fmt.Errorf("the database has schema version %d, this program knows versions up to %d: use a newer program or an older backup", current, db.schema)
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if len(applied) > 0 {
		db.log.InfoContext(ctx, "database schema migrated", "from", current, "to", db.schema)
	}
	return nil
}

// lockPoll is how often a start looks whether another one is through.
const lockPoll = 20 * time.Millisecond

// lockBeside waits for the lock of a file's start-up and returns its release.
// The lock is a file of its own: opening and closing the database file here
// would drop SQLite's locks on it. It stays behind, empty, because deleting it
// would let two processes hold two locks of one name.
func lockBeside(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if whose := Whose(path+".lock", err); whose != "" {
		return nil, fmt.Errorf("%w%s", err, whose)
	}
	if err == nil {
		if err = TakeOwner(f.Name(), path); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the folder %s has to exist and be writable: %w", filepath.Dir(path), err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		held, err := tryLock(f)
		switch {
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		case held:
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process is starting on this database: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}
