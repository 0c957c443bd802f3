package auth

import (
	"math"
	"time"
)

// ClockSkew is how far ahead a stored time may be because the clocks of two machines
// differ.
const ClockSkew = time.Minute

// Age returns how long ago something began. A time further ahead than ClockSkew was written
// under a wrong clock: its age is unknown, and counts as the greatest.
func Age(now, began time.Time) time.Duration {
	if age := now.Sub(began); age >= -ClockSkew {
		return age
	}
	return math.MaxInt64
}

// SessionKind tells the two kinds of session apart. They use cookies of different names, and
// one is never accepted as the other.
type SessionKind string

// The kinds of session.
const (
	VisitorSession SessionKind = "visitor" // a person, signed in through WeChat
	AdminSession   SessionKind = "desk"    // an admin's browser, let in by a link; names no person
)

// Session is one browser that is signed in. The token that proves it is in the browser's
// cookie and nowhere else; we store only its TokenHash.
type Session struct {
	ID         string // names the session in lists; opens nothing
	TokenHash  string
	Kind       SessionKind
	UserID     string // empty for an AdminSession
	IdentityID string // by which the person signed in; empty for the first
	Scope      Scope  // of the login that began it; empty for an AdminSession, and for old ones
	Device     Device
	CreatedAt  time.Time
	LastSeenAt time.Time // written at most once an hour
	EndsAt     time.Time // at the latest
}

// Device is what is known about a browser at sign-in. It is shown to people in the list of
// their sessions, and decides nothing.
type Device struct {
	RemoteAddr string // the client address, without the port
	UserAgent  string
}

// Visit is a session and its person, as one request needs them: the result of one read.
// Requests share it, so it must not be changed.
type Visit struct {
	Session Session
	User    User // zero for an AdminSession
	// Granted says that `admin grant` has named this person.
	Granted bool
}

// Alive says whether a session is valid at now. The limits are the server's, so a changed
// setting acts at once, whatever cookie a browser has. A clock that is set back a little
// ends no session; a session from far in the future, made under a wrong clock, is not valid
// once the clock is right again.
func (s *Session) Alive(now time.Time, idle time.Duration) bool {
	return now.Before(s.EndsAt) && now.Sub(s.LastSeenAt).Abs() < idle
}

// MaxSessions is how many sessions one person has at most. When another begins, the least
// recently used one ends.
const MaxSessions = 50
