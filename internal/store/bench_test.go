package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/store/pgtest"
	"wxlogin/migrations"
)

// What the admin pages cost by the number of people stored:
//
//	go test -bench Admin/sqlite/people=1000$ -run '^$' ./internal/store
//	go test -bench Admin -benchtime 20x -timeout 1h -run '^$' ./internal/store
//
// A million people take some minutes to make up. WXLOGIN_BENCH_SQLITE (a folder)
// and WXLOGIN_BENCH_POSTGRES (an address that ends where a database's name begins)
// keep them for the next time.
func BenchmarkAdmin(b *testing.B) {
	for _, e := range []struct {
		name string
		make func(b *testing.B, n int) (url string, raw *sql.DB)
	}{{"sqlite", benchSQLite}, {"postgres", benchPostgres}} {
		for _, n := range []int{1000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/people=%d", e.name, n), func(b *testing.B) {
				url, raw := e.make(b, n)
				benchAdmin(b, url, raw, n)
			})
		}
	}
}

func benchSQLite(b *testing.B, n int) (string, *sql.DB) {
	dir := os.Getenv("WXLOGIN_BENCH_SQLITE")
	if dir == "" {
		dir = b.TempDir()
	}
	path := fmt.Sprintf("%s/people-%d.db", dir, n)
	raw, err := sql.Open("sqlite", "file://"+path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { raw.Close() })
	return "sqlite:" + path, raw
}

func benchPostgres(b *testing.B, n int) (string, *sql.DB) {
	url := os.Getenv("WXLOGIN_BENCH_POSTGRES")
	if url == "" {
		server := pgtest.Shared(b)
		url = server.TCP(server.Database(b))
	} else {
		raw, err := sql.Open("pgx", url+"postgres?sslmode=disable")
		if err != nil {
			b.Fatal(err)
		}
		defer raw.Close()
		_, _ = raw.Exec(fmt.Sprintf("CREATE DATABASE people_%d", n)) // if it is not there yet
		url = fmt.Sprintf("%speople_%d?sslmode=disable", url, n)
	}
	raw, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { raw.Close() })
	return url, raw
}

func benchAdmin(b *testing.B, url string, raw *sql.DB, n int) {
	now := newClock().now()
	s, err := store.Open(b.Context(), store.Config{URL: url, Keys: auth.Keyring{{ID: "k1"}}, Migrations: migrations.FS, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var stored int
	if err := raw.QueryRow("SELECT COUNT(*) FROM users").Scan(&stored); err != nil {
		b.Fatal(err)
	}
	if stored == 0 {
		fill(b, b.Context(), raw, n, now)
		if strings.HasPrefix(url, "postgres") {
			if _, err := raw.Exec("VACUUM ANALYZE"); err != nil { // as autovacuum does by and by
				b.Fatal(err)
			}
		}
	}
	if _, err := s.Sweep(b.Context(), now, 10*year); err != nil { // as the service does every few minutes
		b.Fatal(err)
	}
	for name, do := range benchPages(b, s, now) {
		b.Run(name, func(b *testing.B) { quantiles(b, do) })
	}
}

// quantiles reports the middle and the slow end of the times beside their mean.
func quantiles(b *testing.B, do func() error) {
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
}
