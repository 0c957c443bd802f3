package auth

import (
	"math"
	"time"
)

// ClockSkew is how far ahead a stored time may be because the clocks of two machines
// differ.
const ClockSkew = time.Minute

// Age is how long ago something began. What is further ahead than ClockSkew was
// written under a wrong clock: nobody knows how old it is, and it counts as older
// than anything.
func Age(now, began time.Time) time.Duration {
	if age := now.Sub(began); age >= -ClockSkew {
		return age
	}
	return math.MaxInt64
}

// SessionKind tells the two kinds of session apart. They live in cookies of
// different names, and one never passes for the other.
type SessionKind string

// The kinds of session.
const (
	VisitorSession SessionKind = "visitor" // a person, signed in through WeChat
	AdminSession   SessionKind = "desk"    // an admin's browser, let in by a link; names no person
)

// Session is one browser that is signed in. The token that proves it is in the
// browser's cookie and nowhere else; TokenHash is all that we keep of it.
type Session struct {
	ID         string // names the session in lists; opens nothing
	TokenHash  string
	Kind       SessionKind
	UserID     string // empty for a AdminSession
	IdentityID string // by which the person signed in; empty for the first
	Scope      Scope  // of the login that began it; empty for an AdminSession, and for old ones
	Device     Device
	CreatedAt  time.Time
	LastSeenAt time.Time // written at most once an hour
	EndsAt     time.Time // whatever happens
}

// Device is what a browser says of itself at sign-in. It is shown to people who
// look through their sessions and decides nothing.
type Device struct {
	RemoteAddr string // the client address, without the port
	UserAgent  string
}

// Visit is a session and whom it names, as one request needs them: the whole
// answer of one read. Requests share it, so nobody changes it.
type Visit struct {
	Session Session
	User    User // zero for a AdminSession
	// Granted says that `admin grant` has named this person.
	Granted bool
}

// Alive says whether a session still counts at now. The limits are the
// server's, so a changed setting acts at once, whatever cookie a browser holds.
// A clock that jumps back a little ends none; a session of a far future, which a
// clock gone wrong has made, does not count once the clock is right again.
func (s *Session) Alive(now time.Time, idle time.Duration) bool {
	return now.Before(s.EndsAt) && now.Sub(s.LastSeenAt).Abs() < idle
}

// MaxSessions is how many sessions one person has at most. When another begins,
// the one used least recently ends.
const MaxSessions = 50
