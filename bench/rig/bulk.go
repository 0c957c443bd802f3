package rig

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// bulk gathers rows of a table and inserts many with one statement.
type bulk struct {
	tx      *sql.Tx
	into    string
	columns int
	// The SQLite driver looks up the name of each place that has one in a list, so
	// there they have none.
	named bool
	args  []any
	whole *sql.Stmt // for bulkRows rows
}

const bulkRows = 40

func newBulk(tx *sql.Tx, named bool, table, columns string) *bulk {
	insert := "INSERT INTO "
	if !named {
		insert = "INSERT OR ROLLBACK INTO " // needs no note of how it was before each statement
	}
	return &bulk{tx: tx, named: named, into: insert + table + " (" + columns + ") VALUES ", columns: strings.Count(columns, ",") + 1}
}

func (b *bulk) add(values ...any) { b.args = append(b.args, values...) }

func (b *bulk) full() bool { return len(b.args) >= bulkRows*b.columns }

// flush inserts what makes whole statements.
func flush(ctx context.Context, bulks ...*bulk) error {
	for _, b := range bulks {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush inserts what has been gathered.
func (b *bulk) flush(ctx context.Context) error {
	for b.full() {
		if b.whole == nil {
			var err error
			if b.whole, err = b.tx.PrepareContext(ctx, b.statement(bulkRows)); err != nil {
				return err
			}
		}
		n := bulkRows * b.columns
		if _, err := b.whole.ExecContext(ctx, b.args[:n]...); err != nil {
			return fmt.Errorf("%s: %w", b.into, err)
		}
		b.args = append(b.args[:0], b.args[n:]...)
	}
	return nil
}

// rest inserts what is less than a whole statement's.
func (b *bulk) rest(ctx context.Context) error {
	if len(b.args) == 0 {
		return nil
	}
	_, err := b.tx.ExecContext(ctx, b.statement(len(b.args)/b.columns), b.args...)
	b.args = b.args[:0]
	return err
}

func (b *bulk) statement(rows int) string {
	var s strings.Builder
	s.WriteString(b.into)
	place := 0
	for row := range rows {
		if row > 0 {
			s.WriteByte(',')
		}
		s.WriteByte('(')
		for column := range b.columns {
			if column > 0 {
				s.WriteByte(',')
			}
			place++
			if b.named {
				fmt.Fprintf(&s, "$%d", place)
			} else {
				s.WriteByte('?')
			}
		}
		s.WriteByte(')')
	}
	return s.String()
}
