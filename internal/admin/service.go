package admin

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

const (
	// FreshFor is how long ago an admin who comes by their own login may have signed
	// in for what cannot be undone or makes admins. A silent login renews it.
	FreshFor = 10 * time.Minute
	// LinkLifetime is how long an admin link waits for its one use.
	LinkLifetime = 10 * time.Minute
	// SessionLifetime is how long a browser let in by an admin link stays in.
	SessionLifetime = 12 * time.Hour
)

// maxReason bounds what is kept of a reason, in characters.
const maxReason = 200

// Config is what a Service needs.
type Config struct {
	Store  Store
	AppID  string   // the account whose people can be admins
	Admins []string // openids that the configuration names
	Now    func() time.Time
}

// Service is what admins may do, and the rule of who is one. Every act is recorded
// with the act itself.
type Service struct {
	store      Store
	appID      string
	configured []string
	now        func() time.Time
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{store: c.Store, appID: c.AppID, configured: c.Admins, now: c.Now}
}

// Enter says who acts in one request to the admin pages. NotAdmin for anybody who is no admin;
// SignInAgain for an admin whose login is older than a browser let in by a link
// would stay.
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

// MayEnter is the one rule of who is an admin: a browser let in by a link, or a
// person whom the configuration or `admin grant` names, by whichever of their
// identities.
func (s *Service) MayEnter(v *auth.Visit) bool {
	if v.Session.Kind == auth.AdminSession {
		return true
	}
	return v.User.ID != "" && !v.User.Blocked && (v.Granted || s.named(v.User))
}

// named says whether the configuration names one of a person's identities.
func (s *Service) named(u auth.User) bool {
	return slices.ContainsFunc(u.AllIdentities(), func(i auth.Identity) bool { return i.AppID == s.appID && s.Configured(i.OpenID) })
}

// Stale says whether a visit is an admin's whose login is too old for what only a
// fresh one may do.
func (s *Service) Stale(v *auth.Visit) bool {
	if !s.MayEnter(v) {
		return false
	}
	by, err := s.Enter(v)
	return err != nil || s.NeedsSignIn(by)
}

// Block shuts a person out, at once and everywhere: their sessions end, and no
// login makes a new one. An admin who blocks themselves has to have confirmed it;
// LastAdmin when no admin would be left.
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

// Unblock lets a person in again; they have to sign in once more.
func (s *Service) Unblock(ctx context.Context, by Actor, userID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.SetBlocked(ctx, userID, false, nil, s.event(by, ActUnblock, userID, ""))
}

// EndSessions signs a person out everywhere and returns of how many browsers.
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

// Erase deletes all that is stored on a person. It does not shut them out: who
// comes again is a new person. An admin has to have confirmed it and, by their own
// login, to have signed in a moment ago; LastAdmin when no admin would be left.
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

// confirmed passes an act on a person if whoever acts in a browser has typed whom
// they mean.
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

// Grant makes the person with this openid an admin, known or not yet. Who may, and
// what they have to confirm, is as with Erase.
func (s *Service) Grant(ctx context.Context, by Actor, openID string) (changed bool, err error) {
	if err := s.mayChange(by, openID); err != nil {
		return false, err
	}
	return s.store.GrantAdmin(ctx, s.appID, openID, s.event(by, ActGrant, openID, ""))
}

// Revoke takes that back. A person whom the configuration names stays an admin.
// LastAdmin when no admin would be left.
func (s *Service) Revoke(ctx context.Context, by Actor, openID string) (changed bool, err error) {
	if err := s.mayChange(by, openID); err != nil {
		return false, err
	}
	guard := s.guard(by)
	if s.Configured(openID) {
		guard = nil
	}
	return s.store.RevokeAdmin(ctx, s.appID, openID, guard, s.event(by, ActRevoke, openID, ""))
}

// mayChange passes those who may make admins and unmake them.
func (s *Service) mayChange(by Actor, openID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	return by.meant(auth.User{OpenID: openID})
}

// Configured says whether the configuration names the openid an admin.
func (s *Service) Configured(openID string) bool { return slices.Contains(s.configured, openID) }

// Admins lists everyone who may enter by their own login: first those that the
// configuration names, then the granted, oldest first.
func (s *Service) Admins(ctx context.Context) ([]Admin, error) {
	granted, err := s.store.Admins(ctx, s.appID)
	if err != nil {
		return nil, err
	}
	var all []Admin
	for _, openID := range s.configured {
		all = append(all, Admin{OpenID: openID})
	}
	return append(all, granted...), nil
}
