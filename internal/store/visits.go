package store

import (
	"slices"
	"sync"
	"sync/atomic"

	"wxlogin/internal/auth"
)

// maxVisits bounds how many sessions are kept in memory: about 1 KB each.
const maxVisits = 16_384

// visits keeps what the database says of sessions that have been asked for or just
// made, and gives it as long as the database is in the very state in which that was
// so. What another process does, or somebody at the command line of SQLite, counts
// from the next request on.
//
// Logins go on all the time, and each is a change. Of the transactions of this
// process it is known whom they touch: only these are forgotten, and the rest
// holds for the new state as well. A visit has the whole person in it, so a person
// who is touched is forgotten with all their sessions.
//
// All requests of a session are given the same visit. It is never changed: what
// is read anew takes its place.
type visits struct {
	index  *walIndex   // nil: nothing is kept
	closed atomic.Bool // and the index may be another's by now

	hits, misses atomic.Int64

	mu         sync.RWMutex
	state      walHeader              // that all of kept holds for
	committing bool                   // of our own transactions one is about to change the state
	kept       map[string]*auth.Visit // by the hash of the session's token
	sessions   map[string][]string    // of a person: the hashes that kept has of them, and no others
}

// change says whose visits a transaction has changed. The zero change has
// changed nobody's.
type change struct {
	all      bool
	user     string
	sessions []string    // by the hash of their token
	made     *auth.Visit // as it can be read from now on; nil: none
}

// everything is the change of a transaction that nobody has thought about.
var everything = change{all: true}

func newVisits(index *walIndex) *visits {
	return &visits{index: index, kept: make(map[string]*auth.Visit), sessions: make(map[string][]string)}
}

// now is the state of the database. ok is false when nobody can tell.
func (v *visits) now() (state walHeader, ok bool) {
	state, ok = v.index.state()
	return state, ok && !v.closed.Load()
}

// VisitsKept says how often a session was found in memory, and how often the
// database was asked.
func (s *Store) VisitsKept() (hits, misses int64) {
	return s.visits.hits.Load(), s.visits.misses.Load()
}

// get returns what is kept of a session, nil for nothing, and the state of the
// database to put a read under that begins now.
func (v *visits) get(tokenHash string) (visit *auth.Visit, state walHeader) {
	state, ok := v.now()
	if !ok {
		v.misses.Add(1)
		return nil, walHeader{}
	}
	v.mu.RLock()
	if v.state == state {
		visit = v.kept[tokenHash]
	}
	v.mu.RUnlock()
	if visit == nil {
		v.misses.Add(1)
	} else {
		v.hits.Add(1)
	}
	return visit, state
}

// put keeps what was read since the state was seen. What comes late is of no use
// for the new state, and would only make room for itself.
func (v *visits) put(visit *auth.Visit, state walHeader) {
	if now, ok := v.now(); !ok || now != state {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state != state {
		if v.committing {
			return // our own transaction is going to say what has changed
		}
		v.forgetAll()
		v.state = state
	}
	v.keep(visit)
}

func (v *visits) keep(visit *auth.Visit) {
	hash, user := visit.Session.TokenHash, visit.User.ID
	v.forget(hash) // two have read it at once
	v.makeRoom()
	v.kept[hash] = visit
	v.sessions[user] = append(v.sessions[user], hash)
}

// makeRoom drops any one when there are too many.
func (v *visits) makeRoom() {
	if len(v.kept) < maxVisits {
		return
	}
	for hash := range v.kept {
		v.forget(hash)
		return
	}
}

// forget drops a session.
func (v *visits) forget(tokenHash string) {
	visit, ok := v.kept[tokenHash]
	if !ok {
		return
	}
	delete(v.kept, tokenHash)
	user := visit.User.ID
	others := slices.DeleteFunc(v.sessions[user], func(hash string) bool { return hash == tokenHash })
	if v.sessions[user] = others; len(others) == 0 {
		delete(v.sessions, user)
	}
}

// forgetPerson drops all sessions of a person.
func (v *visits) forgetPerson(user string) {
	for _, hash := range v.sessions[user] {
		delete(v.kept, hash)
	}
	delete(v.sessions, user)
}

func (v *visits) forgetAll() {
	clear(v.kept)
	clear(v.sessions)
}

// before is called by a transaction of this process that holds the lock to
// write, so that nobody else changes the database until its end.
func (v *visits) before() walHeader {
	state, ok := v.now()
	if !ok {
		return walHeader{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.committing = true
	return state
}

// after is called at the transaction's end with what before gave and whose
// visits were changed.
func (v *visits) after(before walHeader, committed bool, jobs []*job) {
	state, ok := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.committing = false
	// Whatever else has happened since then makes the states differ by more.
	if !ok || !committed || !before.next(state) {
		return
	}
	if v.state != before {
		v.forgetAll() // what was read in an older state
	}
	for _, j := range jobs {
		if j.change.all {
			v.forgetAll()
		}
		v.forgetPerson(j.change.user)
		for _, tokenHash := range j.change.sessions {
			v.forget(tokenHash)
		}
		if j.change.made != nil {
			v.keep(j.change.made)
		}
	}
	v.state = state
}
