package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Every request is a line of the log, and writing one to a file took 3 µs, as
// much as the rest of what /verify does. So lines are gathered for a moment and
// written together. What an operator must not miss goes out at once: from
// warnings on.
const (
	gatherFor   = 10 * time.Millisecond
	maxGathered = 1 << 20 // bytes; then whoever logs waits for the reader of the log
)

// gathered is a writer of lines.
type gathered struct {
	out io.Writer

	mu      sync.Mutex
	room    sync.Cond // lines have been written
	lines   []byte
	spare   []byte // for the lines that come while others are written
	waiting bool   // somebody is about to write
	writing sync.Mutex
}

func newGathered(out io.Writer) *gathered {
	g := &gathered{out: out}
	g.room.L = &g.mu
	return g
}

// Write takes whole lines.
func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.lines) > maxGathered {
		g.room.Wait()
	}
	g.lines = append(g.lines, line...)
	if !g.waiting {
		g.waiting = true
		time.AfterFunc(gatherFor, g.flush)
	}
	return len(line), nil
}

// flush writes what there is, and returns when it is written.
func (g *gathered) flush() {
	g.writing.Lock() // one after the other, in the order they came
	defer g.writing.Unlock()
	g.mu.Lock()
	lines := g.lines
	g.lines, g.spare, g.waiting = g.spare[:0], nil, false
	g.mu.Unlock()
	if len(lines) > 0 {
		_, _ = g.out.Write(lines) // there is nowhere to tell of a log that cannot be written
	}
	g.mu.Lock()
	g.spare = lines[:0]
	g.room.Broadcast()
	g.mu.Unlock()
}

// urgent writes lines out that an operator must not miss.
type urgent struct {
	slog.Handler
	lines *gathered
}

func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.lines.flush()
	}
	return err
}

func (u urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgent{u.Handler.WithAttrs(attrs), u.lines}
}

func (u urgent) WithGroup(name string) slog.Handler {
	return urgent{u.Handler.WithGroup(name), u.lines}
}
