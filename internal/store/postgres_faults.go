package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// diagnosePostgres goes by SQLSTATE (PostgreSQL documentation, appendix A), and
// by what the connection did when the server said nothing.
func diagnosePostgres(err error) condition {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return diagnoseState(fault)
	}
	// The end of a context closes the connection under way: that is its fault.
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return condition{}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return condition{words: "the database cannot be reached", gone: true}
	}
	_, network := errors.AsType[net.Error](err)
	if network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return condition{words: "the connection to the database broke off", gone: true}
	}
	return condition{}
}

func diagnoseState(fault *pgconn.PgError) condition {
	switch fault.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return condition{words: "others were faster", again: true}
	case "23503": // foreign_key_violation: the person was erased while we wrote
		return condition{words: "the person has been erased meanwhile", again: true}
	case "55P03": // lock_not_available
		return condition{words: "the database is locked by somebody else"}
	case "25006": // read_only_sql_transaction
		return condition{words: "the database is read-only", lasting: true, stale: true}
	case "57P01", "57P02", "57P03", "57P05": // admin_shutdown … cannot_connect_now, idle_session_timeout
		return condition{words: "the database is stopping or starting", gone: true}
	case "25P03": // idle_in_transaction_session_timeout
		return condition{words: "the database has ended the transaction", gone: true}
	case "53100":
		return condition{words: "the database's disk is full", lasting: true}
	case "53300":
		return condition{words: "the database has no connection to spare"}
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return condition{words: "a text that no database holds", noText: true}
	case "42501":
		return condition{words: "the database's user lacks a right", lasting: true}
	case "3D000", "28000", "28P01":
		return condition{words: "the database does not let us in", lasting: true}
	case "58030":
		return condition{words: "the database's disk fails", lasting: true}
	case "XX001", "XX002":
		return condition{words: "the database is damaged", lasting: true, damaged: true}
	}
	if strings.HasPrefix(fault.Code, "53") {
		return condition{words: "the database lacks memory or room"}
	}
	if strings.HasPrefix(fault.Code, "08") {
		return condition{words: "the connection to the database broke off", gone: true}
	}
	return condition{}
}

// flat has an error's text on one line: the driver lists the addresses that it
// tried on lines of their own.
type flat struct{ error }

func (f flat) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }
func (f flat) Unwrap() error { return f.error }

func oneLine(err error) error {
	if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
		return flat{err}
	}
	return err
}

// errPgDump is what a backup says.
var errPgDump = errors.New("this copies SQLite files; for PostgreSQL use pg_dump, or what your provider has")
