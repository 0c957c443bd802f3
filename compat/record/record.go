// Package record keeps what tests against other people's programs came to, for
// docs/compatibility.md. It knows nothing of ours.
package record

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// FileVariable names the file that rows are appended to, one JSON object a line. Empty:
// nothing is kept.
const FileVariable = "COMPAT_RECORD"

// The tables of the document.
const (
	FrontEnds = "front ends"
	Databases = "databases"
	SQLite    = "SQLite programs"
	SDKs      = "SDKs"
	Clients   = "OpenID Connect clients"
)

// Row is one pair of a table and how it ended.
type Row struct {
	Table   string `json:"table"`
	Program string `json:"program"`
	Version string `json:"version"` // as the program says it
	What    string `json:"what"`    // was tried
	Ended   string `json:"ended"`   // passed, failed, skipped
	Seen    string `json:"seen"`    // in words
	Test    string `json:"test"`
	Date    string `json:"date"` // UTC
}

// Of keeps how a test, or a part of it, ends: call it at the beginning. The result
// adds to what the row says.
func Of(t testing.TB, table, program, version, what string) (sees func(format string, args ...any)) {
	t.Helper()
	row := Row{Table: table, Program: program, Version: strings.TrimSpace(version), What: what, Test: t.Name(), Date: time.Now().UTC().Format(time.DateOnly)}
	var mu sync.Mutex
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case t.Failed():
			row.Ended = "failed"
		case t.Skipped():
			row.Ended = "skipped"
		default:
			row.Ended = "passed"
		}
		if err := row.write(); err != nil {
			t.Error(err)
		}
	})
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if row.Seen != "" {
			row.Seen += "; "
		}
		row.Seen += fmt.Sprintf(format, args...)
	}
}

func (r Row) write() error {
	name := os.Getenv(FileVariable)
	if name == "" {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n')) // one write: tests of several packages share the file
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
