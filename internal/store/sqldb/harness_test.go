package sqldb_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"

	"wxlogin/internal/store/sqldb"
)

// schema is that of a program that writes notes.
var schema = fstest.MapFS{"00001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL) /*STRICT*/;\n")}}

// newSQLite is a new database and its file.
func newSQLite(t *testing.T) (db *sqldb.DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	return openSQLite(t, path), path
}

func openSQLite(t *testing.T, path string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: "sqlite:" + path, Migrations: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// insert writes the note of a number.
func insert(t *testing.T, db *sqldb.DB, n int) {
	t.Helper()
	if err := tryInsert(t, db, n); err != nil {
		t.Fatal(err)
	}
}

func tryInsert(t *testing.T, db *sqldb.DB, n int) error {
	t.Helper()
	return db.Write(t.Context(), "insert", nil, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO notes (id, text) VALUES ($1, $2)", fmt.Sprint("note ", n), "text")
		return err
	})
}
