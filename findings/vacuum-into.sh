#!/usr/bin/env bash
# VACUUM INTO takes a WAL database's copy out of WAL, and counts as a write
#
# Runs:    VACUUM INTO and .backup of a WAL database with sqlite3 version 3.40.1 (Debian
#          12's package), and both on a connection with PRAGMA query_only.
# Seen:    the copy of VACUUM INTO is in journal mode "delete", that of .backup in "wal",
#          though WAL is a lasting property of the file. On a query_only connection
#          VACUUM INTO fails with "attempt to write a readonly database", though it
#          writes to another file only; .backup works.
# Guess:   both are consistent copies and differ in their size; query_only guards the
#          database that is open.
# Matters: a pool of readers opened with query_only cannot take the backup. And who
#          restores a VACUUM INTO copy into a program that never sets journal_mode runs
#          without WAL: readers wait for writers from that day on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

sqlite3 live.db 'PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)' >/dev/null
sqlite3 live.db "VACUUM INTO 'vacuum.db'" '.backup backup.db'
for file in live vacuum backup; do
	echo "$file: $(sqlite3 $file.db 'PRAGMA journal_mode'), $(sqlite3 $file.db 'SELECT count(*) FROM t') row" >>seen
done
sqlite3 live.db "PRAGMA query_only = 1; VACUUM INTO 'again.db'" 2>&1 | sed 's/^.*attempt/query_only, VACUUM INTO: attempt/' >>seen || true
sqlite3 live.db 'PRAGMA query_only = 1' '.backup once-more.db' 2>>seen
echo "query_only, .backup: $(sqlite3 once-more.db 'SELECT count(*) FROM t') row" >>seen

echo "SQLite version: $(sqlite3 --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
live: wal, 1 row
vacuum: delete, 1 row
backup: wal, 1 row
query_only, VACUUM INTO: attempt to write a readonly database (8)
query_only, .backup: 1 row
EXPECTED
