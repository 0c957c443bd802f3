package store

import (
	"database/sql"
	"io/fs"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
)

// dialect is all that tells one engine from another once its pools are open.
type dialect struct {
	goose  goose.Dialect
	schema *strings.Replacer // puts a migration into the engine's words
	like   string            // the operator that matches without regard to case
	// manyWriters says that transactions write side by side, so that what one has
	// read may be another's by the time it writes.
	manyWriters bool
	writing     *sql.TxOptions // of a transaction that writes; nil: the engine's own
	reading     *sql.TxOptions // of one whose reads are of one moment
	// diagnose says what state of the engine an error speaks of.
	diagnose func(error) condition
}

// condition is the state of an engine that made a statement fail.
type condition struct {
	words   string // for the operator; empty: nothing known
	busy    bool   // somebody else holds the lock, so trying again may help
	again   bool   // the transaction did nothing, and may do better when run once more
	gone    bool   // the connection broke off; what was under way may have happened
	stale   bool   // a new connection may find it otherwise
	noText  bool   // a value is no text, so nothing stored equals it
	lasting bool   // it is going to fail until somebody does something
	damaged bool   // and nothing that works elsewhere says that it is well again
}

// locking ends a SELECT whose rows of a table nobody else changes until the
// transaction ends. Where only one writes at a time there is no need.
func (d dialect) locking(table string) string {
	if !d.manyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table
}

// taking is locking, and passes over rows that somebody else has locked.
func (d dialect) taking(table string) string {
	if !d.manyWriters {
		return ""
	}
	return " FOR UPDATE OF " + table + " SKIP LOCKED"
}

// translated is a file system whose *.sql files read as the replacer has them.
type translated struct {
	fs.FS
	schema *strings.Replacer
}

func (t translated) Open(name string) (fs.File, error) {
	file, err := t.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	content, err := fs.ReadFile(t.FS, name)
	if err != nil {
		return nil, err
	}
	return translatedFile{strings.NewReader(t.schema.Replace(string(content))), info}, nil
}

type translatedFile struct {
	*strings.Reader
	info fs.FileInfo
}

func (f translatedFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f translatedFile) Close() error               { return nil }
