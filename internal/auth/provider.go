package auth

import "context"

// Authorization is one trip to WeChat's authorize page.
type Authorization struct {
	State       string
	Scope       Scope
	RedirectURI string
	// SingleHop adds connect_redirect=1, which keeps WeChat on Android from calling back
	// twice, but makes WeChat on a PC show a blank page (field reports).
	SingleHop bool
}

// TokenAnswer is WeChat's answer to a code.
type TokenAnswer struct {
	OpenID       string // never empty
	UnionID      string // often empty
	Scope        Scope
	AccessToken  Secret
	RefreshToken Secret
	// Snapshot marks a snapshot visitor: WeChat made the openid up for a page that it shows
	// as a snapshot (official: is_snapshotuser).
	Snapshot bool
}

// Userinfo is WeChat's answer to an access token.
type Userinfo struct {
	OpenID  string
	UnionID string
	Profile Profile
}

// Provider is WeChat. Its errors are *Error with a WeChat reason, CodeSpent or
// PersonLimited, and carry no secret.
type Provider interface {
	// AuthorizeURL returns the address of WeChat's authorize page. It does not call WeChat.
	AuthorizeURL(Authorization) string
	// Exchange spends a code. It sends the code once, whatever happens. A
	// snapshot is not an error.
	Exchange(ctx context.Context, code string) (TokenAnswer, error)
	// Userinfo reads the profile, with an access token of ScopeUserinfo.
	Userinfo(ctx context.Context, answer TokenAnswer) (Userinfo, error)
}
