package sqldb

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"wxlogin/internal/auth"
)

// Backup is DB.Backup for a database that this process need not have open. It leaves the
// schema as it is: a copy made before an upgrade is the way back, and the older program
// may still be running.
func Backup(ctx context.Context, url, file string) error {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return auth.Fail(auth.BadRequest, errPgDump)
	}
	db := newDB(Config{})
	db.Dialect = sqliteDialect
	if err := db.find(ctx, path); err != nil {
		return db.Fail(ctx, "backup", err)
	}
	return db.Backup(ctx, file)
}

// find checks the file, and keeps no connection to it.
func (db *DB) find(ctx context.Context, path string) (err error) {
	if db.path, err = FilePath(path); err != nil {
		return err
	}
	info, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	if err := oneFile(info); err != nil {
		return fmt.Errorf("%s: %w", db.path, err)
	}
	if err := db.watch.open(db.path); err != nil {
		return err
	}
	if err := db.inspect(ctx); err != nil {
		return fmt.Errorf("%s: %w", db.path, err)
	}
	return nil
}

// Backup writes a consistent copy of the live database to a new file, mode 0600. It does
// not overwrite, and the file gets its name only once the copy is complete, checked and on
// the disk. It refuses a name that has a log of another database beside it.
func (db *DB) Backup(ctx context.Context, file string) error {
	if db.path == "" {
		return auth.Fail(auth.BadRequest, errPgDump)
	}
	if err := db.watch.usable(); err != nil {
		return db.Fail(ctx, "backup", err)
	}
	// SQLite would take these for the log of the copy as soon as it is opened, and spoil
	// it.
	for _, log := range []string{file + "-wal", file + "-journal"} {
		if _, err := os.Lstat(log); err == nil {
			return auth.Failf(auth.BadRequest, "backup: %s is left of another file, and would spoil the copy: remove it", log)
		}
	}
	if err := db.backup(ctx, file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return auth.Failf(auth.BadRequest, "backup: %s exists and is not overwritten", file)
		}
		return db.Fail(ctx, "backup", err)
	}
	return nil
}

func (db *DB) backup(ctx context.Context, file string) (err error) {
	// Absolute, so that SQLite takes no name for one of its file: addresses.
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fs.ErrExist
	}
	temp := file + ".part-" + rand.Text()[:8]
	// SQLite writes into an existing file if it is empty.
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp) // gone by then if all went well
	if err := f.Close(); err != nil {
		return err
	}
	if err := db.copyInto(ctx, temp); err != nil {
		return err
	}
	if err := checkCopy(ctx, temp); err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	return publish(temp, file)
}

// copyInto uses a connection of its own, as others wait for the writer. It copies page by
// page, in the order of the file. VACUUM INTO copies rows and index entries instead, in
// the order of each index: that takes twice the processor time, and where the file does
// not fit into memory a read of the disk for nearly every page.
func (db *DB) copyInto(ctx context.Context, temp string) error {
	pool, err := openPool(db.path, "_pragma=busy_timeout(10000)&"+alike, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	// Opened first and closed last: closing it releases the locks of everybody else in
	// this process who has the same file open.
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	conn, err := pool.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// All pages are of one moment, however long it takes and whoever writes meanwhile:
	// without a transaction around all steps, SQLite would start over after each write
	// between two of them.
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var tables int
	if err := tx.GetContext(ctx, &tables, `SELECT COUNT(*) FROM sqlite_schema`); err != nil {
		return err
	}
	if tables == 0 {
		return errors.New("the database is empty")
	}
	if err := conn.Raw(func(raw any) error { return db.copyPages(ctx, raw.(backupSource), temp) }); err != nil {
		return err
	}
	// Not in WAL mode (fileformat2.html, 1.3.3): a copy is one file for whoever opens it.
	// The program sets WAL mode at every start.
	if _, err := f.WriteAt([]byte{1, 1}, 18); err != nil {
		return err
	}
	return f.Sync()
}

// backupSource is a connection of the driver.
type backupSource interface {
	NewBackup(file string) (*sqlite.Backup, error)
}

const (
	// Nobody else knows the copy, and one that fails is deleted.
	copyParams = "_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"
	// copyStep is how many pages are copied between two checks whether the caller has
	// given up.
	copyStep = 1024
)

func (db *DB) copyPages(ctx context.Context, source backupSource, temp string) (err error) {
	b, err := source.NewBackup(dsn(temp, copyParams))
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, b.Finish()) }() // it returns the same error again
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = b.Step(copyStep); err != nil {
			return err
		}
		db.gap()
	}
	return nil
}

func checkCopy(ctx context.Context, temp string) error {
	// immutable keeps SQLite from making files of its own beside the copy.
	db, err := openPool(temp, "mode=ro&immutable=1&"+alike, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	return quickCheck(ctx, db)
}

// publish gives a finished file its name, unless that has been taken.
func publish(temp, file string) error {
	err := os.Link(temp, file) // unlike a rename it never replaces a file
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without links: this leaves a short race.
		if _, taken := os.Lstat(file); taken == nil {
			return fs.ErrExist
		}
		err = os.Rename(temp, file)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}
