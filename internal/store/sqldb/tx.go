package sqldb

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction. Statements that Config.Prepared names go to the driver directly
// where nobody can end the transaction but who runs it. Such a statement runs to its
// end: whether its caller still waits has been asked before, and it takes less time
// than the goroutine that database/sql and the driver each start to look again.
type Tx struct {
	*sqlx.Tx
	direct *directStmts // nil: all statements go through database/sql
}

// prepareWrites has SQLite parse the statements that transactions repeat. That took
// more than a third of a login's time: most have an upsert with triggers behind
// it. PostgreSQL's driver does so by itself.
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
