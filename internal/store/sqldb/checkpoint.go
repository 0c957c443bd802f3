package sqldb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// checkpointEvery is how many pages in the log make it worthwhile to copy them into the
// file. It is SQLite's own number.
const checkpointEvery = 1000

// checkpointLate is the number of pages at which the commit itself copies them. Only then
// can the log start over: as long as writes go on, there is always something in it that
// has not been copied. It limits the log to 16 MB, which a start after a crash has to
// read.
const checkpointLate = 4 * checkpointEvery

// emptyWaits is how long emptying the log makes writers wait for its readers, and
// emptyAgain how long after that it is tried again for the first time; each further wait
// is twice as long, up to emptyRarely.
const (
	emptyWaits  = 50 * time.Millisecond
	emptyAgain  = time.Second
	emptyRarely = 10 * time.Minute
)

// checkpointer copies SQLite's log into the file while writes go on, through a connection
// that does nothing else (SQLite allows that beside a writer: wal.html, §2.2). SQLite
// itself would copy within the commit that makes the log long, and all who wait to write
// would wait for the disk: with a million people, a seventh of all logins were lost to
// that.
//
// It also empties the log on request.
type checkpointer struct {
	conn  *sqlx.Conn
	index *walIndex // nil: the length of the log is unknown, and SQLite copies by itself
	log   *slog.Logger
	wake  chan struct{}
	empty chan chan struct{} // closed after the first attempt
	ended <-chan struct{}    // closed when it is stopped
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// newCheckpointer starts a checkpointer.
func newCheckpointer(conn *sqlx.Conn, index *walIndex, log *slog.Logger) *checkpointer {
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{conn: conn, index: index, log: log, wake: make(chan struct{}, 1), empty: make(chan chan struct{}), ended: ctx.Done(), stop: stop}
	c.done.Go(func() { c.run(ctx) })
	return c
}

func (c *checkpointer) run(ctx context.Context) {
	_, _ = c.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", emptyWaits.Milliseconds()))
	var again <-chan time.Time // nil: the log need not be emptied
	var wait time.Duration
	try := func(last time.Duration) {
		again, wait = nil, min(last, emptyRarely)
		if c.truncate(ctx) {
			return
		}
		again = time.After(wait)
		if last == emptyAgain {
			c.log.InfoContext(ctx, "WAL not truncated after erase: a reader is active; retrying")
		}
	}
	for {
		select {
		case <-c.wake:
			// If this fails, the commit at checkpointLate tries again.
			_, _ = c.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		case tried := <-c.empty:
			try(emptyAgain)
			close(tried)
		case <-again:
			try(2 * wait)
		case <-ctx.Done():
			return
		}
	}
}

// truncate copies all of the log into the file and truncates it. It returns false while
// somebody reads the log.
func (c *checkpointer) truncate(ctx context.Context) bool {
	var busy, pages, copied int
	err := c.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &copied)
	return err == nil && busy == 0
}

// look is called after every commit.
func (c *checkpointer) look() {
	if c == nil || c.index == nil {
		return
	}
	if pages, copied := c.index.log(); pages < copied+checkpointEvery || pages >= checkpointLate {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // it has been woken already
	}
}

// close stops it before the connection is closed.
func (c *checkpointer) close() {
	if c != nil {
		c.stop()
		c.done.Wait()
	}
}

// EmptyLog removes what has been erased from SQLite's log too, where it would stay until
// new writes overwrite it. It returns after the first attempt. While somebody reads the
// log, for example a program that replicates it, it cannot be emptied, and is tried again
// from time to time. With another engine it does nothing.
func (db *DB) EmptyLog(ctx context.Context) {
	if db.checkpoints == nil {
		return
	}
	tried := make(chan struct{})
	select {
	case db.checkpoints.empty <- tried:
		<-tried
	case <-db.checkpoints.ended: // the last connection to close empties the log
	case <-ctx.Done():
	}
}
