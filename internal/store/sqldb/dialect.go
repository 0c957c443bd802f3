package sqldb

import (
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// Dialect is all that differs between engines once their pools are open.
type Dialect struct {
	Engine string // sqlite or postgres; also in the names of migrations for this engine alone
	Like   string // the LIKE operator that ignores case
	// ManyWriters says that transactions write side by side, so that what one has read may
	// have been changed by the time it writes.
	ManyWriters bool

	goose       goose.Dialect
	translation *strings.Replacer // translates a migration into the engine's SQL
	writing     *sql.TxOptions    // of a transaction that writes; nil: the engine's defaults
	reading     *sql.TxOptions    // of a snapshot
	diagnose    func(error) Fault
}

// ForUpdate is the end of a SELECT that locks its rows of a table until the transaction
// ends. An engine with one writer does not need it.
func (d Dialect) ForUpdate(table string) string {
	if !d.ManyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table
}

// SkipLocked is ForUpdate, but skips rows that somebody else has locked.
func (d Dialect) SkipLocked(table string) string {
	if !d.ManyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table + " SKIP LOCKED"
}

// IndexedBy follows the name of a table that is to be read in the order of an index, where
// SQLite's planner does not know enough to choose well.
func (d Dialect) IndexedBy(index string) string {
	if d.ManyWriters {
		return "" // PostgreSQL's planner knows enough
	}
	return " INDEXED BY " + index
}

// RowByRow is the end of a subquery in a condition that is to be checked row by row during
// a scan, until a page is full. PostgreSQL would rather join, or read all that the
// subquery could find, since it expects to scan the whole order.
func (d Dialect) RowByRow() string {
	if !d.ManyWriters {
		return ""
	}
	return " OFFSET 0"
}

// JoinRow joins a table that has at most one row for each row before it. These are looked
// up in the order of the rows before, and not all joined at once.
func (d Dialect) JoinRow(table, on string) string {
	if !d.ManyWriters {
		return " CROSS JOIN " + table + " ON " + on
	}
	return " CROSS JOIN LATERAL (SELECT * FROM " + table + " WHERE " + on + d.RowByRow() + ") AS " + table
}

// HalfTrue hides the selectivity of a condition from the planner, which then expects half
// of all rows to match and scans an index in order. If it estimated how few they are, it
// would read and sort the table.
func (d Dialect) HalfTrue(condition string) string {
	if !d.ManyWriters {
		return condition
	}
	return "COALESCE(" + condition + ", false)"
}
