package store

import (
	"slices"
	"sync"
	"sync/atomic"

	"wxlogin/internal/auth"
)

// maxVisits bounds how many sessions, and how many people, are kept in memory:
// about 1 KB each.
const maxVisits = 16_384

// visits keeps what the database says of sessions that have been asked for, and
// gives it as long as the database is in the very state in which it was read.
// So what another process does, or somebody at the command line of SQLite,
// counts from the next request on.
//
// Logins go on all the time, and each is a change. Of the transactions of this
// process it is known whom they touch: only these are forgotten, and the rest
// holds for the new state as well.
type visits struct {
	index  *walIndex   // nil: nothing is kept
	closed atomic.Bool // and the index may be another's by now

	hits, misses atomic.Int64

	mu         sync.RWMutex
	state      walHeader // that sessions and people hold for
	committing bool      // of our own transactions one is about to change the state
	sessions   map[string]auth.Session
	people     map[string]person
}

type person struct {
	user    auth.User
	granted bool
}

// change says whose visits a transaction has changed. The zero change has
// changed nobody's.
type change struct {
	all      bool
	user     string
	sessions []string // by the hash of their token
}

// everything is the change of a transaction that nobody has thought about.
var everything = change{all: true}

func newVisits(index *walIndex) *visits {
	return &visits{index: index, sessions: make(map[string]auth.Session), people: make(map[string]person)}
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

// get returns what is kept of a session, and the state of the database to put a
// read under that begins now.
func (v *visits) get(tokenHash string) (visit auth.Visit, state walHeader, ok bool) {
	defer func() {
		if ok {
			v.hits.Add(1)
		} else {
			v.misses.Add(1)
		}
	}()
	state, ok = v.now()
	if !ok {
		return auth.Visit{}, walHeader{}, false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.state != state {
		return auth.Visit{}, state, false
	}
	session, ok := v.sessions[tokenHash]
	if !ok {
		return auth.Visit{}, state, false
	}
	person, ok := v.people[session.UserID]
	return auth.Visit{Session: session, User: person.user, Granted: person.granted}, state, ok
}

// put keeps what was read since the state was seen. What comes late is of no use
// for the new state, and would only make room for itself.
func (v *visits) put(visit auth.Visit, state walHeader) {
	if now, ok := v.now(); !ok || now != state {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state != state {
		if v.committing {
			return // our own transaction is going to say what has changed
		}
		clear(v.sessions)
		clear(v.people)
		v.state = state
	}
	makeRoom(v.sessions)
	makeRoom(v.people)
	v.sessions[visit.Session.TokenHash] = visit.Session
	v.people[visit.User.ID] = person{visit.User, visit.Granted}
}

// makeRoom drops any one when there are too many.
func makeRoom[T any](kept map[string]T) {
	if len(kept) < maxVisits {
		return
	}
	for key := range kept {
		delete(kept, key)
		return
	}
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
	// Whatever else has happened, before or after, makes the states differ.
	if !ok || !committed || v.state != before || !before.next(state) {
		return
	}
	if slices.ContainsFunc(jobs, func(j *job) bool { return j.change.all }) {
		return
	}
	for _, j := range jobs {
		delete(v.people, j.change.user)
		for _, tokenHash := range j.change.sessions {
			delete(v.sessions, tokenHash)
		}
	}
	v.state = state
}
