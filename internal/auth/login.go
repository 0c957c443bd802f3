package auth

import (
	"context"
	"time"
)

// Login is one return from WeChat: at first a claim on its state and code, in
// the end the history of what came of it.
type Login struct {
	ID          string
	AppID       string
	StateHash   string // a state is spent once; kept for an hour and never read
	CodeHash    string // so is a code
	SessionHash string // of the token this login signs in with, if it does
	Scope       Scope
	Outcome     Outcome
	Reason      Reason // why it failed; empty otherwise
	Errcode     int64  // WeChat's number for what went wrong; 0 when it gave none
	Step        Step   // where it failed, or went on without a profile; empty otherwise
	UserID      string // empty until it is known who came
	IdentityID  string // by which; empty for their first
	StartedAt   time.Time
	FinishedAt  time.Time // zero while pending
	RequestID   string    // of the answer that said it failed; empty otherwise
	// Device is kept with a person, and for an hour with a failure that is nobody's.
	Device Device
}

// Outcome is what came of a login.
type Outcome string

// The outcomes.
const (
	Pending  Outcome = "pending"   // claimed, not finished: in flight, or its process died
	SignedIn Outcome = "signed_in" // a session was made
	Unknown  Outcome = "unknown"   // nobody known, so consent has to be asked first
	Failed   Outcome = "failed"    // for Login.Reason
)

// Step is a part of a login.
type Step string

// The steps, in order.
const (
	StepCode    Step = "code"    // the code was exchanged for who came
	StepPerson  Step = "person"  // it was looked up whether they may come in
	StepProfile Step = "profile" // the profile was asked for
	StepSave    Step = "save"    // all was written down
)

// SaveLogin is all that a login that signs a person in writes.
type SaveLogin struct {
	Login   Login // Outcome SignedIn
	OpenID  string
	UnionID string // empty keeps the one stored
	Scope   Scope  // widens the one stored, never narrows it
	// Before is who had the openid a moment before; zero for nobody. It spares the
	// store a look and is not relied on.
	Before User
	// Kin are the AppIDs that share their unionids with the login's (Rules.Kin): an
	// openid that is new joins the person whom the unionid names there.
	Kin []string
	// Several says that people sign in by more than one account, so that the openid may
	// be becoming somebody's further identity at this moment.
	Several bool
	// Profile is nil when none arrived: the one stored stays.
	Profile      *Profile
	RefreshToken Secret
	// Consent is the version of our own text that the person has just agreed to;
	// empty keeps what is noted.
	Consent string
	Session Session // without UserID
	// Replaces is the hash of the session token that the browser held before;
	// that session ends with the login. May be empty.
	Replaces string
	// Link, if set, gives the identity to somebody who is signed in already: no session
	// begins.
	Link *Link
	// SameDevice, if set, says of the person's sessions of the same identity and scope
	// which of them this one takes the place of.
	SameDevice func(Device) bool
}

// Store is where logins are written down. Every error is an *Error with
// StoreDown, or a context's, unless said otherwise.
type Store interface {
	// ClaimLogin writes the pending login and returns true, once for a state and
	// once for a code, over all processes of one database. False is no error: the
	// state or the code has been claimed before. It is remembered for an hour, longer
	// than either is good for.
	ClaimLogin(context.Context, Login) (bool, error)
	// LoginByState returns the login of a state, the zero Login when there is
	// none.
	LoginByState(ctx context.Context, stateHash string) (Login, error)
	// FinishLogin ends a pending login that signs nobody in: its Outcome, Reason,
	// Errcode, Step, FinishedAt, RequestID, Device and, if it is known who came, their
	// UserID.
	FinishLogin(context.Context, Login) error
	// UserByOpenID returns a person by an identity. NoSuchUser when it is nobody's.
	UserByOpenID(ctx context.Context, appID, openID string) (User, error)
	// SaveLogin writes person, token, session and the end of the login, all or
	// nothing, and returns the visit that begins, as it can be read from now on. A
	// person who is Blocked at that moment gets no session, and no further identity: the
	// Error says so and nothing is written. With a Link the Visit has no Session, and
	// LinkStale, TwoPeople or LinkRights say that nothing was linked.
	SaveLogin(context.Context, SaveLogin) (*Visit, error)
	// Visit returns the live session of a token, with its person, in one read or none.
	// NotSignedIn when there is none.
	Visit(ctx context.Context, kind SessionKind, tokenHash string) (*Visit, error)
}
