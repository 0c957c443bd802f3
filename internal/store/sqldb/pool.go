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

// readPool reads again, once, what a connection that broke off did not bring: a
// read does no harm twice.
type readPool struct {
	*sqlx.DB
	gone   func(error) bool // of the connection, and not of the statement
	usable func() error     // what keeps all from being read
	pooler *pooler          // nil: there is none
}

func (p readPool) twice(ctx context.Context, dest any, read func() error) error {
	if err := p.usable(); err != nil {
		return err
	}
	err := read()
	if err != nil && ctx.Err() == nil && p.gone(err) {
		if dest != nil {
			reflect.ValueOf(dest).Elem().SetZero() // some rows may have come
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

// QueryxContext reads rows one by one. What has been read when a connection breaks
// off is the caller's to read again.
func (db *DB) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if err := db.watch.usable(); err != nil {
		return nil, err
	}
	return db.reader.QueryxContext(ctx, query, args...)
}

// Snapshot runs do, whose reads are all of one moment. do may be run again, so it
// must not build on what it did the first time.
func (db *DB) Snapshot(ctx context.Context, do func(*Tx) error) error {
	return db.reader.twice(ctx, nil, func() error {
		return db.reader.within(ctx, db.reading, func(tx *sqlx.Tx) error { return do(&Tx{Tx: tx}) })
	})
}

// Prepare has a query of few rows parsed once for all that read it. PostgreSQL's
// driver does so by itself, in the way that the address asks for: what is prepared
// here, a pooler could not follow.
func (db *DB) Prepare(ctx context.Context, query string) (s Stmt, err error) {
	s = Stmt{pool: db.reader, query: query}
	if !db.ManyWriters {
		s.stmt, err = db.reader.PreparexContext(ctx, query)
	}
	return s, err
}

// Stmt is a prepared statement: a query of few rows that is read all the time.
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

// gone says that a connection broke off.
func (db *DB) gone(err error) bool { return db.diagnose(err).Gone }

// reconnect closes the connections that nobody uses at the moment. A session may
// remember what is no longer so, for example that it takes no writes.
func (db *DB) reconnect() {
	for pool, size := range map[*sqlx.DB]int{db.writer: postgresWriters, db.reader.DB: postgresReaders} {
		if pool != nil {
			pool.SetMaxIdleConns(0)
			pool.SetMaxIdleConns(size)
		}
	}
}
