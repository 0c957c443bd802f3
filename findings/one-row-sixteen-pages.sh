#!/usr/bin/env bash
# An INSERT of one row writes other people's names to a temporary file, in WAL mode too
#
# Runs:    better-sqlite3 version 12.11.1 (npm; SQLite is built in) on Node 20 or newer, Linux:
#          3,000 people, each with an entry in a search table for each end of their name,
#          which a trigger keeps; then one more person.
# Seen:    while the transaction is open, a deleted file etilqs_… of more than 64 kB stands
#          in the folder of temporary files, with hundreds of names of others in it: the
#          old content of every page that the one statement changes, kept so that this
#          statement alone can be taken back. With PRAGMA temp_store = MEMORY there is none.
# Guess:   the write-ahead log is all that such a write needs; temporary files are for
#          sorting and for VACUUM. (SQLite keeps the first 64 kB in memory: sixteen
#          pages, which a row with a trigger and a dozen index entries has quickly.)
# Matters: personal data leaves the folder that was locked down for it, and the disk that
#          was encrypted for it, for /tmp: of people who did nothing at that moment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --no-audit --no-fund better-sqlite3@12.11.1
cat >probe.js <<'JS'
const fs = require('fs')
const Database = require('better-sqlite3')

// temporary reads what SQLite has open in the folder of temporary files; such a file is
// deleted as soon as it is open.
function temporary() {
  return fs.readdirSync('/proc/self/fd').flatMap((n) => {
    try {
      const name = `/proc/self/fd/${n}`
      return /etilqs/.test(fs.readlinkSync(name)) ? [fs.readFileSync(name)] : []
    } catch { return [] } // the descriptor of the list itself
  })
}

function probe(name, pragma) {
  const db = new Database(`${name}.db`)
  db.pragma('journal_mode = WAL')
  if (pragma) db.pragma(pragma)
  db.exec(`
    CREATE TABLE users (id INTEGER PRIMARY KEY, nickname TEXT NOT NULL);
    CREATE TABLE ends (ending TEXT NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (ending, user_id)) WITHOUT ROWID;
    CREATE TRIGGER named AFTER INSERT ON users BEGIN
      INSERT INTO ends WITH RECURSIVE e (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM e WHERE i < length(NEW.nickname))
        SELECT substr(NEW.nickname, i, 20), NEW.id FROM e;
    END`)
  const insert = db.prepare('INSERT INTO users (nickname) VALUES (?)')
  let seed = 1
  const letter = () => 'abcdefghijklmnopqrstuvwxyz'[(seed = (seed * 48271) % 2147483647) % 26]
  const nickname = () => Array.from({ length: 28 }, letter).join('')
  db.transaction(() => { for (let i = 0; i < 3000; i++) insert.run(nickname()) })()

  db.exec('BEGIN IMMEDIATE')
  insert.run(nickname())
  const files = temporary()
  const names = files.reduce((n, file) => n + (file.toString('latin1').match(/[a-z]{20}/g) || []).length, 0)
  console.log(`${name}: ${files.length} temporary file, more than 64 kB: ${files.some((file) => file.length > 65536)}, names of others: ${names > 100 ? 'more than 100' : names}`)
  db.exec('COMMIT')
}

probe('default', '')
probe('memory', 'temp_store = MEMORY')
JS
node probe.js >seen
cat seen
diff - seen <<'EXPECTED' && echo "As described."
default: 1 temporary file, more than 64 kB: true, names of others: more than 100
memory: 0 temporary file, more than 64 kB: false, names of others: 0
EXPECTED
