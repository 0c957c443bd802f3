package store

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

// writeBudget is how long a write waits for its turn, unless its context ends
// sooner. A visitor is waiting, and 503 with "try again" is better than a page
// that never comes.
const writeBudget = 5 * time.Second

// attempts is how often a transaction is run that others got in the way of.
const attempts = 5

// write runs do in one transaction. It commits when do returns nil, and else
// leaves the database as it was; then do may be run again, so it must not build
// on what it did the first time. The caller's context bounds all of it.
//
// do may share its transaction with others that wait at the same moment. It sees
// what they have done, and none of them returns before the common commit.
func (s *Store) write(ctx context.Context, what string, do func(*sqlx.Tx) error) error {
	return s.writeFor(ctx, what, &touchesAll, do)
}

// writeFor is write for a transaction that touches no sessions but these. who is
// read when do has run.
func (s *Store) writeFor(ctx context.Context, what string, who *touched, do func(*sqlx.Tx) error) error {
	turn, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	j := &job{ctx: ctx, turn: turn, do: do, touched: who}
	var err error
	if s.dialect.manyWriters {
		err = s.alone(j)
	} else {
		err = s.queue.wait(j, s.lead)
	}
	// A write that went well says that there is room again; it does not say that
	// the pages it did not touch are whole.
	if r := s.refused.Load(); err == nil && r != nil && !r.damaged {
		s.refused.CompareAndSwap(r, nil)
	}
	return s.fail(ctx, what, err)
}

// job is one transaction that somebody waits for.
type job struct {
	ctx     context.Context // of who waits
	turn    context.Context // ends with it, or with the budget
	do      func(*sqlx.Tx) error
	touched *touched
	done    chan error
}

// run is do, and a fault of ours in it is an error: others depend on the same
// transaction.
func (j *job) run(tx *sqlx.Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return j.do(tx)
}

// queue is where transactions wait for the one writer. While a commit waits for
// the disk, others come; they are committed together, and the disk is waited for
// once.
type queue struct {
	mu      sync.Mutex
	waiting []*job
	led     bool  // somebody takes them
	hurdle  error // that keeps them waiting; nil while it goes on
}

// together bounds how many jobs share a transaction, and with that how long the
// first of them waits for the last.
const together = 64

// wait puts a job in the queue and waits for its end. A context that ends before
// the job's turn takes it out again.
func (q *queue) wait(j *job, lead func()) error {
	j.done = make(chan error, 1)
	q.mu.Lock()
	q.waiting = append(q.waiting, j)
	if !q.led {
		q.led = true
		go lead()
	}
	q.mu.Unlock()
	select {
	case err := <-j.done:
		return err
	case <-j.turn.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, j)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	hurdle := q.hurdle
	q.mu.Unlock()
	switch {
	case i < 0:
		return <-j.done // it is being written, and that has its own end
	case hurdle != nil:
		return hurdle
	}
	return j.late()
}

// meet notes what keeps the jobs waiting, until some are taken.
func (q *queue) meet(hurdle error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurdle = hurdle
}

// late is the error of a job whose turn did not come.
func (j *job) late() error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("no turn to write within %v", writeBudget) // not the caller's deadline
}

// take gives the next jobs.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurdle = nil
	n := min(len(q.waiting), together)
	jobs := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return jobs
}

// idle ends the lead when nobody waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.led = len(q.waiting) > 0
	return !q.led
}

// lead writes what waits until nothing does. Jobs are taken once the lock is
// held: until then they may still be called off.
func (s *Store) lead() {
	for !s.queue.idle() {
		conn, tx, err := s.begin(context.Background(), context.Background())
		if err != nil && s.dialect.diagnose(err).busy {
			s.queue.meet(err)
			continue // who has waited long enough leaves the queue
		}
		jobs := s.queue.take()
		committing := false
		if err == nil {
			committing, err = s.commit(conn, tx, jobs)
		}
		// When one of several has failed, it is seen whose fault it was when each has
		// a transaction of its own.
		again := err != nil && !committing && (len(jobs) > 1 || s.dialect.diagnose(err).again)
		for _, j := range jobs {
			if again {
				err = s.alone(j)
			}
			j.done <- err
		}
	}
}

// alone gives a job a transaction of its own.
func (s *Store) alone(j *job) error {
	for try := 1; ; try++ {
		committing, err := s.attempt(j)
		if err == nil {
			return nil
		}
		c := s.dialect.diagnose(err)
		// A connection that breaks off while it commits may have done so or not.
		if !c.again && (!c.gone || committing) || try == attempts {
			return err
		}
		select {
		case <-j.turn.Done():
			return err
		// Not in step with whom it met.
		case <-time.After(time.Duration(rand.Int64N(int64(try) * int64(10*time.Millisecond)))):
		}
	}
}

// attempt runs a job once, and says whether it came to the commit.
func (s *Store) attempt(j *job) (committing bool, err error) {
	conn, tx, err := s.begin(j.ctx, j.turn)
	for err != nil && s.dialect.diagnose(err).busy && j.turn.Err() == nil {
		conn, tx, err = s.begin(j.ctx, j.turn) // the engine has waited a moment itself
	}
	switch {
	case err != nil && conn == nil && j.turn.Err() != nil:
		return false, j.late()
	case err != nil:
		return false, err
	}
	return s.commit(conn, tx, []*job{j})
}

// begin waits for a connection, and begins a transaction on it that ends with
// ctx. The connection is nil when none came.
func (s *Store) begin(ctx, turn context.Context) (*sqlx.Conn, *sqlx.Tx, error) {
	conn, err := s.writer.Connx(turn)
	if err != nil {
		return nil, nil, err
	}
	tx, err := conn.BeginTxx(ctx, s.dialect.writing)
	if err != nil {
		conn.Close()
	}
	return conn, tx, err
}

// settle tells the cache of a commit. The order matters: first the state, then
// whether anybody else can have had a hand in it.
func (s *Store) settle(conn *sqlx.Conn, before walHeader, committed bool, jobs []*job) {
	after, known := s.cache.now()
	known = known && committed && s.foreign.none(context.Background(), conn)
	s.cache.committed(before, after, known, jobs)
}

// commit runs jobs in a transaction and commits it, and says whether it came to
// the commit.
func (s *Store) commit(conn *sqlx.Conn, tx *sqlx.Tx, jobs []*job) (committing bool, err error) {
	defer conn.Close()
	defer tx.Rollback() // nothing to do after Commit
	before := s.cache.before()
	for _, j := range jobs {
		err := j.ctx.Err()
		if err == nil {
			err = j.run(tx)
		}
		if err != nil {
			s.cache.rolledBack()
			return false, err
		}
	}
	err = tx.Commit()
	s.settle(conn, before, err == nil, jobs)
	s.checkpoints.look()
	return true, err
}
