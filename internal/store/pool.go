package store

import (
	"context"
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
	gone func(error) bool // of the connection, and not of the statement
}

func (p readPool) twice(ctx context.Context, dest any, read func() error) error {
	err := read()
	if err != nil && ctx.Err() == nil && p.gone(err) {
		reflect.ValueOf(dest).Elem().SetZero() // some rows may have come
		err = read()
	}
	return err
}

func (p readPool) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	return p.twice(ctx, dest, func() error { return p.DB.GetContext(ctx, dest, query, args...) })
}

func (p readPool) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	return p.twice(ctx, dest, func() error { return p.DB.SelectContext(ctx, dest, query, args...) })
}

// prepare has a query parsed once for all that read it. PostgreSQL's driver does
// so by itself, in the way that the address asks for: what is prepared here, a
// pooler could not follow.
func (p readPool) prepare(ctx context.Context, query string) (q frequent, err error) {
	q = frequent{pool: p, query: query}
	if p.DriverName() != pgxDriver {
		q.Stmt, err = p.DB.PreparexContext(ctx, query)
	}
	return q, err
}

// frequent is a query of one row that is read all the time.
type frequent struct {
	*sqlx.Stmt // nil: not prepared by us
	pool       readPool
	query      string
}

func (q frequent) GetContext(ctx context.Context, dest any, args ...any) error {
	if q.Stmt == nil {
		return q.pool.GetContext(ctx, dest, q.query, args...)
	}
	return q.pool.twice(ctx, dest, func() error { return q.Stmt.GetContext(ctx, dest, args...) })
}

// gone says that a connection broke off.
func (s *Store) gone(err error) bool { return s.dialect.diagnose(err).gone }

// reconnect closes the connections that nobody uses at the moment. A session may
// remember what is no longer so, for example that it takes no writes.
func (s *Store) reconnect() {
	for pool, size := range map[*sqlx.DB]int{s.writer: postgresWriters, s.reader.DB: postgresReaders} {
		if pool != nil {
			pool.SetMaxIdleConns(0)
			pool.SetMaxIdleConns(size)
		}
	}
}
