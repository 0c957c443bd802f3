package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
)

// Moved is what has become of one table.
type Moved struct {
	Table    string
	Rows     int64  // of the source, and all of the target
	Added    int64  // that were not in the target before
	Repaired int64  // texts that were none, and that no other engine would take
	Checksum string // of all rows, the same on both sides
}

// Sealed counts the refresh_tokens of the source that live.
type Sealed struct{ Opened, Foreign int64 }

// MoveFrom copies a SQLite database that no service uses into this one, table by
// table, in batches. What is there already is not copied again, so one that was
// interrupted goes on where it ended. It refuses a source of another schema or
// of other keys, and a target that holds what the source does not. The source is
// read only. Each table that has been copied and checked is told of.
func (s *Store) MoveFrom(ctx context.Context, path string, tell func(Moved)) (sealed Sealed, err error) {
	m := &mover{target: s}
	defer m.close()
	if err = m.open(ctx, path); err == nil {
		sealed, err = m.move(ctx, tell)
	}
	return sealed, s.fail(ctx, "move", err)
}

// mover reads one snapshot of the source.
type mover struct {
	target *Store
	pool   *sqlx.DB
	source *sqlx.Conn
	tables []movedTable
}

// movedTable is a table by its columns.
type movedTable struct {
	name    string
	columns []string
	key     []string // the columns of the primary key
	at      []int    // their places among the columns
}

// unmoved are tables of which each database has its own: triggers fill the index
// of nicknames as people come, and the service counts again.
var unmoved = []string{versionTable, "leases", "nicknames", "nickname_ends", "tallies", "tallied"}

// open opens the source and reads what tables it has.
func (m *mover) open(ctx context.Context, path string) error {
	if m.target.path != "" {
		return auth.Failf(auth.BadRequest, "the target has to be a PostgreSQL database")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return auth.Fail(auth.BadRequest, err)
	}
	if m.pool, err = openPool(path, "mode=ro&"+inspectParams, 1); err != nil {
		return err
	}
	if m.source, err = m.pool.Connx(ctx); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := m.readSchema(ctx); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if info.Size() > quickCheckLimit {
		return nil
	}
	return quickCheck(ctx, m.source)
}

// close ends what open has begun. Nothing was written.
func (m *mover) close() {
	if m.source != nil {
		m.source.Close()
	}
	if m.pool != nil {
		m.pool.Close()
	}
}

func (m *mover) readSchema(ctx context.Context) error {
	version, err := schemaVersion(ctx, m.source)
	if err != nil {
		return fmt.Errorf("it is no database of wxlogin's: %w", err)
	}
	if version != m.target.schema {
		return auth.Failf(auth.BadRequest, "the SQLite database has schema version %d, this program is for %d: start the service of this program on it once, and stop it", version, m.target.schema)
	}
	var names []string
	err = m.source.SelectContext(ctx, &names, `SELECT name FROM sqlite_master WHERE type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_litestream\_%' ESCAPE '\'
		ORDER BY name <> 'users', name`) // the others refer to people
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.Contains(unmoved, name) {
			continue
		}
		var columns []struct {
			Name string `db:"name"`
			Key  int    `db:"pk"`
		}
		if err := m.source.SelectContext(ctx, &columns, `SELECT name, pk FROM pragma_table_info($1) ORDER BY cid`, name); err != nil {
			return err
		}
		table := movedTable{name: name}
		for i, column := range columns {
			table.columns = append(table.columns, column.Name)
			if column.Key > 0 {
				table.key, table.at = append(table.key, column.Name), append(table.at, i)
			}
		}
		m.tables = append(m.tables, table)
	}
	return nil
}

func (m *mover) move(ctx context.Context, tell func(Moved)) (Sealed, error) {
	before, err := m.changes(ctx)
	if err != nil {
		return Sealed{}, err
	}
	// All is of one moment.
	if _, err := m.source.ExecContext(ctx, "BEGIN"); err != nil {
		return Sealed{}, err
	}
	sealed, err := m.moveAll(ctx, tell)
	if _, err := m.source.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		return sealed, err
	}
	if err != nil {
		return sealed, err
	}
	if after, err := m.changes(ctx); err != nil || after != before {
		return sealed, errors.Join(err, auth.Failf(auth.BadRequest, "the SQLite database has changed meanwhile; stop the service that uses it, and run this again on an empty database"))
	}
	return sealed, nil
}

func (m *mover) moveAll(ctx context.Context, tell func(Moved)) (Sealed, error) {
	sealed, err := m.checkSeals(ctx)
	if err != nil {
		return sealed, err
	}
	for _, table := range m.tables {
		if err := m.wantSubset(ctx, table); err != nil {
			return sealed, err
		}
	}
	for _, table := range m.tables {
		moved, err := m.copy(ctx, table)
		if err != nil {
			return sealed, err
		}
		tell(moved)
	}
	return sealed, nil
}

// changes is a number that another connection's writes to the source change.
func (m *mover) changes(ctx context.Context) (n int64, err error) {
	err = m.source.GetContext(ctx, &n, `PRAGMA data_version`)
	return n, err
}

// checkSeals refuses a source whose tokens none of the keys opens: what is sealed
// moves as it is.
func (m *mover) checkSeals(ctx context.Context) (sealed Sealed, err error) {
	rows, err := m.source.QueryxContext(ctx, sealedTokens+`WHERE tokens.dead_reason IS NULL`)
	if err != nil {
		return sealed, err
	}
	defer rows.Close()
	for rows.Next() {
		var row sealedToken
		if err := rows.StructScan(&row); err != nil {
			return sealed, err
		}
		if _, err := m.target.sealer.open(row.Sealed, tokenPlace(row.AppID, row.OpenID)); err != nil {
			sealed.Foreign++
		} else {
			sealed.Opened++
		}
	}
	if sealed.Foreign > 0 && sealed.Opened == 0 {
		return sealed, errors.Join(rows.Err(), auth.Failf(auth.BadRequest,
			"the keys open none of the %d stored refresh tokens: set WXLOGIN_KEYS to the keys that this database was written with", sealed.Foreign))
	}
	return sealed, rows.Err()
}

func (t movedTable) selection() string {
	return "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
}

// wantSubset refuses a target that has a row of a table which the source has
// not, or has otherwise.
func (m *mover) wantSubset(ctx context.Context, table movedTable) error {
	rows, err := m.target.reader.QueryxContext(ctx, table.selection())
	if err != nil {
		return err
	}
	defer rows.Close()
	var where []string
	for i, column := range table.key {
		where = append(where, fmt.Sprintf("%s = $%d", column, i+1))
	}
	lookup, err := m.source.PreparexContext(ctx, table.selection()+" WHERE "+strings.Join(where, " AND "))
	if err != nil {
		return err
	}
	defer lookup.Close()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return err
		}
		var key []any
		for _, i := range table.at {
			key = append(key, row[i])
		}
		own, err := lookup.QueryRowxContext(ctx, key...).SliceScan()
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		repair(own)
		if err != nil || digest(own) != digest(row) {
			return auth.Failf(auth.BadRequest, "the target holds what the source does not (table %s): take an empty database", table.name)
		}
	}
	return rows.Err()
}
