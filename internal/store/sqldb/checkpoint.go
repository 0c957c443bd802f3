package sqldb

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// checkpointEvery is how many pages of the log make it worth to copy them into
// the file. It is SQLite's own number.
const checkpointEvery = 1000

// checkpointLate is when the commit does so itself after all. Only then can the
// log begin at its beginning again: as long as writes go on, there is always
// something new in it that has not been copied. It bounds the log to 16 MB, which
// a start after a crash has to read.
const checkpointLate = 4 * checkpointEvery

// checkpointer copies SQLite's log into the file while writes go on, through a
// connection that does nothing else (SQLite allows it beside a writer: wal.html,
// §2.2). Left to itself, SQLite copies within the commit that makes the log long,
// and all who wait to write wait for the disk: with
// a million people, a seventh of all logins were lost to that.
type checkpointer struct {
	index *walIndex
	wake  chan struct{}
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// newCheckpointer begins. Without an index nobody can tell how long the log is,
// and all is left to SQLite.
func newCheckpointer(conn *sqlx.Conn, index *walIndex) *checkpointer {
	if index == nil {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{index: index, wake: make(chan struct{}, 1), stop: stop}
	c.done.Go(func() {
		for {
			select {
			case <-c.wake:
				// What fails here, the commit that comes late tries again.
				_, _ = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
			case <-ctx.Done():
				return
			}
		}
	})
	return c
}

// look is called after every commit.
func (c *checkpointer) look() {
	if c == nil {
		return
	}
	if pages, copied := c.index.log(); pages < copied+checkpointEvery || pages >= checkpointLate {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // it is going to look
	}
}

// close ends it before the connection is closed.
func (c *checkpointer) close() {
	if c != nil {
		c.stop()
		c.done.Wait()
	}
}
