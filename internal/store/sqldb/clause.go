package sqldb

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Clause is a piece of SQL with the values of its question marks, to make a
// statement of several.
type Clause struct {
	Text string
	Args []any
}

// SQL is a Clause with the values of its question marks, in their order.
func SQL(text string, args ...any) Clause { return Clause{text, args} }

// And adds conditions, the first behind WHERE.
func (c Clause) And(where []Clause) Clause {
	c.Args = slices.Clone(c.Args)
	for i, condition := range where {
		c.Text += []string{" WHERE ", " AND "}[min(i, 1)] + condition.Text
		c.Args = append(c.Args, condition.Args...)
	}
	return c
}

// In says that a column has one of some values, at least one.
func In(column string, values []any) Clause {
	return Clause{column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", values}
}

// Statement is the whole with numbered values, as the engines take it.
func (c Clause) Statement() string { return sqlx.Rebind(sqlx.DOLLAR, c.Text) }

// Get is GetContext with a Clause.
func (db *DB) Get(ctx context.Context, dest any, c Clause) error {
	return db.GetContext(ctx, dest, c.Statement(), c.Args...)
}

// Select is SelectContext with a Clause.
func (db *DB) Select(ctx context.Context, dest any, c Clause) error {
	return db.SelectContext(ctx, dest, c.Statement(), c.Args...)
}
