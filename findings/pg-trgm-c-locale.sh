#!/usr/bin/env bash
# With lc_ctype C, pg_trgm sees nothing in a Chinese name
#
# Runs:    pg_trgm 1.6 of PostgreSQL version 15.18 (Debian 12's package postgresql) on two
#          databases in UTF8, one with lc_ctype C (initdb --locale=C, the common advice for speed),
#          one with C.UTF-8.
# Seen:    with C, show_trgm('王小明') is {}, similarity of the name with itself is 0 and
#          '王小明' % '王小明' is false. "Zoë" is indexed as "zo". With C.UTF-8 all is as
#          one expects. ILIKE is right in both.
# Guess:   trigrams are of characters (the database is UTF8) or of bytes; the locale
#          decides about sorting and upper case.
# Matters: a search of people by % or similarity finds every Latin name and no Chinese
#          one, without an error, on one server and not on the other; an index on a
#          nickname column is built, kept up, and holds nothing.
set -euo pipefail
work=$(mktemp -d)
server=/usr/lib/postgresql/15/bin
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
trap 'as $server/pg_ctl -D "$work/run/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .
mkdir run
[ "$(id -u)" != 0 ] || chown postgres run

as $server/initdb -D run/data -U postgres -A trust --encoding=UTF8 --locale=C >/dev/null
as $server/pg_ctl -D run/data -o "-c listen_addresses='' -k $work/run -c fsync=off" -l run/log -w start >/dev/null
ask() { psql -h "$work/run" -U postgres -d "$1" -qAtc "$2"; }
ask postgres 'CREATE DATABASE c'
ask postgres "CREATE DATABASE utf8 TEMPLATE template0 LC_CTYPE 'C.UTF-8'"
for database in c utf8; do
	ask $database 'CREATE EXTENSION pg_trgm'
	echo "$database: lc_ctype $(ask $database 'SHOW lc_ctype'), encoding $(ask $database 'SHOW server_encoding')"
	for expression in "cardinality(show_trgm('王小明'))" "similarity('王小明', '王小明')" "'王小明' % '王小明'" "'王小明' ILIKE '%小%'" "cardinality(show_trgm('Anna'))" "show_trgm('Zoë') = show_trgm('zo')"; do
		echo "$database: $expression -> $(ask $database "SELECT $expression")"
	done
done >seen

$server/postgres --version
echo "pg_trgm version: $(ask utf8 "SELECT extversion FROM pg_extension WHERE extname = 'pg_trgm'")"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
c: lc_ctype C, encoding UTF8
c: cardinality(show_trgm('王小明')) -> 0
c: similarity('王小明', '王小明') -> 0
c: '王小明' % '王小明' -> f
c: '王小明' ILIKE '%小%' -> t
c: cardinality(show_trgm('Anna')) -> 5
c: show_trgm('Zoë') = show_trgm('zo') -> t
utf8: lc_ctype C.UTF-8, encoding UTF8
utf8: cardinality(show_trgm('王小明')) -> 4
utf8: similarity('王小明', '王小明') -> 1
utf8: '王小明' % '王小明' -> t
utf8: '王小明' ILIKE '%小%' -> t
utf8: cardinality(show_trgm('Anna')) -> 5
utf8: show_trgm('Zoë') = show_trgm('zo') -> f
EXPECTED
