package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

var postgresDialect = Dialect{
	Engine:      "postgres",
	Like:        "ILIKE",
	ManyWriters: true,
	goose:       goose.DialectPostgres,
	translation: strings.NewReplacer(), // the migrations are in its SQL; /*STRICT*/ is a comment
	// Every statement sees what others have committed before it: one that has waited for a
	// row checks the row as it is now. The statements here are written for that, whatever
	// default_transaction_isolation is.
	writing: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
	// All statements see one snapshot.
	reading:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	diagnose: diagnosePostgres,
}

// pgxDriver is the name by which sqlx knows the driver.
const pgxDriver = "pgx"

// The connections that one DB makes. Two replicas and a command or two stay within the 100
// connections that PostgreSQL allows by default.
const (
	postgresReaders = 8
	postgresWriters = 8
	// Connections are renewed now and then, so that a change of the server behind a name
	// is noticed.
	postgresLifetime = 30 * time.Minute
	postgresIdle     = 5 * time.Minute
	// connecting is how long one address of the server may take to answer.
	connecting = 5 * time.Second
)

// A server that has vanished silently is noticed within half a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// isPostgres says whether an address is a PostgreSQL address.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// parsePostgres parses an address. Its error does not show the address, which may hold a
// password.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	u, err := url.Parse(address)
	if err != nil || spilt(u) {
		return nil, errors.New("is no URL such as postgres://USER:PASSWORD@HOST/DATABASE; in the password, characters like @ : / ? # % have to be percent-encoded")
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), "`: ") // the part before repeats the address
		password, _ := u.User.Password()
		for _, secret := range []string{password, u.Query().Get("password"), u.Query().Get("sslpassword")} {
			if secret != "" {
				why = strings.ReplaceAll(why, secret, "[redacted]")
			}
		}
		return nil, fmt.Errorf("is not an address of PostgreSQL's: %s", why)
	}
	if !u.Query().Has("connect_timeout") {
		config.ConnectTimeout = connecting
	}
	config.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	return config, nil
}

// spilt says whether a # or a ? in a password has split the address, so that parts of the
// password would be taken for a host, a port or parameters, which errors name.
func spilt(u *url.URL) bool {
	for name := range u.Query() {
		if strings.ContainsAny(name, "@/:") {
			return true
		}
	}
	return u.Fragment != ""
}

func (db *DB) openPostgres(ctx context.Context, address string, migrations fs.FS) error {
	config, err := parsePostgres(address)
	if err != nil {
		return err
	}
	// The address has been checked.
	u, _ := url.Parse(address)
	p := &pooler{chosen: u.Query().Has("default_query_exec_mode"), budget: db.writeBudget}
	reader, err := p.connect(ctx, config, postgresReaders)
	if err != nil {
		return err
	}
	db.reader = readPool{reader, db.gone, db.watch.usable, p}
	if p.there() {
		db.log.InfoContext(ctx, "connection pooler detected: each transaction sets its own limits, no statement is prepared")
	}
	db.pooler, db.diagnose = p, p.diagnose
	db.writer = p.open(config, postgresWriters)
	return db.preparePostgres(ctx, reader, migrations)
}

// migrationLock is the key of the advisory lock that a start takes to migrate: "wxlogin"
// in ASCII.
const migrationLock = 0x77786c6f67696e

// preparePostgres inspects and migrates the database, while others that start at the same
// moment wait. A database that is up to date is not touched, so that a start passes while
// it takes no writes. It needs one connection, which reads then go on using: making one
// takes the server longer than all the rest of a start.
func (db *DB) preparePostgres(ctx context.Context, pool *sqlx.DB, files fs.FS) error {
	if err := db.readMigrations(files); err != nil {
		return err
	}
	current := false
	look := func(pool *sqlx.DB) error {
		known, err := inspectPostgres(ctx, pool)
		if err != nil || !known {
			return err
		}
		version, err := schemaVersion(ctx, pool)
		current = version == db.schema
		return err
	}
	var err error
	if db.pooler.there() { // the transaction may have to set the schema
		err = db.pooler.inOne(ctx, pool, look)
	} else {
		err = look(pool)
	}
	if err != nil || current {
		return err
	}
	// The lock ends with the transaction, also behind a pooler that gives each transaction
	// another connection. Each migration has its own, so that an older program waits for
	// the tables of one migration only, and finished migrations stay.
	for done := false; err == nil && !done; {
		err = db.pooler.inOne(ctx, pool, func(one *sqlx.DB) (err error) {
			if _, err := one.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
				return err
			}
			if _, err := inspectPostgres(ctx, one); err != nil {
				return err
			}
			done, err = db.migrateOnce(ctx, one)
			return err
		})
	}
	return err
}

// inspectPostgres refuses a database that this program must not touch, and says whether it
// has been used by this program before. It changes nothing.
func inspectPostgres(ctx context.Context, db *sqlx.DB) (known bool, err error) {
	var found struct {
		Encoding string `db:"encoding"`
		Tables   int    `db:"tables"`
		Known    bool   `db:"known"`
	}
	// Tables of extensions do not count.
	err = db.GetContext(ctx, &found, `SELECT current_setting('server_encoding') AS encoding, COUNT(*) AS tables,
			COALESCE(bool_or(relname = $1), false) AS known
		FROM pg_class WHERE relkind IN ('r', 'p')
			AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')`, versionTable)
	switch {
	case err != nil:
		return false, err
	case found.Encoding != "UTF8":
		return false, fmt.Errorf("the database has the encoding %s, which does not hold every nickname; make it with ENCODING 'UTF8' TEMPLATE template0", found.Encoding)
	case found.Tables > 0 && !found.Known:
		return false, errors.New("it is the database of another program; make one for wxlogin alone, or a schema of its own named by search_path in the address")
	}
	return found.Known, nil
}

// readOnly says whether the server is read-only, as a standby is.
func readOnly(ctx context.Context, db readPool) (bool, error) {
	var setting string
	err := db.GetContext(ctx, &setting, `SELECT current_setting('transaction_read_only')`)
	return setting == "on", err
}

// Server returns the version of the server and how long it takes to answer; empty for a
// file.
func (db *DB) Server(ctx context.Context) (version string, latency time.Duration, err error) {
	if db.path != "" {
		return "", 0, nil
	}
	began := time.Now() // on an existing connection, since Open has used it
	err = db.reader.GetContext(ctx, &version, `SELECT version()`)
	latency = time.Since(began)
	// The rest describes the machine that it was built on.
	version, _, _ = strings.Cut(version, " on ")
	return version, latency, db.Fail(ctx, "ask the server", err)
}
