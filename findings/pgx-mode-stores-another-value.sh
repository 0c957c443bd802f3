#!/usr/bin/env bash
# pgx stores another time and another text when its mode for poolers is switched on
#
# Runs:    INSERTs of a time.Time in China's zone, of a []byte and of a json.RawMessage through
#          pgx v5.13.0 as database/sql driver, in each default_query_exec_mode, and lib/pq
#          v1.12.3 (Go proxy), against PostgreSQL 15 (Debian 12's package postgresql) with the
#          time zone UTC.
# Seen:    09:00 in China, put into a column timestamp (without time zone), is 09:00 in the three
#          modes that ask the server for the column's type, and in lib/pq, and 01:00 in exec and
#          simple_protocol: these send it as a timestamptz, which the server turns into UTC.
#          The bytes "lin" in a text column are "lin", or the text "\x6c696e". The same bytes of
#          JSON are an error in jsonb then; a json.RawMessage is right in all. No other error.
# Guess:   the mode decides how a statement travels, not what it says. The manual warns of []byte
#          in simple_protocol; of exec it says that another behaviour "should not occur with
#          types pgx supports directly".
# Matters: exec is what one sets when PgBouncer comes, as the default fails behind it (see
#          pgbouncer-wrong-answers). From that day the sessions that are there end eight hours
#          late, a hash that was handed over as bytes is not found, and of two replicas with
#          different settings each misreads what the other writes. Use timestamptz or integers,
#          times in UTC, and strings for text columns.
set -euo pipefail
work=$(mktemp -d)
server=/usr/lib/postgresql/15/bin
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
trap 'as $server/pg_ctl -D "$work/run/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
mkdir run
[ "$(id -u)" != 0 ] || chown postgres run
quietly as $server/initdb -D run/data -U postgres -A trust
quietly as $server/pg_ctl -D run/data -o "-c listen_addresses='' -k $work/run -c fsync=off -c timezone=UTC" -l run/log -w start

cat >main.go <<'GO'
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func try(driver, mode, options string) {
	db, err := sql.Open(driver, "host="+os.Args[1]+" user=postgres dbname=postgres sslmode=disable "+options)
	must(err)
	defer db.Close()
	_, err = db.Exec("TRUNCATE t")
	must(err)
	fmt.Print(mode, ":")
	for _, c := range []struct {
		column string
		value  any
	}{
		{"timestamp", time.Date(2026, 11, 28, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))},
		{"timestamptz", time.Date(2026, 11, 28, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))},
		{"text", []byte("lin")},
		{"jsonb", []byte("[12]")},
		{"jsonb", json.RawMessage("[12]")},
	} {
		var stored string
		if err := db.QueryRow("INSERT INTO t (as_"+c.column+") VALUES ($1) RETURNING as_"+c.column+"::text", c.value).Scan(&stored); err != nil {
			stored = "an error"
		}
		fmt.Printf(" %s %s,", c.column, stored)
	}
	fmt.Println()
}

func main() {
	db, err := sql.Open("pgx", "host="+os.Args[1]+" user=postgres dbname=postgres sslmode=disable")
	must(err)
	_, err = db.Exec("CREATE TABLE t (as_timestamp timestamp, as_timestamptz timestamptz, as_text text, as_jsonb jsonb)")
	must(err)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		try("pgx", mode, "default_query_exec_mode="+mode)
	}
	try("postgres", "lib/pq", "")
}
GO
quietly go mod init example.com/probe
quietly go get github.com/lib/pq@v1.12.3 github.com/jackc/pgx/v5@v5.13.0 github.com/jackc/pgx/v5/stdlib@v5.13.0
quietly go build -o probe .
./probe "$work/run" | sed 's/,$//' >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
cache_statement: timestamp 2026-11-28 09:00:00, timestamptz 2026-11-28 01:00:00+00, text lin, jsonb [12], jsonb [12]
cache_describe: timestamp 2026-11-28 09:00:00, timestamptz 2026-11-28 01:00:00+00, text lin, jsonb [12], jsonb [12]
describe_exec: timestamp 2026-11-28 09:00:00, timestamptz 2026-11-28 01:00:00+00, text lin, jsonb [12], jsonb [12]
exec: timestamp 2026-11-28 01:00:00, timestamptz 2026-11-28 01:00:00+00, text \x6c696e, jsonb an error, jsonb [12]
simple_protocol: timestamp 2026-11-28 01:00:00, timestamptz 2026-11-28 01:00:00+00, text \x6c696e, jsonb an error, jsonb [12]
lib/pq: timestamp 2026-11-28 09:00:00, timestamptz 2026-11-28 01:00:00+00, text lin, jsonb [12], jsonb [12]
EXPECTED
