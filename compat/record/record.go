// Package record stores the results of tests with other people's programs, for
// docs/compatibility.md. It knows nothing of wxlogin.
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

// FileVariable is the variable that names the file to which rows are appended, one JSON
// object a line. Empty: nothing is stored.
const FileVariable = "COMPAT_RECORD"

// The tables of the document.
const (
	FrontEnds = "front ends"
	Databases = "databases"
	SQLite    = "SQLite programs"
	SDKs      = "SDKs"
	Clients   = "OpenID Connect clients"
)

// Row is a row of a table: a program, what was tried with it, and the result.
type Row struct {
	Table   string `json:"table"`
	Program string `json:"program"`
	Version string `json:"version"` // as the program prints it
	What    string `json:"what"`    // what was tried
	Ended   string `json:"ended"`   // passed, failed, skipped
	Seen    string `json:"seen"`    // in words
	Test    string `json:"test"`
	Date    string `json:"date"` // UTC
}

// Of stores how a test, or a part of it, ends: call it at the beginning. The returned
// function adds to the text of the row.
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
