package web

import (
	"context"
	"log/slog"
	"time"

	"wxlogin/internal/auth"
)

// lastSeenQueue bounds the visits that wait to be saved.
const lastSeenQueue = 1024

// lastSeenWriter saves when sessions were last seen, at most once an hour for each, in the
// background and in batches, so that a visit remains a read.
type lastSeenWriter struct {
	sessions SessionStore
	log      *slog.Logger
	every    time.Duration
	queue    chan visitNote
	stop     chan struct{}
	done     chan struct{}
}

type visitNote struct {
	tokenHash string
	at        time.Time
}

func newLastSeenWriter(store SessionStore, log *slog.Logger, every time.Duration) *lastSeenWriter {
	l := &lastSeenWriter{
		sessions: store,
		log:      log,
		every:    every,
		queue:    make(chan visitNote, lastSeenQueue),
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	go l.run()
	return l
}

// note queues a visit if it is the first for a while, and says whether it is. When the queue
// is full the visit is dropped: the next one is queued instead.
func (l *lastSeenWriter) note(session *auth.Session, now time.Time) bool {
	first := now.Sub(session.LastSeenAt) >= l.every
	if first {
		l.noteNow(session, now)
	}
	return first
}

// noteNow queues a visit, even if another was queued a moment ago.
func (l *lastSeenWriter) noteNow(session *auth.Session, now time.Time) {
	select {
	case l.queue <- visitNote{session.TokenHash, now}:
	default:
	}
}

func (l *lastSeenWriter) run() {
	defer close(l.done)
	for {
		select {
		case first := <-l.queue:
			l.write(first)
		case <-l.stop:
			select {
			case first := <-l.queue:
				l.write(first)
			default:
			}
			return
		}
	}
}

// write saves all queued visits in one statement, with the latest of their times: none has
// waited longer than the previous write took.
func (l *lastSeenWriter) write(first visitNote) {
	at, seen := first.at, map[string]bool{first.tokenHash: true}
	for more := true; more; {
		select {
		case next := <-l.queue:
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
	if err := l.sessions.TouchSessions(ctx, hashes, at); err != nil {
		l.log.WarnContext(ctx, "session last_seen not saved", "sessions", len(hashes), "error", err)
	}
}

// close saves what is queued and stops.
func (l *lastSeenWriter) close(ctx context.Context) {
	close(l.stop)
	select {
	case <-l.done:
	case <-ctx.Done():
	}
}
