package store

import (
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
	// diagnose says what state of the engine an error speaks of.
	diagnose func(error) condition
}

// condition is the state of an engine that made a statement fail.
type condition struct {
	words   string // for the operator; empty: nothing known
	busy    bool   // somebody else holds the lock, so trying again may help
	lasting bool   // it is going to fail until somebody does something
	damaged bool   // and nothing that works elsewhere says that it is well again
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
