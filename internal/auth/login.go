package auth

import (
	"context"
	"time"
)

// Login is one return from WeChat: first the claim on its state and code, then the history
// of how it ended.
type Login struct {
	ID          string
	AppID       string
	StateHash   string // a state is spent once; kept for an hour and never read
	CodeHash    string // likewise, of the code
	SessionHash string // of the token of the session that the login begins, if it does
	Scope       Scope
	Outcome     Outcome
	Reason      Reason // why it failed; empty otherwise
	Errcode     int64  // WeChat's number for what went wrong; 0 when it gave none
	Step        Step   // the one that failed; StepProfile when it went on without a profile; else empty
	UserID      string // empty until the person is known
	IdentityID  string // the identity they came by; empty for their first
	StartedAt   time.Time
	FinishedAt  time.Time // zero while pending
	RequestID   string    // of the response that reported the failure; empty otherwise
	// Device is kept while the login has a person, and for an hour when a failed one has none.
	Device Device
}

// Outcome is how a login ended.
type Outcome string

// The outcomes.
const (
	Pending  Outcome = "pending"   // claimed and not finished: under way, or its process died
	SignedIn Outcome = "signed_in" // a session began, or an identity was linked
	Unknown  Outcome = "unknown"   // the person is not known, and has to be asked for consent first
	Failed   Outcome = "failed"    // see Login.Reason
)

// Step is a part of a login.
type Step string

// The steps, in order.
const (
	StepCode    Step = "code"    // exchange the code for an openid
	StepPerson  Step = "person"  // look the person up, and check that they may sign in
	StepProfile Step = "profile" // fetch the profile
	StepSave    Step = "save"    // save all of it
)

// SaveLogin is everything that a successful login writes.
type SaveLogin struct {
	Login   Login // Outcome SignedIn
	OpenID  string
	UnionID string // empty keeps the one stored
	Scope   Scope  // widens the one stored, never narrows it
	// Before is the person who had the openid a moment ago; zero when it was new. It saves
	// the store a read and is not relied on.
	Before User
	// Kin are the AppIDs that share unionids with the login's account (Rules.Kin): a new
	// openid joins the person who has the unionid there.
	Kin []string
	// Several says that people sign in by more than one account: another transaction may
	// be making the openid a person's further identity at this moment.
	Several bool
	// Profile is nil when none arrived: the one stored stays.
	Profile      *Profile
	RefreshToken Secret
	// Consent is the version of our own text that the person has just agreed to; empty
	// keeps the stored one.
	Consent string
	Session Session // without UserID
	// Replaces is the hash of the browser's previous session token: that session ends with
	// the login. May be empty.
	Replaces string
	// Link, if set, gives the identity to a person who is signed in already: no session
	// begins.
	Link *Link
	// SameDevice, if set, selects which of the person's sessions with the same identity
	// and scope the new session replaces.
	SameDevice func(Device) bool
}

// Store stores logins. Every error is an *Error with StoreDown, or a context's, unless said
// otherwise.
type Store interface {
	// ClaimLogin writes the pending login and returns true, once for each state and once
	// for each code, among all processes of one database. False is no error: the state or
	// the code has been claimed before. Claims are kept for an hour, longer than a state or
	// a code is valid.
	ClaimLogin(context.Context, Login) (bool, error)
	// LoginByState returns the login of a state; the zero Login when there is none.
	LoginByState(ctx context.Context, stateHash string) (Login, error)
	// FinishLogin ends a pending login that signs nobody in: its Outcome, Reason,
	// Errcode, Step, FinishedAt, RequestID, Device and, if the person is known, their
	// UserID.
	FinishLogin(context.Context, Login) error
	// UserByOpenID returns the person who has an identity. NoSuchUser when nobody has.
	UserByOpenID(ctx context.Context, appID, openID string) (User, error)
	// SaveLogin writes person, token, session and the end of the login, all or nothing,
	// and returns the new visit, as Visit would. Blocked when the person is blocked at
	// that moment: nothing is written then, neither a session nor a further identity.
	// With a Link the Visit has no Session; LinkStale, TwoPeople or LinkRights when
	// nothing was linked.
	SaveLogin(context.Context, SaveLogin) (*Visit, error)
	// Visit returns the live session of a token, with its person, with at most one read.
	// NotSignedIn when there is none.
	Visit(ctx context.Context, kind SessionKind, tokenHash string) (*Visit, error)
}
