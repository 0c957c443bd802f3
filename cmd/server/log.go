package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"

	"wxlogin/internal/web"
)

// logs is where the program tells what it does.
type logs struct {
	*slog.Logger
	// answers writes the line of an answered request; nil: through the Logger.
	answers func(context.Context, web.AccessRecord)
	// flush has to be called in the end.
	flush func()
}

// newLogs writes JSON for machines and colours for people.
func newLogs(w io.Writer, format, level string) (logs, error) {
	var min slog.Level
	if err := min.UnmarshalText([]byte(level)); err != nil {
		return logs{}, wrong("log-level", "%q is none of debug, info, warn, error", level)
	}
	if format == "" {
		format = "json"
		if isTerminal(w) {
			format = "text"
		}
	}
	lines := newGathered(w)
	l := logs{flush: lines.flush}
	var handler slog.Handler
	switch format {
	case "json":
		handler = slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: min})
		l.answers = answerLine(lines)
	case "text":
		handler = tint.NewTextHandler(lines, &tint.Options{Level: min, NoColor: !isTerminal(w)})
	default:
		return logs{}, wrong("log-format", "%q is none of text, json", format)
	}
	if min > slog.LevelInfo {
		l.answers = func(context.Context, web.AccessRecord) {}
	}
	l.Logger = slog.New(urgent{handler, lines})
	return l, nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
