package store

import (
	"context"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// Sealer shows the seal to tests that need thousands of seals and no database.
type Sealer struct{ *sealer }

func NewSealer(ring auth.Keyring) (Sealer, error) {
	s, err := newSealer(ring)
	return Sealer{s}, err
}

func (s Sealer) Seal(text auth.Secret, place string) string {
	sealed, _ := s.seal(text, place)
	return sealed
}

func (s Sealer) Open(sealed, place string) (auth.Secret, error) { return s.open(sealed, place) }

// CacheNoSessions makes every visit a read of the database.
func (s *Store) CacheNoSessions() { s.cache.current = noState }

// Gathered says whether the people of a query are gathered, and not found by a scan of the order.
func (s *Store) Gathered(ctx context.Context, q admin.UserQuery) (bool, error) {
	return s.lists.Gathers(ctx, q)
}

// Statement is one that finds people.
type Statement = list.Statement

// Statements are all that a query may be answered by.
func (s *Store) Statements(ctx context.Context, q admin.UserQuery) (all []Statement, err error) {
	return s.lists.Statements(ctx, q)
}

// Prepared counts the statements that ask for themselves and that the connection which
// answers has prepared, asking as lists do.
func (s *Store) Prepared(ctx context.Context) (n int, err error) {
	err = s.db.Get(ctx, &n, sqldb.SQL("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE $1", "%pg_prepared_statements%"))
	return n, err
}

// CountAdminsStatement is what counts the admins besides one.
func CountAdminsStatement(guard admin.Guard, exceptUserID string) Statement {
	query, args := countAdmins(guard, "id", exceptUserID)
	return Statement{Text: query, Args: args}
}

// AccessOfStatement lists the applications that know a person.
func AccessOfStatement(userID string) Statement {
	return Statement{Text: accessOfQuery, Args: []any{userID}}
}

// SurplusStatements end what a client holds too much of: codes of a session, and grants
// of a person.
func SurplusStatements(clientID, sessionID, userID string) []Statement {
	return []Statement{{Text: surplusCodes, Args: []any{sessionID, clientID, 5}}, {Text: surplusOffline, Args: []any{userID, clientID, 50}}}
}

// WithGap has f called in the two gaps behind every commit of a store: when it is
// done and the state that it left has not been looked at, and when it has been, but
// SQLite has not been asked whose it is.
func WithGap(c Config, f func()) Config {
	c.gap = f
	return c
}

// SessionLimitStatements are what counts a person's sessions, and what ends those
// beyond the limit.
func SessionLimitStatements(userID string) []Statement {
	return []Statement{
		{Text: countSessionsOf, Args: []any{userID}},
		{Text: endLeastUsed, Args: []any{userID, "", 1, 2, 3}},
	}
}

// WithMaxTotal has a store count people for a page this far, and not list.MaxTotal.
func WithMaxTotal(c Config, n int64) Config {
	c.maxTotal = n
	return c
}

// WithManyRows has a store take so many rows for very many.
func WithManyRows(c Config, n int64) Config {
	c.manyRows = n
	return c
}

// SignInStatements are what finds a person by an identity, at a visit, a login, or with
// a token.
func SignInStatements() map[string]Statement {
	kin := kinQuery(auth.SaveLogin{Login: auth.Login{AppID: "wx1"}, UnionID: "union", Kin: []string{"wx2", "wx3"}})
	return map[string]Statement{
		"visit":          {Text: visitorQuery, Args: []any{"hash"}},
		"by openid":      {Text: openIDQuery, Args: []any{"wx1", "o1"}},
		"grant":          {Text: grantedQuery, Args: []any{"id"}},
		"code":           {Text: personInSession, Args: []any{"id", "session", 1}},
		"token":          {Text: tokenTables[0].one(""), Args: []any{"id", "id"}},
		"another token":  {Text: tokenTables[1].one(""), Args: []any{"other", "id"}},
		"by unionid":     {Text: kin.Text, Args: kin.Args},
		"of a person":    {Text: furtherQuery, Args: []any{"id"}},
		"who to propose": {Text: kinship("union", []string{"wx2"}).Text, Args: kinship("union", []string{"wx2"}).Args},
	}
}
