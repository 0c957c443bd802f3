package auth

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Grant is what a client may do for a person: one authorization, first as a code,
// then as the tokens that the code was redeemed for.
type Grant struct {
	ID        string
	ClientID  string
	UserID    string
	SessionID string // of the session that it was given in, as the client knows it (sid)
	// InSession says that this session lives. Without it a grant is over, unless it is
	// Offline.
	InSession   bool
	CodeHash    string
	CodeEndsAt  time.Time
	RedirectURI string // that the code went to
	Challenge   string // of PKCE, S256; empty: none was sent
	Nonce       string
	Scopes      []string  // besides those of ClientScopes, what else was granted and how
	Method      Scope     // how the person signed in; empty: before that was noted
	SignedInAt  time.Time // and when
	CreatedAt   time.Time
	RedeemedAt  time.Time // zero: the code was not used yet
	Offline     bool      // has a refresh token, and outlives the session
	Refresh     RefreshState
}

// RefreshState is what is kept of a grant's refresh token.
type RefreshState struct {
	Hash        string // of its secret; empty: there is none
	RotatedFrom string // hash of the one before; empty: it is the first
	RotatedAt   time.Time
	EndsAt      time.Time
}

// Granted is a grant with whom it is about and whom it was given to, as one request
// needs them.
type Granted struct {
	Grant  Grant
	User   User
	Client Client
}

// holds says whether the client may still use the grant, as it is set now.
// NoSuchGrant when it may not.
func (g *Granted) holds() error {
	switch {
	case !g.Client.Admits(&g.User):
		return Failf(NoSuchGrant, "user %s is in none of the client's groups", g.User.ID)
	case g.Grant.Has(scopeUnasked) && !g.Client.Trusted:
		return Failf(NoSuchGrant, "user %s was not asked, and the client is trusted no more", g.User.ID)
	}
	return nil
}

// The scopes that a client can ask for.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeGroups  = "groups"
	ScopeOffline = "offline_access"
)

// ClientScopes are all of them.
var ClientScopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeGroups, ScopeOffline}

// Scopes are those of a request's text that the client may have, each once. What
// nobody knows is passed over (OpenID Connect Core, 3.1.2.1).
func (c *Client) Scopes(asked string) (scopes []string) {
	fields := strings.Fields(asked)
	for _, scope := range ClientScopes {
		if slices.Contains(fields, scope) && (scope != ScopeEmail || c.Email) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// ScopeWeChat stands among what a person has agreed to, and what was granted, for
// WeChat's numbers of theirs, which no client asks for: it has them by its settings,
// perhaps since a later day than what it holds.
const ScopeWeChat = "wechat"

// ScopeFollows is likewise that they follow the account or not, which goes over with
// those numbers where WeChat is asked for it (Rules.Followers), perhaps since a later day.
const ScopeFollows = "follows"

// scopeUnasked stands among what was granted to a client that was trusted then: the
// person has not agreed to it.
const scopeUnasked = "unasked"

// AsksFor is what a person has to agree to whom a client asks for some scopes, and what
// is granted then; followers are Rules.Followers.
func (c *Client) AsksFor(scopes []string, followers bool) []string {
	if c.WeChat {
		scopes = append(slices.Clone(scopes), ScopeWeChat)
		if followers {
			scopes = append(scopes, ScopeFollows)
		}
	}
	return scopes
}

// Has says whether a scope was granted.
func (g *Grant) Has(scope string) bool { return slices.Contains(g.Scopes, scope) }

// Consent is what a person has agreed to tell a client.
type Consent struct {
	UserID   string
	ClientID string
	Scopes   []string
	AgreedAt time.Time
}

// Covers says whether the person has agreed to all of some scopes.
func (c *Consent) Covers(scopes []string) bool {
	return !c.AgreedAt.IsZero() && !slices.ContainsFunc(scopes, func(scope string) bool {
		return !slices.Contains(c.Scopes, scope)
	})
}

// RedeemCode is a code that its client has come back with, authenticated.
type RedeemCode struct {
	CodeHash      string
	ClientID      string
	RedirectURI   string
	Challenge     string // of the verifier that came with it; empty: none did
	At            time.Time
	RefreshHash   string // of the refresh token's secret, if the grant is to have one
	RefreshEndsAt time.Time
}

// GrantStore is where grants are written down. Each call is one transaction. Every
// error is an *Error with StoreDown, or a context's, unless said otherwise.
type GrantStore interface {
	// ClientByID returns a client. NoSuchClient when there is none.
	ClientByID(ctx context.Context, id string) (Client, error)
	// Consent returns what a person has agreed to, the zero Consent for nothing.
	Consent(ctx context.Context, userID, clientID string) (Consent, error)
	// SaveConsent writes what a person has agreed to, in place of what they had. Of a
	// person or a client who is gone it writes nothing.
	SaveConsent(context.Context, Consent) error
	// AddCode writes a grant with its code. Beyond MaxCodes that the client has not
	// used yet in the same session, the oldest go. NotSignedIn when the session has
	// ended or its person is blocked.
	AddCode(context.Context, Grant) error
	// RedeemCode marks the code used, once, if it has not ended and client,
	// redirect_uri and challenge are those of the grant, which is returned with its
	// person and without its client. NoSuchGrant otherwise, or when the session has
	// ended. A code that has been used before ends what came of it, if the client is
	// its own. Beyond MaxOffline of the client and the person, the oldest go.
	RedeemCode(context.Context, RedeemCode) (Granted, error)
	// GrantByID returns a redeemed grant. NoSuchGrant when it has ended or its person
	// is blocked.
	GrantByID(ctx context.Context, id string) (Granted, error)
	// RotateRefresh puts the hash of a refresh token in the place of another, and says
	// whether that was there.
	RotateRefresh(ctx context.Context, grantID, from, to string, at time.Time) (bool, error)
	// EndGrant deletes a grant. No error when there is none.
	EndGrant(ctx context.Context, grantID string) error
}

// MaxCodes is how many codes of one session a client can have that it has not used, and
// MaxOffline how many grants of one person that outlive their sessions.
const (
	MaxCodes   = 5
	MaxOffline = 50
)
