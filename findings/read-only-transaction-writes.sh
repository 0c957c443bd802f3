#!/usr/bin/env bash
# A read-only transaction of Go writes to SQLite, in two of three drivers
#
# Runs:    db.BeginTx with sql.TxOptions{ReadOnly: true}, and with isolation levels, on a
#          file in WAL mode opened with _txlock=immediate, through modernc.org/sqlite
#          v1.60.1, mattn/go-sqlite3 v1.14.53 (needs a C compiler), ncruces/go-sqlite3
#          v0.37.0 (Go proxy).
# Seen:    in modernc and mattn an INSERT in the read-only transaction is stored. In mattn
#          such a transaction is BEGIN IMMEDIATE like all others, so two readers exclude
#          each other and a writer waits; modernc makes it a deferred one, and knows the
#          option then. ncruces refuses the INSERT. Read Committed and Snapshot, of which
#          SQLite has neither, are taken by modernc and mattn without a word, and refused
#          by ncruces.
# Guess:   what database/sql/driver asks of a driver: that it set the property "if supported
#          or return an error if it is not supported", and the same for isolation levels.
# Matters: ReadOnly guards a report or an administrator's query on PostgreSQL, where
#          the server refuses the write, and guards nothing on SQLite. With mattn the transactions that were
#          marked as harmless are those that people wait for at the login.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
try() { # name, module@version, package, driver, what the address asks for
	mkdir "$1" && cd "$1"
	cat >main.go <<GO
package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "$3"
)

func say(what string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = err.Error()
	}
	fmt.Printf("%-8s %s: %s\n", "$1", what, outcome)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx, readOnly, rows := context.Background(), &sql.TxOptions{ReadOnly: true}, 0
	db, err := sql.Open("$4", "file:people.db?_txlock=immediate&$5")
	must(err)
	_, err = db.Exec("CREATE TABLE people (name TEXT)")
	must(err)

	tx, err := db.BeginTx(ctx, readOnly)
	must(err)
	_, err = tx.Exec("INSERT INTO people VALUES ('lin')")
	say("INSERT", err)
	say("Commit", tx.Commit())
	must(db.QueryRow("SELECT count(*) FROM people").Scan(&rows))
	fmt.Printf("%-8s rows stored: %d\n", "$1", rows)

	one, err := db.BeginTx(ctx, readOnly)
	must(err)
	must(one.QueryRow("SELECT count(*) FROM people").Scan(&rows))
	two, err := db.BeginTx(ctx, readOnly)
	say("a second one meanwhile", err)
	if err == nil {
		must(two.Rollback())
	}
	_, err = db.Exec("INSERT INTO people VALUES ('wang')")
	say("a writer meanwhile", err)
	must(one.Rollback())

	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelSnapshot} {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
		say(level.String(), err)
		if err == nil {
			must(tx.Rollback())
		}
	}
}
GO
	quietly go mod init example.com/probe
	quietly go get "$2"
	quietly go build -o probe .
	./probe >>../seen
	cd ..
}
try modernc modernc.org/sqlite@v1.60.1 modernc.org/sqlite sqlite '_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)'
try mattn github.com/mattn/go-sqlite3@v1.14.53 github.com/mattn/go-sqlite3 sqlite3 '_busy_timeout=100&_journal_mode=WAL'
try ncruces github.com/ncruces/go-sqlite3@v0.37.0 github.com/ncruces/go-sqlite3/driver sqlite3 '_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)'

cat seen
diff - seen <<'EXPECTED' && echo "As described."
modernc  INSERT: ok
modernc  Commit: ok
modernc  rows stored: 1
modernc  a second one meanwhile: ok
modernc  a writer meanwhile: ok
modernc  Read Committed: ok
modernc  Snapshot: ok
mattn    INSERT: ok
mattn    Commit: ok
mattn    rows stored: 1
mattn    a second one meanwhile: database is locked
mattn    a writer meanwhile: database is locked
mattn    Read Committed: ok
mattn    Snapshot: ok
ncruces  INSERT: sqlite3: attempt to write a readonly database
ncruces  Commit: ok
ncruces  rows stored: 0
ncruces  a second one meanwhile: ok
ncruces  a writer meanwhile: ok
ncruces  Read Committed: sqlite3: unsupported isolation level
ncruces  Snapshot: sqlite3: unsupported isolation level
EXPECTED
