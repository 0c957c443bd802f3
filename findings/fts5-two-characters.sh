#!/usr/bin/env bash
# A two-character name in an FTS5 trigram index: LIKE finds it, or not, by SQLite's version
#
# Runs:    an FTS5 table with tokenize='trigram' in Debian 12's sqlite3 3.40.1 and in
#          SQLite 3.53.4 (modernc.org/sqlite v1.60.1, Go proxy), searched by MATCH and LIKE.
# Seen:    MATCH '王芳' finds nothing in both, without an error: two characters make no
#          trigram. LIKE '%王芳%' finds the row in 3.53.4, and *nothing* in 3.40.1, though
#          the same LIKE with +name (no index) finds it there too, and '%nn%' works.
#          3.40.1 takes the pattern for long enough by its bytes.
# Guess:   LIKE always gives what a scan gives; the index only makes it fast. That is
#          what the manual promises for patterns under three characters.
# Matters: most Chinese names have two or three characters. A search of people that was
#          tried with Latin names, or on another SQLite, misses 王芳 and says nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >search.sql <<'SQL'
CREATE VIRTUAL TABLE people USING fts5(name, tokenize = 'trigram');
INSERT INTO people VALUES ('王芳'), ('欧阳小芳'), ('Anna');
SELECT 'MATCH 王芳', count(*) FROM people WHERE people MATCH '王芳';
SELECT 'MATCH 阳小芳', count(*) FROM people WHERE people MATCH '阳小芳';
SELECT 'LIKE %王芳%', count(*) FROM people WHERE name LIKE '%王芳%';
SELECT 'LIKE %阳小芳%', count(*) FROM people WHERE name LIKE '%阳小芳%';
SELECT 'LIKE %nn%', count(*) FROM people WHERE name LIKE '%nn%';
SELECT '+name LIKE %王芳%', count(*) FROM people WHERE +name LIKE '%王芳%';
SQL
cat >main.go <<'GO'
package main

import (
	"database/sql"
	"fmt"
	"os"
	"strings"

	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(1)
	script, err := os.ReadFile("search.sql")
	if err != nil {
		panic(err)
	}
	for _, statement := range strings.Split(strings.TrimSpace(string(script)), ";\n") {
		rows, err := db.Query(statement)
		if err != nil {
			panic(err)
		}
		for rows.Next() {
			var what string
			var n int
			if err := rows.Scan(&what, &n); err != nil {
				panic(err)
			}
			fmt.Printf("%s|%d\n", what, n)
		}
		rows.Close()
	}
	var version string
	if err := db.QueryRow("SELECT sqlite_version()").Scan(&version); err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, version)
}
GO
quietly go mod init example.com/probe
quietly go get modernc.org/sqlite@v1.60.1
sqlite3 :memory: <search.sql >old
go run . >new 2>version
{
	paste -d '|' old new | awk -F '|' -v new="$(cat version)" '{ printf "%-20s 3.40.1: %s  %s: %s\n", $1, $2, new, $4 }'
} >seen
[ "$(sqlite3 :memory: 'SELECT sqlite_version()')" = 3.40.1 ] || { echo "This needs sqlite3 3.40.1 of Debian 12."; exit 2; }

cat seen
diff - seen <<'EXPECTED' && echo "As described."
MATCH 王芳         3.40.1: 0  3.53.4: 0
MATCH 阳小芳      3.40.1: 1  3.53.4: 1
LIKE %王芳%        3.40.1: 0  3.53.4: 1
LIKE %阳小芳%     3.40.1: 1  3.53.4: 1
LIKE %nn%            3.40.1: 1  3.53.4: 1
+name LIKE %王芳%  3.40.1: 1  3.53.4: 1
EXPECTED
