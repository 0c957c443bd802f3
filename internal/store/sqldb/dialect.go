package sqldb

import (
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// Dialect is all that tells one engine from another once its pools are open.
type Dialect struct {
	Engine string // sqlite or postgres; in the names of migrations that are for it alone
	Like   string // the operator that matches without regard to case
	// ManyWriters says that transactions write side by side, so that what one has
	// read may be another's by the time it writes.
	ManyWriters bool

	goose       goose.Dialect
	translation *strings.Replacer // puts a migration into the engine's words
	writing     *sql.TxOptions    // of a transaction that writes; nil: the engine's own
	reading     *sql.TxOptions    // of one whose reads are of one moment
	diagnose    func(error) Fault
}

// ForUpdate ends a SELECT whose rows of a table nobody else changes until the
// transaction ends. Where only one writes at a time there is no need.
func (d Dialect) ForUpdate(table string) string {
	if !d.ManyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table
}

// SkipLocked is ForUpdate, and passes over rows that somebody else has locked.
func (d Dialect) SkipLocked(table string) string {
	if !d.ManyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table + " SKIP LOCKED"
}

// IndexedBy follows a table that is to be read in the order of an index, where
// SQLite's planner would have to know more than it does to choose well.
func (d Dialect) IndexedBy(index string) string {
	if d.ManyWriters {
		return "" // PostgreSQL's knows
	}
	return " INDEXED BY " + index
}

// RowByRow ends a subquery of a condition that is asked of one row after the other, as a
// scan comes to them, until a page is full. PostgreSQL would rather join, or read all that
// the subquery could find, since it takes the whole order to be gone through.
func (d Dialect) RowByRow() string {
	if !d.ManyWriters {
		return ""
	}
	return " OFFSET 0"
}

// JoinRow joins a table of which each row before it has one row, or none: they are looked
// up in the order of those before, and not joined to all at once.
func (d Dialect) JoinRow(table, on string) string {
	if !d.ManyWriters {
		return " CROSS JOIN " + table + " ON " + on
	}
	return " CROSS JOIN LATERAL (SELECT * FROM " + table + " WHERE " + on + d.RowByRow() + ") AS " + table
}

// HalfTrue wraps a condition of a scan along an index, so that the planner takes it
// to be true of half of all rows: if it estimated how few they are, it would read
// and sort the table.
func (d Dialect) HalfTrue(condition string) string {
	if !d.ManyWriters {
		return condition
	}
	return "COALESCE(" + condition + ", false)"
}
