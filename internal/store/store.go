package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/move"
	"wxlogin/internal/store/sqldb"
)

// Config is what Open needs.
type Config struct {
	URL  string       // sqlite:PATH or postgres://…
	Keys auth.Keyring // seal the refresh tokens; at least one, or nil: see MakeKeys
	// MakeKeys makes them where Keys is nil, once the database is open: a start that is
	// refused makes none. sealed says that there are tokens already, sealed with keys that
	// are missing. Its error is returned unchanged.
	MakeKeys   func(sealed bool) (auth.Keyring, error)
	Migrations fs.FS           // *.sql
	Migrating  func(Migration) // called as the schema is migrated; may be nil
	Keep       bool            // do not migrate an older schema, whose program may be running: ErrOlder
	// WriteBudget is how long a write waits until it may begin, for its turn or somebody
	// else's lock; 0: 5 s.
	WriteBudget time.Duration
	Now         func() time.Time // nil: time.Now
	Logger      *slog.Logger     // nil: silence

	gap      func() // see sqldb.Config
	maxTotal int64  // see list.Config
	manyRows int64  // 0: manyRows
}

// ErrOlder is in the error of Open for an older schema that it must not migrate.
var ErrOlder = sqldb.ErrOlder

// Migration is how far a migration is.
type Migration = sqldb.Progress

// Store is one database. It is safe for concurrent use, within a process and by
// several processes.
type Store struct {
	db    *sqldb.DB
	cache *sessionCache // for Visit
	lists *list.Lists

	doubt clockDoubt // about the clock of sweeps

	everybody, signedIn cachedCount // counts of people, and of visitors' sessions

	// Statements of every visit or every login.
	visitor, admin, scan, byOpenID, pictureSource, client, granted sqldb.Stmt

	sealer *sealer
	now    func() time.Time
	log    *slog.Logger
}

var (
	_ auth.Store  = (*Store)(nil)
	_ admin.Store = (*Store)(nil)
)

// loginWrites are the statements of every login, of every login to a client, and of the
// refresher, which asks every minute and for every person.
var loginWrites = []string{insertLogin, finishLogin, endedLogin, greetUser, upsertUser, upsertToken, insertSession, renewSession, deleteSession, countSessionsOf, endLeastUsed,
	insertGrant, surplusCodes, redeemCode, personInSession, endedGrants, surplusOffline,
	tokenTables[0].due(), tokenTables[0].putOff(), tokenTables[1].due(), tokenTables[1].putOff()}

// Open opens the database, makes it if there is none, and migrates its schema. It refuses
// a file that is damaged, is not a database, belongs to another program or has a newer
// schema than this program knows.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{now: c.Now, log: c.Logger, cache: newSessionCache()}
	s.everybody.many, s.signedIn.many = cmp.Or(c.manyRows, manyRows), cmp.Or(c.manyRows, manyRows)
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	lateKeys := c.Keys == nil && c.MakeKeys != nil
	if !lateKeys {
		if err := s.useKeys(c.Keys); err != nil {
			return nil, err
		}
	}
	var err error
	s.db, err = sqldb.Open(ctx, sqldb.Config{
		URL: c.URL, Migrations: c.Migrations, Migrating: c.Migrating, Keep: c.Keep, Prepared: loginWrites, WriteBudget: c.WriteBudget, Hook: s.cache, Now: s.now, Logger: s.log, Gap: c.gap,
	})
	if err != nil {
		return nil, err
	}
	s.cache.current = s.db.State
	keys := c.Keys
	if lateKeys {
		var sealed bool
		if err = s.db.GetContext(ctx, &sealed, `SELECT EXISTS (SELECT 1 FROM tokens) OR EXISTS (SELECT 1 FROM identity_tokens)`); err != nil {
			err = s.fail(ctx, "look for sealed tokens", err)
		} else if keys, err = c.MakeKeys(sealed); err == nil {
			err = s.useKeys(keys)
		}
		if err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	s.lists = list.New(list.Config{DB: s.db, Keys: keys, People: s.countPeople, Now: s.now, MaxTotal: c.maxTotal})
	if err := s.open(ctx); err != nil {
		_ = s.Close()
		return nil, s.fail(ctx, "open database", err)
	}
	return s, nil
}

func (s *Store) useKeys(keys auth.Keyring) (err error) {
	if s.sealer, err = newSealer(keys); err != nil {
		return auth.Fail(auth.StoreDown, fmt.Errorf("open database: %w", err))
	}
	return nil
}

func (s *Store) open(ctx context.Context) (err error) {
	for stmt, query := range map[*sqldb.Stmt]string{
		&s.visitor: visitorQuery, &s.admin: adminQuery, &s.scan: scanQuery, &s.byOpenID: openIDQuery, &s.pictureSource: pictureQuery,
		&s.client: clientQuery, &s.granted: grantedQuery,
	} {
		if *stmt, err = s.db.Prepare(ctx, query); err != nil {
			return err
		}
	}
	return s.checkKeys(ctx)
}

// CheckURL says what is wrong with the address of a database. It does not show the
// address, which may hold a password.
func CheckURL(address string) error { return sqldb.CheckURL(address) }

// File is the one absolute path of a SQLite database, with symbolic links followed. ok is
// false for an address of another engine.
func File(address string) (path string, ok bool) {
	path, ok = strings.CutPrefix(address, "sqlite:")
	if !ok || path == "" {
		return "", false
	}
	if real, err := sqldb.FilePath(path); err == nil {
		path = real
	}
	return path, true
}

// TakeOwner gives a file that root has made to the owner of the database (see
// sqldb.TakeOwner).
func TakeOwner(file, database string) error { return sqldb.TakeOwner(file, database) }

// Whose says who owns a file that may not be opened (see sqldb.Whose).
func Whose(file string, err error) string { return sqldb.Whose(file, err) }

// Close ends all connections. Calls in flight fail.
func (s *Store) Close() error { return s.db.Close() }

// Ready returns nil if the store can serve: the database answers, its schema is the one
// these statements are for, the file is still the one opened, and nothing is known that
// keeps writes from succeeding. It writes nothing. A lock that somebody else holds does
// not make it unready, as reads go on.
func (s *Store) Ready(ctx context.Context) error { return s.db.Ready(ctx) }

// Backup writes a consistent copy of a SQLite database, which others may have open, to a
// new file, mode 0600. It does not overwrite, and migrates nothing.
func Backup(ctx context.Context, url, file string) error { return sqldb.Backup(ctx, url, file) }

// Server returns the version of the server and how long it takes to answer; empty for a
// file.
func (s *Store) Server(ctx context.Context) (version string, latency time.Duration, err error) {
	return s.db.Server(ctx)
}

// Pools returns the connection pools by their purpose, for their statistics.
func (s *Store) Pools() map[string]*sql.DB { return s.db.Pools() }

// WritesWaiting is how many transactions wait for the one writer of SQLite. With
// another engine they wait for a connection.
func (s *Store) WritesWaiting() int { return s.db.WritesWaiting() }

// What MoveFrom reports of a table, and of the refresh_tokens.
type (
	Moved  = move.Table
	Sealed = move.Sealed
)

// MoveFrom copies a SQLite database that no service uses into this one, which has to be
// PostgreSQL (see move.Run).
func (s *Store) MoveFrom(ctx context.Context, path string, report func(Moved)) (Sealed, error) {
	opens := func(sealed, appID, openID string) bool {
		_, err := s.sealer.open(sealed, tokenPlace(appID, openID))
		return err == nil
	}
	return move.Run(ctx, move.Options{From: path, To: s.db, Opens: opens}, report)
}

// write runs do in one transaction (see sqldb.DB.Write), and invalidates all cached
// sessions.
func (s *Store) write(ctx context.Context, what string, do func(*sqldb.Tx) error) error {
	return s.db.Write(ctx, what, &touchesAll, do)
}

// writeFor is write for a transaction that touches only these entries of the cache. who is
// read after do has run.
func (s *Store) writeFor(ctx context.Context, what string, who *touched, do func(*sqldb.Tx) error) error {
	return s.db.Write(ctx, what, who, do)
}

// fail makes every error that leaves this package.
func (s *Store) fail(ctx context.Context, what string, err error) error {
	return s.db.Fail(ctx, what, err)
}

// orNone is fail for the read of one row, with reason when there is no row.
func (s *Store) orNone(ctx context.Context, what string, err error, reason auth.Reason) error {
	if errors.Is(err, sql.ErrNoRows) || err != nil && s.db.Fault(err).NoText {
		return auth.Fail(reason, nil)
	}
	return s.fail(ctx, what, err)
}

// getter reads one row, in a transaction or without one.
type getter interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}
