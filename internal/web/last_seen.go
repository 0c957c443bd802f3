package web

import (
	"context"
	"log/slog"
	"time"

	"wxlogin/internal/auth"
)

// seenQueue bounds the sessions waiting to be written as seen.
const seenQueue = 1024

// toucher writes down when sessions were last seen, at most once an hour each,
// in the background and many at a time: a visit is a read and stays one.
type toucher struct {
	sessions SessionStore
	log      *slog.Logger
	every    time.Duration
	queue    chan touch
	stop     chan struct{}
	done     chan struct{}
}

type touch struct {
	tokenHash string
	at        time.Time
}

func newToucher(store SessionStore, log *slog.Logger, every time.Duration) *toucher {
	t := &toucher{
		sessions: store,
		log:      log,
		every:    every,
		queue:    make(chan touch, seenQueue),
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	go t.run()
	return t
}

// seen notes a visit. When the queue is full the note is dropped: the next visit
// makes it again.
func (t *toucher) seen(session *auth.Session, now time.Time) {
	if now.Sub(session.LastSeenAt) >= t.every {
		t.used(session, now)
	}
}

// used notes a visit that counts even if another has been noted a moment ago.
func (t *toucher) used(session *auth.Session, now time.Time) {
	select {
	case t.queue <- touch{session.TokenHash, now}:
	default:
	}
}

func (t *toucher) run() {
	defer close(t.done)
	for {
		select {
		case first := <-t.queue:
			t.write(first)
		case <-t.stop:
			select {
			case first := <-t.queue:
				t.write(first)
			default:
			}
			return
		}
	}
}

// write takes all that wait in one statement, with the latest of their times: they
// have waited for no more than the write before.
func (t *toucher) write(first touch) {
	at, seen := first.at, map[string]bool{first.tokenHash: true}
	for more := true; more; {
		select {
		case next := <-t.queue:
			seen[next.tokenHash] = true
			if next.at.After(at) {
				at = next.at
			}
		default:
			more = false
		}
	}
	hashes := make([]string, 0, len(seen))
	for hash := range seen {
		hashes = append(hashes, hash)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := t.sessions.TouchSessions(ctx, hashes, at); err != nil {
		t.log.WarnContext(ctx, "last visits were not written down", "sessions", len(hashes), "error", err)
	}
}

// close writes what is waiting and stops.
func (t *toucher) close(ctx context.Context) {
	close(t.stop)
	select {
	case <-t.done:
	case <-ctx.Done():
	}
}
