package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

const (
	// FreshFor is how recently an admin who acts by their own login must have signed in for
	// acts that cannot be undone or make admins. A silent login counts.
	FreshFor = 10 * time.Minute
	// LinkLifetime is how long an admin link can be used.
	LinkLifetime = 10 * time.Minute
	// SessionLifetime is how long the session of a browser let in by an admin link lasts.
	SessionLifetime = 12 * time.Hour
)

// maxReason is the longest stored reason, in characters.
const maxReason = 200

// Config is what a Service needs.
type Config struct {
	Store    Store
	AppID    string         // of the account main
	Accounts []auth.Account // as in auth.Rules
	Admins   []string       // whom the configuration names: openid, or account:openid
	Now      func() time.Time

	Followers bool            // as in auth.Rules
	Refresher *auth.Refresher // nil where no profile is fetched again: on the command line
}

// Service is what admins may do, and the rule of who is one. Every act and its entry in the
// audit log are saved together.
type Service struct {
	store      Store
	refresher  *auth.Refresher
	accounts   []auth.Account
	configured map[string][]string // openids of admins by AppID; every account has a key
	now        func() time.Time
	followers  bool
}

// New makes a Service.
func New(c Config) *Service {
	s := &Service{
		store:      c.Store,
		refresher:  c.Refresher,
		accounts:   auth.AllAccounts(c.Accounts, c.AppID),
		configured: make(map[string][]string),
		now:        c.Now,
		followers:  c.Followers,
	}
	for _, account := range s.accounts {
		s.configured[account.AppID] = nil
	}
	for _, who := range c.Admins {
		if appID, openID, err := s.openid(who); err == nil { // the settings have been checked
			s.configured[appID] = append(s.configured[appID], openID)
		}
	}
	return s
}

// openid splits the name of a person who is or becomes an admin: an openid of the account
// main, or account:openid. NoSuchAccount when there is no account of this name.
func (s *Service) openid(who string) (appID, openID string, err error) {
	name, openID, other := strings.Cut(who, ":")
	if !other {
		name, openID = auth.MainAccount, who
	}
	for _, account := range s.accounts {
		if account.Name == name {
			return account.AppID, openID, nil
		}
	}
	return "", "", auth.Failf(auth.NoSuchAccount, "there is no account %q", name)
}

// NameOf returns the name by which Grant and Revoke take a person; empty if their account is
// not configured.
func (s *Service) NameOf(user auth.User) string {
	for _, account := range s.accounts {
		switch {
		case account.AppID != user.AppID:
		case account.Name == auth.MainAccount:
			return user.OpenID
		default:
			return account.Name + ":" + user.OpenID
		}
	}
	return ""
}

// Enter returns the actor of a request to the admin pages. NotAdmin for anybody who is not
// an admin; SignInAgain for an admin whose login is older than SessionLifetime.
func (s *Service) Enter(v *auth.Visit) (Actor, error) {
	switch {
	case !s.MayEnter(v):
		return Actor{}, auth.Fail(auth.NotAdmin, nil)
	case v.Session.Kind == auth.AdminSession && auth.Age(s.now(), v.Session.CreatedAt) >= SessionLifetime:
		return Actor{}, auth.Fail(auth.NotAdmin, nil)
	case v.Session.Kind == auth.AdminSession:
		return Actor{kind: byLink, name: ActorLink}, nil
	case auth.Age(s.now(), v.Session.CreatedAt) >= SessionLifetime:
		return Actor{}, auth.Failf(auth.SignInAgain, "the admin signed in at %v", v.Session.CreatedAt)
	}
	return Actor{kind: byLogin, name: v.User.ID, signedInAt: v.Session.CreatedAt}, nil
}

// MayEnter is the one rule of who is an admin: a browser let in by a link, or a person one
// of whose identities the configuration or `admin grant` names.
func (s *Service) MayEnter(v *auth.Visit) bool {
	if v.Session.Kind == auth.AdminSession {
		return true
	}
	return v.User.ID != "" && !v.User.Blocked && s.serves(v.User.AppID) && (v.Granted || s.Appointed(v.User))
}

// serves says whether an account is configured.
func (s *Service) serves(appID string) bool {
	_, served := s.configured[appID]
	return served
}

// Appointed says whether the configuration names one of a person's identities.
func (s *Service) Appointed(u auth.User) bool {
	return slices.ContainsFunc(u.AllIdentities(), func(i auth.Identity) bool { return slices.Contains(s.configured[i.AppID], i.OpenID) })
}

// Stale says whether a visit is that of an admin who has to sign in again for an act that
// cannot be undone or makes an admin.
func (s *Service) Stale(v *auth.Visit) bool {
	if !s.MayEnter(v) {
		return false
	}
	by, err := s.Enter(v)
	return err != nil || s.NeedsSignIn(by)
}

// Block locks a person out, at once and everywhere: their sessions end, and no login begins
// a new one. Admins who block themselves have to confirm it. LastAdmin when no admin would
// be left.
func (s *Service) Block(ctx context.Context, by Actor, userID, reason string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if by.Person() == userID {
		if err := s.confirmed(ctx, by, userID); err != nil {
			return err
		}
	}
	return s.store.SetBlocked(ctx, userID, true, s.guard(by), s.event(by, ActBlock, userID, auth.CleanText(reason, maxReason)))
}

// Unblock lets a person in again. They have to sign in again.
func (s *Service) Unblock(ctx context.Context, by Actor, userID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.SetBlocked(ctx, userID, false, nil, s.event(by, ActUnblock, userID, ""))
}

// EndSessions signs a person out everywhere, and returns how many sessions have ended.
func (s *Service) EndSessions(ctx context.Context, by Actor, userID string) (int64, error) {
	if err := by.adminOr(userID); err != nil {
		return 0, err
	}
	return s.store.EndSessions(ctx, userID, s.event(by, ActEndSessions, userID, ""))
}

// EndSession signs a person out of one browser.
func (s *Service) EndSession(ctx context.Context, by Actor, userID, sessionID string) error {
	if err := by.adminOr(userID); err != nil {
		return err
	}
	return s.store.EndSession(ctx, userID, sessionID, s.event(by, ActEndSession, userID, ""))
}

// Refresh fetches a person's profile from WeChat again, with a stored refresh_token.
// NeedsLogin when only a login of theirs helps, NoSuchUser when there is no such person.
func (s *Service) Refresh(ctx context.Context, by Actor, userID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if _, err := s.refresher.Refresh(ctx, userID); err != nil {
		return err
	}
	return s.record(ctx, by, ActRefresh, userID, "")
}

// Erase deletes all that is stored on a person. It does not lock them out: when they log in
// again, they are a new person. An admin has to confirm it and, if they act by their own
// login, to have signed in recently. LastAdmin when no admin would be left.
func (s *Service) Erase(ctx context.Context, by Actor, userID string) error {
	if err := by.adminOr(userID); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	if err := s.confirmed(ctx, by, userID); err != nil {
		return err
	}
	return s.store.EraseUser(ctx, userID, s.guard(by), s.event(by, ActErase, userID, ""))
}

// confirmed checks that an actor in a browser has typed which person they mean.
func (s *Service) confirmed(ctx context.Context, by Actor, userID string) error {
	if by.kind != byLogin && by.kind != byLink {
		return nil
	}
	user, err := s.store.User(ctx, userID)
	if err != nil {
		return err
	}
	return by.meant(user)
}

// Grant makes a person an admin, whether or not they have ever logged in. who is their
// openid, or account:openid for an account other than main. Admins may do it, and confirm
// it as with Erase. NoSuchAccount when there is no account of this name.
func (s *Service) Grant(ctx context.Context, by Actor, who string) (changed bool, err error) {
	appID, openID, err := s.mayChange(by, who)
	if err != nil {
		return false, err
	}
	return s.store.GrantAdmin(ctx, appID, openID, s.event(by, ActGrant, openID, ""))
}

// Revoke undoes Grant. A person whom the configuration names stays an admin. LastAdmin when
// no admin would be left.
func (s *Service) Revoke(ctx context.Context, by Actor, who string) (changed bool, err error) {
	appID, openID, err := s.mayChange(by, who)
	if err != nil {
		return false, err
	}
	guard := s.guard(by)
	if slices.Contains(s.configured[appID], openID) {
		guard = nil
	}
	return s.store.RevokeAdmin(ctx, appID, openID, guard, s.event(by, ActRevoke, openID, ""))
}

// mayChange checks that by may make who an admin or revoke that, and splits who.
func (s *Service) mayChange(by Actor, who string) (appID, openID string, err error) {
	if err := by.admin(); err != nil {
		return "", "", err
	}
	if err := s.fresh(by); err != nil {
		return "", "", err
	}
	if appID, openID, err = s.openid(who); err != nil {
		return "", "", err
	}
	return appID, openID, by.meant(auth.User{OpenID: openID})
}

// Configured says whether the configuration names who as an admin.
func (s *Service) Configured(who string) bool {
	appID, openID, err := s.openid(who)
	return err == nil && slices.Contains(s.configured[appID], openID)
}

// Admins lists everyone who may enter by their own login, account by account: first those
// whom the configuration names, then the granted ones, oldest first.
func (s *Service) Admins(ctx context.Context) ([]Admin, error) {
	var all []Admin
	for _, account := range s.accounts {
		granted, err := s.store.Admins(ctx, account.AppID)
		if err != nil {
			return nil, err
		}
		for _, openID := range s.configured[account.AppID] {
			all = append(all, Admin{Account: account.Name, OpenID: openID})
		}
		for _, admin := range granted {
			admin.Account = account.Name
			all = append(all, admin)
		}
	}
	return all, nil
}
