#!/usr/bin/env bash
# What five programs do with the parameters in a PostgreSQL address
#
# Runs:    addresses as managed services and other tools print them, against PostgreSQL 15
#          without TLS (Debian 12's package postgresql): psql 15, pgx v5.12.0 as
#          database/sql driver and lib/pq v1.12.3 (Go proxy), pg 8.23.1 and postgres 3.4.9
#          (npm).
# Seen:    pool_max_conns, pgbouncer=true and schema=public: psql refuses the address, pgx,
#          lib/pq and postgres send the word to the *server* as a setting and are refused
#          there (42704), pg passes over it. channel_binding=prefer, known to libpq since 13,
#          stops lib/pq and postgres in the same way.
#          sslmode=prefer on a server without TLS connects all but pg, which demands TLS.
# Guess:   unknown parameters are ignored, by all or by none; "prefer" falls back.
# Matters: the address that works for one part of a system ends another at its start, with
#          an error that names the server. And where pg ignores a word, what it was to set
#          (a schema) is not set. Give each program an address of its own.
set -euo pipefail
work=$(mktemp -d)
server=/usr/lib/postgresql/15/bin
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
trap 'as $server/pg_ctl -D "$work/run/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .
mkdir run
[ "$(id -u)" != 0 ] || chown postgres run

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . pg@8.23.1 postgres@3.4.9
cat >main.go <<'GO'
package main

import (
	"database/sql"
	"fmt"
	"os"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
)

func main() {
	for _, driver := range []string{"pgx", "postgres"} {
		db, err := sql.Open(driver, os.Args[1])
		if err == nil {
			err = db.Ping()
		}
		said := "ok"
		if err != nil && strings.Contains(err.Error(), "unrecognized configuration parameter") {
			said = "refused by the server"
		} else if err != nil {
			said = "error"
		}
		fmt.Printf("%s %s, ", strings.Replace(driver, "postgres", "lib/pq", 1), said)
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/lib/pq@v1.12.3 github.com/jackc/pgx/v5@v5.12.0 github.com/jackc/pgx/v5/stdlib@v5.12.0
quietly go build -o client .
as $server/initdb -D run/data -U postgres -A trust >/dev/null
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
as $server/pg_ctl -D run/data -o "-c listen_addresses=127.0.0.1 -p $port -k $work/run -c fsync=off" -l run/log -w start >/dev/null

cat >run.mjs <<'JS'
import { execFileSync, spawnSync } from 'node:child_process';
import pg from 'pg';
import postgres from 'postgres';

const said = (promise) => promise.then(() => 'ok', (error) => (/unrecognized configuration parameter/.test(error.message) ? 'refused by the server' : 'error'));
for (const parameter of ['sslmode=disable', 'sslmode=prefer', 'channel_binding=prefer', 'pool_max_conns=4', 'pgbouncer=true', 'schema=public']) {
  const address = `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres?${parameter}${parameter.startsWith('sslmode') ? '' : '&sslmode=disable'}`;
  const psql = spawnSync('psql', [address, '-Atc', 'SELECT 1']).status === 0 ? 'ok' : 'error';
  const go = execFileSync('./client', [address]);
  const client = new pg.Client({ connectionString: address });
  const ours = await said(client.connect());
  await client.end().catch(() => {});
  const sql = postgres(address, { max: 1, onnotice() {} });
  const theirs = await said(sql`SELECT 1`);
  await sql.end();
  console.log(`${parameter}: psql ${psql}, ${go}pg ${ours}, postgres ${theirs}`);
}
process.exit(0);
JS
node run.mjs "$port" >seen 2>warnings || { cat warnings; exit 2; }

cat seen
diff - seen <<'EXPECTED' && echo "As described."
sslmode=disable: psql ok, pgx ok, lib/pq ok, pg ok, postgres ok
sslmode=prefer: psql ok, pgx ok, lib/pq ok, pg error, postgres ok
channel_binding=prefer: psql ok, pgx ok, lib/pq refused by the server, pg ok, postgres refused by the server
pool_max_conns=4: psql error, pgx refused by the server, lib/pq refused by the server, pg ok, postgres refused by the server
pgbouncer=true: psql error, pgx refused by the server, lib/pq refused by the server, pg ok, postgres refused by the server
schema=public: psql error, pgx refused by the server, lib/pq refused by the server, pg ok, postgres refused by the server
EXPECTED
