package sqldb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

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

// emptyWaits is how long emptying the log keeps writers waiting for readers of it,
// and emptyAgain when it is tried again for the first time; then after twice that,
// and so on, up to emptyRarely.
const (
	emptyWaits  = 50 * time.Millisecond
	emptyAgain  = time.Second
	emptyRarely = 10 * time.Minute
)

// checkpointer copies SQLite's log into the file while writes go on, through a
// connection that does nothing else (SQLite allows it beside a writer: wal.html,
// §2.2). Left to itself, SQLite copies within the commit that makes the log long,
// and all who wait to write wait for the disk: with
// a million people, a seventh of all logins were lost to that.
//
// And it empties the log when it is asked to.
type checkpointer struct {
	conn  *sqlx.Conn
	index *walIndex // nil: nobody can tell how long the log is, and SQLite copies alone
	log   *slog.Logger
	wake  chan struct{}
	empty chan chan struct{} // closed after the first attempt
	ended <-chan struct{}    // closed when nobody is there any more
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// newCheckpointer begins.
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
			c.log.InfoContext(ctx, "what was erased is still in SQLite's log, as somebody reads that; it is tried again")
		}
	}
	for {
		select {
		case <-c.wake:
			// What fails here, the commit that comes late tries again.
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

// truncate copies all of the log into the file and cuts it to nothing. False while
// somebody reads what is in it.
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

// EmptyLog takes what has been erased out of SQLite's log too: there it would stay
// until new writes come to lie over it. It returns after the first attempt. While
// somebody reads the log, another program that replicates it for example, it cannot
// be emptied, and that is tried again from time to time. With another engine it
// does nothing.
func (db *DB) EmptyLog(ctx context.Context) {
	if db.checkpoints == nil {
		return
	}
	tried := make(chan struct{})
	select {
	case db.checkpoints.empty <- tried:
		<-tried
	case <-db.checkpoints.ended: // the last who closes the file empties the log
	case <-ctx.Done():
	}
}
