package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var sqliteDialect = Dialect{
	Engine: "sqlite",
	Like:   "LIKE",
	goose:  goose.DialectSQLite3,
	// STRICT tables do not accept text for a number, and have INTEGER only: 64 bits. Bytes
	// are a BLOB.
	translation: strings.NewReplacer("BIGINT", "INTEGER", "BYTEA", "BLOB", "/*STRICT*/", "STRICT"),
	reading:     &sql.TxOptions{ReadOnly: true},
	diagnose:    diagnoseSQLite,
}

func diagnoseSQLite(err error) Fault {
	fault, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return Fault{}
	}
	switch fault.Code() & 0xff { // the upper bits tell the cause more precisely
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Fault{Words: "the database is locked by somebody else", Busy: true}
	case sqlite3.SQLITE_FULL:
		return Fault{Words: "the disk is full", Lasting: true}
	case sqlite3.SQLITE_READONLY:
		return Fault{Words: "the database is read-only", Lasting: true}
	case sqlite3.SQLITE_IOERR:
		return Fault{Words: "disk I/O error", Lasting: true}
	case sqlite3.SQLITE_CORRUPT:
		return Fault{Words: "the database file is damaged", Lasting: true, Damaged: true}
	case sqlite3.SQLITE_NOTADB:
		return Fault{Words: "the file is no database", Lasting: true, Damaged: true}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return Fault{Words: "the database file cannot be opened", Lasting: true}
	}
	return Fault{}
}

// Settings of all connections. busy_timeout comes first, so that the others wait for a
// lock too. secure_delete overwrites what is erased.
const (
	alike   = "_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_dqs=0&_defensive=1"
	durable = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(67108864)"
	// setup waits for other processes that are starting; there are no visitors yet.
	setupParams = "_pragma=busy_timeout(10000)&" + durable + "&" + alike + "&_txlock=immediate"
	// The writer waits in short steps and tries again for as long as the caller's context
	// allows: SQLite itself would not notice its end. It keeps in memory what it needs to
	// undo one statement: a person with a nickname changes more pages than the 64 kB that
	// SQLite keeps there by default, and each further page is a write to a temporary file.
	writerParams = "_pragma=busy_timeout(50)&" + durable + "&" + alike + "&_pragma=temp_store(MEMORY)&_txlock=immediate"
	// Readers meet a lock only in the moments of opening, closing and recovery. What they
	// read is in the system's cache of the file; a large cache for each reader would only
	// use memory.
	readerParams = "_pragma=busy_timeout(1000)&" + durable + "&" + alike + "&_pragma=query_only(1)&_pragma=cache_size(-1000)"
	// inspect looks at a file without changing it, its journal mode included.
	inspectParams = "_pragma=busy_timeout(10000)&" + alike + "&_pragma=query_only(1)"
)

// dsn is the address of a file for the driver. Only with the form file: does SQLite take
// its own parameters (driver documentation), and in it the path is percent-encoded.
func dsn(path, params string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path}).String() + "?" + params
}

func openPool(path, params string, size int) (*sqlx.DB, error) {
	db, err := sqlx.Open("sqlite", dsn(path, params))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context, path string, migrations fs.FS) (err error) {
	switch {
	case path == "" || strings.ContainsRune(path, 0):
		return errors.New("the address is not of the form sqlite:PATH")
	case strings.HasPrefix(path, ":memory:"):
		return errors.New("a database in memory cannot be shared; give a file")
	}
	if db.path, err = FilePath(path); err != nil {
		return err
	}
	syncData()
	if err := db.prepareFile(ctx, migrations); err != nil {
		return fmt.Errorf("%s: %w", db.path, err)
	}
	if err := db.watch.look(); err != nil {
		return err
	}
	reader, err := openPool(db.path, readerParams, 1+max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		return err
	}
	db.reader = readPool{reader, db.gone, db.watch.usable, nil}
	if db.pin, err = reader.Connx(ctx); err != nil {
		return err
	}
	index := openWALIndex(ctx, db.pin, db.path)
	db.watch.start(index)
	db.index, db.checkpoints = index, newCheckpointer(db.pin, index, db.log)
	params := writerParams
	if index != nil {
		params += fmt.Sprintf("&_pragma=wal_autocheckpoint(%d)", checkpointLate)
	}
	db.writer, err = openPool(db.path, params, 1)
	return err
}

// syncData makes commits wait for the data and what it takes to read it back, and not for
// the timestamps of the file, which fsync writes to the file system's journal each time.
// That is as durable, and is what SQLite does wherever a distribution builds it. It
// applies to the whole process. Systems that have only fsync keep using it.
func syncData() { _, _ = sqlite.Fdatasync(true) }

// prepareFile makes, inspects and migrates the file, while other processes that start at
// the same moment wait.
func (db *DB) prepareFile(ctx context.Context, migrations fs.FS) error {
	if info, err := os.Stat(db.path); err == nil {
		if err := oneFile(info); err != nil {
			return err
		}
	}
	unlock, err := lockBeside(ctx, db.path)
	if err != nil {
		return err
	}
	defer unlock()
	// With O_EXCL this opens no existing file: closing a file that SQLite has open in this
	// process would drop its locks (POSIX). SQLite gives -wal and -shm the mode of the
	// file.
	f, err := os.OpenFile(db.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), TakeOwner(db.path, filepath.Dir(db.path)))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := writable(db.path); err != nil && Whose(db.path, err) != "" {
		return fmt.Errorf("%w%s", err, Whose(db.path, err))
	}
	if err := db.watch.open(db.path); err != nil {
		return err
	}
	if err := db.inspect(ctx); err != nil {
		return err
	}
	pool, err := openPool(db.path, setupParams, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.readMigrations(migrations); err != nil {
		return err
	}
	for done := false; err == nil && !done; {
		done, err = db.migrateOnce(ctx, pool)
	}
	return err
}

// oneFile refuses a file that SQLite must not use as a database.
func oneFile(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case linked(info):
		// SQLite would keep a log for each name, and corrupt the file (howtocorrupt.html,
		// §2.3).
		return errors.New("the file has a second name (a hard link), and a program that used that one would damage it: remove the other name (find DIR -samefile FILE), or copy the file with server backup")
	}
	return nil
}

// sameFile returns an error if the open file is no longer the database, or cannot be
// written.
func (db *DB) sameFile() error {
	if err := db.watch.look(); err != nil {
		return err
	}
	if err := writable(db.path); err != nil {
		return fmt.Errorf("the database file %s is not writable: %w%s", db.path, err, Whose(db.path, err))
	}
	return nil
}
