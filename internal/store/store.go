package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// Config is what Open needs.
type Config struct {
	URL        string           // sqlite:PATH or postgres://…
	Keys       auth.Keyring     // seal the refresh tokens; at least one
	Migrations fs.FS            // *.sql
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: silence
}

// Store is one database. It is safe for concurrent use, within a process and by
// several processes.
type Store struct {
	dialect dialect
	writer  *sqlx.DB
	foreign foreignCommits // of the writer's connection; used by whoever holds it
	reader  readPool
	path    string      // of SQLite's file; empty with another engine
	file    os.FileInfo // the file as it was opened
	schema  int64       // the version that the statements here are written for

	queue queue         // of transactions, for an engine with one writer
	cache *sessionCache // of Visit
	pin   *sqlx.Conn    // keeps SQLite's index of the log in being; nil with another engine

	checkpoints *checkpointer // through pin; nil where SQLite does it alone

	everybody, signedIn keptCount // how many people there are, and sessions of visitors

	// Read with every visit or every login.
	visitor, admin, scan, byOpenID, pictureSource frequent

	prepared map[string]*sqlx.Stmt // what every login writes; nil with another engine

	sealer  *sealer
	cursors [][]byte // keys of the cursors' marks, newest first
	now     func() time.Time
	log     *slog.Logger

	refused atomic.Pointer[refusal] // the last statement that the engine refused for good
}

// refusal is a statement that failed for a lasting reason: a full disk, a
// damaged file.
type refusal struct {
	at      time.Time
	err     error
	damaged bool
}

var (
	_ auth.Store  = (*Store)(nil)
	_ admin.Store = (*Store)(nil)
)

// Open opens the database, makes it if there is none, and brings its schema up
// to date. It refuses a file that is damaged, is no database, belongs to another
// program or has a newer schema than this program knows.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{now: c.Now, log: c.Logger, cache: newSessionCache(noState)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.open(ctx, c); err != nil {
		_ = s.Close()
		return nil, s.fail(ctx, "open database", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) (err error) {
	s.dialect = sqliteDialect
	if err := CheckURL(c.URL); err != nil {
		return fmt.Errorf("the address %w", err)
	}
	if s.sealer, err = newSealer(c.Keys); err != nil {
		return err
	}
	for _, key := range c.Keys {
		s.cursors = append(s.cursors, key.Subkey("cursor/v1"))
	}
	if path, ok := strings.CutPrefix(c.URL, "sqlite:"); ok {
		err = s.openSQLite(ctx, path, c.Migrations)
	} else {
		s.dialect = postgresDialect
		err = s.openPostgres(ctx, c.URL, c.Migrations)
	}
	if err != nil {
		return err
	}
	for read, query := range map[*frequent]string{
		&s.visitor: visitorQuery, &s.admin: adminQuery, &s.scan: scanQuery, &s.byOpenID: openIDQuery, &s.pictureSource: pictureQuery,
	} {
		if *read, err = s.reader.prepare(ctx, query); err != nil {
			return err
		}
	}
	if err := s.prepareWrites(ctx); err != nil {
		return err
	}
	return s.checkKeys(ctx)
}

// CheckURL says what is wrong with an address of a database. It shows nothing of
// it: an address may hold a password.
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

// Close ends all connections. Calls in flight fail.
func (s *Store) Close() error {
	var errs []error
	s.cache.closed.Store(true)
	s.checkpoints.close()
	s.forgetWriter()
	if s.pin != nil {
		_ = s.pin.Close() // it may be closed, when its connection broke
	}
	for _, pool := range []*sqlx.DB{s.reader.DB, s.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return auth.Fail(auth.StoreDown, fmt.Errorf("close database: %w", err))
	}
	return nil
}

// forgetWriter closes what is held on the writer's connection, which SQLite would
// otherwise keep open behind the pool's back.
func (s *Store) forgetWriter() {
	if s.writer == nil || s.dialect.manyWriters {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeBudget)
	defer cancel()
	conn, err := s.writer.Conn(ctx) // whoever writes at this moment ends first
	if err != nil {
		return
	}
	s.foreign.forget()
	_ = conn.Close()
}

// refusalCounts is how long a refused statement makes the store unready. After
// that it is tried again, as nothing else would find out that the disk has room.
const refusalCounts = 30 * time.Second

// Ready says whether the store can serve: the database answers, its schema is
// the one these statements are for, the file is still the one opened, and
// nothing is known that keeps writes from passing. It writes nothing. A lock
// that somebody else holds is no reason to be unready, as reads go on.
func (s *Store) Ready(ctx context.Context) error {
	version, err := schemaVersion(ctx, s.reader)
	if err == nil && version != s.schema {
		err = fmt.Errorf("the database has schema version %d, this program is for %d", version, s.schema)
	}
	if err == nil {
		err = s.takesWrites(ctx)
	}
	if err == nil {
		if r := s.refused.Load(); r != nil && s.now().Sub(r.at) < refusalCounts {
			err = fmt.Errorf("it failed a moment ago: %v", r.err) // no fault of this moment's
		}
	}
	return s.fail(ctx, "check database", err)
}

// takesWrites finds out without a write that there is no use in trying one.
func (s *Store) takesWrites(ctx context.Context) error {
	if s.path != "" {
		return s.sameFile()
	}
	refuses, err := readOnly(ctx, s.reader)
	if err == nil && refuses {
		s.reconnect() // the next look is through a session that knows of a change
		return errors.New("the database is read-only")
	}
	return err
}

// mark authenticates a text under one of the cursor keys.
func mark(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)[:12]
}
