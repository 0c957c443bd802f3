package store

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// loginWrites are the statements of every login. Having SQLite read them anew
// took more than a third of a login's time: most have an upsert with triggers
// behind it.
var loginWrites = []string{insertLogin, finishLogin, endedLogin, greetUser, upsertUser, upsertToken, insertSession, deleteSession, countSessionsOf, endLeastUsed}

// prepareWrites has the engine read the statements of a login once.
// PostgreSQL's driver does so by itself.
func (s *Store) prepareWrites(ctx context.Context) error {
	if s.dialect.manyWriters {
		return nil
	}
	s.prepared = make(map[string]*sqlx.Stmt)
	for _, query := range loginWrites {
		stmt, err := s.writer.PreparexContext(ctx, query)
		if err != nil {
			return err
		}
		s.prepared[query] = stmt
	}
	return nil
}

// querier is what the writes of a login need of a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// preparedTx is a transaction that uses what has been prepared.
type preparedTx struct {
	*sqlx.Tx
	prepared map[string]*sqlx.Stmt
}

func (s *Store) quick(tx *sqlx.Tx) querier { return preparedTx{tx, s.prepared} }

func (p preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := p.prepared[query]; stmt != nil {
		return p.StmtxContext(ctx, stmt).ExecContext(ctx, args...)
	}
	return p.Tx.ExecContext(ctx, query, args...)
}

func (p preparedTx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if stmt := p.prepared[query]; stmt != nil {
		return p.StmtxContext(ctx, stmt).GetContext(ctx, dest, args...)
	}
	return p.Tx.GetContext(ctx, dest, query, args...)
}
