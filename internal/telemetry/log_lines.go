package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Every request is a line of the log, and writing one to a file took 3 µs, as
// much as the rest of what /verify does. So lines are buffered for a moment and
// written together. What an operator must not miss goes out at once: from
// warnings on.
const (
	bufferFor   = 10 * time.Millisecond
	maxBuffered = 1 << 20 // bytes; then whoever logs waits for the reader of the log
)

// lineBuffer is a writer of lines.
type lineBuffer struct {
	out io.Writer

	mu      sync.Mutex
	drained sync.Cond // lines have been written
	lines   []byte
	spare   []byte // for the lines that come while others are written
	waiting bool   // somebody is about to write
	writing sync.Mutex
}

func newLineBuffer(out io.Writer) *lineBuffer {
	b := &lineBuffer{out: out}
	b.drained.L = &b.mu
	return b
}

// Write takes whole lines.
func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.lines) > maxBuffered {
		b.drained.Wait()
	}
	b.lines = append(b.lines, line...)
	if !b.waiting {
		b.waiting = true
		time.AfterFunc(bufferFor, b.flush)
	}
	return len(line), nil
}

// flush writes what there is, and returns when it is written.
func (b *lineBuffer) flush() {
	b.writing.Lock() // one after the other, in the order they came
	defer b.writing.Unlock()
	b.mu.Lock()
	lines := b.lines
	b.lines, b.spare, b.waiting = b.spare[:0], nil, false
	b.mu.Unlock()
	if len(lines) > 0 {
		_, _ = b.out.Write(lines) // a log that cannot be written cannot report it either
	}
	b.mu.Lock()
	b.spare = lines[:0]
	b.drained.Broadcast()
	b.mu.Unlock()
}

// flushing writes lines out that an operator must not miss.
type flushing struct {
	slog.Handler
	lines *lineBuffer
}

func (f flushing) Handle(ctx context.Context, r slog.Record) error {
	err := f.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		f.lines.flush()
	}
	return err
}

func (f flushing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushing{f.Handler.WithAttrs(attrs), f.lines}
}

func (f flushing) WithGroup(name string) slog.Handler {
	return flushing{f.Handler.WithGroup(name), f.lines}
}
