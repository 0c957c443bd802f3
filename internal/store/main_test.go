package store_test

import (
	"context"
	"database/sql"
	"os"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/store/pgtest"
	"wxlogin/migrations"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var postgresEngine = engine{"postgres", func(t *testing.T) address {
	server := pgtest.Shared(t)
	return onPostgres(t, server.URL(server.Filled(t, migrated)))
}}

// emptyPostgres makes databases that nobody has migrated.
var emptyPostgres = engine{"postgres", func(t *testing.T) address {
	server := pgtest.Shared(t)
	return onPostgres(t, server.TCP(server.Database(t)))
}}

// migrated brings a new database up to date, for as many tests as use it.
func migrated(url string) error {
	s, err := store.Open(context.Background(), store.Config{URL: url, Keys: auth.Keyring{{ID: "k1"}}, Migrations: migrations.FS})
	if err != nil {
		return err
	}
	return s.Close()
}

// engines are all that the store runs on.
var engines = []engine{sqliteEngine, postgresEngine}

// onPostgres is a database with a way in beside the store.
func onPostgres(t *testing.T, url string) address {
	t.Helper()
	raw, err := sql.Open("pgx", url+"&application_name=beside")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	return address{url, raw}
}
