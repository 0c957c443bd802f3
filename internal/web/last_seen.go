package web

import (
	"context"
	"log/slog"
	"time"

	"wxlogin/internal/auth"
)

// lastSeenQueue bounds the visits waiting to be saved.
const lastSeenQueue = 1024

// lastSeenWriter writes down when sessions were last seen, at most once an hour each,
// in the background and many at a time: a visit is a read and stays one.
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

// note takes a visit, and says whether it is the first for a while. When the queue is
// full the note is dropped: the next visit makes it again.
func (l *lastSeenWriter) note(session *auth.Session, now time.Time) bool {
	first := now.Sub(session.LastSeenAt) >= l.every
	if first {
		l.noteNow(session, now)
	}
	return first
}

// noteNow takes a visit that counts even if another has been noted a moment ago.
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

// write takes all that wait in one statement, with the latest of their times: they
// have waited for no more than the write before.
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

// close writes what is waiting and stops.
func (l *lastSeenWriter) close(ctx context.Context) {
	close(l.stop)
	select {
	case <-l.done:
	case <-ctx.Done():
	}
}
