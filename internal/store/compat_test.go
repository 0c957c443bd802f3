package store_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"wxlogin/compat/record"
	"wxlogin/internal/store/pgtest"
)

// versionOf is what an engine says of itself.
func versionOf(t *testing.T, e engine) string {
	t.Helper()
	ask := "SHOW server_version"
	if e.name == "sqlite" {
		ask = "SELECT sqlite_version()"
	}
	var version string
	if err := e.make(t).raw.QueryRowContext(t.Context(), ask).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// bouncerVersion is what PgBouncer says of itself.
func bouncerVersion() string {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if out, err := exec.Command(name, "-V").Output(); err == nil {
			return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(string(out))
		}
	}
	return ""
}

// TestConformThroughPgBouncer holds PostgreSQL behind PgBouncer to the same promises. It
// is for make compat: make test-all has a few of them in TestPooler.
func TestConformThroughPgBouncer(t *testing.T) {
	t.Parallel()
	if os.Getenv(record.FileVariable) == "" {
		t.Skip("make compat runs it")
	}
	server := pgtest.Shared(t)
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			record.Of(t, record.Databases, "PgBouncer, "+mode+" mode", bouncerVersion(), "all promises")
			pooler := server.Pooler(t, mode, 40)
			conform(t, engine{"postgres", func(t *testing.T) address {
				database := server.Filled(t, migrated)
				at := onPostgres(t, server.TCP(database))
				at.url = pooler.URL(database)
				return at
			}})
		})
	}
}
