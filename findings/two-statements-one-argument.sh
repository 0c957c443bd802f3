#!/usr/bin/env bash
# Two INSERTs in one Exec: one driver for SQLite gives the first argument to both
#
# Runs:    Exec with two statements and two arguments, and one statement with an argument too
#          many and one too few, through modernc.org/sqlite v1.62.0, mattn/go-sqlite3
#          v1.14.53 (needs a C compiler) and ncruces/go-sqlite3 v0.37.0 (Go proxy).
# Seen:    "INSERT INTO people VALUES (?); INSERT INTO events VALUES (?)" with 'lin' and
#          'login': modernc stores 'lin' in both tables and drops 'login'; mattn hands the
#          arguments on from statement to statement; ncruces refuses. No error in the first
#          two. With ?1 and ?2 it is the other way about: right in modernc, while mattn
#          stores the first row and then misses an argument. An argument too many
#          is dropped by modernc and mattn, one too few is NULL in ncruces.
# Guess:   two question marks and two arguments go together, or are refused; a wrong number
#          is an error, as it is in PostgreSQL's drivers.
# Matters: code that was written on go-sqlite3 and moves to the driver without C runs on and
#          writes an audit log, a grant, a revocation with somebody's name in the place of
#          the value. One statement for each Exec with arguments, in a transaction.
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

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	db, err := sql.Open("$4", "file:x.db")
	must(err)
	for _, table := range []string{"people", "events"} {
		_, err = db.Exec("CREATE TABLE " + table + " (v)")
		must(err)
	}
	stored := func(table string) (values string) {
		must(db.QueryRow("SELECT COALESCE(group_concat(COALESCE(v, 'NULL')), 'nothing') FROM " + table).Scan(&values))
		_, err := db.Exec("DELETE FROM " + table)
		must(err)
		return values
	}
	try := func(statements string, arguments ...any) {
		outcome := "no error"
		if _, err := db.Exec(statements, arguments...); err != nil {
			outcome = "an error"
		}
		fmt.Printf("%-8s %v %s: people %s, events %s, %s\n", "$1", arguments, statements, stored("people"), stored("events"), outcome)
	}
	try("INSERT INTO people VALUES (?); INSERT INTO events VALUES (?)", "lin", "login")
	try("INSERT INTO people VALUES (?1); INSERT INTO events VALUES (?2)", "lin", "login")
	try("INSERT INTO people VALUES (?)", "lin", "login")
	try("INSERT INTO people VALUES (?)")
}
GO
	quietly go mod init example.com/probe
	quietly go get "$2"
	quietly go build -o probe .
	./probe >>../seen
	cd ..
}
try modernc modernc.org/sqlite@v1.62.0 modernc.org/sqlite sqlite
CGO_ENABLED=1 try mattn github.com/mattn/go-sqlite3@v1.14.53 github.com/mattn/go-sqlite3 sqlite3
try ncruces github.com/ncruces/go-sqlite3@v0.37.0 github.com/ncruces/go-sqlite3/driver sqlite3

cat seen
diff - seen <<'EXPECTED' && echo "As described."
modernc  [lin login] INSERT INTO people VALUES (?); INSERT INTO events VALUES (?): people lin, events lin, no error
modernc  [lin login] INSERT INTO people VALUES (?1); INSERT INTO events VALUES (?2): people lin, events login, no error
modernc  [lin login] INSERT INTO people VALUES (?): people lin, events nothing, no error
modernc  [] INSERT INTO people VALUES (?): people nothing, events nothing, an error
mattn    [lin login] INSERT INTO people VALUES (?); INSERT INTO events VALUES (?): people lin, events login, no error
mattn    [lin login] INSERT INTO people VALUES (?1); INSERT INTO events VALUES (?2): people lin, events nothing, an error
mattn    [lin login] INSERT INTO people VALUES (?): people lin, events nothing, no error
mattn    [] INSERT INTO people VALUES (?): people nothing, events nothing, an error
ncruces  [lin login] INSERT INTO people VALUES (?); INSERT INTO events VALUES (?): people nothing, events nothing, an error
ncruces  [lin login] INSERT INTO people VALUES (?1); INSERT INTO events VALUES (?2): people nothing, events nothing, an error
ncruces  [lin login] INSERT INTO people VALUES (?): people nothing, events nothing, an error
ncruces  [] INSERT INTO people VALUES (?): people NULL, events nothing, no error
EXPECTED
