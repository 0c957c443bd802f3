package main_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// firstSchema is the version of the first schema that people have used.
const firstSchema = 9

// oldDatabase makes a file with the first schema and many people, each with a
// session, a token and two logins.
func oldDatabase(t *testing.T, path, people string) *sql.DB {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range must(fs.Glob(migrations.FS, "*.sql")) {
		if name < "00010" {
			files[name] = &fstest.MapFile{Data: must(fs.ReadFile(migrations.FS, name))}
		}
	}
	keys := must(auth.ParseKeys(auth.NewKey()))
	// It makes the schema; that today's statements are for a newer one is its end.
	if old, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path, Keys: keys, Migrations: files}); err == nil {
		old.Close()
	}
	db := must(sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"))
	t.Cleanup(func() { db.Close() })
	for _, statement := range []string{
		`CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + people + `) SELECT i FROM n`,
		`INSERT INTO users (id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count)
			SELECT 'id' || i, 'wx0123456789abcdef', 'o' || i, 'u' || i, 'snsapi_userinfo', i, i, 2 FROM n`,
		`INSERT INTO tokens (user_id, scope, refresh_token, kid, issued_at, ends_at) SELECT 'id' || i, 'snsapi_userinfo', 'sealed' || i, 'k', i, i + 1 FROM n`,
		`INSERT INTO sessions (id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent)
			SELECT 's' || i, 'h' || i, 'visitor', 'id' || i, now, now, now + 1000000000, '192.0.2.1', 'agent' FROM n, (SELECT unixepoch() * 1000 AS now)`,
		`INSERT INTO logins (id, appid, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent)
			SELECT 'l' || i, 'wx0123456789abcdef', 'h' || i, 'snsapi_userinfo', 'signed_in', '', 'id' || (i / 2 + 1), now, now, '192.0.2.1', 'agent' FROM n, (SELECT unixepoch() * 1000 AS now) WHERE i > 1`,
		`DROP TABLE n`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return db
}

// trap has the migration to a version work for ever, when all its rows are changed and
// it is only to be written down.
func trap(t *testing.T, db *sql.DB, version int) {
	t.Helper()
	_, err := db.Exec(fmt.Sprintf(`CREATE TRIGGER trap BEFORE INSERT ON goose_db_version WHEN NEW.version_id = %d
		BEGIN SELECT COUNT(*) FROM users a, users b, users c, users d, users e WHERE a.id || b.id || c.id || d.id || e.id = ''; END`, version))
	if err != nil {
		t.Fatal(err)
	}
}

// The program is killed in the middle of a migration, twice; started again, it goes on
// from where it was, says how far it is meanwhile, and everybody is there.
func TestAKilledMigrationGoesOn(t *testing.T) {
	folder := t.TempDir()
	path, was := filepath.Join(folder, "wxlogin.db"), filepath.Join(folder, "was.db")
	db := oldDatabase(t, path, "2000")
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`VACUUM INTO ?`, was); err != nil {
		t.Fatal(err)
	}
	variables := []string{
		"WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_DATABASE_URL=sqlite:" + path,
		"WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=0123456789abcdef0123456789abcdef", "WXLOGIN_KEYS=" + auth.NewKey(),
	}
	reached, percent := firstSchema, -1
	for _, version := range []int{11, 15} {
		trap(t, db, version)
		p := start(t, variables)
		var listening struct{ Address string }
		if err := json.Unmarshal([]byte(p.stderr.wait(t, `"msg":"listening`)), &listening); err != nil {
			t.Fatal(err)
		}
		phone := newPhone(t, listening.Address, "", "")
		type migration struct{ Percent, Version, Of, Rows int }
		var said struct{ Migration migration }
		for deadline := time.Now().Add(patience); said.Migration.Version < version; time.Sleep(time.Millisecond) {
			got := phone.ask(http.MethodGet, publicURL+"/readyz", nil)
			if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != http.StatusServiceUnavailable || time.Now().After(deadline) {
				t.Fatalf("/readyz: %d %s, %v", got.status, got.body, err)
			}
		}
		if m := said.Migration; m.Version != version || m.Of <= version || m.Percent < 0 || m.Percent > 99 || m.Rows < 10_000 {
			t.Errorf("before version %d it says %+v", version, m)
		}
		if got := phone.ask(http.MethodGet, publicURL+"/healthz", nil); got.status != http.StatusOK {
			t.Errorf("/healthz: %d %s", got.status, got.body)
		}
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.exited
		var now int
		if err := db.QueryRow(`SELECT MAX(version_id) FROM goose_db_version`).Scan(&now); err != nil || now != version-1 {
			t.Fatalf("killed before version %d, the schema has %d: %v", version, now, err)
		}
		if _, err := db.Exec(`DROP TRIGGER trap`); err != nil {
			t.Fatal(err)
		}
		reached, percent = now, max(percent, said.Migration.Percent)
	}
	if percent <= 0 {
		t.Error("it has never said how far it is")
	}
	p := start(t, variables)
	p.stderr.wait(t, `"msg":"wxlogin is ready"`)
	if from := fmt.Sprintf(`"from":%d`, reached); !strings.Contains(p.stderr.text(), from) {
		t.Errorf("it has not gone on from version %d", reached)
	}
	p.terminate()
	p.wantExit(0)
	if _, err := db.Exec(`ATTACH ? AS was`, was); err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string]string{
		"users":    "id, appid, openid, unionid, scope, blocked, first_login_at, last_login_at, login_count",
		"tokens":   "user_id, scope, refresh_token, kid, issued_at, ends_at, due_at",
		"sessions": "id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent",
		"logins":   "id, appid, session_hash, scope, outcome, user_id, started_at, finished_at, remote_addr",
	} {
		var lost, added int
		query := `SELECT (SELECT COUNT(*) FROM (SELECT ` + columns + ` FROM was.` + table + ` EXCEPT SELECT ` + columns + ` FROM main.` + table + `)),
			(SELECT COUNT(*) FROM main.` + table + `) - (SELECT COUNT(*) FROM was.` + table + `)`
		if err := db.QueryRow(query).Scan(&lost, &added); err != nil || lost != 0 || added != 0 {
			t.Errorf("%s: %d rows are not there as they were, and there are %d more; %v", table, lost, added, err)
		}
	}
}

// A copy that the newer program makes is of the older one, as it is: it is the way back,
// and the older program is at work meanwhile. It takes no keys.
func TestABackupBeforeAnUpgrade(t *testing.T) {
	folder := t.TempDir()
	path, file := filepath.Join(folder, "wxlogin.db"), filepath.Join(folder, "copy.db")
	db := oldDatabase(t, path, "20")
	p := runs(t, []string{"WXLOGIN_DATABASE_URL=sqlite:" + path}, "backup", file)
	p.wantExit(0)
	copied := must(sql.Open("sqlite", "file:"+file))
	defer copied.Close()
	for name, one := range map[string]*sql.DB{"the database": db, "the copy": copied} {
		var version, people int
		if err := one.QueryRow(`SELECT MAX(version_id), (SELECT COUNT(*) FROM users) FROM goose_db_version`).Scan(&version, &people); err != nil || version != firstSchema || people != 20 {
			t.Errorf("%s: version %d, %d people, %v", name, version, people, err)
		}
	}
	if _, err := os.Stat(path + ".keys"); err == nil {
		t.Error("keys were made")
	}
	empty := filepath.Join(folder, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p = runs(t, []string{"WXLOGIN_DATABASE_URL=sqlite:" + empty}, "backup", filepath.Join(folder, "nothing.db"))
	p.wantExit(1)
	p.stderr.wait(t, "the database is empty")
	if _, err := os.Stat(filepath.Join(folder, "nothing.db")); err == nil {
		t.Error("there is a copy of nothing")
	}
}

// Nothing but the service migrates: commands of a newer program leave the database to the
// older service that is at work on it, and say so.
func TestCommandsMigrateNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	db := oldDatabase(t, path, "20")
	variables := []string{
		"WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_DATABASE_URL=sqlite:" + path, "WXLOGIN_KEYS=" + auth.NewKey(),
		"WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=0123456789abcdef0123456789abcdef",
	}
	const said = "the database has schema version 9, this program is for "
	for _, command := range [][]string{{"admin", "link"}, {"admin", "list"}, {"client", "list"}, {"person", "list"}} {
		p := runs(t, variables, command...)
		p.wantExit(1)
		p.stderr.wait(t, said)
	}
	p := runs(t, variables, "doctor", "--offline")
	if line := p.stdout.wait(t, said); !strings.HasPrefix(line, "warn  database ") {
		t.Errorf("doctor says %s", line)
	}
	var version int
	if err := db.QueryRow(`SELECT MAX(version_id) FROM goose_db_version`).Scan(&version); err != nil || version != firstSchema {
		t.Errorf("version %d, %v", version, err)
	}
}
