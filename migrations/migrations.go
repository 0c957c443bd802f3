// Package migrations holds the schema of wxlogin's database, one file for each version, in
// the order of their numbers. A file that has been released is never changed again; a
// correction is a new file.
//
// It does not know how or when they are run, nor on which engine: package store does. The
// SQL is written for PostgreSQL and SQLite alike, and differs from SQLite's own in three
// words: BIGINT (INTEGER), BYTEA (BLOB) and /*STRICT*/ (STRICT tables). Package store
// translates them. A file named *.sqlite.sql or *.postgres.sql is for that engine alone,
// in its own SQL.
package migrations

import "embed"

// FS holds the *.sql files, named NNNNN_subject.sql.
//
//go:embed *.sql
var FS embed.FS
