package auth

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Config is what a Service needs.
type Config struct {
	Providers map[string]Provider     // by account name, for accounts that sign people in to pages
	Minis     map[string]MiniProvider // by account name, for mini programs
	Store     Store
	Pictures  *Pictures  // nil: none are copied
	Followers *Followers // nil: WeChat is not asked who follows the accounts
	Rules     Rules
	Now       func() time.Time
	Log       *slog.Logger
	// Observe, if set, is called for every login that ended, with its outcome, reason, step
	// and times, and for every one whose claim could not be saved, which has no step. A
	// repeated arrival is not reported.
	Observe func(context.Context, Login)
	// Arrived, if set, is called for every arrival that the store has accepted. first is
	// true for the one that claimed its state and its code, among all processes.
	Arrived func(ctx context.Context, first bool)
}

// Service signs people in.
type Service struct {
	providers map[string]Provider
	minis     map[string]MiniProvider
	store     Store
	pictures  *Pictures
	followers *Followers
	rules     Rules
	now       func() time.Time
	log       *slog.Logger
	observe   func(context.Context, Login)
	arrived   func(context.Context, bool)
}

// New makes a Service.
func New(c Config) *Service {
	if c.Observe == nil {
		c.Observe = func(context.Context, Login) {}
	}
	if c.Arrived == nil {
		c.Arrived = func(context.Context, bool) {}
	}
	return &Service{
		providers: c.Providers,
		minis:     c.Minis,
		store:     c.Store,
		pictures:  c.Pictures,
		followers: c.Followers,
		rules:     c.Rules,
		now:       c.Now,
		log:       c.Log,
		observe:   c.Observe,
		arrived:   c.Arrived,
	}
}

// Rules returns the settings that the service was made with.
func (s *Service) Rules() Rules { return s.rules }

// Arrival is a browser's return from WeChat. Its state has been checked against the flow
// that this browser began.
type Arrival struct {
	// Account is the one that the flow began with: the code is sent to WeChat with this
	// account's AppID and secret, and with no other's.
	Account Account
	State   string
	Code    string
	Scope   Scope // that the flow asked for
	// Token becomes the session's token. It was made with the flow and was never sent
	// unencrypted, so every answer to a repeated callback can carry the same session, and
	// only to the browser that has the flow.
	Token    Secret
	Replaces string // as in SaveLogin
	// LinkTo is the visit of the person who links a further identity; nil for a login.
	LinkTo *Visit
	// Consent is the version of our own text that the person agreed to before this trip;
	// empty when they were not asked.
	Consent   string
	Device    Device
	RequestID string // shown to a person whose login fails, so that they can report it
}

// SignIn spends the arrival's code, once, and signs the person in. The same arrival again,
// at the same time or later, in this process or another, gets the first one's outcome
// without a call to WeChat. It returns the new session, or nil for an unknown person, who
// has to be asked for consent first. An arrival that links an identity begins no session:
// its Visit has only the person.
//
// It finishes even if the browser disconnects: the code is spent by then, and the next
// request of the same flow gets the result.
func (s *Service) SignIn(ctx context.Context, a Arrival) (*Visit, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.rules.Budget)
	defer cancel()
	provider, err := s.provider(a.Account)
	if err != nil {
		return nil, err
	}
	login := Login{
		ID:        NewID(),
		AppID:     a.Account.AppID,
		StateHash: Hash(a.State),
		CodeHash:  Hash(a.Code),
		Scope:     a.Scope,
		Outcome:   Pending,
		StartedAt: s.now(),
		Device:    a.Device,
	}
	if a.LinkTo == nil {
		login.SessionHash = Hash(a.Token)
	}
	claimed, err := s.claim(ctx, login)
	if err != nil {
		return nil, err
	}
	if !claimed {
		return s.repeat(ctx, login, a.LinkTo)
	}
	visit, err := s.completeLogin(ctx, provider, &login, a)
	s.end(ctx, login, visit, err, a.RequestID)
	return visit, err
}

// completeLogin spends the code and signs the person in. It sets the step and the person in
// login, for the history.
func (s *Service) completeLogin(ctx context.Context, provider Provider, login *Login, a Arrival) (*Visit, error) {
	login.Step = StepCode
	answer, err := provider.Exchange(ctx, a.Code)
	if err != nil {
		return nil, err
	}
	login.Step = StepPerson
	if answer.Snapshot {
		return nil, Fail(Snapshot, nil)
	}
	known, err := s.recognize(ctx, login, answer.OpenID)
	if err != nil {
		return nil, err
	}
	if s.rules.Mode == ModeAuto && a.Scope == ScopeBase && !known.Consented() {
		login.Step = ""
		return nil, nil
	}
	save := s.newSave(login, answer, known)
	save.RefreshToken, save.Replaces, save.Link = answer.RefreshToken, a.Replaces, s.rules.link(a.LinkTo)
	troubled := Step("") // the step that failed without stopping the login
	wanted := a.Scope == ScopeUserinfo || a.Scope == ScopeLogin && s.rules.Mode != ModeBase
	if wanted && answer.Scope == ScopeUserinfo {
		login.Step = StepProfile
		save.Scope, save.Consent = ScopeUserinfo, a.Consent
		info, errcode, err := s.userinfo(ctx, provider, answer, known)
		if err != nil {
			return nil, err
		}
		if info == nil {
			troubled, login.Errcode = StepProfile, errcode
		} else {
			save.Profile = new(info.Profile.Clean())
			save.UnionID = cmp.Or(info.UnionID, save.UnionID)
		}
	}
	visit, err := s.save(ctx, login, save, troubled)
	if err != nil {
		return nil, err
	}
	// With every login, even a silent one: a copy that failed is retried.
	s.pictures.Want(visit.User.ID, visit.User.AvatarURL)
	return visit, nil
}

// userinfo reads the profile. A login goes on without one: the person is known already, and
// a busy WeChat or a garbled nickname must not keep them out. Two things stop the login: an
// answer about another person, and a refusal for a person never seen before, because that
// is how WeChat answers for snapshot visitors (field reports).
func (s *Service) userinfo(ctx context.Context, provider Provider, answer TokenAnswer, known User) (info *Userinfo, errcode int64, err error) {
	got, err := provider.Userinfo(ctx, answer)
	switch {
	case err == nil && got.OpenID != answer.OpenID:
		return nil, 0, Failf(IdentityClash, "userinfo is about another openid than the token")
	case err == nil:
		return &got, 0, nil
	case ReasonOf(err) == WeChatRefused && known.ID == "":
		return nil, 0, err
	}
	level := slog.LevelWarn
	if KindOf(err) == Misconfigured {
		level = slog.LevelError // there are no profiles until the operator fixes it
	}
	s.log.Log(ctx, level, "login goes on without a profile", "reason", ReasonOf(err), "error", err)
	return nil, ErrcodeOf(err), nil
}

// AuthorizeURL returns the address of WeChat's authorize page for an account.
func (s *Service) AuthorizeURL(account Account, a Authorization) (string, error) {
	provider, err := s.provider(account)
	if err != nil {
		return "", err
	}
	return provider.AuthorizeURL(a), nil
}

// provider returns the Provider of an account.
func (s *Service) provider(account Account) (Provider, error) {
	if provider := s.providers[account.Name]; provider != nil {
		return provider, nil
	}
	return nil, Failf(NoSuchAccount, "account %q has no provider", account.Name)
}
