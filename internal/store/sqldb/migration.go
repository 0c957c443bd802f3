package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// Progress is how far a migration is. It is updated with every statement.
type Progress struct {
	From, To int64 // schema versions: the one at this start, and the one afterwards
	Version  int64 // that is being applied now

	// Rows is how many rows all statements of this start go through, as estimated from the
	// engine's statistics; RowsDone counts the rows of finished statements.
	RowsDone, Rows int64

	tables map[string]int64 // row counts
}

// Percent is how much is done, at most 99.
func (p Progress) Percent() int {
	if p.Rows == 0 {
		return int(99 * (p.Version - 1 - p.From) / max(1, p.To-p.From))
	}
	return int(99 * p.RowsDone / p.Rows)
}

// migration is one file of migrations, in the engine's SQL.
type migration struct {
	version    int64
	statements []string
}

// readMigrations reads *.sql, but of the files named *.ENGINE.sql only this engine's.
func readMigrations(files fs.FS, d Dialect) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, name := range names {
		if engine := path.Ext(strings.TrimSuffix(name, ".sql")); engine != "" && engine != "."+d.Engine {
			continue
		}
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, statements(d.translation.Replace(string(text)))})
	}
	if len(all) == 0 {
		return nil, errors.New("there are no migrations")
	}
	slices.SortFunc(all, func(a, b migration) int { return int(a.version - b.version) })
	return all, nil
}

// statements splits a file. As in goose, a statement ends with a line that ends with a
// semicolon, unless it is between StatementBegin and StatementEnd.
func statements(text string) (all []string) {
	var one strings.Builder
	whole := false
	for line := range strings.Lines(text) {
		code, comment, _ := strings.Cut(line, "--")
		if mark := strings.TrimSpace(comment); strings.HasPrefix(mark, "+goose StatementBegin") {
			whole = true
		} else if strings.HasPrefix(mark, "+goose StatementEnd") {
			whole = false
			code = ";"
		}
		if strings.TrimSpace(code) == "" {
			continue
		}
		one.WriteString(line)
		if !whole && strings.HasSuffix(strings.TrimSpace(code), ";") {
			all = append(all, one.String())
			one.Reset()
		}
	}
	if rest := one.String(); rest != "" {
		all = append(all, rest)
	}
	return all
}

// goMigrations are the migrations as goose runs them.
func (db *DB) goMigrations() (all []*goose.Migration) {
	for _, m := range db.migrations {
		all = append(all, goose.NewGoMigration(m.version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			db.migration.Version = m.version
			for _, statement := range m.statements {
				db.migrating(*db.migration)
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%.80s: %w", statement, err)
				}
				db.migration.RowsDone += db.migration.tables[goesThrough(statement)]
			}
			return nil
		}}, nil))
	}
	return all
}

// through matches statements that go through all rows of a table: to change them, to sort
// them or, as SQLite does when a STRICT table gets a column, to check them.
var through = regexp.MustCompile(`(?s)^\s*(?:UPDATE (\w+)|ALTER TABLE (\w+) (?:ADD|DROP)|CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)|INSERT INTO .* FROM (\w+)|DROP TABLE (\w+))`)

// goesThrough returns the table that a statement goes through, or "".
func goesThrough(statement string) string {
	return strings.Join(append(through.FindStringSubmatch(statement), "")[1:], "")
}

// estimate counts how many rows there are to go through after a version.
func (db *DB) estimate(ctx context.Context, pool getter, current int64) (*Progress, error) {
	p := &Progress{From: current, To: db.schema, tables: make(map[string]int64)}
	for _, m := range db.migrations {
		for _, statement := range m.statements {
			table := goesThrough(statement)
			if m.version <= current || table == "" {
				continue
			}
			if _, known := p.tables[table]; !known {
				rows, err := db.rowsOf(ctx, pool, table)
				if err != nil {
					return nil, err
				}
				p.tables[table] = rows
			}
			p.Rows += p.tables[table]
		}
	}
	return p, nil
}

// rowsOf estimates how many rows a table has; 0 if there is no such table yet.
func (db *DB) rowsOf(ctx context.Context, pool getter, table string) (rows int64, err error) {
	if db.ManyWriters {
		err = pool.GetContext(ctx, &rows, `SELECT COALESCE(MAX(reltuples), 0)::bigint FROM pg_class WHERE oid = to_regclass($1)`, table)
		return max(rows, 0), err
	}
	var there bool
	err = pool.GetContext(ctx, &there, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1 AND sql NOT LIKE '%WITHOUT ROWID%')`, table)
	if err == nil && there {
		err = pool.GetContext(ctx, &rows, `SELECT COALESCE(MAX(rowid), 0) FROM `+table)
	}
	return rows, err
}
