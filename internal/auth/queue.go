package auth

import (
	"context"
	"sync"
)

// queue does work in the background. It is bounded, and does not take an item that is queued
// or under way already. Its methods are safe for concurrent use.
type queue[T comparable] struct {
	do func(context.Context, T)

	ctx    context.Context // of the work; ends with close
	cancel context.CancelFunc
	items  chan T
	done   sync.WaitGroup

	mu     sync.Mutex
	wanted map[T]chan struct{} // items queued or under way; closed when done
	idle   chan struct{}       // closed when wanted becomes empty
	closed bool
}

// newQueue starts the workers. close ends them.
func newQueue[T comparable](size, workers int, do func(context.Context, T)) *queue[T] {
	q := &queue[T]{do: do, items: make(chan T, size), wanted: make(map[T]chan struct{})}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	for range workers {
		q.done.Go(q.work)
	}
	return q
}

// add queues an item and returns at once: false when the queue is full.
func (q *queue[T]) add(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.wanted[item] != nil {
		return true
	}
	select {
	case q.items <- item:
	default:
		return false
	}
	if len(q.wanted) == 0 {
		q.idle = make(chan struct{})
	}
	q.wanted[item] = make(chan struct{})
	return true
}

// waiting returns how many items no worker has begun.
func (q *queue[T]) waiting() int { return len(q.items) }

// wait waits until none of the items that of selects is queued or under way, or ctx ends,
// and says whether there was any.
func (q *queue[T]) wait(ctx context.Context, of func(T) bool) bool {
	q.mu.Lock()
	var pending []chan struct{}
	for item, done := range q.wanted {
		if of(item) {
			pending = append(pending, done)
		}
	}
	q.mu.Unlock()
	for _, done := range pending {
		select {
		case <-done:
		case <-ctx.Done():
			return true
		}
	}
	return len(pending) > 0
}

// flush waits until no item is queued or under way.
func (q *queue[T]) flush(ctx context.Context) error {
	q.mu.Lock()
	idle, busy := q.idle, len(q.wanted) > 0
	q.mu.Unlock()
	if !busy {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close accepts no more items, finishes those that wait, for as long as ctx lasts, and ends
// the workers.
func (q *queue[T]) close(ctx context.Context) {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.items)
	}
	q.mu.Unlock()
	_ = q.flush(ctx) // what is left undone is queued again later
	q.cancel()
	q.done.Wait()
}

func (q *queue[T]) work() {
	for item := range q.items {
		q.do(q.ctx, item)
		q.mu.Lock()
		close(q.wanted[item])
		delete(q.wanted, item)
		if len(q.wanted) == 0 {
			close(q.idle)
		}
		q.mu.Unlock()
	}
}
