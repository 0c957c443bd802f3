package sqldb

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction. The statements of Config.Prepared go to the driver directly, if
// nothing but the transaction's own goroutine can end it. Such a statement runs to its
// end: the caller's context was checked before, and the statement takes less time than the
// goroutines that database/sql and the driver each start to watch the context.
type Tx struct {
	*sqlx.Tx
	direct *directStmts // nil: all statements go through database/sql
}

// prepareWrites makes SQLite parse the statements that transactions repeat. Parsing took
// more than a third of a login's time: most are an upsert with triggers behind it.
// PostgreSQL's driver does so by itself.
func (db *DB) prepareWrites(ctx context.Context, queries []string) error {
	if db.ManyWriters {
		return nil
	}
	db.direct = &directStmts{queries: queries}
	conn, err := db.writer.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return db.direct.on(ctx, conn)
}

// ExecContext runs a statement.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := tx.direct.of(query); stmt != nil {
		return stmt.exec(args)
	}
	return tx.Tx.ExecContext(ctx, query, args...)
}

// GetContext reads one row into dest; sql.ErrNoRows when there is none.
func (tx *Tx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if stmt := tx.direct.of(query); stmt != nil {
		return stmt.get(tx.Mapper, dest, args)
	}
	return tx.Tx.GetContext(ctx, dest, query, args...)
}
