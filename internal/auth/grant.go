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
	SessionID string // of the session in which it was given, as the client knows it (sid)
	// InSession says that this session is alive. Otherwise the grant has ended, unless it
	// is Offline.
	InSession   bool
	CodeHash    string
	CodeEndsAt  time.Time
	RedirectURI string // where the code was sent
	Challenge   string // of PKCE, S256; empty: none was sent
	Nonce       string
	Scopes      []string  // some of ClientScopes, ScopeWeChat, ScopeFollows and scopeUnasked
	Method      Scope     // how the person signed in; empty: unknown, the grant is old
	SignedInAt  time.Time // when they signed in
	CreatedAt   time.Time
	RedeemedAt  time.Time // zero: the code has not been used
	Offline     bool      // has a refresh token, and outlives the session
	Refresh     RefreshState
}

// RefreshState is what is stored about a grant's refresh token.
type RefreshState struct {
	Hash        string // of its secret; empty: the grant has no refresh token
	RotatedFrom string // the previous token's hash; empty: this is the first
	RotatedAt   time.Time
	EndsAt      time.Time
}

// Granted is a grant with its person and its client, as one request needs them.
type Granted struct {
	Grant  Grant
	User   User
	Client Client
}

// holds checks that the client, with its present settings, may still use the grant.
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

// ClientScopes are all the scopes that a client can ask for.
var ClientScopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeGroups, ScopeOffline}

// Scopes returns the scopes of a request's text that the client may have, each once.
// Unknown ones are ignored (OpenID Connect Core, 3.1.2.1).
func (c *Client) Scopes(asked string) (scopes []string) {
	fields := strings.Fields(asked)
	for _, scope := range ClientScopes {
		if slices.Contains(fields, scope) && (scope != ScopeEmail || c.Email) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// ScopeWeChat, in consents and grants, means the person's openid and unionid. No client
// asks for it: a client gets them by its settings, which may be newer than its grants.
const ScopeWeChat = "wechat"

// ScopeFollows, likewise, means whether the person follows the account. Clients get it
// together with ScopeWeChat where WeChat is asked for it (Rules.Followers).
const ScopeFollows = "follows"

// scopeUnasked marks a grant to a client that was trusted at that time: the person has not
// been asked.
const scopeUnasked = "unasked"

// AsksFor returns what a person has to agree to, and what is then granted, when the client
// asks for some scopes. followers is Rules.Followers.
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

// Consent is what a person has agreed to share with a client.
type Consent struct {
	UserID   string
	ClientID string
	Scopes   []string
	AgreedAt time.Time
}

// covers says whether the person has agreed to all of the scopes.
func (c *Consent) covers(scopes []string) bool {
	return !c.AgreedAt.IsZero() && !slices.ContainsFunc(scopes, func(scope string) bool {
		return !slices.Contains(c.Scopes, scope)
	})
}

// RedeemCode is a code that an authenticated client redeems.
type RedeemCode struct {
	CodeHash      string
	ClientID      string
	RedirectURI   string
	Challenge     string // of the verifier that was sent with it; empty: none was
	At            time.Time
	RefreshHash   string // of the refresh token's secret, if the grant is to have one
	RefreshEndsAt time.Time
}

// GrantStore stores grants. Each call is one transaction. Every error is an *Error with
// StoreDown, or a context's, unless said otherwise.
type GrantStore interface {
	// ClientByID returns a client. NoSuchClient when there is none.
	ClientByID(ctx context.Context, id string) (Client, error)
	// Consent returns what a person has agreed to; the zero Consent when they have not.
	Consent(ctx context.Context, userID, clientID string) (Consent, error)
	// SaveConsent replaces what a person has agreed to. It writes nothing when the person
	// or the client no longer exists.
	SaveConsent(context.Context, Consent) error
	// AddCode writes a grant with its code. If the client has more than MaxCodes unused
	// codes in the same session, the oldest are deleted. NotSignedIn when the session has
	// ended or its person is blocked.
	AddCode(context.Context, Grant) error
	// RedeemCode marks the code used, once, if it has not ended and client, redirect_uri
	// and challenge are those of the grant, and returns the grant with its person and
	// without its client. NoSuchGrant otherwise, or when the session has ended. If the
	// same client uses a code again, the grant ends. If the client has more than
	// MaxOffline grants of the person, the oldest are deleted.
	RedeemCode(context.Context, RedeemCode) (Granted, error)
	// GrantByID returns a redeemed grant. NoSuchGrant when it has ended or its person
	// is blocked.
	GrantByID(ctx context.Context, id string) (Granted, error)
	// RotateRefresh replaces the hash of the refresh token, if it is from, and says whether
	// it did.
	RotateRefresh(ctx context.Context, grantID, from, to string, at time.Time) (bool, error)
	// EndGrant deletes a grant. It is no error when there is none.
	EndGrant(ctx context.Context, grantID string) error
}

// MaxCodes is how many unused codes a client can have in one session, and MaxOffline how
// many grants of one person that outlive their sessions.
const (
	MaxCodes   = 5
	MaxOffline = 50
)
