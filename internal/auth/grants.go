package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// How long things live.
const (
	CodeLifetime   = time.Minute
	AccessLifetime = 5 * time.Minute
	// refreshGrace is how long a replaced refresh token still gets the same answer: the
	// first answer may have been lost, or two tabs of one application have asked at once.
	refreshGrace = 10 * time.Second
	// grantBudget bounds the work that goes on after the client has disconnected.
	grantBudget = 10 * time.Second
)

// Grants gives clients codes and tokens, and takes them back.
type Grants struct {
	store  GrantStore
	tokens *accessTokens
	rules  Rules
	now    func() time.Time
}

// NewGrants makes a Grants. Codes and refresh tokens are stored as hashes; access tokens
// carry a MAC by the keys and are not stored.
func NewGrants(store GrantStore, keys Keyring, rules Rules, now func() time.Time) *Grants {
	return &Grants{store: store, tokens: newAccessTokens(keys), rules: rules, now: now}
}

// Client returns a client. NoSuchClient when there is none.
func (g *Grants) Client(ctx context.Context, id string) (Client, error) {
	if id == "" || len(id) > 64 {
		return Client{}, Fail(NoSuchClient, nil)
	}
	return g.store.ClientByID(ctx, id)
}

// AsksFor returns what a person has to agree to when a client asks for some scopes.
func (g *Grants) AsksFor(client *Client, scopes []string) []string {
	return client.AsksFor(scopes, g.rules.Followers)
}

// Consented says whether a client may have these scopes without asking the person again.
func (g *Grants) Consented(ctx context.Context, client *Client, userID string, scopes []string) (bool, error) {
	if client.Trusted {
		return true, nil
	}
	consent, err := g.store.Consent(ctx, userID, client.ID)
	return err == nil && consent.covers(g.AsksFor(client, scopes)), err
}

// Agree saves that a person has agreed to scopes, in addition to what they had agreed to
// before.
func (g *Grants) Agree(ctx context.Context, client *Client, userID string, scopes []string) error {
	before, err := g.store.Consent(ctx, userID, client.ID)
	if err != nil {
		return err
	}
	consent := Consent{UserID: userID, ClientID: client.ID, AgreedAt: g.now()}
	scopes = g.AsksFor(client, scopes)
	for _, scope := range append(slices.Clone(ClientScopes), ScopeWeChat, ScopeFollows) {
		if slices.Contains(scopes, scope) || before.covers([]string{scope}) {
			consent.Scopes = append(consent.Scopes, scope)
		}
	}
	return g.store.SaveConsent(ctx, consent)
}

// CodeRequest is an authorization request that is to be granted.
type CodeRequest struct {
	Client      *Client
	Visit       *Visit
	RedirectURI string
	Scopes      []string
	Nonce       string
	Challenge   string
}

// Code issues a code for the person of a visit. NotSignedIn when the session has ended
// meanwhile.
func (g *Grants) Code(ctx context.Context, r CodeRequest) (Secret, error) {
	code, at := NewToken(), g.now()
	grant := Grant{
		ID:          NewID(),
		ClientID:    r.Client.ID,
		UserID:      r.Visit.User.ID,
		SessionID:   r.Visit.Session.ID,
		CodeHash:    Hash(code),
		CodeEndsAt:  at.Add(CodeLifetime),
		RedirectURI: r.RedirectURI,
		Challenge:   r.Challenge,
		Nonce:       r.Nonce,
		Scopes:      g.AsksFor(r.Client, r.Scopes),
		Method:      r.Visit.Session.Scope,
		SignedInAt:  r.Visit.Session.CreatedAt,
		CreatedAt:   at,
	}
	grant.Offline = grant.Has(ScopeOffline)
	if r.Client.Trusted {
		grant.Scopes = append(slices.Clip(grant.Scopes), scopeUnasked)
	}
	return code, g.store.AddCode(ctx, grant)
}

// Tokens are what a client gets for a code or a refresh token.
type Tokens struct {
	Granted
	Access  Secret
	Refresh Secret // empty: there is none, or the client keeps the one it has
}

// Redeem exchanges a code for tokens, once. It finishes even if the client disconnects, so
// that no code that was sent stays valid. NoSuchGrant for a code that is unknown, used,
// too old, another client's, or sent with another redirect_uri or verifier. The client's
// settings may have changed since it got the code: the present ones count.
func (g *Grants) Redeem(ctx context.Context, client *Client, code Secret, redirectURI, verifier string) (Tokens, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grantBudget)
	defer cancel()
	switch {
	case client.Public() && verifier == "":
		return Tokens{}, Failf(NoSuchGrant, "a public client has to send a verifier")
	case !client.Redirects(redirectURI):
		return Tokens{}, Failf(NoSuchGrant, "the redirect_uri is not one of the client's")
	}
	at, secret := g.now(), NewToken()
	granted, err := g.store.RedeemCode(ctx, RedeemCode{
		CodeHash:      Hash(code),
		ClientID:      client.ID,
		RedirectURI:   redirectURI,
		Challenge:     challengeOf(verifier),
		At:            at,
		RefreshHash:   Hash(secret),
		RefreshEndsAt: at.Add(g.rules.Lifetime),
	})
	if err != nil {
		return Tokens{}, err
	}
	granted.Client = *client
	if err := granted.holds(); err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{Granted: granted, Access: g.tokens.make(&granted.Grant, at)}
	if granted.Grant.Offline {
		tokens.Refresh = refreshToken(granted.Grant.ID, secret)
	}
	return tokens, nil
}

// challengeOf returns the challenge of a verifier (RFC 7636, S256); empty for an empty one.
func challengeOf(verifier string) string {
	if verifier == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Person returns the grant of an access token, with its person and its client. NoSuchGrant
// when the token or the grant has ended.
func (g *Grants) Person(ctx context.Context, access Secret) (Granted, error) {
	token, ok := g.tokens.open(access)
	if !ok || !token.alive(g.now()) {
		return Granted{}, Failf(NoSuchGrant, "no access token, or one that has ended")
	}
	granted, err := g.store.GrantByID(ctx, token.grantID)
	switch {
	case err != nil:
		return Granted{}, err
	case token.session && !granted.Grant.InSession:
		return Granted{}, Failf(NoSuchGrant, "the session has ended")
	}
	if err := granted.holds(); err != nil {
		return Granted{}, err
	}
	return granted, nil
}

// Refresh gives a client new tokens for a refresh token. A public client gets a new refresh
// token as well; using the old one again ends the grant. NoSuchGrant when the token is not
// valid.
func (g *Grants) Refresh(ctx context.Context, client *Client, token Secret) (Tokens, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grantBudget)
	defer cancel()
	grantID, secret, ok := openRefreshToken(token)
	if !ok {
		return Tokens{}, Failf(NoSuchGrant, "not a refresh token")
	}
	granted, err := g.store.GrantByID(ctx, grantID)
	at := g.now()
	switch {
	case err != nil:
		return Tokens{}, err
	case granted.Grant.ClientID != client.ID:
		return Tokens{}, Failf(NoSuchGrant, "the refresh token is another client's")
	case granted.Grant.Refresh.Hash == "" || !at.Before(granted.Grant.Refresh.EndsAt):
		return Tokens{}, Failf(NoSuchGrant, "the refresh token has ended")
	}
	granted.Client = *client
	if err := granted.holds(); err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{Granted: granted, Access: g.tokens.make(&granted.Grant, at)}
	if !client.Public() {
		if Hash(secret) != granted.Grant.Refresh.Hash {
			return Tokens{}, g.reused(ctx, grantID)
		}
		return tokens, nil
	}
	// The next token is derived from this one, so that a repeated request gets the same
	// answer.
	next := g.tokens.after(grantID, secret)
	switch Hash(secret) {
	case granted.Grant.Refresh.Hash:
		rotated, err := g.store.RotateRefresh(ctx, grantID, Hash(secret), Hash(next), at)
		if err != nil {
			return Tokens{}, err
		}
		if !rotated { // the same request has just rotated it, or it has ended
			return g.repeated(ctx, tokens, secret, next)
		}
	default:
		return g.repeated(ctx, tokens, secret, next)
	}
	tokens.Refresh = refreshToken(grantID, next)
	return tokens, nil
}

// repeated answers a refresh token that has been replaced: within refreshGrace with the
// token that replaced it, later by ending the grant.
func (g *Grants) repeated(ctx context.Context, tokens Tokens, secret, next Secret) (Tokens, error) {
	granted, err := g.store.GrantByID(ctx, tokens.Grant.ID)
	if err != nil {
		return Tokens{}, err
	}
	state := granted.Grant.Refresh
	if state.RotatedFrom == Hash(secret) && state.Hash == Hash(next) && Age(g.now(), state.RotatedAt) <= refreshGrace {
		tokens.Refresh = refreshToken(tokens.Grant.ID, next)
		return tokens, nil
	}
	return Tokens{}, g.reused(ctx, tokens.Grant.ID)
}

// reused ends a grant whose replaced refresh token was used again: it may be stolen.
func (g *Grants) reused(ctx context.Context, grantID string) error {
	if err := g.store.EndGrant(ctx, grantID); err != nil {
		return err
	}
	return Failf(NoSuchGrant, "a refresh token that had been replaced was used again; the grant has ended")
}

// Revoke ends the grant of an access token or a refresh token, if it is the client's.
// An invalid token is no error (RFC 7009, 2.2).
func (g *Grants) Revoke(ctx context.Context, client *Client, token Secret) error {
	grantID, secret, isRefresh := openRefreshToken(token)
	if !isRefresh {
		access, ok := g.tokens.open(token)
		if !ok {
			return nil
		}
		grantID = access.grantID
	}
	granted, err := g.store.GrantByID(ctx, grantID)
	switch {
	case ReasonOf(err) == NoSuchGrant:
		return nil
	case err != nil:
		return err
	case granted.Grant.ClientID != client.ID:
		return nil
	case isRefresh && Hash(secret) != granted.Grant.Refresh.Hash && Hash(secret) != granted.Grant.Refresh.RotatedFrom:
		return nil
	}
	return g.store.EndGrant(ctx, grantID)
}
