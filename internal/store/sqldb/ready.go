package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// refusal is a statement that failed for a lasting reason: a full disk, a
// damaged file.
type refusal struct {
	at      time.Time
	err     error
	damaged bool
}

// refusalCounts is how long a refused statement makes the database unready. After that,
// statements are tried again: nothing else would find out that the disk has space.
const refusalCounts = 30 * time.Second

// Ready returns nil if the database can serve: it answers, its schema is the one of the
// migrations, the file is still the one opened, and nothing is known that keeps writes
// from succeeding. It writes nothing. A lock that somebody else holds does not make it
// unready, as reads go on.
func (db *DB) Ready(ctx context.Context) error {
	err := db.takesWrites(ctx) // first: other files must not be read
	var version int64
	if err == nil {
		version, err = schemaVersion(ctx, db.reader)
	}
	if err == nil && version != db.schema {
		err = fmt.Errorf("the database has schema version %d, this program is for %d", version, db.schema)
	}
	if err == nil {
		if r := db.refused.Load(); r != nil && db.now().Sub(r.at) < refusalCounts {
			err = fmt.Errorf("it failed a moment ago: %v", r.err) // not wrapped: it is not a new fault
		}
	}
	return db.Fail(ctx, "check database", err)
}

// takesWrites finds out, without writing, whether a write would be refused.
func (db *DB) takesWrites(ctx context.Context) error {
	if db.path != "" {
		return db.sameFile()
	}
	refuses, err := readOnly(ctx, db.reader)
	if err == nil && refuses {
		db.reconnect() // so that the next check uses a new session, which knows of a change
		return errors.New("the database is read-only")
	}
	return err
}
