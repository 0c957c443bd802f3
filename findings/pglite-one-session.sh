#!/usr/bin/env bash
# Two connections to a PGlite server are one session
#
# Runs:    PGlite version 0.5.16 (PostgreSQL version 18.6 in WebAssembly) behind
#          @electric-sql/pglite-socket version 0.2.17 with maxConnections: 5, and two clients
#          of pg version 8.23.1 (npm, on Node.js version 20.20.2).
# Seen:    both are let in and have one backend pid. What one SETs the other sees; the same
#          name of a prepared statement clashes; pg_try_advisory_lock() succeeds in the
#          second while the first holds the lock. Without maxConnections the second client
#          is cut off.
# Guess:   several connections are several sessions that take turns.
# Matters: as a test's PostgreSQL it lets locks pass that guard migrations and leases, and
#          refuses drivers that name their statements by a hash of the text (pgx's default)
#          from the second connection of a pool on. A green test says nothing about two
#          replicas.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix . @electric-sql/pglite@0.5.16 @electric-sql/pglite-socket@0.2.17 pg@8.23.1 >log 2>&1 || { cat log; exit 2; }
cat >run.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';

const db = await PGlite.create();
console.error('PostgreSQL version:', (await db.query('SHOW server_version')).rows[0].server_version);
const serve = async (options, port) => {
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, ...options });
  let address;
  server.addEventListener('listening', (event) => { address = event.detail; });
  await server.start();
  return [server, address.port];
};
const connect = async (port) => {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  client.on('error', () => {});
  await client.connect();
  return client;
};
const one = async (client, query) => client.query(query).then((result) => String(Object.values(result.rows[0])[0]), (error) => error.message);

let [server, port] = await serve({}, 0);
let first = await connect(port);
console.log('default, second connection:', await connect(port).then(() => 'let in', () => 'refused'));
await first.end();
await server.stop();

[server, port] = await serve({ maxConnections: 5 }, 0);
first = await connect(port);
const second = await connect(port);
console.log('same pid:', (await one(first, 'SELECT pg_backend_pid()')) === (await one(second, 'SELECT pg_backend_pid()')));
await first.query("SET application_name = 'first'");
console.log('application_name of the second:', await one(second, 'SHOW application_name'));
await first.query('SELECT pg_advisory_lock(7)');
console.log('the second gets the lock that the first holds:', await one(second, 'SELECT pg_try_advisory_lock(7)'));
await one(first, { name: 'people', text: 'SELECT 1' });
console.log('a statement of the same name:', await one(second, { name: 'people', text: 'SELECT 2' }));
process.exit(0);
JS
node run.mjs >seen

npm ls --depth 0 | tail -n +2
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
default, second connection: refused
same pid: true
application_name of the second: first
the second gets the lock that the first holds: true
a statement of the same name: prepared statement "people" already exists
EXPECTED
