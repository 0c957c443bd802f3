package sqldb

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"
)

// getter reads one row.
type getter interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// readPool repeats a read, once, if its connection broke off: repeating a read does no
// harm.
type readPool struct {
	*sqlx.DB
	gone   func(error) bool // says that the connection broke off, rather than that the statement failed
	usable func() error     // returns why nothing may be read
	pooler *pooler          // nil: there is none
}

func (p readPool) twice(ctx context.Context, dest any, read func() error) error {
	if err := p.usable(); err != nil {
		return err
	}
	err := read()
	if err != nil && ctx.Err() == nil && p.gone(err) {
		if dest != nil {
			reflect.ValueOf(dest).Elem().SetZero() // some rows may have been read
		}
		err = read()
	}
	return err
}

func (p readPool) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	return p.twice(ctx, dest, func() error {
		if !p.pooler.there() {
			return p.DB.GetContext(ctx, dest, query, args...)
		}
		return p.within(ctx, nil, func(tx *sqlx.Tx) error { return tx.GetContext(ctx, dest, query, args...) })
	})
}

func (p readPool) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	return p.twice(ctx, dest, func() error {
		if !p.pooler.there() {
			return p.DB.SelectContext(ctx, dest, query, args...)
		}
		return p.within(ctx, nil, func(tx *sqlx.Tx) error { return tx.SelectContext(ctx, dest, query, args...) })
	})
}

// within reads in a transaction.
func (p readPool) within(ctx context.Context, options *sql.TxOptions, read func(*sqlx.Tx) error) error {
	tx, err := p.BeginTxx(ctx, options)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := p.pooler.begun(ctx, tx); err != nil {
		return err
	}
	return read(tx)
}

// GetContext reads one row into dest; sql.ErrNoRows when there is none.
func (db *DB) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	return db.reader.GetContext(ctx, dest, query, args...)
}

// SelectContext reads all rows into dest, a pointer to a slice.
func (db *DB) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	return db.reader.SelectContext(ctx, dest, query, args...)
}

// QueryxContext reads rows one by one. If the connection breaks off, it is the caller who
// has to read again.
func (db *DB) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if err := db.watch.usable(); err != nil {
		return nil, err
	}
	return db.reader.QueryxContext(ctx, query, args...)
}

// Snapshot runs do, whose reads all see the database at one moment. do may be run again,
// so it must not build on what it did the first time.
func (db *DB) Snapshot(ctx context.Context, do func(*Tx) error) error {
	return db.reader.twice(ctx, nil, func() error {
		return db.reader.within(ctx, db.reading, func(tx *sqlx.Tx) error { return do(&Tx{Tx: tx}) })
	})
}

// Prepare parses a query of few rows once, for all its reads. PostgreSQL's driver does so
// by itself, in the way that the address asks for: a pooler could not follow statements
// that are prepared here.
func (db *DB) Prepare(ctx context.Context, query string) (s Stmt, err error) {
	s = Stmt{pool: db.reader, query: query}
	if !db.ManyWriters {
		s.stmt, err = db.reader.PreparexContext(ctx, query)
	}
	return s, err
}

// Stmt is a prepared statement: a query of few rows that is read very often.
type Stmt struct {
	stmt  *sqlx.Stmt // nil: not prepared by us
	pool  readPool
	query string
}

// GetContext reads the row into dest; sql.ErrNoRows when there is none.
func (s Stmt) GetContext(ctx context.Context, dest any, args ...any) error {
	if s.stmt == nil {
		return s.pool.GetContext(ctx, dest, s.query, args...)
	}
	return s.pool.twice(ctx, dest, func() error { return s.stmt.GetContext(ctx, dest, args...) })
}

// SelectContext reads all rows into dest, a pointer to a slice.
func (s Stmt) SelectContext(ctx context.Context, dest any, args ...any) error {
	if s.stmt == nil {
		return s.pool.SelectContext(ctx, dest, s.query, args...)
	}
	return s.pool.twice(ctx, dest, func() error { return s.stmt.SelectContext(ctx, dest, args...) })
}

// gone says whether an error means that the connection broke off.
func (db *DB) gone(err error) bool { return db.diagnose(err).Gone }

// reconnect closes the idle connections. A session may remember a state that is no longer
// true, for example that the server takes no writes.
func (db *DB) reconnect() {
	for pool, size := range map[*sqlx.DB]int{db.writer: postgresWriters, db.reader.DB: postgresReaders} {
		if pool != nil {
			pool.SetMaxIdleConns(0)
			pool.SetMaxIdleConns(size)
		}
	}
}
