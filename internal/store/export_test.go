package store

import (
	"context"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
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
	p, err := s.people(ctx, q)
	return err == nil && p.gathered, err
}

// Statement is one that finds people.
type Statement struct {
	Text string // with question marks
	Args []any
	Scan bool // it goes through the order
	From bool // of a cursor
}

// Statements are all that a query may be answered by.
func (s *Store) Statements(ctx context.Context, q admin.UserQuery) (all []Statement, err error) {
	sel, err := s.selection(ctx, q)
	if err != nil {
		return nil, err
	}
	p := &people{selection: sel, store: s}
	add := func(c clause, scan, from bool) { all = append(all, Statement{c.text, c.args, scan, from}) }
	for _, back := range []bool{false, true} {
		from := position{at: 1, id: "x"}
		for _, end := range []*position{p.low, p.high} {
			if end != nil {
				from.at = end.at - 1
			}
		}
		add(p.scanOrder(nil, back, 51), true, false)
		add(p.scanOrder(&from, back, 51), true, true)
	}
	for _, index := range p.candidates {
		add(index.counting(maxTotal), false, false)
		if index.few > 0 {
			add(p.gathering(index), false, false)
		}
		if index.listed.text != "" {
			listing := *p
			listing.where = append(slices.Clone(p.where), index.listed)
			add(listing.scanOrder(nil, false, 51), true, false)
		}
	}
	return all, nil
}

// CountAdminsStatement is what counts the admins besides one.
func CountAdminsStatement(guard admin.Guard, exceptUserID string) Statement {
	c := countAdmins(guard, clause{"users.id <> ?", []any{exceptUserID}})
	return Statement{Text: c.text, Args: c.args}
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
