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

// maxCached bounds how many sessions the cache holds: about 1 KB each.
const maxCached = 16_384

// sessionCache holds sessions as the database has them, and serves them as long
// as the database is in the very state for which that is known. What another
// process does, or somebody at the command line of SQLite, counts from the next
// request on.
//
// Logins go on all the time, and each is a change. Of the transactions of this
// process it is known whom they touch: only these sessions are invalidated, and
// the rest carries over to the new state. A visit has the whole person in it, so
// a person who is touched loses all their entries.
//
// Two facts make that safe, and the cache keeps nothing where either is unknown.
// The state before our transaction is read while it holds the lock to write, so
// nobody else can change it. The state after it is known to be its own work, and
// not that of somebody who committed behind it, by SQLite's data version (see
// sqldb.CommitHook). A test plays all orders of our commits, foreign ones, commits
// that change nothing, checkpoints and reads.
//
// All requests of a session are given the same visit. It is never changed: what
// is read again takes its place.
type sessionCache struct {
	current func() (sqldb.State, bool) // the state of the database; false: nobody can tell

	hits, misses atomic.Int64

	mu         sync.RWMutex
	state      sqldb.State            // that all entries hold for
	committing bool                   // one of our own transactions is about to change the state
	entries    map[string]*auth.Visit // by the hash of the session's token
	sessions   map[string][]string    // of a person: the keys of their entries, and no others

	clients  map[string]*auth.Client
	grants   map[string]*cachedGrant // by their id
	grantsOf map[string][]string     // of a person: the ids of theirs, and no others
}

// touched says whose sessions a transaction has changed. The zero value: nobody's.
type touched struct {
	all      bool
	user     string
	sessions []string    // by the hash of their token
	made     *auth.Visit // as it can be read from now on; nil: none

	clients  bool         // some, or what is granted to them
	grants   bool         // any; those of a user go with the user, and with a session all
	grantsOf string       // a person's
	redeemed *cachedGrant // as it can be read from now on, but for its client; nil: none
}

// touchesAll is for a transaction that nobody has thought about.
var touchesAll = touched{all: true}

var _ sqldb.CommitHook = (*sessionCache)(nil)

// newSessionCache makes a cache that caches nothing until it is told how to learn
// the current state.
func newSessionCache() *sessionCache {
	return &sessionCache{
		current: noState, entries: make(map[string]*auth.Visit), sessions: make(map[string][]string),
		clients: make(map[string]*auth.Client), grants: make(map[string]*cachedGrant), grantsOf: make(map[string][]string),
	}
}

// noState is for a database whose state nobody can tell: nothing is cached.
func noState() (sqldb.State, bool) { return sqldb.State{}, false }

// SessionCacheStats says how often a session was found in memory, and how often
// the database was asked.
func (s *Store) SessionCacheStats() (hits, misses int64) {
	return s.cache.hits.Load(), s.cache.misses.Load()
}

// get returns the entry of a session, nil for none, and the state of the database
// to add under what is read from now on.
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

// add caches what was read since the state was seen. What comes too late would
// be of no use in the new state, and only take the place of something else.
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
			return // our own transaction is going to say what it has touched
		}
		c.invalidateAll()
		c.state = state
	}
	put()
}

func (c *sessionCache) put(visit *auth.Visit) {
	hash, user := visit.Session.TokenHash, visit.User.ID
	c.invalidate(hash) // two have read it at once
	c.evict()
	c.entries[hash] = visit
	c.sessions[user] = append(c.sessions[user], hash)
}

// pack has the texts that each request reads of a visit lie together, and has those that
// many share be one for all, so that comparing them is comparing pointers. The people of
// a busy hour do not fit into a processor's caches: each text in a place of its own is one
// more read from memory.
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

// evict drops any one entry when there are too many.
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

// Committed implements sqldb.CommitHook: it invalidates whom the transaction has
// touched, and carries the others over to the new state. A change that is not a
// *touched is one that nobody has thought about.
func (c *sessionCache) Committed(before, after sqldb.State, ok bool, changes []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = false
	if !ok {
		c.invalidateAll()
		return
	}
	if c.state != before {
		c.invalidateAll() // what was read in an older state
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
		if tokenHash != "" { // whose grants these are, the hash does not say
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
