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

// Every request is a line of the log, and writing one to a file took 3 µs, as
// much as the rest of what /verify does. So lines are buffered for a moment and
// written together. What an operator must not miss goes out at once: from
// warnings on.
//
// Nobody waits long for the reader of the log. One that stands still costs lines,
// which are counted, and no visitor their answer.
const (
	bufferFor   = 10 * time.Millisecond
	maxBuffered = 1 << 20 // bytes; then lines are dropped
	warningWait = 100 * time.Millisecond
	lastFlush   = 2 * time.Second // at the end of the process
)

// lineBuffer is a writer of lines.
type lineBuffer struct {
	out     io.Writer
	report  func(lost int64) // writes a line that says how many are missing
	dropped atomic.Int64     // lines, from the start on

	mu       sync.Mutex
	lines    []byte
	spare    []byte        // for the lines that come while others are written
	due      bool          // a write is to come
	since    time.Time     // a write goes on since then; zero: none does
	failing  bool          // the last write did not succeed
	reported int64         // how many of the dropped lines a line has told of
	taken    int64         // bytes, from the start on
	done     int64         // of these bytes, written or given up
	progress chan struct{} // closed when done grows
}

func newLineBuffer(out io.Writer) *lineBuffer {
	return &lineBuffer{out: out, progress: make(chan struct{})}
}

// Write takes whole lines.
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

// schedule has b.drain called in a moment. b.mu is held.
func (b *lineBuffer) schedule() {
	if !b.due && b.since.IsZero() {
		b.due = true
		time.AfterFunc(bufferFor, b.drain)
	}
}

// drain writes what there is, unless somebody writes already: whoever does sees
// to what came meanwhile.
func (b *lineBuffer) drain() {
	b.mu.Lock()
	if !b.since.IsZero() {
		b.mu.Unlock()
		return
	}
	b.due, b.since = false, time.Now()
	lines := b.lines
	b.lines, b.spare = b.spare[:0], nil
	// What is missing came after these lines and before all others.
	lost := b.dropped.Load() - b.reported
	if b.failing {
		lost = 0 // the line that tells of it would be lost as well
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

// flush writes what there is, and returns when it is written or the limit is
// over. It does not wait for a reader that has stood still for as long already.
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

// flushing writes lines out that an operator must not miss.
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
