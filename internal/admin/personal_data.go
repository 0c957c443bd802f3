package admin

import (
	"time"

	"wxlogin/internal/auth"
)

// PersonalDataVisitor is handed all that is stored on one person, for themselves
// to read, in this order. It holds no token, and the hashes in it are empty. The
// first error ends it.
type PersonalDataVisitor struct {
	Person  func(auth.User) error
	Session func(auth.Session) error // each, newest first
	Login   func(auth.Login) error   // each, newest first
	Event   func(Event) error        // each by or about the person, newest first
	// Identities are those besides the first, and who was joined to them, as they were.
	Identities func(further []Identity, joined []JoinedPerson) error
	Following  func([]auth.Following) error // of their identities, the first one first
	Access     func([]Access) error         // the applications that know them, by name
	// Rest comes last: token is nil when no refresh_token is stored, picture the
	// zero Picture when no copy is kept.
	Rest func(token *TokenInfo, picture auth.Picture) error
}

// JoinedPerson is somebody who was joined to another, as they were.
type JoinedPerson struct {
	auth.User
	Picture auth.Picture // our copy of theirs; the zero Picture for none
}

// TokenInfo is what is known of a stored refresh_token beside the token.
type TokenInfo struct {
	Scope      auth.Scope
	IssuedAt   time.Time
	EndsAt     time.Time
	DueAt      time.Time // when the profile is fetched again; zero: not with this token
	DeadReason string    // empty: not known to be dead
}
