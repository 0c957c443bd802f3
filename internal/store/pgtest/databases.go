package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// Database makes an empty database for a test and returns its name.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := s.create(t)
	t.Cleanup(func() {
		// An error does not matter: the whole server is removed in the end.
		_, _ = s.admin.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	})
	return name
}

func (s *Server) create(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", s.names.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+s.copying)
	return name
}

// filled is a database as fill has left it, to be used by the next test.
type filled struct {
	name  string
	db    *sql.DB
	empty string // restores its rows
}

// Filled gives a test a database as fill has left it, for the duration of the test. fill
// gets the address of an empty one. Making a database takes longer than most tests, so the
// next test gets the same one, without the rows that were added since. Tests that change
// tables want a database of their own.
func (s *Server) Filled(t testing.TB, fill func(url string) error) string {
	t.Helper()
	var d filled
	select {
	case d = <-s.free:
	default:
		d = s.fill(t, fill)
	}
	t.Cleanup(func() {
		if _, err := d.db.Exec(d.empty); err == nil {
			s.free <- d
		} else {
			d.db.Close()
		}
	})
	return d.name
}

func (s *Server) fill(t testing.TB, fill func(url string) error) filled {
	t.Helper()
	d := filled{name: s.create(t)}
	if err := fill(s.URL(d.name)); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.db, err = sql.Open("pgx", s.URL(d.name)); err != nil {
		t.Fatal(err)
	}
	d.db.SetMaxOpenConns(1)
	if d.empty, err = emptying(d.db); err != nil {
		t.Fatal(err)
	}
	return d
}

// emptying is the statement that restores all tables to what they are now. It keeps a copy
// of those that have rows. Triggers and foreign keys are off meanwhile: a statement for
// each row that a cascade deletes took a fifth of the server's time.
func emptying(db *sql.DB) (string, error) {
	var tables string
	if err := db.QueryRow(`SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil {
		return "", err
	}
	empty := "SET LOCAL session_replication_role = replica;"
	for table := range strings.SplitSeq(tables, ",") {
		empty += " DELETE FROM " + table + ";"
		var filled bool
		if err := db.QueryRow(`SELECT EXISTS (SELECT 1 FROM ` + table + `)`).Scan(&filled); err != nil {
			return "", err
		}
		if !filled {
			continue
		}
		if _, err := db.Exec(`CREATE SCHEMA IF NOT EXISTS as_filled; CREATE TABLE as_filled.` + table + ` AS TABLE ` + table); err != nil {
			return "", err
		}
		empty += " INSERT INTO " + table + " TABLE as_filled." + table + ";"
	}
	return "DO $$ BEGIN " + empty + " END $$", nil
}

// Exec runs a statement as an administrator of the server.
func (s *Server) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	// Not the context of the test, as cleanups need it too.
	if _, err := s.admin.ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// ExecIn runs statements in a database.
func (s *Server) ExecIn(t testing.TB, database, statements string) {
	t.Helper()
	db, err := sql.Open("pgx", s.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}
