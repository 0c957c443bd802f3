#!/usr/bin/env bash
# Behind PgBouncer in transaction mode lib/pq gets other connections' answers
#
# Runs:    eight goroutines that ask "SELECT $1::int + N" (each its own N) through
#          PgBouncer 1.18 in transaction mode before PostgreSQL 15 (Debian 12's packages
#          pgbouncer, postgresql), with lib/pq v1.12.3 and pgx v5.12.0 (Go proxy).
# Seen:    lib/pq with defaults, and pgx with default_query_exec_mode=describe_exec, get
#          *wrong sums and no error*. They prepare the unnamed statement in one round trip
#          and run it in the next; PgBouncer may have given the server connection to
#          somebody else in between, and what runs is the statement of the other, with
#          our arguments. pgx's default fails with "prepared statement … exists" or
#          "does not exist", which one notices. exec and binary_parameters=yes are right.
# Guess:   transaction mode breaks prepared statements, so errors; the unnamed statement
#          is safe.
# Matters: who asks for a session may be told about another. Read by the same SELECT
#          list, nothing looks wrong. Before a pooler in transaction mode: one round
#          trip a query, or no pooler.
set -euo pipefail
work=$(mktemp -d)
server=/usr/lib/postgresql/15/bin
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
trap 'as $server/pg_ctl -D "$work/run/data" -m immediate stop >/dev/null 2>&1 || true; [ -f "$work/run/pid" ] && kill "$(cat "$work/run/pid")" || true; sleep 0.3; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
mkdir run
[ "$(id -u)" != 0 ] || chown postgres run
as $server/initdb -D run/data -U postgres -A trust >/dev/null
as $server/pg_ctl -D run/data -o "-c listen_addresses='' -k $work/run -c fsync=off" -l run/log -w start >/dev/null
as tee run/pgbouncer.ini >/dev/null <<CONF
[databases]
postgres = host=$work/run user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $work/run
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = $work/run/pgbouncer.log
pidfile = $work/run/pid
CONF
as pgbouncer -q -d run/pgbouncer.ini

cat >main.go <<'GO'
package main

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
)

func try(driver, options string) {
	db, err := sql.Open(driver, "host="+os.Args[1]+" port=6432 user=postgres dbname=postgres sslmode=disable "+options)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	var mu sync.Mutex
	var wrong, failed int
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 400 {
				var sum int
				err := db.QueryRow(fmt.Sprintf("SELECT $1::int + %d", 1000*n), i).Scan(&sum)
				mu.Lock()
				if err != nil {
					failed++
				} else if sum != 1000*n+i {
					wrong++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	said := "right"
	switch {
	case wrong > 0:
		said = "WRONG ANSWERS"
	case failed > 0:
		said = "errors"
	}
	fmt.Println(strings.TrimSpace(driver+" "+options)+":", said)
}

func main() {
	try("postgres", "")
	try("postgres", "binary_parameters=yes")
	try("pgx", "")
	try("pgx", "default_query_exec_mode=describe_exec")
	try("pgx", "default_query_exec_mode=exec")
	try("pgx", "default_query_exec_mode=simple_protocol")
}
GO
quietly go mod init example.com/probe
quietly go get github.com/lib/pq@v1.12.3 github.com/jackc/pgx/v5@v5.12.0 github.com/jackc/pgx/v5/stdlib@v5.12.0
go run . "$work/run" | sed 's/^postgres/lib\/pq/' >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
lib/pq: WRONG ANSWERS
lib/pq binary_parameters=yes: right
pgx: errors
pgx default_query_exec_mode=describe_exec: WRONG ANSWERS
pgx default_query_exec_mode=exec: right
pgx default_query_exec_mode=simple_protocol: right
EXPECTED
