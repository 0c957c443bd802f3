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

	"wxlogin/internal/auth"
)

// Config is what Open needs.
type Config struct {
	URL        string           // sqlite:PATH
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
	reader  *sqlx.DB
	path    string      // of the file
	file    os.FileInfo // the file as it was opened
	schema  int64       // the version that the statements here are written for

	visitor, desk *sqlx.Stmt // the two reads of Visit
	scan          *sqlx.Stmt // that of ScanByTicket

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
	_ auth.Store     = (*Store)(nil)
	_ auth.DeskStore = (*Store)(nil)
)

// Open opens the database, makes it if there is none, and brings its schema up
// to date. It refuses a file that is damaged, is no database, belongs to another
// program or has a newer schema than this program knows.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{now: c.Now, log: c.Logger}
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
	path, ok := strings.CutPrefix(c.URL, "sqlite:")
	if !ok {
		return errors.New("the address has to be of the form sqlite:PATH") // it may hold a password: do not repeat it
	}
	if s.sealer, err = newSealer(c.Keys); err != nil {
		return err
	}
	for _, key := range c.Keys {
		s.cursors = append(s.cursors, key.Subkey("cursor/v1"))
	}
	if err := s.openSQLite(ctx, path, c.Migrations); err != nil {
		return err
	}
	if s.visitor, err = s.reader.PreparexContext(ctx, visitorQuery); err != nil {
		return err
	}
	if s.desk, err = s.reader.PreparexContext(ctx, deskQuery); err != nil {
		return err
	}
	if s.scan, err = s.reader.PreparexContext(ctx, scanQuery); err != nil {
		return err
	}
	return s.checkKeys(ctx)
}

// Close ends all connections. Calls in flight fail.
func (s *Store) Close() error {
	var errs []error
	for _, stmt := range []*sqlx.Stmt{s.visitor, s.desk, s.scan} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	for _, pool := range []*sqlx.DB{s.reader, s.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return auth.Fail(auth.StoreDown, fmt.Errorf("close database: %w", err))
	}
	return nil
}

// writeBudget is how long a write waits for its turn, unless its context ends
// sooner. A visitor is waiting, and 503 with "try again" is better than a page
// that never comes.
const writeBudget = 5 * time.Second

// write runs do in one transaction, alone. It commits when do returns nil, and
// else leaves the database as it was. The caller's context bounds all of it.
func (s *Store) write(ctx context.Context, what string, do func(*sqlx.Tx) error) error {
	err := s.transact(ctx, do)
	// A write that went well says that there is room again; it does not say that
	// the pages it did not touch are whole.
	if r := s.refused.Load(); err == nil && r != nil && !r.damaged {
		s.refused.CompareAndSwap(r, nil)
	}
	return s.fail(ctx, what, err)
}

func (s *Store) transact(ctx context.Context, do func(*sqlx.Tx) error) error {
	turn, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	conn, err := s.writer.Connx(turn)
	switch {
	case err != nil && turn.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("no turn to write within %v", writeBudget) // not the caller's deadline
	case err != nil:
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTxx(ctx, nil)
	for err != nil && s.dialect.diagnose(err).busy && turn.Err() == nil {
		// The engine has waited a moment itself, in small steps.
		tx, err = conn.BeginTxx(ctx, nil)
	}
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to do after Commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
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
		err = s.sameFile()
	}
	if err == nil {
		if r := s.refused.Load(); r != nil && s.now().Sub(r.at) < refusalCounts {
			err = fmt.Errorf("it failed a moment ago: %v", r.err) // no fault of this moment's
		}
	}
	return s.fail(ctx, "check database", err)
}

// mark authenticates a text under one of the cursor keys.
func mark(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)[:12]
}
