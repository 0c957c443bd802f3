package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wxlogin/internal/telemetry"
)

// outliveReaders ignores SIGPIPE: when the reader of the output is gone, writes fail, and
// the process goes on.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

// outliveTerminal ignores SIGHUP with a line in the log, so that the service goes on when
// its terminal closes or somebody sends SIGHUP to have it reread its settings or reopen its
// log, neither of which it can do. The returned function ends that.
func outliveTerminal(log *slog.Logger) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) { // nohup
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hangups:
				log.Warn("SIGHUP is ignored; restart the service to have it reread its settings")
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(done)
	}
}

// foreground prepares a command that somebody watches: its context ends with the terminal.
// Call end when the command is done.
func (e *environment) foreground(ctx context.Context, format, level string) (_ context.Context, log telemetry.Logs, end func(), err error) {
	if log, err = e.logs(format, level); err != nil {
		return nil, log, nil, err
	}
	outliveReaders()
	ctx, hangup := untilHangup(ctx)
	return ctx, log, func() {
		hangup()
		log.Flush()
	}, nil
}

// untilHangup returns a context that ends when the terminal closes, for commands that
// somebody watches: they end with the terminal and leave nothing behind.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// lastWords is how long the process waits at its end for its last line to be read.
const lastWords = time.Second

// patientWriter gives up a write after lastWords: the end of a process must not wait for a
// reader that has stopped reading.
type patientWriter struct{ io.Writer }

func (w patientWriter) Write(p []byte) (int, error) {
	done := make(chan error, 1)
	text := string(p) // p belongs to the caller again once the limit has passed
	go func() {
		_, err := io.WriteString(w.Writer, text)
		done <- err
	}()
	select {
	case err := <-done:
		return len(p), err
	case <-time.After(lastWords):
		return 0, os.ErrDeadlineExceeded
	}
}
