package move

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Options is what Run needs.
type Options struct {
	From string    // path of the SQLite file, which no service uses
	To   *sqldb.DB // PostgreSQL
	// Opens says whether the keys at hand open a person's sealed refresh_token.
	Opens func(sealed, appID, openID string) bool
}

// Table is what was done for one table.
type Table struct {
	Table    string
	Rows     int64  // of the source; afterwards the target has the same
	Added    int64  // that were not in the target before
	Repaired int64  // texts that were not valid UTF-8, which PostgreSQL would refuse
	Checksum string // of all rows, the same on both sides
}

// Sealed counts the refresh_tokens of the source that are not dead.
type Sealed struct{ Opened, Foreign int64 }

// Run copies table by table, in batches. Rows that are there already are not copied again,
// so a move that was interrupted goes on where it ended. It refuses a source of another
// schema or sealed with other keys, and a target with rows that the source does not have.
// The source is only read. report is called for each table that has been copied and
// checked.
func Run(ctx context.Context, o Options, report func(Table)) (sealed Sealed, err error) {
	m := &mover{Options: o}
	if err := m.open(ctx); err != nil {
		return Sealed{}, o.To.Fail(ctx, "move", err)
	}
	defer m.source.Close()
	err = m.source.Snapshot(ctx, func() (err error) {
		sealed, err = m.move(ctx, report)
		return err
	})
	if errors.Is(err, sqldb.ErrChanged) {
		err = auth.Failf(auth.BadRequest, "%w; stop the service that uses it, and run this again on an empty database", err)
	}
	return sealed, o.To.Fail(ctx, "move", err)
}

type mover struct {
	Options
	source *sqldb.Source
	tables []table
}

// table is a table with its columns.
type table struct {
	name    string
	columns []string
	key     []string // the columns of the primary key
	keyAt   []int    // their positions among the columns
}

// skipped are the tables that each database fills by itself: triggers fill the index of
// nicknames as people are inserted, and the service counts again.
var skipped = []string{"leases", "nicknames", "nickname_ends", "tallies", "tallied"}

// open opens the source and reads which tables it has.
func (m *mover) open(ctx context.Context) (err error) {
	if m.To.Engine != "postgres" {
		return auth.Failf(auth.BadRequest, "the target has to be a PostgreSQL database")
	}
	if m.source, err = sqldb.OpenSource(ctx, m.From); err != nil {
		return err
	}
	if err = m.readSchema(ctx); err != nil {
		m.source.Close()
		return fmt.Errorf("%s: %w", m.From, err)
	}
	return nil
}

func (m *mover) readSchema(ctx context.Context) error {
	version, err := m.source.Schema(ctx)
	if err != nil {
		return fmt.Errorf("it is no database of wxlogin's: %w", err)
	}
	if version != m.To.Schema() {
		return auth.Failf(auth.BadRequest, "the SQLite database has schema version %d, this program is for %d: start the service of this program on it once, and stop it", version, m.To.Schema())
	}
	names, err := m.source.Tables(ctx)
	if err != nil {
		return err
	}
	for _, first := range []string{"sessions", "identities", "clients", "users"} { // the others refer to these, and the first two to people
		if i := slices.Index(names, first); i > 0 {
			names = slices.Insert(slices.Delete(names, i, i+1), 0, first)
		}
	}
	for _, name := range names {
		if slices.Contains(skipped, name) {
			continue
		}
		var columns []struct {
			Name string `db:"name"`
			Key  int    `db:"pk"`
		}
		if err := m.source.SelectContext(ctx, &columns, `SELECT name, pk FROM pragma_table_info($1) ORDER BY cid`, name); err != nil {
			return err
		}
		t := table{name: name}
		for i, column := range columns {
			t.columns = append(t.columns, column.Name)
			if column.Key > 0 {
				t.key, t.keyAt = append(t.key, column.Name), append(t.keyAt, i)
			}
		}
		m.tables = append(m.tables, t)
	}
	return nil
}

func (m *mover) move(ctx context.Context, report func(Table)) (Sealed, error) {
	sealed, err := m.checkSeals(ctx)
	if err != nil {
		return sealed, err
	}
	for _, t := range m.tables {
		if err := m.wantSubset(ctx, t); err != nil {
			return sealed, err
		}
	}
	for _, t := range m.tables {
		moved, err := m.copy(ctx, t)
		if err != nil {
			return sealed, err
		}
		report(moved)
	}
	return sealed, nil
}

// checkSeals refuses a source if the keys open none of its tokens: sealed values are
// copied as they are.
func (m *mover) checkSeals(ctx context.Context) (sealed Sealed, err error) {
	rows, err := m.source.QueryxContext(ctx, `SELECT tokens.refresh_token, COALESCE(identities.appid, users.appid), COALESCE(identities.openid, users.openid)
		FROM all_tokens AS tokens JOIN users ON users.id = tokens.user_id LEFT JOIN identities ON identities.id = tokens.identity_id WHERE tokens.dead_reason IS NULL`)
	if err != nil {
		return sealed, err
	}
	defer rows.Close()
	for rows.Next() {
		var text, appID, openID string
		if err := rows.Scan(&text, &appID, &openID); err != nil {
			return sealed, err
		}
		if m.Opens(text, appID, openID) {
			sealed.Opened++
		} else {
			sealed.Foreign++
		}
	}
	if sealed.Foreign > 0 && sealed.Opened == 0 {
		return sealed, errors.Join(rows.Err(), auth.Failf(auth.BadRequest,
			"the keys open none of the %d stored refresh tokens: set WXLOGIN_KEYS to the keys that this database was written with", sealed.Foreign))
	}
	return sealed, rows.Err()
}

func (t table) selection() string {
	return "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
}

// wantSubset refuses a target with a row that the source does not have, or has with other
// values.
func (m *mover) wantSubset(ctx context.Context, t table) error {
	rows, err := m.To.QueryxContext(ctx, t.selection())
	if err != nil {
		return err
	}
	defer rows.Close()
	var where []string
	for i, column := range t.key {
		where = append(where, fmt.Sprintf("%s = $%d", column, i+1))
	}
	lookup, err := m.source.PreparexContext(ctx, t.selection()+" WHERE "+strings.Join(where, " AND "))
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
		for _, i := range t.keyAt {
			key = append(key, row[i])
		}
		own, err := lookup.QueryRowxContext(ctx, key...).SliceScan()
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		repair(own)
		if err != nil || digest(own) != digest(row) {
			return auth.Failf(auth.BadRequest, "the target holds what the source does not (table %s): take an empty database", t.name)
		}
	}
	return rows.Err()
}
