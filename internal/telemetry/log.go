package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"wxlogin/internal/web"
)

// Logs is the log of the program.
type Logs struct {
	*slog.Logger
	// Access writes the access log; nil: the Logger does.
	Access func(context.Context, web.AccessRecord)
	// Flush writes what is still buffered, unless that takes longer than two seconds. Call
	// it at the end of the process.
	Flush func()
	// Dropped counts the lines that were dropped because nobody read the log or it could
	// not be written.
	Dropped func() int64
}

// NewLogs makes a log that writes lines of the level or above: as "json" for machines, or
// as "text" for people, with colours on a terminal. An empty format is text on a terminal
// and JSON otherwise.
func NewLogs(w io.Writer, format string, level slog.Level) Logs {
	terminal := isTerminal(w)
	lines := newLineBuffer(w)
	l := Logs{Flush: func() { lines.flush(lastFlush) }, Dropped: lines.dropped.Load}
	var handler slog.Handler
	if format == "text" || format == "" && terminal {
		handler = tint.NewTextHandler(lines, &tint.Options{Level: level, NoColor: !terminal})
	} else {
		handler = slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level})
		l.Access = accessLog(lines)
	}
	if level > slog.LevelInfo {
		l.Access = func(context.Context, web.AccessRecord) {}
	}
	lines.report = func(lost int64) {
		line := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped: nobody read it, or it could not be written", 0)
		line.AddAttrs(slog.Int64("lines", lost))
		_ = handler.Handle(context.Background(), line)
	}
	l.Logger = slog.New(flushing{handler, lines})
	return l
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
