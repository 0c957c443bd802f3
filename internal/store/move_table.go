package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
)

// What one statement takes to the target.
const (
	moveRows  = 500
	moveBytes = 4 << 20
)

// copy takes a table over, and compares both sides row by row.
func (m *mover) copy(ctx context.Context, table movedTable) (Moved, error) {
	moved := Moved{Table: table.name}
	rows, err := m.source.QueryxContext(ctx, table.selection()+" ORDER BY "+strings.Join(table.key, ", "))
	if err != nil {
		return moved, err
	}
	defer rows.Close()
	var source total
	var batch [][]any
	size := 0
	flush := func() error {
		added, err := m.insert(ctx, table, batch)
		moved.Added += added
		batch, size = batch[:0], 0
		return err
	}
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return moved, err
		}
		moved.Repaired += repair(row)
		source.add(row)
		batch = append(batch, row)
		for _, value := range row {
			if bytes, ok := value.([]byte); ok {
				size += len(bytes)
			}
		}
		if len(batch) == moveRows || size >= moveBytes {
			if err := flush(); err != nil {
				return moved, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return moved, err
	}
	if err := flush(); err != nil {
		return moved, err
	}
	target, err := m.count(ctx, table)
	if err != nil {
		return moved, err
	}
	if target != source {
		return moved, auth.Failf(auth.Unexpected, "table %s: the copy has %d rows with checksum %s, the source %d with %s",
			table.name, target.rows, target.String(), source.rows, source.String())
	}
	moved.Rows, moved.Checksum = source.rows, source.String()
	return moved, nil
}

// insert adds the rows that the target does not have.
func (m *mover) insert(ctx context.Context, table movedTable, rows [][]any) (added int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	var statement strings.Builder
	fmt.Fprintf(&statement, "INSERT INTO %s (%s) VALUES ", table.name, strings.Join(table.columns, ", "))
	var args []any
	for i, row := range rows {
		if i > 0 {
			statement.WriteString(", ")
		}
		for j, value := range row {
			args = append(args, value)
			before := ", "
			if j == 0 {
				before = "("
			}
			fmt.Fprintf(&statement, "%s$%d", before, len(args))
		}
		statement.WriteString(")")
	}
	statement.WriteString(" ON CONFLICT DO NOTHING")
	err = m.target.write(ctx, "move rows of "+table.name, func(tx *sqlx.Tx) (err error) {
		added, err = count(tx.ExecContext(ctx, statement.String(), args...))
		return err
	})
	return added, err
}

// count reads all of a table of the target.
func (m *mover) count(ctx context.Context, table movedTable) (all total, err error) {
	rows, err := m.target.reader.QueryxContext(ctx, table.selection())
	if err != nil {
		return all, err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return all, err
		}
		all.add(row)
	}
	return all, rows.Err()
}
