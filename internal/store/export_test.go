package store

import (
	"context"
	"strings"

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

// Gathered says whether the people of a query are gathered, and not walked to.
func (s *Store) Gathered(ctx context.Context, q admin.UserQuery) (bool, error) {
	p, err := s.people(ctx, q)
	return err == nil && p.gathered, err
}

// Statement is one that finds people.
type Statement struct {
	Text string // with question marks
	Args []any
	Walk bool // it goes through the order
	From bool // of a cursor
}

// Statements are all that a query may be answered by.
func (s *Store) Statements(ctx context.Context, q admin.UserQuery) (all []Statement, err error) {
	sel, err := s.selection(ctx, q)
	if err != nil {
		return nil, err
	}
	p := &people{selection: sel, store: s}
	add := func(c clause, walk bool) {
		all = append(all, Statement{c.text, c.args, walk, walk && strings.Contains(c.text, ", users.id) ")})
	}
	stretches := p.stretches
	if len(stretches) == 0 {
		stretches = []stretch{p.ordered(s.db.Dialect)}
	}
	for _, back := range []bool{false, true} {
		if len(stretches) > 1 {
			add(p.walking(nil, back, 51), false)
		}
		for _, st := range stretches {
			from := place{at: 1, id: "x"}
			for _, b := range append(st.bounds, p.bounds...) {
				if b.column == st.at {
					from.at = b.at
				}
			}
			add(p.along(st, nil, back, 51), st.few == 0)
			add(p.along(st, &from, back, 51), st.few == 0)
		}
	}
	for _, src := range p.sources {
		if src.few == 0 {
			continue
		}
		add(src.counting(maxTotal), false)
		add(p.gathering(src), false)
		if src.listed.text != "" {
			p.where[src.where] = src.listed
			for _, st := range stretches {
				add(p.along(st, nil, false, 51), st.few == 0)
			}
		}
	}
	return all, nil
}

// CountAdminsStatement is what counts the admins besides one.
func CountAdminsStatement(guard admin.Guard, exceptUserID string) Statement {
	query, args := countAdmins(guard, "id", exceptUserID)
	return Statement{Text: query, Args: args}
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
