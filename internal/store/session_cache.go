package store

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unique"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// maxCached limits how many sessions are cached: about 1 KB each.
const maxCached = 16_384

// sessionCache caches sessions as they are in the database, and serves them as long as the
// database is in the very state for which they are known. A change by another process, or
// by somebody at SQLite's command line, takes effect with the next request.
//
// Logins go on all the time, and each is a change. For the transactions of this process it
// is known whom they touch: only these sessions are invalidated, and the rest carries over
// to the new state. A visit has the whole person in it, so all entries of a person who is
// touched are invalidated.
//
// Two facts make that safe, and where either is unknown nothing is kept. The state before
// our transaction is read while it holds the write lock, so nobody else can change it. The
// state after it is known by SQLite's data version to be its own work, and not that of
// somebody who committed after it (see sqldb.CommitHook). A test plays all orders of our
// commits, foreign ones, commits that change nothing, checkpoints and reads.
//
// All requests of a session get the same visit. It is never modified: what is read again
// replaces it.
type sessionCache struct {
	current func() (sqldb.State, bool) // the state of the database; false: unknown

	hits, misses atomic.Int64

	mu         sync.RWMutex
	state      sqldb.State            // of all entries
	committing bool                   // one of our own transactions is about to change the state
	entries    map[string]*auth.Visit // by the hash of the session's token
	sessions   map[string][]string    // by person: the keys of exactly their entries

	clients  map[string]*auth.Client
	grants   map[string]*cachedGrant // by id
	grantsOf map[string][]string     // by person: the ids of exactly their grants
}

// touched says which cached entries a transaction has changed. The zero value: none.
type touched struct {
	all      bool
	user     string
	sessions []string    // by the hash of their token
	made     *auth.Visit // to be cached, as it reads from now on; nil: none

	clients  bool         // some clients, or grants of theirs
	grants   bool         // all grants; user invalidates those of the user, sessions invalidates all
	grantsOf string       // all grants of a person
	redeemed *cachedGrant // to be cached, as it reads from now on, without its client; nil: none
}

// touchesAll is for a transaction that does not say what it touches.
var touchesAll = touched{all: true}

var _ sqldb.CommitHook = (*sessionCache)(nil)

// newSessionCache makes a cache that stores nothing until current is set.
func newSessionCache() *sessionCache {
	return &sessionCache{
		current: noState, entries: make(map[string]*auth.Visit), sessions: make(map[string][]string),
		clients: make(map[string]*auth.Client), grants: make(map[string]*cachedGrant), grantsOf: make(map[string][]string),
	}
}

// noState is for a database whose state is unknown: nothing is cached.
func noState() (sqldb.State, bool) { return sqldb.State{}, false }

// SessionCacheStats returns how often a session was found in memory, and how often the
// database was read.
func (s *Store) SessionCacheStats() (hits, misses int64) {
	return s.cache.hits.Load(), s.cache.misses.Load()
}

// get returns the entry of a session, or nil, and the state of the database to add under
// what is read from now on.
func (c *sessionCache) get(tokenHash string) (visit *auth.Visit, state sqldb.State) {
	state, ok := c.current()
	if !ok {
		c.misses.Add(1)
		return nil, sqldb.State{}
	}
	c.mu.RLock()
	if c.state == state {
		visit = c.entries[tokenHash]
	}
	c.mu.RUnlock()
	if visit == nil {
		c.misses.Add(1)
	} else {
		c.hits.Add(1)
	}
	return visit, state
}

// add caches what was read since the state was seen. If the state has changed, it would be
// useless, and only take the place of another entry.
func (c *sessionCache) add(visit *auth.Visit, state sqldb.State) {
	c.addUnder(state, func() { c.put(visit) })
}

func (c *sessionCache) addUnder(state sqldb.State, put func()) {
	if now, ok := c.current(); !ok || now != state {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != state {
		if c.committing {
			return // our own transaction will say what it has touched
		}
		c.invalidateAll()
		c.state = state
	}
	put()
}

func (c *sessionCache) put(visit *auth.Visit) {
	hash, user := visit.Session.TokenHash, visit.User.ID
	c.invalidate(hash) // two requests may have read it at once
	c.evict()
	c.entries[hash] = visit
	c.sessions[user] = append(c.sessions[user], hash)
}

// pack copies the texts of a visit that each request reads into one allocation, and
// interns those that many visits share, so that comparing them compares pointers. The
// people of a busy hour do not fit into a processor's caches: each text with an allocation
// of its own is one more read from memory.
func pack(visit *auth.Visit) {
	u := &visit.User
	u.AppID, u.Scope = unique.Make(u.AppID).Value(), unique.Make(u.Scope).Value()
	texts := [...]*string{&u.ID, &u.OpenID, &u.UnionID, &u.Nickname, &visit.Session.ID, &visit.Session.TokenHash}
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}

// evict drops one entry, whichever, when there are too many.
func (c *sessionCache) evict() {
	if len(c.entries) < maxCached {
		return
	}
	for hash := range c.entries {
		c.invalidate(hash)
		return
	}
}

// invalidate drops a session.
func (c *sessionCache) invalidate(tokenHash string) {
	visit, ok := c.entries[tokenHash]
	if !ok {
		return
	}
	delete(c.entries, tokenHash)
	user := visit.User.ID
	others := slices.DeleteFunc(c.sessions[user], func(hash string) bool { return hash == tokenHash })
	if c.sessions[user] = others; len(others) == 0 {
		delete(c.sessions, user)
	}
}

// invalidatePerson drops all sessions of a person.
func (c *sessionCache) invalidatePerson(user string) {
	for _, hash := range c.sessions[user] {
		delete(c.entries, hash)
	}
	delete(c.sessions, user)
	c.dropGrantsOf(user)
}

func (c *sessionCache) invalidateAll() {
	clear(c.entries)
	clear(c.sessions)
	clear(c.clients)
	c.dropGrants()
}

// Before implements sqldb.CommitHook.
func (c *sessionCache) Before() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = true
}

// RolledBack implements sqldb.CommitHook.
func (c *sessionCache) RolledBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = false
}

// Committed implements sqldb.CommitHook: it invalidates what the transactions have
// touched, and carries the rest over to the new state. A change that is not a *touched may
// have touched anything.
func (c *sessionCache) Committed(before, after sqldb.State, ok bool, changes []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = false
	if !ok {
		c.invalidateAll()
		return
	}
	if c.state != before {
		c.invalidateAll() // they were read in an older state
	}
	for _, change := range changes {
		c.apply(change)
	}
	c.state = after
}

func (c *sessionCache) apply(change any) {
	t, known := change.(*touched)
	if !known || t.all {
		c.invalidateAll()
	}
	if !known {
		return
	}
	c.invalidatePerson(t.user)
	for _, tokenHash := range t.sessions {
		c.invalidate(tokenHash)
		if tokenHash != "" { // the hash does not say whose grants these are
			c.dropGrants()
		}
	}
	if t.clients {
		clear(c.clients)
	}
	if t.grants || t.clients {
		c.dropGrants()
	}
	c.dropGrantsOf(t.grantsOf)
	if t.made != nil {
		c.put(t.made)
	}
	if t.redeemed != nil {
		c.putRedeemed(t.redeemed)
	}
}
