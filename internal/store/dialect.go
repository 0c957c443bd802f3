package store

import (
	"database/sql"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// dialect is all that tells one engine from another once its pools are open.
type dialect struct {
	name   string // in the names of migrations that are for this engine alone
	goose  goose.Dialect
	schema *strings.Replacer // puts a migration into the engine's words
	like   string            // the operator that matches without regard to case
	// What counts all people, and all sessions of visitors, ended ones included.
	countPeople, countSessions string
	roughlyPeople              string // how many people, about, or more; negative when nobody knows
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

// by has a statement read a table in the order of an index, where the planner
// would have to know more than it does to choose well.
func (d dialect) by(index string) string {
	if d.manyWriters {
		return "" // it knows
	}
	return " INDEXED BY " + index
}

// often wraps a condition of a walk, so that the planner takes it to be true of
// half of all rows: if it knew how few they seem, it would read and sort a table.
func (d dialect) often(condition string) string {
	if !d.manyWriters {
		return condition
	}
	return "COALESCE(" + condition + ", false)"
}

// translated is a file system whose *.sql files read as the replacer has them. Of
// those named *.ENGINE.sql it has this engine's.
type translated struct {
	fs.FS
	dialect dialect
}

// Glob implements fs.GlobFS.
func (t translated) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(t.FS, pattern)
	return slices.DeleteFunc(names, func(name string) bool {
		engine := path.Ext(strings.TrimSuffix(name, ".sql"))
		return engine != "" && engine != "."+t.dialect.name
	}), err
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
	return translatedFile{strings.NewReader(t.dialect.schema.Replace(string(content))), info}, nil
}

type translatedFile struct {
	*strings.Reader
	info fs.FileInfo
}

func (f translatedFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f translatedFile) Close() error               { return nil }
