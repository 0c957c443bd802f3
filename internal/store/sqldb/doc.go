// Package sqldb runs SQL on SQLite or PostgreSQL: connections, transactions, migrations,
// backups, and what is to be done when an engine fails.
//
// It knows no table of ours and no reason to write: statements and migrations come in as
// text. It tells the layer above what state the database is in and when that has changed,
// and caches no rows itself.
//
// Reads and writes have separate pools, so that no read ever waits for a writer, and no
// read writes. The other differences between the engines are in a [Dialect].
//
// SQLite has one writer: transactions that wait for it are committed together (commit.go),
// and its log is copied into the file in the background (checkpoint.go). The index of that
// log tells with a few loads from memory whether the database has changed (walindex.go).
package sqldb
