package sqldb

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction. What Config.Prepared names is not parsed again, and runs to its
// end: whether its caller still waits has been asked before, and it takes less time
// than the goroutine that database/sql and the driver each start to look again.
type Tx struct {
	*sqlx.Tx
	prepared map[string]*sqlx.Stmt
}

// prepareWrites has SQLite parse the statements that transactions repeat. That took
// more than a third of a login's time: most have an upsert with triggers behind
// it. PostgreSQL's driver does so by itself.
func (db *DB) prepareWrites(ctx context.Context, queries []string) error {
	if db.ManyWriters {
		return nil
	}
	db.prepared = make(map[string]*sqlx.Stmt)
	for _, query := range queries {
		stmt, err := db.writer.PreparexContext(ctx, query)
		if err != nil {
			return err
		}
		db.prepared[query] = stmt
	}
	return nil
}

// ExecContext runs a statement.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := tx.prepared[query]; stmt != nil {
		return tx.StmtxContext(ctx, stmt).ExecContext(context.WithoutCancel(ctx), args...)
	}
	return tx.Tx.ExecContext(ctx, query, args...)
}

// GetContext reads one row into dest; sql.ErrNoRows when there is none.
func (tx *Tx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if stmt := tx.prepared[query]; stmt != nil {
		return tx.StmtxContext(ctx, stmt).GetContext(context.WithoutCancel(ctx), dest, args...)
	}
	return tx.Tx.GetContext(ctx, dest, query, args...)
}
