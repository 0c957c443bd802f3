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

// quickCheckLimit limits the check at start to about a second.
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

// quickCheck reads the whole database and reports the first damage that it finds.
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

// readMigrations reads the migrations, and so the schema version that this program is for.
func (db *DB) readMigrations(files fs.FS) (err error) {
	if db.migrations, err = readMigrations(files, db.Dialect); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	db.schema = db.migrations[len(db.migrations)-1].version
	return nil
}

// ErrOlder is in the error of Open for an older schema that it must not migrate.
var ErrOlder = errors.New("the service migrates it when it starts; until then the program of the older one can be used")

// migrateOnce applies the first missing migration, in a transaction that also records it.
// done says that none are missing any more. The caller holds the lock.
func (db *DB) migrateOnce(ctx context.Context, pool *sqlx.DB) (done bool, err error) {
	provider, err := goose.NewProvider(db.goose, pool.DB, nil, goose.WithGoMigrations(db.goMigrations()...),
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if err != nil {
		return false, fmt.Errorf("read migrations: %w", err)
	}
	current, _, err := provider.GetVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("read schema version: %w", err)
	}
	if current > db.schema {
		return false, fmt.Errorf("the database has schema version %d, this program knows versions up to %d: use a newer program or an older backup", current, db.schema)
	}
	if current == db.schema {
		return true, nil
	}
	if db.migration == nil {
		if db.keep && current > 0 {
			return false, fmt.Errorf("the database has schema version %d, this program is for %d: %w", current, db.schema, ErrOlder)
		}
		if db.migration, err = db.estimate(ctx, pool, current); err != nil {
			return false, fmt.Errorf("estimate the migration: %w", err)
		}
	}
	applied, err := provider.UpByOne(ctx)
	if err != nil {
		return false, fmt.Errorf("migrate: %w", err)
	}
	done = applied.Source.Version == db.schema
	if applied.Duration > time.Second {
		db.log.InfoContext(ctx, "database migration applied", "version", applied.Source.Version, "of", db.schema, "seconds", applied.Duration.Seconds())
	}
	if done {
		db.log.InfoContext(ctx, "database schema migrated", "from", db.migration.From, "to", db.schema)
	}
	return done, nil
}

// lockPoll is how often a start checks whether another one has finished.
const lockPoll = 20 * time.Millisecond

// lockBeside waits for the lock of a file's start-up and returns its release. The lock is
// a file of its own: opening and closing the database file here would drop SQLite's locks
// on it. The lock file stays behind, empty: if it were deleted, two processes could hold
// two locks of one name.
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
