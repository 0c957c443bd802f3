package auth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"
)

// Mode is the operator's choice of what is asked of whom (WXLOGIN_SCOPE).
type Mode string

// The modes.
const (
	ModeAuto     Mode = "auto"     // silent first; consent only from people not yet known
	ModeBase     Mode = "base"     // never more than the openid
	ModeUserinfo Mode = "userinfo" // consent from everyone, at once
)

// ScopeFor is the scope of the next trip to WeChat. consent says that the person
// has just agreed on our own page: WeChat opens a snsapi_userinfo page that
// nobody asked for as a snapshot (official announcement of 2022), which is why
// ModeAuto waits for it.
func (m Mode) ScopeFor(consent bool) Scope {
	if m == ModeUserinfo || m == ModeAuto && consent {
		return ScopeUserinfo
	}
	return ScopeBase
}

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

// Grant is WeChat's answer to a code.
type Grant struct {
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
	Exchange(ctx context.Context, code string) (Grant, error)
	// Userinfo reads the profile that a grant of ScopeUserinfo opens.
	Userinfo(ctx context.Context, grant Grant) (Userinfo, error)
}

// Login is one return from WeChat: at first a claim on its state and code, in
// the end the history of what came of it.
type Login struct {
	ID          string
	AppID       string
	StateHash   string // unique: a state is spent once
	CodeHash    string // unique: so is a code
	SessionHash string // of the token this login signs in with, if it does
	Scope       Scope
	Outcome     Outcome
	Reason      Reason // why it failed; empty otherwise
	UserID      string // empty until a person is signed in
	StartedAt   time.Time
	FinishedAt  time.Time // zero while pending
	Device      Device
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

// SaveLogin is all that a login that signs a person in writes.
type SaveLogin struct {
	Login   Login // Outcome SignedIn
	OpenID  string
	UnionID string // empty keeps the one stored
	Scope   Scope  // widens the one stored, never narrows it
	// Profile is nil when none arrived: the one stored stays.
	Profile      *Profile
	RefreshToken Secret
	Session      Session // without UserID
	// Replaces is the hash of the session token that the browser held before;
	// that session ends with the login. May be empty.
	Replaces string
}

// Store is where logins are written down. Every error is an *Error with
// StoreDown, or a context's, unless said otherwise.
type Store interface {
	// ClaimLogin writes the pending login and returns true, once for a state and
	// once for a code, over all processes of one database. False is no error: the
	// state or the code has been claimed before.
	ClaimLogin(context.Context, Login) (bool, error)
	// LoginByState returns the login of a state, the zero Login when there is
	// none.
	LoginByState(ctx context.Context, stateHash string) (Login, error)
	// FinishLogin ends a pending login that signs nobody in.
	FinishLogin(ctx context.Context, id string, outcome Outcome, reason Reason, at time.Time) error
	// UserByOpenID returns a person. NoSuchUser when there is none.
	UserByOpenID(ctx context.Context, appID, openID string) (User, error)
	// SaveLogin writes person, token, session and the end of the login, all or
	// nothing, and returns the person as stored. A person who is Blocked at that
	// moment gets no session: the Error says so and nothing is written.
	SaveLogin(context.Context, SaveLogin) (User, error)
	// Visit returns the live session of a token, with its person, in one read.
	// NotSignedIn when there is none.
	Visit(ctx context.Context, kind SessionKind, tokenHash string) (Visit, error)
}

// Rules are the operator's settings that bear on sign-in.
type Rules struct {
	AppID    string
	Mode     Mode
	Idle     time.Duration // a session ends after this long without a visit
	Lifetime time.Duration // and after this long in any case
	Budget   time.Duration // for one login, WeChat's answers and our writes together
	// Recheck is the age at which a session is checked, silently, against the
	// person who holds the phone by then. 0: never.
	Recheck time.Duration
}

// Service signs people in.
type Service struct {
	provider Provider
	store    Store
	rules    Rules
	now      func() time.Time
	log      *slog.Logger
}

// New makes a Service.
func New(provider Provider, store Store, rules Rules, now func() time.Time, log *slog.Logger) *Service {
	return &Service{provider: provider, store: store, rules: rules, now: now, log: log}
}

// Rules returns the settings the service was made with.
func (s *Service) Rules() Rules { return s.rules }

// Arrival is a browser's return from WeChat, its state already checked against
// the flow that this browser began.
type Arrival struct {
	State string
	Code  string
	Scope Scope // that the flow asked for
	// Token becomes the session's token. It was made with the flow and has been
	// shown to nobody in the clear, so every answer to a repeated callback can
	// hand out the same session, and only to the browser that holds the flow.
	Token    Secret
	Replaces string
	Device   Device
}

// Landing is where an arrival ends when it does not fail.
type Landing struct {
	Outcome Outcome // SignedIn or Unknown
	Visit   Visit   // when SignedIn
}

// SignIn spends the arrival's code, once, and writes down who came. The same
// arrival again, at the same time or later, in this process or another, gets
// the first one's landing and makes no call.
//
// It goes on when the browser goes away: the code is spent by then, and the
// next request of the same flow picks the result up.
func (s *Service) SignIn(ctx context.Context, a Arrival) (Landing, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.rules.Budget)
	defer cancel()
	login := Login{
		ID:          NewID(),
		AppID:       s.rules.AppID,
		StateHash:   Hash(a.State),
		CodeHash:    Hash(a.Code),
		SessionHash: Hash(a.Token),
		Scope:       a.Scope,
		Outcome:     Pending,
		StartedAt:   s.now(),
		Device:      a.Device,
	}
	claimed, err := s.store.ClaimLogin(ctx, login)
	if err != nil {
		return Landing{}, err
	}
	if !claimed {
		return s.repeat(ctx, login)
	}
	landing, err := s.exchange(ctx, login, a)
	if err != nil {
		s.finish(ctx, login, Failed, ReasonOf(err))
		return Landing{}, err
	}
	if landing.Outcome == Unknown {
		s.finish(ctx, login, Unknown, "")
	}
	return landing, nil
}

func (s *Service) exchange(ctx context.Context, login Login, a Arrival) (Landing, error) {
	grant, err := s.provider.Exchange(ctx, a.Code)
	if err != nil {
		return Landing{}, err
	}
	if grant.Snapshot {
		return Landing{}, Fail(Snapshot, nil)
	}
	known, err := s.store.UserByOpenID(ctx, s.rules.AppID, grant.OpenID)
	if err != nil && KindOf(err) != NotFound {
		return Landing{}, err
	}
	if known.Blocked {
		return Landing{}, Failf(Blocked, "user %s", known.ID)
	}
	if s.rules.Mode == ModeAuto && a.Scope == ScopeBase && !known.Consented() {
		return Landing{Outcome: Unknown}, nil
	}
	save := SaveLogin{
		Login:        login,
		OpenID:       grant.OpenID,
		UnionID:      grant.UnionID,
		Scope:        ScopeBase,
		RefreshToken: grant.RefreshToken,
		Replaces:     a.Replaces,
	}
	if a.Scope == ScopeUserinfo && grant.Scope == ScopeUserinfo {
		save.Scope = ScopeUserinfo
		info, err := s.userinfo(ctx, grant, known)
		if err != nil {
			return Landing{}, err
		}
		if info != nil {
			save.Profile = new(info.Profile.Clean())
			save.UnionID = cmp.Or(info.UnionID, save.UnionID)
		}
	}
	at := s.now()
	save.Login.Outcome, save.Login.FinishedAt = SignedIn, at
	save.Session = Session{
		ID:         NewID(),
		TokenHash:  login.SessionHash,
		Kind:       VisitorSession,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(s.rules.Lifetime),
		Device:     a.Device,
	}
	user, err := s.store.SaveLogin(ctx, save)
	if err != nil {
		return Landing{}, err
	}
	save.Session.UserID = user.ID
	return Landing{Outcome: SignedIn, Visit: Visit{Session: save.Session, User: user}}, nil
}

// userinfo reads the profile, and lets a login go on without one: who came is
// known already, and a busy WeChat or a garbled nickname must not keep them
// out. Two things stop the login: an answer about somebody else, and a refusal
// to a person never seen before, because WeChat refuses in the same way to tell
// of the made-up people of snapshots (field reports).
func (s *Service) userinfo(ctx context.Context, grant Grant, known User) (*Userinfo, error) {
	info, err := s.provider.Userinfo(ctx, grant)
	switch {
	case err == nil && info.OpenID != grant.OpenID:
		return nil, Failf(IdentityClash, "userinfo is about another openid than the token")
	case err == nil:
		return &info, nil
	case ReasonOf(err) == WeChatRefused && known.ID == "":
		return nil, err
	}
	s.log.WarnContext(ctx, "login goes on without a profile", "reason", ReasonOf(err), "error", err)
	return nil, nil
}

// repeatPoll is how often a repeated callback looks for the end of the first
// one. It is short against the second that a login takes, and long against a
// read.
const repeatPoll = 50 * time.Millisecond

// repeat answers an arrival whose state or code is spent: it waits for the first
// one to end and lands where that did.
func (s *Service) repeat(ctx context.Context, login Login) (Landing, error) {
	ticker := time.NewTicker(repeatPoll)
	defer ticker.Stop()
	for {
		first, err := s.store.LoginByState(ctx, login.StateHash)
		switch {
		case err != nil:
			return Landing{}, err
		case first.ID == "":
			return Landing{}, Failf(CodeSpent, "the code came with another state before")
		case first.Outcome == Pending && s.now().Sub(first.StartedAt) > 2*s.rules.Budget:
			return Landing{}, Failf(CodeSpent, "the login that spent it was never finished")
		case first.Outcome != Pending:
			return s.landed(ctx, login, first)
		}
		select {
		case <-ctx.Done():
			return Landing{}, Fail(WeChatTimeout, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (s *Service) landed(ctx context.Context, again, first Login) (Landing, error) {
	switch first.Outcome {
	case Unknown:
		return Landing{Outcome: Unknown}, nil
	case Failed:
		return Landing{}, Failf(first.Reason, "repeated callback of login %s", first.ID)
	}
	visit, err := s.store.Visit(ctx, VisitorSession, again.SessionHash)
	if err == nil && !visit.Session.Alive(s.now(), s.rules.Idle) {
		err = Fail(NotSignedIn, nil)
	}
	if ReasonOf(err) == NotSignedIn {
		return Landing{}, Failf(CodeSpent, "the session of login %s has ended", first.ID)
	}
	if err != nil {
		return Landing{}, err
	}
	return Landing{Outcome: SignedIn, Visit: visit}, nil
}

// finish writes the end of a login that signs nobody in. The visitor's answer
// does not depend on it, so its own failure is only logged; it may outlive the
// login's budget by a moment, which is often what ran out.
func (s *Service) finish(ctx context.Context, login Login, outcome Outcome, reason Reason) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.store.FinishLogin(ctx, login.ID, outcome, reason, s.now())
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "the end of a login was not written down", "login", login.ID, "outcome", outcome, "error", err)
	}
}

// AuthorizeURL is where a browser goes that begins the trip.
func (s *Service) AuthorizeURL(a Authorization) string { return s.provider.AuthorizeURL(a) }
