package rig

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// bulk collects rows of a table and inserts many with one statement.
type bulk struct {
	tx      *sql.Tx
	into    string
	columns int
	has     []bool // which of add's columns exist; all false if the table does not
	// named placeholders ($1) are for PostgreSQL only, as SQLite's driver looks each of
	// them up in a list.
	named bool
	args  []any
	whole *sql.Stmt // for bulkRows rows
}

const bulkRows = 40

// newBulk leaves out the columns that the database does not have, as it may be that of an
// older build.
func newBulk(ctx context.Context, tx *sql.Tx, named bool, table, columns string) (*bulk, error) {
	insert := "INSERT INTO "
	if !named {
		insert = "INSERT OR ROLLBACK INTO " // so that SQLite need not be able to undo each statement
	}
	b := &bulk{tx: tx, named: named}
	there, err := columnsOf(ctx, tx, named, table)
	var used []string
	for column := range strings.SplitSeq(columns, ", ") {
		b.has = append(b.has, slices.Contains(there, column))
		if slices.Contains(there, column) {
			used = append(used, column)
		}
	}
	b.into, b.columns = insert+table+" ("+strings.Join(used, ", ")+") VALUES ", len(used)
	return b, err
}

// columnsOf returns the columns of a table; none if the table does not exist.
func columnsOf(ctx context.Context, tx *sql.Tx, named bool, table string) (names []string, err error) {
	query := `SELECT name FROM pragma_table_info($1)`
	if named {
		query = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
	}
	rows, err := tx.QueryContext(ctx, query, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (b *bulk) add(values ...any) {
	for i, value := range values {
		if b.has[i] {
			b.args = append(b.args, value)
		}
	}
}

func (b *bulk) full() bool { return b.columns > 0 && len(b.args) >= bulkRows*b.columns }

// flush inserts the rows of all full statements.
func flush(ctx context.Context, bulks ...*bulk) error {
	for _, b := range bulks {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush inserts the rows of full statements.
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

// rest inserts the rows that are left, fewer than a full statement's.
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
