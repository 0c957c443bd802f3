package sqldb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/jmoiron/sqlx"
)

// foreignCommits tells whether anybody else has changed a SQLite database since our
// writer's last commit.
//
// It asks PRAGMA data_version on the writer's own connection: the number stays the same
// over the connection's own commits, checkpoints and commits without changes included, and
// differs after a commit of any other connection
// (sqlite.org/pragma.html#pragma_data_version). For that, SQLite compares the header of
// the log's index with the writer's own copy of it. So when the number has not changed,
// the header in shared memory was the writer's own at that moment. A header that has been
// replaced never comes back, so it was the writer's own at every moment since our commit
// too. A reader that reads the header after the commit and before this question has read
// the state that the commit left, and nobody else's.
type foreignCommits struct {
	conn  any         // the driver's connection that query and last belong to
	query driver.Stmt // prepared: the plan costs more than the answer
	last  int64       // the version at our last commit
}

// none says that nobody else has committed since the last call, on this connection. It is
// false when that is unknown: the first time, on a new connection, after an error.
func (f *foreignCommits) none(ctx context.Context, conn *sqlx.Conn) bool {
	unchanged := false
	err := conn.Raw(func(raw any) error {
		known := f.conn == raw
		if !known {
			f.close()
			query, err := raw.(driver.ConnPrepareContext).PrepareContext(ctx, "PRAGMA data_version")
			if err != nil {
				return err
			}
			f.conn, f.query = raw, query
		}
		version, err := f.version(ctx)
		unchanged = known && err == nil && version == f.last
		f.last = version
		return err
	})
	if err != nil {
		f.close()
		return false
	}
	return unchanged
}

func (f *foreignCommits) version(ctx context.Context) (int64, error) {
	rows, err := f.query.(driver.StmtQueryContext).QueryContext(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var row [1]driver.Value
	if err := rows.Next(row[:]); err != nil && err != io.EOF {
		return 0, err
	}
	version, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("data_version is %T", row[0])
	}
	return version, nil
}

// close closes the query of a connection that was replaced, or that returned an error.
func (f *foreignCommits) close() {
	if f.query != nil {
		_ = f.query.Close()
	}
	*f = foreignCommits{}
}
