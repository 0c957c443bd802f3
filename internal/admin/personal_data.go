package admin

import (
	"time"

	"wxlogin/internal/auth"
)

// PersonalData is all that is stored on one person, for themselves to read. It holds
// no token, and the hashes in it are empty.
type PersonalData struct {
	User     auth.User
	Sessions []auth.Session // newest first
	Logins   []auth.Login   // newest first
	Events   []Event        // by or about the person, newest first
	Token    *TokenInfo     // nil: no refresh_token is stored
}

// TokenInfo is what is known of a stored refresh_token beside the token.
type TokenInfo struct {
	Scope      auth.Scope
	IssuedAt   time.Time
	EndsAt     time.Time
	DueAt      time.Time // when the profile is fetched anew; zero: not with this token
	DeadReason string    // empty: not known to be dead
}
