package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// diagnosePostgres goes by SQLSTATE (PostgreSQL documentation, appendix A), and by the
// error of the connection when the server said nothing.
func diagnosePostgres(err error) Fault {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return diagnoseState(fault)
	}
	// The end of a context closes the connection in use: that is not a fault of the
	// database.
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Fault{}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return Fault{Words: "the database cannot be reached", Gone: true}
	}
	_, network := errors.AsType[net.Error](err)
	if network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return Fault{Words: "the connection to the database broke off", Gone: true}
	}
	return Fault{}
}

func diagnoseState(fault *pgconn.PgError) Fault {
	switch fault.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return Fault{Words: "conflict with other transactions", Again: true}
	case "23503": // foreign_key_violation: the row was deleted while we wrote
		return Fault{Words: "a referenced row has been deleted meanwhile", Again: true}
	case "55P03": // lock_not_available
		return Fault{Words: "the database is locked by somebody else"}
	case "25006": // read_only_sql_transaction
		return Fault{Words: "the database is read-only", Lasting: true, Stale: true}
	case "57P01", "57P02", "57P03", "57P05": // admin_shutdown … cannot_connect_now, idle_session_timeout
		return Fault{Words: "the database is stopping or starting", Gone: true}
	case "25P03": // idle_in_transaction_session_timeout
		return Fault{Words: "the database has ended the transaction", Gone: true}
	case "53100":
		return Fault{Words: "the database's disk is full", Lasting: true}
	case "53300":
		return Fault{Words: "the database has too many connections"}
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return Fault{Words: "a text that the database cannot store", NoText: true}
	case "42501":
		return Fault{Words: "the database user lacks a privilege", Lasting: true}
	case "3D000", "28000", "28P01":
		return Fault{Words: "the database refuses the login", Lasting: true}
	case "58030":
		return Fault{Words: "disk I/O error of the database", Lasting: true}
	case "XX001", "XX002":
		return Fault{Words: "the database is damaged", Lasting: true, Damaged: true}
	}
	if strings.HasPrefix(fault.Code, "53") {
		return Fault{Words: "the database lacks memory or other resources"}
	}
	if strings.HasPrefix(fault.Code, "08") {
		return Fault{Words: "the connection to the database broke off", Gone: true}
	}
	return Fault{}
}

// flat puts the text of an error on one line: the driver lists the addresses that it tried
// on separate lines.
type flat struct{ error }

func (f flat) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }
func (f flat) Unwrap() error { return f.error }

func oneLine(err error) error {
	if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
		return flat{err}
	}
	return err
}

// errPgDump is the error of a backup of PostgreSQL.
var errPgDump = errors.New("this copies SQLite files; for PostgreSQL use pg_dump, or what your provider has")
