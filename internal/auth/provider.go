package auth

import "context"

// Authorization is one trip to WeChat's authorize page.
type Authorization struct {
	State       string
	Scope       Scope
	RedirectURI string
	// SingleHop asks for connect_redirect=1, which keeps WeChat on Android from
	// calling back twice and leaves WeChat on a PC with a blank page (field
	// reports).
	SingleHop bool
}

// TokenAnswer is WeChat's answer to a code.
type TokenAnswer struct {
	OpenID       string // never empty
	UnionID      string // often empty
	Scope        Scope
	AccessToken  Secret
	RefreshToken Secret
	// Snapshot says that nobody is there: WeChat made the openid up for a page
	// that it shows as a snapshot (official: is_snapshotuser).
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
	// AuthorizeURL is where the browser goes to be authorized. It asks nobody.
	AuthorizeURL(Authorization) string
	// Exchange spends a code. It sends the code once, whatever happens. A
	// snapshot is not an error.
	Exchange(ctx context.Context, code string) (TokenAnswer, error)
	// Userinfo reads the profile that the access token of a ScopeUserinfo opens.
	Userinfo(ctx context.Context, answer TokenAnswer) (Userinfo, error)
}
