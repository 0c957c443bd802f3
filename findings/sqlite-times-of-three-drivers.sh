#!/usr/bin/env bash
# One time.Time, three Go drivers for SQLite, three texts; one of them is year 1 to another
#
# Runs:    the same time.Time written to and read from one file through modernc.org/sqlite
#          v1.60.1, mattn/go-sqlite3 v1.14.53 (needs a C compiler) and ncruces/go-sqlite3
#          v0.37.0 (Go proxy), each with its defaults.
# Seen:    modernc writes Go's own "2026-11-28 09:00:00.12 +0800 CST", which SQLite's date
#          functions do not read: unixepoch() is NULL. mattn writes
#          "2026-11-28 09:00:00.12+08:00", ncruces the same with a "T". mattn reads
#          modernc's text as 0001-01-01 00:00:00 *without an error*, ncruces refuses it,
#          modernc reads all three.
# Guess:   all write one of SQLite's documented formats, and what a driver cannot read
#          is an error.
# Matters: after a change of driver, or for a second program on the file, every
#          expires_at lies in year 1: all sessions have ended, and nothing says why.
#          Text times of two drivers do not compare in SQL either (" " sorts before "T").
#          Store integers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
build() { # name, module@version, package, driver
	mkdir "$1" && cd "$1"
	cat >main.go <<GO
package main

import (
	"database/sql"
	"fmt"
	"os"
	"time"

	_ "$3"
)

func main() {
	db, err := sql.Open("$4", "file:../times.db")
	if err != nil {
		panic(err)
	}
	if os.Args[1] == "write" {
		at := time.Date(2026, 11, 28, 9, 0, 0, 120_000_000, time.FixedZone("CST", 8*3600))
		if _, err := db.Exec("INSERT INTO t VALUES (?, ?)", "$1", at); err != nil {
			panic(err)
		}
		var text string
		var unix sql.NullInt64
		if err := db.QueryRow("SELECT CAST(at AS TEXT), unixepoch(at) FROM t WHERE by = ?", "$1").Scan(&text, &unix); err != nil {
			panic(err)
		}
		fmt.Printf("%-8s writes %-34q unixepoch %v %d\n", "$1", text, unix.Valid, unix.Int64)
		return
	}
	rows, err := db.Query("SELECT by, at FROM t ORDER BY rowid")
	if err != nil {
		panic(err)
	}
	for rows.Next() {
		var by string
		var at time.Time
		said := "no error"
		if err := rows.Scan(&by, &at); err != nil {
			said = "an error"
		}
		fmt.Printf("%-8s reads %-8s %s, %s\n", "$1", by, at.UTC().Format(time.DateTime), said)
	}
}
GO
	quietly go mod init example.com/probe
	quietly go get "$2"
	quietly go build -o probe .
	cd ..
}
build modernc modernc.org/sqlite@v1.60.1 modernc.org/sqlite sqlite
CGO_ENABLED=1 build mattn github.com/mattn/go-sqlite3@v1.14.53 github.com/mattn/go-sqlite3 sqlite3
build ncruces github.com/ncruces/go-sqlite3@v0.37.0 github.com/ncruces/go-sqlite3/driver sqlite3

sqlite3 times.db 'CREATE TABLE t (by TEXT, at DATETIME)'
for act in write read; do
	for driver in modernc mattn ncruces; do (cd $driver && ./probe $act); done
done >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
modernc  writes "2026-11-28 09:00:00.12 +0800 CST" unixepoch false 0
mattn    writes "2026-11-28 09:00:00.12+08:00"     unixepoch true 1795827600
ncruces  writes "2026-11-28T09:00:00.12+08:00"     unixepoch true 1795827600
modernc  reads modernc  2026-11-28 01:00:00, no error
modernc  reads mattn    2026-11-28 01:00:00, no error
modernc  reads ncruces  2026-11-28 01:00:00, no error
mattn    reads modernc  0001-01-01 00:00:00, no error
mattn    reads mattn    2026-11-28 01:00:00, no error
mattn    reads ncruces  2026-11-28 01:00:00, no error
ncruces  reads modernc  0001-01-01 00:00:00, an error
ncruces  reads mattn    2026-11-28 01:00:00, no error
ncruces  reads ncruces  2026-11-28 01:00:00, no error
EXPECTED
