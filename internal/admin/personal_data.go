package admin

import (
	"time"

	"wxlogin/internal/auth"
)

// PersonalDataVisitor receives all that is stored on one person, for the person to read, by
// calls in this order. No call carries a token, and hashes are empty. The first error ends
// it.
type PersonalDataVisitor struct {
	Person  func(auth.User) error
	Session func(auth.Session) error // each, newest first
	Login   func(auth.Login) error   // each, newest first
	Event   func(Event) error        // each by or about the person, newest first
	// Identities gets the identities besides the first, and the people who were joined to
	// the person, as they were.
	Identities func(further []Identity, joined []JoinedPerson) error
	Following  func([]auth.Following) error // of their identities, the first one first
	Access     func([]Access) error         // the applications that know them, by name
	// Rest comes last. token is nil when no refresh_token is stored, picture is zero when
	// no copy is.
	Rest func(token *TokenInfo, picture auth.Picture) error
}

// JoinedPerson is a person who was joined to another, as they were before.
type JoinedPerson struct {
	auth.User
	Picture auth.Picture // our copy of their picture; the zero Picture if there is none
}

// TokenInfo is what is known about a stored refresh_token, without the token.
type TokenInfo struct {
	Scope      auth.Scope
	IssuedAt   time.Time
	EndsAt     time.Time
	DueAt      time.Time // when the profile is fetched with it next; zero: never
	DeadReason string    // why the token is dead; empty: it is not known to be
}
