package sqldb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/jmoiron/sqlx"
)

// foreignCommits tells whether anybody else has changed a SQLite database since
// our writer's last commit.
//
// It asks PRAGMA data_version on the writer's own connection: the number stays
// the same over the connection's own commits, those that change nothing and
// checkpoints included, and is another one after a commit of any other connection
// (sqlite.org/pragma.html#pragma_data_version). SQLite compares the header of the
// log's index with the writer's own copy of it for that. So when the number is
// what it was, the header in shared memory was the writer's own at that moment;
// no header comes back once it has been replaced, so it was so at every moment
// since our commit too. A reader of the header after the commit and before
// asking has read the state that the commit left, and nobody else's.
type foreignCommits struct {
	conn  any         // the driver's connection that the rest belongs to
	query driver.Stmt // on it; its plan costs more than its answer
	last  int64       // the version at our last commit
}

// none says that nobody else has committed since it was asked last, on this
// connection. It is false when that is not known: the first time, on a new
// connection, after an error.
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

// close is for a connection that is no longer the one, or cannot be asked.
func (f *foreignCommits) close() {
	if f.query != nil {
		_ = f.query.Close()
	}
	*f = foreignCommits{}
}
