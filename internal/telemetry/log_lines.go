package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Every request writes a line to the log. Writing one to a file took 3 µs, as much as the
// rest of /verify, so lines are buffered for a moment and written together. Warnings and
// errors are written at once.
//
// No request waits long for the reader of the log. When the reader stands still, lines are
// dropped and counted, and visitors still get their answers.
const (
	bufferFor   = 10 * time.Millisecond
	maxBuffered = 1 << 20 // bytes; further lines are dropped
	warningWait = 100 * time.Millisecond
	lastFlush   = 2 * time.Second // at the end of the process
)

// lineBuffer is a writer that buffers lines.
type lineBuffer struct {
	out     io.Writer
	report  func(lost int64) // logs how many lines were dropped
	dropped atomic.Int64     // lines, since the start

	mu       sync.Mutex
	lines    []byte
	spare    []byte        // buffer for lines that come while others are written
	due      bool          // a write is scheduled
	since    time.Time     // when the current write began; zero: no write is going on
	failing  bool          // the last write failed
	reported int64         // dropped lines that have been reported
	taken    int64         // bytes, since the start
	done     int64         // of these bytes, those written or given up
	progress chan struct{} // closed when done grows
}

func newLineBuffer(out io.Writer) *lineBuffer {
	return &lineBuffer{out: out, progress: make(chan struct{})}
}

// Write buffers whole lines.
func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines)+len(line) > maxBuffered {
		b.dropped.Add(1)
		return len(line), nil
	}
	b.lines = append(b.lines, line...)
	b.taken += int64(len(line))
	b.schedule()
	return len(line), nil
}

// schedule has b.drain called after bufferFor. The caller holds b.mu.
func (b *lineBuffer) schedule() {
	if !b.due && b.since.IsZero() {
		b.due = true
		time.AfterFunc(bufferFor, b.drain)
	}
}

// drain writes the buffered lines, unless a write is going on already. That one then
// schedules another for the lines that came meanwhile.
func (b *lineBuffer) drain() {
	b.mu.Lock()
	if !b.since.IsZero() {
		b.mu.Unlock()
		return
	}
	b.due, b.since = false, time.Now()
	lines := b.lines
	b.lines, b.spare = b.spare[:0], nil
	// The dropped lines came after these lines and before all later ones.
	lost := b.dropped.Load() - b.reported
	if b.failing {
		lost = 0 // the report would be lost as well
	}
	b.reported += lost
	b.mu.Unlock()

	if lost > 0 {
		b.report(lost)
	}
	var err error
	if len(lines) > 0 {
		var n int
		if n, err = b.out.Write(lines); err != nil {
			b.dropped.Add(int64(bytes.Count(lines[n:], []byte{'\n'})))
		}
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.spare, b.since = lines[:0], time.Time{}
	if len(lines) > 0 {
		b.failing = err != nil
	}
	b.done += int64(len(lines))
	close(b.progress)
	b.progress = make(chan struct{})
	if len(b.lines) > 0 || !b.failing && b.dropped.Load() > b.reported {
		b.schedule()
	}
}

// flush writes the buffered lines, and returns when they are written or after the limit. It
// does not wait for a reader that has stood still for that long already.
func (b *lineBuffer) flush(limit time.Duration) {
	b.mu.Lock()
	until := b.taken
	b.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		b.mu.Lock()
		written, stuck, progress := b.done >= until, !b.since.IsZero() && time.Since(b.since) > limit, b.progress
		b.mu.Unlock()
		if written || stuck {
			return
		}
		go b.drain()
		select {
		case <-progress:
		case <-timer.C:
			return
		}
	}
}

// flushing is a handler that flushes after warnings and errors.
type flushing struct {
	slog.Handler
	lines *lineBuffer
}

func (f flushing) Handle(ctx context.Context, r slog.Record) error {
	err := f.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		f.lines.flush(warningWait)
	}
	return err
}

func (f flushing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushing{f.Handler.WithAttrs(attrs), f.lines}
}

func (f flushing) WithGroup(name string) slog.Handler {
	return flushing{f.Handler.WithGroup(name), f.lines}
}
