#!/usr/bin/env bash
# $1 and $2 are numbers for one SQLite driver and names for the others
#
# Runs:    SELECT $2, $1 with the arguments "first", "second" through modernc.org/sqlite
#          v1.60.1, mattn/go-sqlite3 v1.14.53 (needs a C compiler), ncruces/go-sqlite3
#          v0.37.0 (Go proxy).
# Seen:    modernc gives second, first, as PostgreSQL does. mattn and ncruces give
#          first, second and no error: to SQLite $2 is a parameter *named* "2", which
#          gets the first place because it stands first. ?2, ?1 is second, first in all.
# Guess:   a driver takes $N as a number (then all do) or says that it does not.
# Matters: one set of statements for PostgreSQL and SQLite works until a statement
#          names its parameters out of order; then UPDATE … SET name = $2 WHERE id = $1
#          looks for a row whose id is the name, and touches none, without an error.
#          Changing the driver changes what is stored.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
try() { # name, module@version, package, driver
	mkdir "$1" && cd "$1"
	cat >main.go <<GO
package main

import (
	"database/sql"
	"fmt"

	_ "$3"
)

func main() {
	db, err := sql.Open("$4", "file::memory:")
	if err != nil {
		panic(err)
	}
	for _, query := range []string{"SELECT \$2, \$1", "SELECT ?2, ?1"} {
		var a, b string
		if err := db.QueryRow(query, "first", "second").Scan(&a, &b); err != nil {
			panic(err)
		}
		fmt.Printf("%-8s %s -> %s, %s\n", "$1", query, a, b)
	}
}
GO
	quietly go mod init example.com/probe
	quietly go get "$2"
	go run . >>../seen
	cd ..
}
try modernc modernc.org/sqlite@v1.60.1 modernc.org/sqlite sqlite
CGO_ENABLED=1 try mattn github.com/mattn/go-sqlite3@v1.14.53 github.com/mattn/go-sqlite3 sqlite3
try ncruces github.com/ncruces/go-sqlite3@v0.37.0 github.com/ncruces/go-sqlite3/driver sqlite3

cat seen
diff - seen <<'EXPECTED' && echo "As described."
modernc  SELECT $2, $1 -> second, first
modernc  SELECT ?2, ?1 -> second, first
mattn    SELECT $2, $1 -> first, second
mattn    SELECT ?2, ?1 -> second, first
ncruces  SELECT $2, $1 -> first, second
ncruces  SELECT ?2, ?1 -> second, first
EXPECTED
