//go:build compat

package compat_test

import (
	"database/sql"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wxlogin/compat/record"
	"wxlogin/internal/store/pgtest"
)

// Miniflux on PostgreSQL, with the lines that server client show prints for it: the
// first login makes the account, the second finds it, and somebody outside the
// group gets none.
func TestMiniflux(t *testing.T) {
	cluster := pgtest.New(t)
	database := cluster.TCP(cluster.Database(t))
	program := filepath.Join(goInstall(t, "miniflux.app/v2@v2.3.5"), "miniflux.app")
	record.Of(t, record.Clients, "Miniflux", programVersion(t, program), "a login and a refusal")("the first login makes the account, the second finds it; somebody outside the group gets none")
	s := startService(t)
	address := freeAddress(t)
	lines := s.linesFor(t, "miniflux", "Reader", "--redirect-uri", "http://"+address+"/oauth2/oidc/callback")
	reader := exec.Command(program)
	reader.Env = append(os.Environ(), strings.Split(strings.TrimSpace(lines), "\n")...)
	reader.Env = append(reader.Env, "DATABASE_URL="+database, "RUN_MIGRATIONS=1", "LISTEN_ADDR="+address,
		"BASE_URL=http://"+address, "DISABLE_SCHEDULER_SERVICE=1")
	reader.Stderr = os.Stderr
	start(t, reader)
	reachable(t, address)

	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	accounts := func() (names string) {
		t.Helper()
		if err := db.QueryRow(`SELECT coalesce(string_agg(username, ' '), '') FROM users`).Scan(&names); err != nil {
			t.Fatal(err)
		}
		return names
	}
	var first string
	for _, which := range []string{"first", "second"} {
		status, body := open(t, person(t, "lin"), "http://"+address+"/oauth2/oidc/redirect")
		if status != http.StatusOK || !strings.Contains(body, "<title>Unread") {
			t.Errorf("%s login: %d %s", which, status, body)
		}
		names := accounts()
		if first == "" {
			first = names
		}
		if !strings.HasPrefix(names, "wx_") || names != first {
			t.Errorf("after the %s login there are the accounts %q, want one and %q", which, names, first)
		}
	}
	s.client(t, "edit", "Reader", "--groups", "staff")
	if status, body := open(t, person(t, "wang"), "http://"+address+"/oauth2/oidc/redirect"); status != http.StatusForbidden {
		t.Errorf("somebody outside the group: %d %s", status, body)
	}
	if names := accounts(); names != first {
		t.Errorf("somebody outside the group has an account: %q", names)
	}
}
