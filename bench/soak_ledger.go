package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// ledger records the sessions that visitors got, what happened to them, and broken promises.
type ledger struct {
	mu       sync.Mutex
	sessions map[string]*promise // by token
	logins   map[string]int      // by openid: answered with a session
	counts   map[string]int
	failures []string       // each in words once
	times    map[string]int // how often each was broken
}

// promise is a session that was given to a visitor.
type promise struct {
	openID string
	state  promiseState
}

type promiseState int

const (
	alive promiseState = iota
	maybe              // it was to be ended, but no answer came
	ended              // its end was confirmed
)

func newLedger() *ledger {
	return &ledger{sessions: make(map[string]*promise), logins: make(map[string]int), counts: make(map[string]int), times: make(map[string]int)}
}

// mostFailures is how many failures are kept as text.
const mostFailures = 40

// breaks records a broken promise.
func (l *ledger) breaks(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(fmt.Sprintf(format, args...))
}

// note is breaks for a caller that holds the lock.
func (l *ledger) note(failure string) {
	l.counts["broken promises"]++
	l.times[failure]++
	if l.times[failure] == 1 && len(l.failures) < mostFailures {
		l.failures = append(l.failures, failure)
	}
}

func (l *ledger) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failures) > 0
}

// count counts an event, for the report.
func (l *ledger) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
}

// counted returns how often an event was counted.
func (l *ledger) counted(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[what]
}

// most records a number if it is the largest of its kind.
func (l *ledger) most(what string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what] = max(l.counts[what], n)
}

// hands records that a login was answered with a session. WeChat's second callback and a
// reloaded page get the same session.
func (l *ledger) hands(token, openID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.sessions[token]; known != nil {
		if known.openID != openID {
			l.note("one session was handed to two people")
		}
		return
	}
	l.sessions[token] = &promise{openID: openID}
	l.logins[openID]++
	l.counts["logins answered"]++
}

// moves sets the state of a session. An ended session stays ended.
func (l *ledger) moves(token string, to promiseState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.sessions[token]; p != nil && p.state != ended {
		p.state = to
	}
}

// state returns the state of a session.
func (l *ledger) state(token string) promiseState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.sessions[token]; p != nil {
		return p.state
	}
	return ended
}

// movesAll is moves for every session of a person.
func (l *ledger) movesAll(openID string, to promiseState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.sessions {
		if p.openID == openID && p.state != ended {
			p.state = to
		}
	}
}

// all returns a copy of every session.
func (l *ledger) all() map[string]promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	sessions := make(map[string]promise, len(l.sessions))
	for token, p := range l.sessions {
		sessions[token] = *p
	}
	return sessions
}

// answered returns how many logins of each person were answered.
func (l *ledger) answered() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.logins)
}

func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d requests, %d logins of %d people, %d broken promises", l.counts["requests"], l.counts["logins answered"], len(l.logins), l.counts["broken promises"])
}

// report prints the counts and the broken promises.
func (l *ledger) report(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(w, "\n%d people were signed in, %d sessions handed out\n", len(l.logins), len(l.sessions))
	for _, what := range slices.Sorted(maps.Keys(l.counts)) {
		fmt.Fprintf(w, "  %8d  %s\n", l.counts[what], what)
	}
	if len(l.failures) > 0 {
		fmt.Fprintln(w, "BROKEN:")
	}
	for _, failure := range l.failures {
		fmt.Fprintf(w, "  * %d times: %s\n", l.times[failure], strings.ReplaceAll(failure, "\n", " "))
	}
}
