#!/usr/bin/env bash
# SELECT p.*, s.*: the person gets the session's id, without an error
#
# Runs:    a join of a person (id 1) and a session (id 77) read into structs that embed both,
#          and into maps or rows, through sqlx v1.4.0, scany v2.1.4, gorm v1.31.1, bun v1.2.16,
#          pgx v5.13.0 (Go proxy), pg 8.23.1 and postgres 3.4.9 (npm) against PostgreSQL 15
#          (Debian 12's package postgresql), and Python 3's sqlite3.
# Seen:    sqlx puts both ids into the person, the later one stays, and the session's is 0.
#          scany refuses the row, and says why; pgx refuses it as a row that has no id. gorm
#          gives each struct its own. In a map or an object, of Go or Node.js, the later id
#          is left; Python's Row gives the earlier one.
# Guess:   the field is ambiguous, so an error; or each struct takes its own columns, as
#          the query and the struct have them in the same order.
# Matters: the request goes on as the person whose id equals that of the session. Tests do not
#          see it where both are 1, as in a fresh database. A second table that gains an
#          id or a name in a later migration breaks a query that was right. Name the columns.
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

	"github.com/georgysavva/scany/v2/pgxscan"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

type Person struct {
	ID   int
	Name string
}

type Session struct {
	ID     int
	Device string
}

type Visit struct {
	Person
	Session
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func say(name string, v Visit, err error) {
	if err != nil {
		fmt.Printf("%s: %v\n", name, err)
		return
	}
	fmt.Printf("%s: person %d %s, session %d %s\n", name, v.Person.ID, v.Name, v.Session.ID, v.Device)
}

func main() {
	ctx, query := context.Background(), os.Args[2]
	config, err := pgx.ParseConfig("host=" + os.Args[1] + " user=postgres dbname=postgres")
	must(err)
	conn, err := pgx.ConnectConfig(ctx, config)
	must(err)
	db := stdlib.OpenDB(*config)

	var v Visit
	say("sqlx", v, sqlx.NewDb(db, "pgx").Get(&v, query))
	v = Visit{}
	err = pgxscan.Get(ctx, conn, &v, query)
	say("scany", v, err)
	rows, err := conn.Query(ctx, query)
	must(err)
	v, err = pgx.CollectOneRow(rows, pgx.RowToStructByName[Visit])
	say("pgx", v, err)
	orm, err := gorm.Open(postgres.New(postgres.Config{Conn: db}))
	must(err)
	v = Visit{}
	err = orm.Raw(query).Scan(&v).Error
	say("gorm", v, err)
	row := map[string]any{}
	must(sqlx.NewDb(db, "pgx").QueryRowx(query).MapScan(row))
	fmt.Println("sqlx's map: id", row["id"])
	rows, err = conn.Query(ctx, query)
	must(err)
	row, err = pgx.CollectOneRow(rows, pgx.RowToMap)
	must(err)
	fmt.Println("pgx's map: id", row["id"])
	row = map[string]any{}
	must(bun.NewDB(db, pgdialect.New()).NewRaw(query).Scan(ctx, &row))
	fmt.Println("bun's map: id", row["id"])
}
GO
quietly go mod init example.com/probe
quietly go get github.com/jackc/pgx/v5@v5.13.0 github.com/jmoiron/sqlx@v1.4.0 github.com/georgysavva/scany/v2@v2.1.4 \
	gorm.io/gorm@v1.31.1 gorm.io/driver/postgres@v1.6.0 github.com/uptrace/bun@v1.2.16 github.com/uptrace/bun/dialect/pgdialect@v1.2.16
quietly go mod tidy
quietly go build -o probe .
quietly npm install --silent --no-audit --no-fund --prefix . pg@8.23.1 postgres@3.4.9
cat >run.mjs <<'JS'
import pg from 'pg';
import postgres from 'postgres';

const [host, query] = process.argv.slice(2);
const client = new pg.Client({ host, user: 'postgres', database: 'postgres' });
await client.connect();
console.log('pg: id', (await client.query(query)).rows[0].id);
await client.end();
const sql = postgres({ host, user: 'postgres', database: 'postgres' });
console.log('postgres: id', (await sql.unsafe(query))[0].id);
await sql.end();
JS
cat >run.py <<'PY'
import sqlite3
db = sqlite3.connect(":memory:")
db.row_factory = sqlite3.Row
row = db.execute("SELECT p.*, s.* FROM (SELECT 1 AS id, 'lin' AS name) p, (SELECT 77 AS id, 'phone' AS device) s").fetchone()
print("Python's Row: id", row["id"])
PY
query="SELECT p.*, s.* FROM (SELECT 1 AS id, 'lin' AS name) p, (SELECT 77 AS id, 'phone' AS device) s"
{
	./probe "$work/run" "$query"
	node run.mjs "$work/run" "$query"
	python3 run.py
} >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
sqlx: person 77 lin, session 0 phone
scany: scanning one: scanning: doing scan: starting: duplicate columns: scany: rows contain a duplicate column 'id'
pgx: struct doesn't have corresponding row field id
gorm: person 1 lin, session 77 phone
sqlx's map: id 77
pgx's map: id 77
bun's map: id 77
pg: id 77
postgres: id 77
Python's Row: id 1
EXPECTED
