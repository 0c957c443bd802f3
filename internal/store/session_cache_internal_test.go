package store

import (
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// states are those of a real database, where the cache is not told of commits.
type states struct {
	*sqldb.DB
	t *testing.T
}

func newStates(t *testing.T) states {
	if runtime.GOOS == "windows" {
		t.Skip("sessions are cached where the log's index can be mapped")
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{
		URL:        "sqlite:" + filepath.Join(t.TempDir(), "x.db"),
		Migrations: fstest.MapFS{"00001_n.sql": {Data: []byte("-- +goose Up\nCREATE TABLE numbers (n BIGINT);")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return states{db, t}
}

// commit brings the database into another state.
func (s states) commit() {
	s.t.Helper()
	err := s.Write(s.t.Context(), "commit", nil, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(s.t.Context(), "INSERT INTO numbers (n) VALUES (1)")
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// cache is one over these states.
func (s states) cache() *sessionCache {
	c := newSessionCache()
	c.current = s.State
	return c
}

// begin is the state that one of our transactions begins in.
func (s states) begin(c *sessionCache) sqldb.State {
	state, _ := s.State()
	c.Before()
	return state
}

func visitOf(name string) *auth.Visit {
	return &auth.Visit{Session: auth.Session{TokenHash: name, UserID: name}, User: auth.User{ID: name}}
}

// What was read while the database changed is not cached, and our own transactions
// invalidate only what they have touched.
func TestSessionCacheFollowsOurTransactions(t *testing.T) {
	t.Parallel()
	i := newStates(t)
	c := i.cache()
	cached := func(name string) bool {
		visit, _ := c.get(name)
		return visit != nil
	}
	add := func(name string) {
		t.Helper()
		_, state := c.get(name)
		c.add(visitOf(name), state)
		if !cached(name) {
			t.Fatalf("%s is not cached", name)
		}
	}
	ours := func(meanwhile func(), who touched) {
		before := i.begin(c)
		i.commit()
		meanwhile()
		after, ok := c.current()
		c.Committed(before, after, ok, []any{&who})
	}
	nothing := func() {}

	add("lin")
	add("wang")
	ours(nothing, touched{user: "wang"})
	if !cached("lin") || cached("wang") {
		t.Fatal("our own transaction invalidates whom it has touched, and nobody else")
	}
	i.commit() // somebody else's
	ours(nothing, touched{})
	if cached("lin") {
		t.Fatal("somebody else's transaction came before ours")
	}

	_, state := c.get("lin")
	i.commit() // while lin's row is read
	c.add(visitOf("lin"), state)
	if cached("lin") {
		t.Fatal("the database changed while it was read")
	}

	add("lin")
	_, state = c.get("wang")
	ours(nothing, touched{}) // while wang's row is read
	c.add(visitOf("wang"), state)
	if !cached("lin") {
		t.Fatal("a read that comes late invalidates others")
	}

	ours(func() {
		visit, state := c.get("wang")
		if visit != nil {
			t.Fatal("nobody has cached wang")
		}
		c.add(visitOf("wang"), state) // sees the commit, but not yet whom it has touched
	}, touched{user: "wang"})
	if !cached("lin") || cached("wang") {
		t.Fatal("a read during our own transaction invalidates others")
	}
	ours(nothing, touchesAll)
	if cached("lin") {
		t.Fatal("a transaction of unknown effect invalidates everybody")
	}

	add("lin")
	ours(nothing, touched{user: "wang", made: visitOf("wang")})
	if !cached("wang") || !cached("lin") {
		t.Fatal("a login's own visit need not be read")
	}
	i.commit() // somebody else's
	ours(nothing, touched{user: "wang", made: visitOf("wang")})
	if !cached("wang") || cached("lin") {
		t.Fatal("a login after a change of somebody else's caches its own visit and nothing older")
	}
	before := i.begin(c)
	i.commit()
	after, ok := c.current()
	c.Committed(before, after, ok, []any{
		&touched{user: "lin", made: visitOf("lin")},
		&touched{user: "wang", made: visitOf("wang")},
		&touched{user: "lin"}, // who is blocked at the same moment
	})
	if cached("lin") || !cached("wang") {
		t.Fatal("of one transaction the later jobs count")
	}
	before = i.begin(c)
	after, _ = c.current()
	c.Committed(before, after, false, []any{&touched{user: "lin", made: visitOf("lin")}})
	if cached("lin") || cached("wang") {
		t.Fatal("nobody knows whose the state is")
	}
}

// A person with several sessions is invalidated with all of them, and one of them alone.
func TestCachedSessionsOfOnePerson(t *testing.T) {
	t.Parallel()
	i := newStates(t)
	v := i.cache()
	keep := func(hash, user string) {
		_, state := v.get(hash)
		v.add(&auth.Visit{Session: auth.Session{TokenHash: hash, UserID: user}, User: auth.User{ID: user}}, state)
	}
	wantKept := func(want ...string) {
		t.Helper()
		var kept []string
		for _, hash := range []string{"lin1", "lin2", "lin3", "wang1"} {
			if visit, _ := v.get(hash); visit != nil {
				kept = append(kept, hash)
			}
		}
		if !slices.Equal(kept, want) {
			t.Fatalf("%q are kept, want %q", kept, want)
		}
		wantInStep(t, v)
	}
	ours := func(who touched) {
		before := i.begin(v)
		i.commit()
		after, ok := v.current()
		v.Committed(before, after, ok, []any{&who})
	}
	for range 2 { // twice, as when two have read the same at once
		for _, hash := range []string{"lin1", "lin2", "lin3"} {
			keep(hash, "lin")
		}
	}
	keep("wang1", "wang")
	wantKept("lin1", "lin2", "lin3", "wang1")
	ours(touched{sessions: []string{"lin2", "nobody's"}})
	wantKept("lin1", "lin3", "wang1")
	ours(touched{user: "lin"})
	wantKept("wang1")
	keep("lin2", "lin")
	wantKept("lin2", "wang1")
	ours(touched{user: "wang", sessions: []string{"wang1"}})
	wantKept("lin2")
	i.commit() // somebody else's
	keep("lin3", "lin")
	wantKept("lin3")
}

// Requests look while others add what they have read and our transactions invalidate
// it. The three have nothing in common but the cache's own lock, so that without it the
// race detector sees them meet.
func TestSessionCacheIsSharedSafely(t *testing.T) {
	t.Parallel()
	i := newStates(t)
	c := i.cache()
	state, _ := c.current()
	c.add(visitOf("lin"), state)
	const times = 100
	var wg sync.WaitGroup
	wg.Go(func() {
		for range times {
			if visit, _ := c.get("lin"); visit == nil || visit.User.ID != "lin" {
				t.Errorf("lin's session is %v", visit)
			}
			_, _ = c.client("wiki")
		}
	})
	wg.Go(func() {
		for n := range times {
			c.add(visitOf(strconv.Itoa(n)), state)
			c.addClient(&auth.Client{ID: "wiki"}, state)
		}
	})
	wg.Go(func() {
		for n := range times {
			c.Before()
			c.Committed(state, state, true, []any{&touched{user: strconv.Itoa(n)}})
		}
	})
	wg.Wait()
	wantInStep(t, c)
}

// What is kept does not grow without end.
func TestSessionCacheIsBounded(t *testing.T) {
	t.Parallel()
	v := newStates(t).cache()
	for n := range maxCached + 100 {
		hash := strconv.Itoa(n)
		_, state := v.get(hash)
		v.add(&auth.Visit{Session: auth.Session{TokenHash: hash}, User: auth.User{ID: strconv.Itoa(n % 1000)}}, state)
		if visit, _ := v.get(hash); visit == nil {
			t.Fatal("the newest is not kept")
		}
	}
	if len(v.entries) != maxCached {
		t.Errorf("%d are kept", len(v.entries))
	}
	wantInStep(t, v)
}

// wantInStep wants the sessions of all people to be those that are kept.
func wantInStep(t *testing.T, v *sessionCache) {
	t.Helper()
	listed := 0
	for user, hashes := range v.sessions {
		for _, hash := range hashes {
			if visit := v.entries[hash]; visit == nil || visit.User.ID != user {
				t.Errorf("%s is listed for %s, and kept is %v", hash, user, visit)
			}
		}
		if listed += len(hashes); len(hashes) == 0 {
			t.Errorf("nothing is listed for %s", user)
		}
	}
	if listed != len(v.entries) {
		t.Errorf("%d are listed, %d kept", listed, len(v.entries))
	}
}
