// Package list reads pages of people, of the people of an application, of the audit log,
// and of joins and proposals: search, filters, order, cursors, totals, and the access
// paths by which the engines find them quickly.
//
// It writes nothing, and does not know who asks, how rows come about, when an index is
// kept up to date or what a session is. Of the tables it knows users, identities, events
// and proposals; of followers, tokens, identity_tokens, admins, nicknames, sessions and
// logins what filters and searches ask; and of grants and consents which people an
// application knows.
package list

import (
	"cmp"
	"context"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Config is what New needs.
type Config struct {
	DB   *sqldb.DB
	Keys auth.Keyring // for the marks of cursors; the first makes them, each checks them
	// People counts everybody. Unless it has to be exact, a very large count may be
	// somewhat out of date.
	People func(ctx context.Context, exact bool) (int64, error)
	Now    func() time.Time
	// MaxTotal is how far people are counted for a page; 0: the constant of this name.
	// With a small one, a test of larger totals needs few people.
	MaxTotal int64
}

// Lists reads the lists of one database. It is safe for concurrent use.
type Lists struct {
	db          *sqldb.DB
	countPeople func(context.Context, bool) (int64, error)
	now         func() time.Time
	cursors     [][]byte // keys of the cursors' marks, newest first
	maxTotal    int64
}

// New returns the Lists of a database whose schema is up to date.
func New(c Config) *Lists {
	l := &Lists{db: c.DB, countPeople: c.People, now: c.Now, maxTotal: cmp.Or(c.MaxTotal, MaxTotal)}
	for _, key := range c.Keys {
		l.cursors = append(l.cursors, key.Subkey("cursor/v1"))
	}
	return l
}

// roughly estimates how many people there are, rather too high than too low; negative when
// it is not known.
func (l *Lists) roughly(ctx context.Context) (n float64, err error) {
	query := `SELECT COALESCE(MAX(rowid), 0) FROM users`
	if l.db.ManyWriters {
		query = `SELECT reltuples FROM pg_class WHERE oid = 'users'::regclass`
	}
	err = l.db.GetContext(ctx, &n, query)
	return n, err
}
