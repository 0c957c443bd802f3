package sqldb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wxlogin/internal/auth"
)

// Backup writes a consistent copy of the live database to a new file, mode 0600.
// It refuses to overwrite, and the file has its name only once the copy is
// complete, checked and on the disk.
func (db *DB) Backup(ctx context.Context, file string) error {
	if db.path == "" {
		return auth.Fail(auth.BadRequest, errPgDump)
	}
	if err := db.watch.usable(); err != nil {
		return db.Fail(ctx, "backup", err)
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
	// Absolute, so that no name can pass for one of SQLite's file: addresses.
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fs.ErrExist
	}
	temp := file + ".part-" + rand.Text()[:8]
	// SQLite writes into a file that is there if it is empty.
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

// copyInto uses a connection of its own: the readers are not allowed to, and the
// writer has others waiting.
func (db *DB) copyInto(ctx context.Context, temp string) error {
	pool, err := openPool(db.path, "_pragma=busy_timeout(10000)&"+alike, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(ctx, "VACUUM INTO $1", temp); err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func checkCopy(ctx context.Context, temp string) error {
	// immutable keeps SQLite from leaving files of its own beside the copy.
	db, err := openPool(temp, "mode=ro&immutable=1&"+alike, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	return quickCheck(ctx, db)
}

// publish gives a finished file its name, unless somebody else has taken it.
func publish(temp, file string) error {
	err := os.Link(temp, file) // unlike a rename it never replaces a file
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without links: the narrow gap is all there is.
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
