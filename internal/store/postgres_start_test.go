package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/store/pgtest"
)

// unopened is a world without a store as yet.
func unopened(t *testing.T, at address) *world {
	t.Helper()
	return &world{t: t, ctx: t.Context(), at: at, clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
}

func TestTenStoresStartOnOneNewPostgresDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	w := unopened(t, onPostgres(t, server.TCP(server.Database(t))))
	together(10, func(int) { w.visitorAt(w.another()) })
	w.wantRows("users", 1)
	if n := strings.Count(w.log.String(), "migrated"); n != 1 {
		t.Errorf("migrated %d times", n)
	}
}

// A start that migrates waits for another one that does. One that has nothing to
// migrate waits for nobody.
func TestAMigrationWaitsForAnother(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	w := unopened(t, onPostgres(t, server.TCP(server.Database(t))))
	conn := must(w.at.raw.Conn(w.ctx))(t)
	defer conn.Close()
	lock := func() {
		t.Helper()
		if _, err := conn.ExecContext(w.ctx, "BEGIN; SELECT pg_advisory_xact_lock(x'77786c6f67696e'::bigint)"); err != nil {
			t.Fatal(err)
		}
	}
	lock()
	// The budget of a write is no limit for it.
	ctx, cancel := context.WithTimeout(w.ctx, 3*shortBudget)
	defer cancel()
	config := w.config(w.keys)
	config.WriteBudget = shortBudget
	if _, err := store.Open(ctx, config); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it did not wait: %v", err)
	}
	if n := w.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
		t.Errorf("%d tables were made meanwhile", n)
	}
	if _, err := conn.ExecContext(w.ctx, "COMMIT"); err != nil {
		t.Fatal(err)
	}
	w.another()
	lock()
	w.visitorAt(w.another())
}

func TestABackupOfPostgresIsPgDumps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgresEngine)
	err := store.Backup(w.ctx, w.at.url, t.TempDir()+"/x")
	wantReason(t, err, auth.BadRequest)
	if !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("%v does not say what to use", err)
	}
}

func TestAStartRefusesWhatIsNotItsDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	open := func(url string) error {
		w := unopened(t, address{url: url})
		s, err := store.Open(t.Context(), w.config(w.keys))
		if err == nil {
			s.Close()
		}
		return err
	}
	other := server.Database(t)
	server.ExecIn(t, other, "CREATE TABLE users (name TEXT)")
	wantRefused(t, open(server.TCP(other)), "another program", "search_path")
	server.ExecIn(t, other, "CREATE SCHEMA wxlogin")
	if err := open(server.TCP(other) + "&search_path=wxlogin"); err != nil {
		t.Errorf("a schema of its own: %v", err)
	}
	server.Exec(t, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	wantRefused(t, open(server.TCP("latin")), "LATIN1", "UTF8")
	wantRefused(t, open(server.TCP("nowhere")), "nowhere", "does not exist")
	server.Exec(t, "CREATE ROLE guest LOGIN")
	wantRefused(t, open(strings.Replace(server.TCP(server.Database(t)), "wxlogin@", "guest@", 1)), "lacks a privilege")
	newer := server.Database(t)
	if err := open(server.TCP(newer)); err != nil {
		t.Fatal(err)
	}
	server.ExecIn(t, newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	wantRefused(t, open(server.TCP(newer)), "version 99999")
}

// No error shows the password, wherever the address is wrong.
func TestNoErrorShowsThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:SECRETpw@127.0.0.1:1/db",
		"postgresql://u:SECRETpw@nowhere.invalid/db?connect_timeout=1",
		"postgres://u:SECRETpw@127.0.0.1:port/db",
		"postgres://u:SECRETpw/x@127.0.0.1/db",
		"postgres://u:SECRETpw%zz@127.0.0.1/db",
		"postgres://u:SECRETpw@127.0.0.1/db?sslmode=SECRETpw",
		"postgres://127.0.0.1:1/db?user=u&password=SECRETpw",
		"postgres://u:SECRETpw@/db?host=/nowhere",
		"postgres://u:SECRETpw@127.0.0.1/db?sslrootcert=/nowhere/SECRETpw&sslmode=verify-full",
		"mysql://u:SECRETpw@h/db",
		"SECRETpw",
	} {
		w := unopened(t, address{url: url})
		_, err := store.Open(t.Context(), w.config(w.keys))
		wantReason(t, err, auth.StoreDown)
		for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), w.log.String(), fmt.Sprint(store.CheckURL(url))} {
			if strings.Contains(text, "SECRET") {
				t.Errorf("%s shows the password", text)
			}
			if strings.Contains(text, "\n") {
				t.Errorf("more than one line: %q", text)
			}
		}
	}
}
