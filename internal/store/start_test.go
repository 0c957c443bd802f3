package store_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// inProcess runs one test again, in a process of its own, with a variable set
// that tells it so.
func inProcess(t *testing.T, variables ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variables...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTenProcessesStartOnOneNewFile(t *testing.T) {
	t.Parallel()
	if url := os.Getenv("STORE_TEST_URL"); url != "" { // one of the ten
		w := &world{t: t, ctx: t.Context(), clock: newClock(), log: &logbook{}, at: address{url: url}}
		var err error
		if w.keys, err = auth.ParseKeys(os.Getenv("STORE_TEST_KEY")); err != nil {
			t.Fatal(err)
		}
		w.visitorAt(w.another())
		return
	}
	for range 2 {
		w := &world{t: t, ctx: t.Context(), at: emptySQLite.make(t)}
		together(10, func(int) { inProcess(t, "STORE_TEST_URL="+w.at.url, "STORE_TEST_KEY="+allKeys()["k1"]) })
		w.wantRows("users", 1)
		w.wantRows("sessions", 10)
	}
}

func TestTenStoresStartOnOneNewFile(t *testing.T) {
	t.Parallel()
	w := &world{t: t, ctx: t.Context(), at: emptySQLite.make(t), clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
	together(10, func(int) { w.visitorAt(w.another()) })
	w.wantRows("users", 1)
	if n := strings.Count(w.log.String(), "migrated"); n != 1 {
		t.Errorf("migrated %d times", n)
	}
}

// visitorAt signs a person in at one of several stores.
func (w *world) visitorAt(s *store.Store) {
	if _, err := s.SaveLogin(w.ctx, w.login("o1", auth.ScopeBase)); err != nil {
		w.t.Error(err)
	}
}

// openAt opens a store on a path and returns the error.
func openAt(t *testing.T, path string, change ...func(*store.Config)) (*store.Store, error) {
	t.Helper()
	w := &world{t: t, at: address{url: "sqlite:" + path}, clock: newClock(), log: &logbook{}}
	config := w.config(ring(t, "k1"))
	for _, c := range change {
		c(&config)
	}
	s, err := store.Open(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// wantRefused checks that a start fails with one line that has all the words.
func wantRefused(t *testing.T, err error, words ...string) {
	t.Helper()
	wantReason(t, err, auth.StoreDown)
	if err == nil {
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("more than one line: %q", err)
	}
}

func TestAStartRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := filepath.Join(dir, "good.db")
	s, err := openAt(t, good)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: t.Context(), clock: newClock()}
	for range 50 {
		w.visitorAt(s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	holes := bytes.Clone(content)
	clear(holes[len(holes)/2 : len(holes)/2+8192])
	header := bytes.Clone(content)
	copy(header, "garbage garbage garbage")

	_, err = openAt(t, write("text.db", []byte(strings.Repeat("this is no database\n", 500))))
	wantRefused(t, err, "text.db", "no database")
	_, err = openAt(t, write("header.db", header))
	wantRefused(t, err, "header.db", "no database")
	_, err = openAt(t, write("holes.db", holes))
	wantRefused(t, err, "holes.db", "damaged")
	_, err = openAt(t, write("short.db", content[:len(content)/2]))
	wantRefused(t, err, "short.db", "damaged")
	_, err = openAt(t, dir)
	wantRefused(t, err, dir, "not a regular file")
	_, err = openAt(t, filepath.Join(dir, "nowhere", "x.db"))
	wantRefused(t, err, "nowhere", "folder")
	_, err = openAt(t, filepath.Join(good, "x.db"))
	wantRefused(t, err, "folder")
	_, err = openAt(t, "")
	wantRefused(t, err, "sqlite:PATH")
	_, err = openAt(t, ":memory:")
	wantRefused(t, err, "memory")
	_, err = openAt(t, good, func(c *store.Config) { c.URL = "mysql://u:SECRETpw@h/db" })
	wantRefused(t, err, "sqlite:PATH")
	if strings.Contains(err.Error(), "SECRETpw") {
		t.Error("the refusal shows the password")
	}
	_, err = openAt(t, good, func(c *store.Config) { c.Keys = nil })
	wantRefused(t, err, "key")

	other := rawSQLite(t, filepath.Join(dir, "other.db"))
	if _, err := other.Exec("CREATE TABLE users (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	_, err = openAt(t, filepath.Join(dir, "other.db"))
	wantRefused(t, err, "another program")
	var tables int
	if err := other.QueryRow("SELECT COUNT(*) FROM sqlite_master").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("the other program's database has %d tables now, %v", tables, err)
	}
	if _, err := openAt(t, good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestAnEmptyFileAndLitestreamsTablesAreWelcome(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	raw := rawSQLite(t, path)
	if _, err := raw.Exec("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); CREATE TABLE _litestream_lock (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if _, err := openAt(t, path); err != nil {
		t.Error(err)
	}
}

func TestANewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	known := w.number("SELECT MAX(version_id) FROM goose_db_version")
	w.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	_, err := openAt(t, strings.TrimPrefix(w.at.url, "sqlite:"))
	wantRefused(t, err, "version 99999", fmt.Sprintf("up to %d:", known))
	wantRefused(t, w.Ready(w.ctx), "99999")
}

func TestAMigrationAppliesWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	user, token := w.visitor("o1")
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	with := func(next string) func(*store.Config) {
		files := fstest.MapFS{"90000_next.sql": {Data: []byte("-- +goose Up\n" + next)}}
		names, err := fs.Glob(migrations.FS, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := fs.ReadFile(migrations.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: content}
		}
		return func(c *store.Config) { c.Migrations = files }
	}
	_, err := openAt(t, path, with("CREATE TABLE half (x BIGINT); DELETE FROM users; INSERT INTO nowhere VALUES (1);"))
	wantRefused(t, err, "migrate", "nowhere")
	if n := w.number("SELECT COUNT(*) FROM sqlite_master WHERE name = 'half'"); n != 0 {
		t.Error("half a migration was applied")
	}
	w.wantSignedIn(token)
	if _, err := openAt(t, path); err != nil {
		t.Errorf("the old program after a failed migration: %v", err)
	}
	next, err := openAt(t, path, with("CREATE TABLE whole (x BIGINT) /*STRICT*/;"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := next.User(w.ctx, user.ID); err != nil || got.OpenID != "o1" {
		t.Errorf("after the migration: %+v, %v", got, err)
	}
	_, err = openAt(t, path)
	wantRefused(t, err, "version 90000", "up to ")
}

func TestTablesAreStrict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	if n := w.number("SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND type <> 'view' AND strict = 0 AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'"); n != 0 {
		t.Errorf("%d tables take any type", n)
	}
}
