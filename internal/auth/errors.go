package auth

import (
	"errors"
	"fmt"
)

// Kind sorts failures by what the caller can do about them. The zero value is
// Internal, so that an error nobody classified is never shown as the visitor's
// mistake.
type Kind int

// The kinds, with the HTTP status that package web gives each.
const (
	Internal        Kind = iota // 500: our bug, or a fault without a name
	Invalid                     // 400: the request cannot be served as it is
	Unauthenticated             // 401: nobody is signed in
	Forbidden                   // 403: somebody is, and may not
	NotFound                    // 404
	TooMany                     // 429: slow down, this caller alone
	Upstream                    // 502: WeChat failed or answered nonsense
	Unavailable                 // 503: busy or broken for the moment, try again
	Misconfigured               // 503: nothing helps but the operator
)

// Reason names one way a request can fail. It is stable: pages look up their
// words by it in three languages, API callers and logs see it as it is, and
// failed logins are stored with it.
type Reason string

// Every reason there is. kinds below gives each its Kind, and a test in package
// web wants words for each in every language.
const (
	Unexpected    Reason = "unexpected"      // an error without a name
	BadRequest    Reason = "bad_request"     // a parameter is missing or malformed
	NotSignedIn   Reason = "not_signed_in"   // no session, or one that has ended
	NotAdmin      Reason = "not_admin"       // admin pages, and this is no admin
	CrossOrigin   Reason = "cross_origin"    // a form was sent from another site
	NoSuchPage    Reason = "no_such_page"    // no route
	WrongMethod   Reason = "wrong_method"    // a route, but not for this method
	NoSuchUser    Reason = "no_such_user"    // no person with this id
	LinkSpent     Reason = "link_spent"      // admin link used, expired or unknown
	ScanSpent     Reason = "scan_spent"      // a desktop's QR code is answered, used, expired or made up
	TooLarge      Reason = "too_large"       // request body over the limit
	RateLimited   Reason = "rate_limited"    // too many requests from this address
	StateMismatch Reason = "state_mismatch"  // the callback's login was not begun in this browser, or too long ago
	Cancelled     Reason = "cancelled"       // the person refused, or WeChat sent no code
	Blocked       Reason = "blocked"         // an admin has blocked this person
	Snapshot      Reason = "snapshot"        // WeChat shows the page as a snapshot, to a made-up person
	CodeSpent     Reason = "code_spent"      // WeChat does not accept the code: used, expired or another account's
	MiniCodeSpent Reason = "mini_code_spent" // CodeSpent, for a mini program: it calls wx.login again
	NotMini       Reason = "not_mini"        // only for people who signed in by a mini program
	PersonLimited Reason = "person_limited"  // WeChat restricts this person's account
	WeChatFailed  Reason = "wechat_failed"   // WeChat could not be reached or answered nonsense
	WeChatTimeout Reason = "wechat_timeout"  // WeChat did not answer within the login's budget
	WeChatBusy    Reason = "wechat_busy"     // WeChat asks to slow down, or we wait before asking again
	WeChatRefused Reason = "wechat_refused"  // WeChat refuses this account: secret, permission, quota
	TokenSpent    Reason = "token_spent"     // WeChat no longer accepts the account's access token: another has replaced it
	BadKey        Reason = "bad_key"         // a program without a key, or with a wrong one
	IdentityClash Reason = "identity_clash"  // WeChat named two people in one login, or nobody
	StoreDown     Reason = "store_down"      // the database does not answer or does not take writes
	LastAdmin     Reason = "last_admin"      // the act would leave no admin who can enter
	NoSuchSession Reason = "no_such_session" // no session with this id, or it has ended
	SignInAgain   Reason = "sign_in_again"   // signed in too long ago for this: the admin pages, or an act that cannot be undone
	NeedsLogin    Reason = "needs_login"     // the stored refresh_token is dead; only a new login helps
	NoSuchAccount Reason = "no_such_account" // no account has this name, or it does not sign people in this way
	NoSuchClient  Reason = "no_such_client"  // no application with this client_id or name
	WrongRedirect Reason = "wrong_redirect"  // the application has not registered this redirect_uri
	BadClient     Reason = "bad_client"      // an application's settings are wrong
	NoSuchGrant   Reason = "no_such_grant"   // a code or token is not valid: unknown, used, ended, or another client's
	NoSuchJoin    Reason = "no_such_join"    // no join has this id, or it has been undone
	LinkStale     Reason = "link_stale"      // linking needs a recent login, in the browser in which it was begun
	TwoPeople     Reason = "two_people"      // WeChat itself says that the two identities are two people's
	LinkRights    Reason = "link_rights"     // a link would give somebody what only an admin may give: the admin pages, groups
	NotInGroup    Reason = "not_in_group"    // the person is in none of the application's groups
)

func (r Reason) kind() Kind {
	switch r {
	case BadRequest, StateMismatch, Cancelled, CodeSpent, TooLarge, NoSuchClient, WrongRedirect, BadClient, NoSuchGrant:
		return Invalid
	case NotSignedIn, SignInAgain, MiniCodeSpent, BadKey:
		return Unauthenticated
	case NotAdmin, CrossOrigin, Blocked, Snapshot, PersonLimited, LastAdmin, WrongMethod, NeedsLogin, LinkSpent, ScanSpent, NotInGroup, NotMini, LinkStale, TwoPeople, LinkRights:
		return Forbidden
	case NoSuchPage, NoSuchUser, NoSuchSession, NoSuchJoin, NoSuchAccount:
		return NotFound
	case RateLimited:
		return TooMany
	case WeChatFailed, WeChatTimeout, IdentityClash:
		return Upstream
	case WeChatBusy, TokenSpent, StoreDown:
		return Unavailable
	case WeChatRefused:
		return Misconfigured
	}
	return Internal
}

// passes says whether a retry may succeed: the failure was temporary, or the operator may
// have fixed it.
func (r Reason) passes() bool {
	switch r.kind() {
	case Internal, Upstream, Unavailable, Misconfigured:
		return true
	}
	return false
}

// Error is a failure with a name. Reason is safe to show to anyone; Cause is
// for the log and must never carry a secret, a token or a code.
type Error struct {
	Reason Reason
	Cause  error // may be nil
}

// Fail makes an Error.
func Fail(reason Reason, cause error) *Error {
	return &Error{Reason: reason, Cause: cause}
}

// Failf makes an Error whose cause is a formatted text.
func Failf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Cause: fmt.Errorf(format, args...)}
}

// Kind says what the caller can do about the failure.
func (e *Error) Kind() Kind { return e.Reason.kind() }

func (e *Error) Error() string {
	if e.Cause == nil {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// ReasonOf returns any error's reason: that of the outermost Error, or Unexpected.
// It is empty for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return Unexpected
}

// KindOf returns any error's Kind; Internal for one without a reason.
func KindOf(err error) Kind { return ReasonOf(err).kind() }

// ErrcodeOf returns WeChat's own number for a failure, 0 when there is none. It is for
// people to look up; the program goes by the Reason.
func ErrcodeOf(err error) int64 {
	type numbered interface {
		error
		WeChatErrcode() int64
	}
	if e, ok := errors.AsType[numbered](err); ok {
		return e.WeChatErrcode()
	}
	return 0
}

// SeenFrom returns this server's address as WeChat saw it, if the error has it. The
// operator may have to put it on WeChat's IP list.
func SeenFrom(err error) string {
	type placed interface {
		error
		WeChatSaw() string
	}
	if e, ok := errors.AsType[placed](err); ok {
		return e.WeChatSaw()
	}
	return ""
}
