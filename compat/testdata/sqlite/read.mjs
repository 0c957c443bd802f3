// Reads a file that wxlogin is writing: node read.mjs PROGRAM FILE. It says in one line
// what it saw. Each statement sees one moment, so the two numbers are one.
import { setTimeout } from 'node:timers/promises';

const both = `SELECT CAST((SELECT sum(login_count) FROM FROM_users) AS INTEGER) AS people, CAST((SELECT count(*) FROM FROM_logins WHERE outcome = 'signed_in') AS INTEGER) AS logins`;
const [program, file] = process.argv.slice(2);
const drivers = {
  async 'better-sqlite3'() {
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(file, { readonly: true });
    return { all: (sql) => db.prepare(sql).all() };
  },
  async 'node:sqlite'() {
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(file, { readOnly: true });
    return { all: (sql) => db.prepare(sql).all() };
  },
  async duckdb() {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await (await DuckDBInstance.create()).connect();
    const all = async (sql) => (await db.runAndReadAll(sql)).getRowObjectsJS();
    for (const sql of ['INSTALL sqlite', 'LOAD sqlite', `ATTACH '${file}' AS wxlogin (TYPE sqlite, READ_ONLY)`]) await all(sql);
    return { all, prefix: 'wxlogin.' };
  },
};

const seen = { reads: 0, wrong: 0, first: 0, last: 0, held: false, integrity: '', error: '' };
try {
  const { all, prefix = '' } = await drivers[program]();
  const read = async () => {
    const [row] = await all(both.replaceAll('FROM_', prefix));
    seen.reads++;
    if (Number(row.people) !== Number(row.logins)) seen.wrong++;
    return Number(row.logins);
  };
  seen.first = await read();
  for (let i = 0; i < 100; i++) {
    seen.last = await read();
    await setTimeout(10);
  }
  await all('BEGIN');
  const before = await read();
  await setTimeout(2000);
  seen.held = (await read()) === before;
  await all('COMMIT');
  seen.last = await read();
  if (!prefix) seen.integrity = (await all('PRAGMA integrity_check'))[0].integrity_check;
} catch (error) {
  seen.error = String(error.message ?? error).split('\n')[0];
}
console.log(JSON.stringify(seen));
process.exit(0);
