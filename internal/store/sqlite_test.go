package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// TestMain lets the test binary play one process of many that start at once.
func TestMain(m *testing.M) {
	if url := os.Getenv("STORE_TEST_OPEN"); url != "" {
		os.Exit(startOnce(url, os.Getenv("STORE_TEST_KEY")))
	}
	os.Exit(m.Run())
}

func startOnce(url, key string) int {
	ring, err := auth.ParseKeys(key)
	if err == nil {
		var s *store.Store
		s, err = store.Open(context.Background(), store.Config{URL: url, Keys: ring, Migrations: migrations.FS})
		if err == nil {
			w := &world{clock: newClock()}
			_, err = s.SaveLogin(context.Background(), w.login("o-same", auth.ScopeBase))
			err = errors.Join(err, s.Close())
		}
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		return 1
	}
	return 0
}

func TestTenProcessesStartOnOneNewFile(t *testing.T) {
	for range 3 {
		w := &world{t: t, ctx: t.Context(), at: sqliteEngine.make(t)}
		together(10, func(int) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "STORE_TEST_OPEN="+w.at.url, "STORE_TEST_KEY="+allKeys()["k1"])
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		w.wantRows("users", 1)
		w.wantRows("sessions", 10)
	}
}

func TestTenStoresStartOnOneNewFile(t *testing.T) {
	w := &world{t: t, ctx: t.Context(), at: sqliteEngine.make(t), clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
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

func TestAPathMayBeAnything(t *testing.T) {
	for _, name := range []string{"a b.db", "q?x=1&mode=memory.db", "h#sh.db", "100%25 %zz.db", "微信登录.db", "file:odd.db", "semi;colon'\".db", "plus+.db"} {
		dir := filepath.Join(t.TempDir(), "目录 %41?#")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := openAt(t, filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w := &world{t: t, ctx: t.Context(), clock: newClock()}
		w.visitorAt(s)
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Backup(t.Context(), filepath.Join(dir, "copy of "+name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), name) && entry.Name() != "copy of "+name {
				t.Errorf("%s: a file %s came up", name, entry.Name())
			}
			if info, _ := entry.Info(); info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v", name, entry.Name(), info.Mode())
			}
		}
	}
}

func TestARelativePathStaysWhereItWas(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := openAt(t, "here.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	w := &world{t: t, ctx: t.Context(), clock: newClock()}
	w.visitorAt(s)
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAStartRefusesWhatItCannotServe(t *testing.T) {
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
	_, err = openAt(t, good, func(c *store.Config) { c.URL = "postgres://u:PASSWORD@h/db" })
	wantRefused(t, err, "sqlite:PATH")
	if strings.Contains(err.Error(), "PASSWORD") {
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
	w := newWorld(t, sqliteEngine)
	w.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	_, err := openAt(t, strings.TrimPrefix(w.at.url, "sqlite:"))
	wantRefused(t, err, "99", "up to 1")
	wantRefused(t, w.Ready(w.ctx), "99")
}

func TestAMigrationAppliesWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	user, token := w.visitor("o1")
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	with := func(second string) func(*store.Config) {
		files := fstest.MapFS{"00002_next.sql": {Data: []byte("-- +goose Up\n" + second)}}
		for _, name := range []string{"00001_people.sql"} {
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
	wantRefused(t, err, "version 2", "up to 1")
}

func TestTablesAreStrict(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	if n := w.number("SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'"); n != 0 {
		t.Errorf("%d tables take any type", n)
	}
}

func TestALockedDatabaseServesReadsAndRefusesWritesInTime(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	user, token := w.visitor("o1")
	conn, err := w.at.raw.Conn(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN IMMEDIATE; UPDATE users SET nickname = 'not yet'"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	together(20, func(i int) {
		if i%2 == 0 {
			_, err := w.SaveLogin(ctx, w.login("o1", auth.ScopeBase))
			wantReason(t, err, auth.StoreDown)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not say that the context ended", err)
			}
			return
		}
		visit, err := w.Visit(w.ctx, auth.VisitorSession, token)
		if err != nil || visit.User.Nickname != "" {
			t.Errorf("%+v, %v", visit.User, err)
		}
	})
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if err := w.Ready(w.ctx); err != nil {
		t.Errorf("reads go on, but: %v", err)
	}
	began = time.Now()
	err = w.DeleteSession(w.ctx, auth.VisitorSession, token) // no deadline of its own
	wantReason(t, err, auth.StoreDown)
	if errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took < time.Second || took > 8*time.Second {
		t.Errorf("gave up after %v", took)
	}
	w.wantSignedIn(token)
	if _, err := conn.ExecContext(w.ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteUserSessions(w.ctx, user.ID); err != nil {
		t.Error(err)
	}
	w.wantSignedOut(token)
}

func TestAFullDiskRefusesWritesAndServesReads(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	_, token := w.visitor("o1")
	pages := w.number("PRAGMA page_count")
	// The page limit is a connection's own, so a trigger stands in for the disk.
	_ = pages
	w.exec("CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(FAIL, 'no room'); END")
	_, err := w.SaveLogin(w.ctx, w.login("o1", auth.ScopeBase))
	wantReason(t, err, auth.StoreDown)
	w.wantSignedIn(token)
	if n := w.number("SELECT login_count FROM users"); n != 1 {
		t.Errorf("%d logins counted", n)
	}
}

func TestReadyNoticesThatTheFileIsAnother(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	w.visitor("o1")
	if err := w.Ready(w.ctx); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, w.Ready(w.ctx), path, "gone")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, w.Ready(w.ctx), path, "replaced")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := w.Ready(w.ctx); err != nil {
		t.Error(err)
	}
}

func TestReadyIsAboutTheDatabaseThatIsOpen(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantReason(t, w.Ready(w.ctx), auth.StoreDown)
	_, err := w.Visit(w.ctx, auth.VisitorSession, auth.Hash("x"))
	wantReason(t, err, auth.StoreDown)
	_, err = w.ClaimLogin(w.ctx, pending(w.login("o1", auth.ScopeBase)))
	wantReason(t, err, auth.StoreDown)
}

func TestADamagedPageIsNamedAndNeverAnAnswer(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	w.visitor("o1")
	w.exec("DROP TABLE sessions") // as good as gone
	_, err := w.Visit(w.ctx, auth.VisitorSession, auth.Hash("x"))
	wantReason(t, err, auth.StoreDown)
}

func TestABackupIsACompleteCopy(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	save := w.login("o1", auth.ScopeUserinfo)
	save.RefreshToken = "REFRESH"
	user := w.signsIn(save)
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy.db")
	if err := w.Backup(w.ctx, copied); err != nil {
		t.Fatal(err)
	}
	err := w.Backup(w.ctx, copied)
	wantReason(t, err, auth.BadRequest)
	w.visitor("o2")

	var names []string
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, _ := entry.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	if len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	s, err := openAt(t, copied)
	if err != nil {
		t.Fatal(err)
	}
	w.wantToken(s, user, "REFRESH")
	if n, err := s.CountUsers(w.ctx, auth.UserQuery{}); err != nil || n != 1 {
		t.Errorf("%d people in the copy, %v", n, err)
	}
	if _, err := s.Visit(w.ctx, auth.VisitorSession, save.Session.TokenHash); err != nil {
		t.Error(err)
	}
}

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	w.visitor("o1")
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.Symlink("/nowhere", taken); err != nil {
		t.Fatal(err)
	}
	wantReason(t, w.Backup(w.ctx, taken), auth.BadRequest)
	wantReason(t, w.Backup(w.ctx, filepath.Join(dir, "no", "such", "folder")), auth.StoreDown)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	wantReason(t, w.Backup(ctx, filepath.Join(dir, "x.db")), auth.StoreDown)
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestBackupsGoOnWhilePeopleSignIn(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	dir := t.TempDir()
	together(12, func(i int) {
		if i < 3 {
			if err := w.Backup(w.ctx, filepath.Join(dir, string(rune('a'+i)))); err != nil {
				t.Error(err)
			}
			return
		}
		for range 5 {
			w.visitorAt(w.Store)
		}
	})
}

func TestNoTokenStandsInTheFiles(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	session, link, state, code, refresh := auth.NewToken(), auth.NewToken(), auth.NewToken(), auth.NewToken(), auth.NewToken()
	save := w.login("o-to-be-found", auth.ScopeUserinfo)
	save.RefreshToken, save.Profile = refresh, &lin
	save.Login.StateHash, save.Login.CodeHash = auth.Hash(state), auth.Hash(code)
	save.Login.SessionHash, save.Session.TokenHash = auth.Hash(session), auth.Hash(session)
	w.signsIn(save)
	if err := w.AddAdminLink(w.ctx, auth.AdminLink{TokenHash: auth.Hash(link), EndsAt: w.clock.now()}, w.event(auth.ActLinkMade, "")); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	if err := w.Backup(w.ctx, path+".copy"); err != nil {
		t.Fatal(err)
	}
	var all []byte
	files, _ := filepath.Glob(path + "*")
	for _, file := range files {
		// The store is not used any more, so that its locks are no matter.
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if len(files) < 4 || !bytes.Contains(all, []byte("o-to-be-found")) {
		t.Fatalf("the search would find nothing in %v", files)
	}
	for name, token := range map[string]auth.Secret{"session": session, "link": link, "state": state, "code": code, "refresh": refresh} {
		raw, err := base64.RawURLEncoding.DecodeString(string(token))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(token), string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString([]byte(token)), base64.StdEncoding.EncodeToString(raw)} {
			if bytes.Contains(all, []byte(form)) {
				t.Errorf("the %s token is in the files", name)
			}
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	user, _ := w.visitor("o1")
	before := w.number("PRAGMA data_version")
	for range 3 {
		must(w.Users(w.ctx, auth.UserQuery{Search: "o1"}))(t)
		must(w.Export(w.ctx, user.ID))(t)
		must(w.Counts(w.ctx, w.clock.now()))(t)
		if err := w.Ready(w.ctx); err != nil {
			t.Error(err)
		}
	}
	if after := w.number("PRAGMA data_version"); after != before {
		t.Error("a read has changed the database")
	}
}

func BenchmarkVisit(b *testing.B) {
	ring, err := auth.ParseKeys(auth.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "x.db"), Keys: ring, Migrations: migrations.FS})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	c := newClock()
	c.ms.Store(time.Now().UnixMilli())
	save := (&world{clock: c}).login("o1", auth.ScopeBase)
	if _, err := s.SaveLogin(b.Context(), save); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Visit(b.Context(), auth.VisitorSession, save.Session.TokenHash); err != nil {
			b.Fatal(err)
		}
	}
}
