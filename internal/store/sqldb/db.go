package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
)

// Config is what Open needs.
type Config struct {
	URL        string         // sqlite:PATH or postgres://…
	Migrations fs.FS          // *.sql
	Prepared   []string       // statements that transactions repeat; parsed once
	Migrating  func(Progress) // called as the schema is migrated; may be nil
	Keep       bool           // do not migrate an older schema, whose program may be running: ErrOlder
	Hook       CommitHook     // may be nil
	// WriteBudget is how long a write waits until it may begin, for its turn or somebody
	// else's lock; 0: 5 s.
	WriteBudget time.Duration
	Now         func() time.Time // nil: time.Now
	Logger      *slog.Logger     // nil: silence

	// Gap is for tests that simulate other processes at the worst moment. It is called
	// twice after each commit of SQLite's: before the state that the commit has left is
	// read, and before SQLite is asked who made that state. It is also called after each
	// step of a backup.
	Gap func()
}

// CommitHook is told about the transactions of this process, for a cache that outlives
// them. While the state of the database is known, its methods are called by one goroutine
// at a time.
type CommitHook interface {
	// Before is called in a transaction that holds the write lock: until it ends, nobody
	// else changes the database. It is not called if the state is unknown.
	Before()
	// Committed is called after a commit, with the state in which the transaction began
	// (the zero State: unknown), the state after it, and the changes that were given to
	// Write, in the order in which they were made. ok is false when the state after may
	// not be the work of this transaction alone, or is unknown.
	Committed(before, after State, ok bool, changes []any)
	// RolledBack is called at the end of a transaction that changed nothing.
	RolledBack()
}

// State is one state of a database. Equal states, other than the zero State, have the same
// rows.
type State struct{ header walHeader }

// DB is one database. It is safe for concurrent use, within a process and by
// several processes.
type DB struct {
	Dialect

	writer  *sqlx.DB
	foreign foreignCommits // of the writer's connection; used by the goroutine that holds it
	reader  readPool
	path    string // of SQLite's file; empty with another engine
	watch   watch  // over SQLite's files
	schema  int64  // the newest version of the migrations

	migrations []migration
	migration  *Progress // of the one under way
	migrating  func(Progress)
	keep       bool // an older schema stays as it is

	writeBudget time.Duration

	queue queue      // of transactions, for an engine with one writer
	pin   *sqlx.Conn // keeps SQLite's index of the log alive; nil with another engine
	index *walIndex  // nil where it cannot be read

	checkpoints *checkpointer // on pin; nil with another engine

	direct *directStmts // of the writer's connection; nil if the driver prepares by itself
	pooler *pooler      // nil with SQLite
	hook   CommitHook
	gap    func()

	closed  atomic.Bool             // the file may belong to another by now
	refused atomic.Pointer[refusal] // the last statement that the engine refused for good

	now func() time.Time
	log *slog.Logger
}

// Open opens the database, makes it if there is none, and migrates its schema. It refuses
// a file that is damaged, is not a database, belongs to another program or has a newer
// schema than this program knows. Its errors have the reason StoreDown.
func Open(ctx context.Context, c Config) (*DB, error) {
	db := newDB(c)
	if err := db.open(ctx, c); err != nil {
		_ = db.Close()
		return nil, db.Fail(ctx, "open database", err)
	}
	return db, nil
}

// newDB returns a DB that is not open yet.
func newDB(c Config) *DB {
	db := &DB{now: c.Now, log: c.Logger, hook: c.Hook, gap: c.Gap, migrating: c.Migrating, keep: c.Keep, writeBudget: cmp.Or(c.WriteBudget, defaultWriteBudget)}
	if db.now == nil {
		db.now = time.Now
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if db.hook == nil {
		db.hook = noHook{}
	}
	if db.migrating == nil {
		db.migrating = func(Progress) {}
	}
	if db.gap == nil {
		db.gap = func() {}
	}
	return db
}

func (db *DB) open(ctx context.Context, c Config) (err error) {
	db.Dialect = sqliteDialect
	if err := CheckURL(c.URL); err != nil {
		return fmt.Errorf("the address %w", err)
	}
	if path, ok := strings.CutPrefix(c.URL, "sqlite:"); ok {
		err = db.openSQLite(ctx, path, c.Migrations)
	} else {
		db.Dialect = postgresDialect
		err = db.openPostgres(ctx, c.URL, c.Migrations)
	}
	if err != nil {
		return err
	}
	return db.prepareWrites(ctx, c.Prepared)
}

// noHook is the hook if Config has none.
type noHook struct{}

func (noHook) Before()                               {}
func (noHook) Committed(_, _ State, _ bool, _ []any) {}
func (noHook) RolledBack()                           {}

// CheckURL says what is wrong with the address of a database. It does not show the
// address, which may hold a password.
func CheckURL(address string) error {
	if isPostgres(address) {
		_, err := parsePostgres(address)
		return err
	}
	if path, ok := strings.CutPrefix(address, "sqlite:"); !ok || path == "" {
		return errors.New("is not of the form sqlite:PATH, for example sqlite:/data/wxlogin.db, or postgres://USER:PASSWORD@HOST/DATABASE")
	}
	return nil
}

// State returns the current state of the database. ok is false when it is unknown.
func (db *DB) State() (state State, ok bool) {
	header, ok := db.index.state()
	return State{header}, ok && !db.closed.Load() && db.watch.usable() == nil
}

// Schema is the version of the newest migration, which is also the database's.
func (db *DB) Schema() int64 { return db.schema }

// Pools returns the connection pools by their purpose, for their statistics.
func (db *DB) Pools() map[string]*sql.DB {
	return map[string]*sql.DB{"reader": db.reader.DB.DB, "writer": db.writer.DB}
}

// WritesWaiting is how many transactions wait for the one writer of SQLite. With
// another engine they wait for a connection.
func (db *DB) WritesWaiting() int {
	db.queue.mu.Lock()
	defer db.queue.mu.Unlock()
	return len(db.queue.waiting)
}

// Close ends all connections. Calls in flight fail.
func (db *DB) Close() error {
	var errs []error
	db.closed.Store(true)
	db.watch.close()
	db.checkpoints.close()
	db.closeDirect()
	if db.pin != nil {
		_ = db.pin.Close() // it may be closed already, if its connection broke
	}
	for _, pool := range []*sqlx.DB{db.reader.DB, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return auth.Fail(auth.StoreDown, fmt.Errorf("close database: %w", err))
	}
	return nil
}

// closeDirect closes the statements held on the writer's connection, which SQLite
// would otherwise keep open behind the pool's back.
func (db *DB) closeDirect() {
	if db.writer == nil || db.ManyWriters {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), db.writeBudget)
	defer cancel()
	conn, err := db.writer.Conn(ctx) // the current write ends first
	if err != nil {
		return
	}
	db.foreign.close()
	db.direct.close()
	_ = conn.Close()
}
