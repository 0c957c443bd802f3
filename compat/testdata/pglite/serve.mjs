// PostgreSQL in WebAssembly: it says its version and its address, and serves until it is
// ended.
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const db = await PGlite.create();
const { rows } = await db.query('SHOW server_version');
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 40 });
server.addEventListener('listening', ({ detail }) => console.log(JSON.stringify({ version: rows[0].server_version, port: detail.port })));
await server.start();
