package move

import (
	"context"
	"fmt"
	"strings"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// The limits of one INSERT.
const (
	batchRows  = 500
	batchBytes = 4 << 20
)

// copy copies a table, and compares the rows and checksums of both sides.
func (m *mover) copy(ctx context.Context, t table) (Table, error) {
	moved := Table{Table: t.name}
	rows, err := m.source.QueryxContext(ctx, t.selection()+" ORDER BY "+strings.Join(t.key, ", "))
	if err != nil {
		return moved, err
	}
	defer rows.Close()
	var source total
	var batch [][]any
	size := 0
	flush := func() error {
		added, err := m.insert(ctx, t, batch)
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
		if len(batch) == batchRows || size >= batchBytes {
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
	target, err := m.count(ctx, t)
	if err != nil {
		return moved, err
	}
	if target != source {
		return moved, auth.Failf(auth.Unexpected, "table %s: the copy has %d rows with checksum %s, the source %d with %s",
			t.name, target.rows, target.String(), source.rows, source.String())
	}
	moved.Rows, moved.Checksum = source.rows, source.String()
	return moved, nil
}

// insert adds the rows that the target does not have.
func (m *mover) insert(ctx context.Context, t table, rows [][]any) (added int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	var statement strings.Builder
	fmt.Fprintf(&statement, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
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
	err = m.To.Write(ctx, "move rows of "+t.name, nil, func(tx *sqldb.Tx) error {
		result, err := tx.ExecContext(ctx, statement.String(), args...)
		if err != nil {
			return err
		}
		added, err = result.RowsAffected()
		return err
	})
	return added, err
}

// count reads all rows of a table of the target.
func (m *mover) count(ctx context.Context, t table) (all total, err error) {
	rows, err := m.To.QueryxContext(ctx, t.selection())
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
