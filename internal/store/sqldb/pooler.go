package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// pooler is what is known of a program between us and the server, such as PgBouncer, that
// may give each transaction another server connection. Behind one, settings and prepared
// statements of a connection are lost, so each transaction sets its own limits and nothing
// is prepared. A nil pooler: there cannot be any.
type pooler struct {
	seen   atomic.Bool
	chosen bool          // the address says how statements are sent, which is kept
	budget time.Duration // of writes
	limits string        // SQL that begins each transaction behind a pooler
}

// limits are SQL that ends the wait for somebody else's lock with the budget of writes, and
// frees the locks of a process that vanished in the middle of a transaction.
func limits(budget time.Duration, local bool) string {
	return setting("lock_timeout", fmt.Sprint(budget.Milliseconds()), local) + setting("idle_in_transaction_session_timeout", "30s", local)
}

// setting is a statement that sets a parameter, for the connection or for the
// transaction alone.
func setting(name, value string, local bool) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return fmt.Sprintf("SELECT set_config(%s, %s, %t); ", quote(name), quote(value), local)
}

// connect opens a pool whose first connection detects a pooler: the backend PID of the
// handshake then differs from pg_backend_pid(). Parameters of the address that a pooler
// refuses in the handshake are removed from config and set in each transaction.
func (p *pooler) connect(ctx context.Context, config *pgx.ConnConfig, size int) (*sqlx.DB, error) {
	p.limits = limits(p.budget, true)
	pool := p.open(config, size)
	err := pool.PingContext(ctx)
	// "unsupported startup parameter", from PgBouncer and compatible poolers
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok && fault.Code == "08P01" && len(config.RuntimeParams) > 0 {
		_ = pool.Close() // it has no connection
		for _, name := range slices.Sorted(maps.Keys(config.RuntimeParams)) {
			p.limits += setting(name, config.RuntimeParams[name], true)
		}
		config.RuntimeParams = nil
		p.seen.Store(true)
		pool = p.open(config, size)
		err = pool.PingContext(ctx)
	}
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return pool, nil
}

// look sets the limits of a new connection, and checks which backend answers.
func (p *pooler) look(ctx context.Context, conn *pgx.Conn) error {
	results, err := conn.PgConn().Exec(ctx, limits(p.budget, false)+"SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return err
	}
	pid := string(results[len(results)-1].Rows[0][0])
	if pid != strconv.FormatUint(uint64(conn.PgConn().PID()), 10) {
		p.seen.Store(true)
	}
	return nil
}

// there says whether there is a pooler.
func (p *pooler) there() bool { return p != nil && p.seen.Load() }

// unfit says that a connection would prepare statements, which get lost.
func (p *pooler) unfit(mode pgx.QueryExecMode) bool {
	return p.there() && !p.chosen && mode != pgx.QueryExecModeExec
}

// open returns a pool that has no connection yet.
func (p *pooler) open(config *pgx.ConnConfig, size int) *sqlx.DB {
	db := sqlx.NewDb(stdlib.OpenDB(*config,
		stdlib.OptionBeforeConnect(func(_ context.Context, config *pgx.ConnConfig) error {
			if p.unfit(config.DefaultQueryExecMode) {
				config.DefaultQueryExecMode = pgx.QueryExecModeExec
			}
			return nil
		}),
		stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			err := p.look(ctx, conn)
			if err != nil { // the driver would leave it open
				_ = conn.Close(context.WithoutCancel(ctx))
			}
			return err
		}),
		stdlib.OptionResetSession(func(ctx context.Context, conn *pgx.Conn) error {
			if p.unfit(conn.Config().DefaultQueryExecMode) {
				return driver.ErrBadConn
			}
			return usable(ctx, conn)
		}),
	), pgxDriver)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxLifetime(postgresLifetime)
	db.SetConnMaxIdleTime(postgresIdle)
	return db
}

// begun sets the limits of a transaction that has begun.
func (p *pooler) begun(ctx context.Context, tx *sqlx.Tx) error {
	if !p.there() {
		return nil
	}
	_, err := tx.ExecContext(ctx, p.limits)
	return err
}

// diagnose detects a pooler by what fails behind it: a statement that is missing, or
// exists already, was prepared on another connection.
func (p *pooler) diagnose(err error) Fault {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok && (fault.Code == "26000" || fault.Code == "42P05") {
		p.seen.Store(true)
		return Fault{Words: "a connection pooler was detected; statements are no longer prepared from now on", Gone: true}
	}
	return diagnosePostgres(err)
}

// inOne runs do on a database whose transactions are all savepoints of one transaction, on
// one connection: a migration then needs no second connection beside the one that holds
// its lock, which a pooler might not have.
func (p *pooler) inOne(ctx context.Context, pool *sqlx.DB, do func(*sqlx.DB) error) error {
	conn, err := pool.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := "BEGIN; "
	if p.there() {
		begin += p.limits
	}
	begin += setting("lock_timeout", "0", true) // another process that is starting is waited for
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	err = conn.Raw(func(direct any) error {
		one := sqlx.NewDb(sql.OpenDB(theOne{direct.(*stdlib.Conn)}), pgxDriver)
		one.SetMaxOpenConns(1)
		defer one.Close()
		return do(one)
	})
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	_, ending := conn.ExecContext(context.WithoutCancel(ctx), end)
	if err != nil {
		return err
	}
	return ending
}

// theOne is a connection in a transaction, presented as a pool. It implements
// driver.Connector.
type theOne struct{ *stdlib.Conn }

func (c theOne) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c theOne) Driver() driver.Driver                        { return stdlib.GetDefaultDriver() }
func (c theOne) Close() error                                 { return nil } // the caller of inOne closes it
func (c theOne) ResetSession(context.Context) error           { return nil }

// BeginTx begins a savepoint of the transaction.
func (c theOne) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, err := c.ExecContext(ctx, "SAVEPOINT part", nil)
	return part{ctx, c}, err
}

type part struct {
	ctx  context.Context
	conn theOne
}

func (p part) Commit() error { return p.end("RELEASE SAVEPOINT part") }
func (p part) Rollback() error {
	return p.end("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
}

func (p part) end(statements string) error {
	_, err := p.conn.ExecContext(p.ctx, statements, nil)
	return err
}
