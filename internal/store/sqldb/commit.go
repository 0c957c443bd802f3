package sqldb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// defaultWriteBudget is how long a write waits until it may begin, unless its context ends
// sooner. A visitor is waiting, and a 503 with "try again" is better than a page that
// never comes.
const defaultWriteBudget = 5 * time.Second

// attempts is how often a transaction is run that is in conflict with others.
const attempts = 5

// Write runs do in one transaction. It commits when do returns nil, and otherwise leaves
// the database as it was. do may be run again, so it must not build on what it did the
// first time. The caller's context limits all of it. what names the operation in errors.
//
// do may share its transaction with others that wait at the same moment. It sees what they
// have done, and none of them returns before the common commit.
//
// The commit hook is given change itself, after do has run: do may have filled in what it
// points to.
func (db *DB) Write(ctx context.Context, what string, change any, do func(*Tx) error) error {
	if err := db.watch.usable(); err != nil {
		return db.Fail(ctx, what, err)
	}
	waits, cancel := context.WithTimeout(ctx, db.writeBudget)
	defer cancel()
	j := &job{ctx: ctx, waits: waits, budget: db.writeBudget, do: do, change: change}
	var err error
	if db.ManyWriters {
		err = db.alone(j)
	} else {
		err = db.queue.wait(j, db.drain)
	}
	// A successful write means that the disk has space again; it does not mean that the
	// pages it did not touch are intact.
	if r := db.refused.Load(); err == nil && r != nil && !r.damaged {
		db.refused.CompareAndSwap(r, nil)
	}
	return db.Fail(ctx, what, err)
}

// job is one transaction that somebody waits for.
type job struct {
	ctx    context.Context // of the caller
	waits  context.Context // ends with it, or with the budget
	budget time.Duration
	do     func(*Tx) error
	change any // for the commit hook
	done   chan error
}

// run calls do, and turns a panic into an error: others depend on the same transaction.
func (j *job) run(tx *Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return j.do(tx)
}

// queue is where transactions wait for the one writer. While a commit waits for the disk,
// others arrive; they are committed together, and wait for the disk once.
type queue struct {
	mu       sync.Mutex
	waiting  []*job
	draining bool  // a goroutine is taking jobs
	obstacle error // that keeps the jobs waiting; nil: none
}

// groupSize limits how many jobs share a commit, and so how long the first of them waits
// for the last.
const groupSize = 64

// wait puts a job in the queue and waits for its end. If the context ends before the job
// is taken, it leaves the queue.
func (q *queue) wait(j *job, drain func()) error {
	j.done = make(chan error, 1)
	q.mu.Lock()
	q.waiting = append(q.waiting, j)
	if !q.draining {
		q.draining = true
		go drain()
	}
	q.mu.Unlock()
	select {
	case err := <-j.done:
		return err
	case <-j.waits.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, j)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	obstacle := q.obstacle
	q.mu.Unlock()
	switch {
	case i < 0:
		return <-j.done // it is being run, which ends by itself
	case obstacle != nil:
		return obstacle
	}
	return j.late()
}

// blocked records what keeps the jobs waiting, until some are taken.
func (q *queue) blocked(obstacle error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.obstacle = obstacle
}

// late is the error of a job that has waited too long to begin.
func (j *job) late() error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("write timed out after waiting %v", j.budget) // not the caller's deadline
}

// take removes the next jobs from the queue.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.obstacle = nil
	n := min(len(q.waiting), groupSize)
	jobs := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return jobs
}

// idle ends the draining when nothing is waiting.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draining = len(q.waiting) > 0
	return !q.draining
}

// drain runs jobs until none are waiting. They are taken only once the write lock is held:
// until then they may still leave the queue.
func (db *DB) drain() {
	for !db.queue.idle() {
		conn, tx, err := db.begin(context.Background(), context.Background())
		if err != nil && db.diagnose(err).Busy {
			db.queue.blocked(err)
			continue // a job that has waited long enough leaves the queue
		}
		jobs := db.queue.take()
		committing := false
		if err == nil {
			committing, err = db.commit(conn, tx, jobs)
		}
		// When one of several jobs has failed, a transaction for each shows which.
		again := err != nil && !committing && (len(jobs) > 1 || db.diagnose(err).Again)
		for _, j := range jobs {
			if again {
				err = db.alone(j)
			}
			j.done <- err
		}
	}
}

// alone runs a job in a transaction of its own.
func (db *DB) alone(j *job) error {
	for try := 1; ; try++ {
		committing, err := db.attempt(j)
		if err == nil {
			return nil
		}
		fault := db.diagnose(err)
		// When a connection breaks off during the commit, it is unknown whether that was
		// done.
		if !fault.Again && (!fault.Gone || committing) || try == attempts {
			return err
		}
		select {
		case <-j.waits.Done():
			return err
		// A random wait, so that two transactions in conflict do not meet again.
		case <-time.After(time.Duration(rand.Int64N(int64(try) * int64(10*time.Millisecond)))):
		}
	}
}

// attempt runs a job once, and says whether it reached the commit.
func (db *DB) attempt(j *job) (committing bool, err error) {
	conn, tx, err := db.begin(j.ctx, j.waits)
	for err != nil && db.diagnose(err).Busy && j.waits.Err() == nil {
		conn, tx, err = db.begin(j.ctx, j.waits) // the engine itself has waited a moment
	}
	switch {
	case err != nil && conn == nil && j.waits.Err() != nil:
		return false, j.late()
	case err != nil:
		return false, err
	}
	return db.commit(conn, tx, []*job{j})
}

// begin waits for a connection, and begins a transaction on it that ends with ctx. The
// connection is nil when there was none in time.
func (db *DB) begin(ctx, waits context.Context) (*sqlx.Conn, *Tx, error) {
	conn, err := db.writer.Connx(waits)
	if err != nil {
		return nil, nil, err
	}
	tx, err := conn.BeginTxx(ctx, db.writing)
	if err == nil {
		if err = db.pooler.begun(ctx, tx); err != nil {
			tx.Rollback()
		}
	}
	var direct *directStmts
	// Not for a transaction whose context can end: that would end it behind the
	// statements' back.
	if err == nil && db.direct != nil && ctx.Done() == nil {
		direct = db.direct
		if err = direct.on(ctx, conn); err != nil {
			tx.Rollback()
		}
	}
	if err != nil {
		conn.Close()
	}
	return conn, &Tx{tx, direct}, err
}

// settle tells the hook about a commit. The order matters: first it reads the state, then
// it asks whether anybody else can have changed it (see foreignCommits).
func (db *DB) settle(conn *sqlx.Conn, before State, committed bool, jobs []*job) {
	db.gap()
	after, known := db.State()
	db.gap()
	known = known && committed && db.foreign.none(context.Background(), conn)
	changes := make([]any, len(jobs))
	for i, j := range jobs {
		changes[i] = j.change
	}
	db.hook.Committed(before, after, known, changes)
}

// before reads the state in which a transaction begins. The transaction holds the write
// lock: nobody else changes the database until its end. The zero State when the state is
// unknown.
func (db *DB) before() State {
	state, ok := db.State()
	if !ok {
		return State{}
	}
	db.hook.Before()
	return state
}

// commit runs jobs in a transaction and commits it, and says whether it reached the
// commit.
func (db *DB) commit(conn *sqlx.Conn, tx *Tx, jobs []*job) (committing bool, err error) {
	defer conn.Close()
	defer tx.Rollback() // nothing to do after Commit
	before := db.before()
	for _, j := range jobs {
		err := j.ctx.Err()
		if err == nil {
			err = j.run(tx)
		}
		if err != nil {
			db.hook.RolledBack()
			return false, err
		}
	}
	err = tx.Commit()
	db.settle(conn, before, err == nil, jobs)
	db.checkpoints.look()
	return true, err
}
