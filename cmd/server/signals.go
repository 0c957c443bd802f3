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

// outliveReaders lets the process go on when what reads its output is gone: a
// write fails then, and does not end it.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

// outliveTerminal lets the service go on when its terminal closes, and when
// somebody asks it with a SIGHUP to read its settings or to reopen its log,
// which it has no way to do. The log says so. The returned function ends it.
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

// foreground prepares a command that runs for somebody who looks on: its context ends
// with the terminal. end has to be called when the command is done.
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

// untilHangup ends a context when the terminal closes: what runs for somebody
// a program that looks on ends with them, and leaves nothing behind.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// lastWords is how long the end waits for somebody to take its last line.
const lastWords = time.Second

// patientWriter writes until a limit: the end of a process must not wait for a
// reader that stands still.
type patientWriter struct{ io.Writer }

func (w patientWriter) Write(p []byte) (int, error) {
	done := make(chan error, 1)
	text := string(p) // p is the caller's again when the limit is over
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
