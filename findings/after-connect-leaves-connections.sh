#!/usr/bin/env bash
# pgx behind database/sql leaves a connection open for each callback that fails
#
# Runs:    pgx v5.13.0 (Go proxy) against PostgreSQL 15 (Debian 12's package postgresql): an
#          AfterConnect that loads an enum type which no migration has made yet, 20 attempts,
#          through stdlib.OptionAfterConnect with SetMaxOpenConns(2) and through pgxpool with
#          two connections at most; pg_stat_activity is asked what is open.
# Seen:    both return the callback's error. pgxpool has closed all its connections. stdlib
#          leaves 20 open, which database/sql has never heard of: Stats says 0, the maximum
#          of two does not hold, and Close closes none. They end when the garbage collector
#          finds the sockets.
# Guess:   the same callback of the same library does the same: a connection that the
#          callback refuses is closed, by the driver, since nobody else knows it.
# Matters: a service that waits for its migration, asking once a second, leaves one at each
#          attempt. An attempt allocates 76 kB: a small process collects after some fifty, a
#          large one after two minutes. A few replicas can fill PostgreSQL's 100 connections
#          before that, and then the migration is refused as well. In a busy process nothing
#          is seen. Close the connection in the callback before returning an error.
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
quietly as $server/pg_ctl -D run/data -o "-c listen_addresses='' -k $work/run -c fsync=off" -l run/log -w start

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const attempts = 20

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func loadEnum(ctx context.Context, conn *pgx.Conn) error {
	enum, err := conn.LoadType(ctx, "permission")
	if err == nil {
		conn.TypeMap().RegisterType(enum)
	}
	return err
}

func main() {
	ctx, address := context.Background(), "host="+os.Args[1]+" user=postgres dbname=postgres sslmode=disable"
	watch, err := pgx.Connect(ctx, address)
	must(err)
	// open counts the other connections, once what is ending has ended.
	open := func() (n int) {
		time.Sleep(time.Second)
		must(watch.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&n))
		return n
	}

	plain, err := pgx.ParseConfig(address)
	must(err)
	db := stdlib.OpenDB(*plain, stdlib.OptionAfterConnect(loadEnum))
	db.SetMaxOpenConns(2)
	for range attempts {
		err = db.PingContext(ctx)
	}
	fmt.Println("stdlib:", err)
	fmt.Printf("stdlib: %d open by its own count, %d on the server\n", db.Stats().OpenConnections, open())
	must(db.Close())
	fmt.Printf("stdlib: %d after Close\n", open())
	runtime.GC()
	fmt.Printf("stdlib: %d after the garbage collector\n", open())

	config, err := pgxpool.ParseConfig(address + " pool_max_conns=2")
	must(err)
	config.AfterConnect = loadEnum
	pool, err := pgxpool.NewWithConfig(ctx, config)
	must(err)
	for range attempts {
		err = pool.Ping(ctx)
	}
	fmt.Println("pgxpool:", err)
	fmt.Printf("pgxpool: %d open by its own count, %d on the server\n", pool.Stat().TotalConns(), open())
	pool.Close()
}
GO
quietly go mod init example.com/probe
quietly go get github.com/jackc/pgx/v5@v5.13.0 github.com/jackc/pgx/v5/stdlib@v5.13.0 github.com/jackc/pgx/v5/pgxpool@v5.13.0
quietly go build -o probe .
./probe "$work/run" >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
stdlib: ERROR: type "permission" does not exist (SQLSTATE 42704)
stdlib: 0 open by its own count, 20 on the server
stdlib: 20 after Close
stdlib: 0 after the garbage collector
pgxpool: ERROR: type "permission" does not exist (SQLSTATE 42704)
pgxpool: 0 open by its own count, 0 on the server
EXPECTED
