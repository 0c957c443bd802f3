package admin

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// Admin is a person whom the operator has let in by name.
type Admin struct {
	OpenID    string
	GrantedAt time.Time // zero when the configuration names them
	Nickname  string    // empty while the person is unknown
}

// Link is a one-time address of the admin pages, as stored.
type Link struct {
	TokenHash string
	EndsAt    time.Time
}

// Store is where admins' acts are written down. Each writes its event in
// the same transaction. Errors are StoreDown unless said otherwise.
type Store interface {
	// SetBlocked blocks or unblocks a person; blocking deletes their sessions.
	// NoSuchUser when there is none. Blocking twice is no error.
	SetBlocked(ctx context.Context, userID string, blocked bool, event Event) error
	// EndSessions deletes all sessions of a person and returns how many.
	EndSessions(ctx context.Context, userID string, event Event) (int64, error)
	// EndSession deletes one session of a person. NoSuchSession when they have none
	// with this id.
	EndSession(ctx context.Context, userID, sessionID string, event Event) error
	// EraseUser deletes a person with tokens and sessions, and what names them in
	// the history of logins. NoSuchUser when there is none.
	EraseUser(ctx context.Context, userID string, event Event) error
	// GrantAdmin and RevokeAdmin: doing it twice is no error; changed says
	// whether it did anything.
	GrantAdmin(ctx context.Context, appID, openID string, event Event) (changed bool, err error)
	RevokeAdmin(ctx context.Context, appID, openID string, event Event) (changed bool, err error)
	// OtherAdmins counts the people besides one who can enter: granted or among
	// the configured openids, known, and not blocked.
	OtherAdmins(ctx context.Context, appID string, configured []string, exceptUserID string) (int64, error)
	// Admins lists the granted, oldest first.
	Admins(ctx context.Context, appID string) ([]Admin, error)
	// AddAdminLink stores a link.
	AddAdminLink(ctx context.Context, link Link, event Event) error
	// SpendAdminLink deletes the link and adds the session, in one transaction.
	// LinkSpent when there is no such link or it ended before now.
	SpendAdminLink(ctx context.Context, tokenHash string, now time.Time, session auth.Session, event Event) error
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (auth.User, error)
	// AddEvent records an act that changes nothing else.
	AddEvent(ctx context.Context, event Event) error
}

// maxReason bounds what is kept of a reason, in characters.
const maxReason = 200

// LinkLifetime is how long an admin link waits for its one use.
const LinkLifetime = 10 * time.Minute

// SessionLifetime is how long a browser let in by an admin link stays in.
const SessionLifetime = 12 * time.Hour

// Service is what admins may do, and the rule of who is one. Every act is recorded
// with the act itself.
type Service struct {
	store  Store
	appID  string
	admins []string // openids that the configuration names
	now    func() time.Time
}

// New makes a Service. admins are openids of the account appID.
func New(store Store, appID string, admins []string, now func() time.Time) *Service {
	return &Service{store: store, appID: appID, admins: admins, now: now}
}

// FreshFor is how long ago an admin who comes by their own login may have signed
// in for what cannot be undone or makes admins. A silent login renews it.
const FreshFor = 10 * time.Minute

// Enter is MayEnter for one request to the admin pages. NotAdmin for who is none;
// SignInAgain for an admin whose login is older than a browser let in by a link
// would stay.
func (s *Service) Enter(v *auth.Visit) error {
	switch {
	case !s.MayEnter(v):
		return auth.Fail(auth.NotAdmin, nil)
	case v.Session.Kind != auth.AdminSession && s.now().Sub(v.Session.CreatedAt) >= SessionLifetime:
		return auth.Failf(auth.SignInAgain, "the admin signed in at %v", v.Session.CreatedAt)
	}
	return nil
}

// Fresh says whether an admin may erase, grant and revoke without being asked
// for their login once more. A link cannot be used twice, so that a browser let
// in by one is asked to type instead; web sees to that.
func (s *Service) Fresh(v *auth.Visit) error {
	if v.Session.Kind != auth.AdminSession && s.now().Sub(v.Session.CreatedAt) >= FreshFor {
		return auth.Failf(auth.SignInAgain, "the admin signed in at %v", v.Session.CreatedAt)
	}
	return nil
}

// MayEnter is the one rule of who is an admin: a browser let in by a link, or a
// person whom the configuration or `admin grant` names.
func (s *Service) MayEnter(v *auth.Visit) bool {
	if v.Session.Kind == auth.AdminSession {
		return true
	}
	return v.User.ID != "" && !v.User.Blocked && v.User.AppID == s.appID &&
		(v.Granted || slices.Contains(s.admins, v.User.OpenID))
}

// Actor names who acts in a visit, for the record.
func Actor(v *auth.Visit) string {
	if v.Session.Kind == auth.AdminSession {
		return ActorLink
	}
	return v.User.ID
}

// Block shuts a person out, at once and everywhere: their sessions end, and no
// login makes a new one. LastAdmin for an admin who would block themselves and is
// the only one.
func (s *Service) Block(ctx context.Context, actor, userID, reason string) error {
	if err := s.notTheLast(ctx, actor, userID); err != nil {
		return err
	}
	return s.store.SetBlocked(ctx, userID, true, s.event(actor, ActBlock, userID, auth.CleanText(reason, maxReason)))
}

// Unblock lets a person in again; they sign in anew.
func (s *Service) Unblock(ctx context.Context, actor, userID string) error {
	return s.store.SetBlocked(ctx, userID, false, s.event(actor, ActUnblock, userID, ""))
}

// EndSessions signs a person out everywhere and returns of how many browsers.
func (s *Service) EndSessions(ctx context.Context, actor, userID string) (int64, error) {
	return s.store.EndSessions(ctx, userID, s.event(actor, ActEndSessions, userID, ""))
}

// EndSession signs a person out of one browser.
func (s *Service) EndSession(ctx context.Context, actor, userID, sessionID string) error {
	return s.store.EndSession(ctx, userID, sessionID, s.event(actor, ActEndSession, userID, ""))
}

// Erase deletes all that is stored on a person. It does not shut them out: who
// comes again is a new person.
func (s *Service) Erase(ctx context.Context, actor, userID string) error {
	return s.store.EraseUser(ctx, userID, s.event(actor, ActErase, userID, ""))
}

// Refreshed records that an admin had a profile fetched anew.
func (s *Service) Refreshed(ctx context.Context, actor, userID string) error {
	return s.store.AddEvent(ctx, s.event(actor, ActRefresh, userID, ""))
}

// Exported records that somebody took a copy of people's data.
func (s *Service) Exported(ctx context.Context, actor, subject, detail string) error {
	return s.store.AddEvent(ctx, s.event(actor, ActExport, subject, detail))
}

// Left records that a browser let in by a link has signed out of the desk.
func (s *Service) Left(ctx context.Context, actor string) error {
	return s.store.AddEvent(ctx, s.event(actor, ActSignOut, "", ""))
}

// SignedIn records that an admin has signed in as themselves; of anybody else it
// writes nothing.
func (s *Service) SignedIn(ctx context.Context, v *auth.Visit) error {
	if !s.MayEnter(v) {
		return nil
	}
	return s.store.AddEvent(ctx, s.event(v.User.ID, ActSignIn, v.User.ID, v.Session.Device.RemoteAddr))
}

// Clashed records that WeChat named two people in one login, which was refused.
func (s *Service) Clashed(ctx context.Context, device auth.Device) error {
	return s.store.AddEvent(ctx, s.event(ActorWeChat, ActIdentityClash, "", device.RemoteAddr))
}

// Grant makes the person with this openid an admin, known or not yet.
func (s *Service) Grant(ctx context.Context, actor, openID string) (changed bool, err error) {
	return s.store.GrantAdmin(ctx, s.appID, openID, s.event(actor, ActGrant, openID, ""))
}

// notTheLast keeps the only admin from locking the door behind themselves. Others
// may take the grant from them, and who has the machine can always make a link.
func (s *Service) notTheLast(ctx context.Context, actor, userID string) error {
	if actor != userID {
		return nil
	}
	others, err := s.store.OtherAdmins(ctx, s.appID, s.admins, userID)
	if err != nil || others > 0 {
		return err
	}
	return auth.Failf(auth.LastAdmin, "user %s", userID)
}

// RevokePerson is Revoke in the hands of an admin: LastAdmin for the only one who
// would revoke themselves.
func (s *Service) RevokePerson(ctx context.Context, actor string, user auth.User) (changed bool, err error) {
	if err := s.notTheLast(ctx, actor, user.ID); err != nil {
		return false, err
	}
	return s.Revoke(ctx, actor, user.OpenID)
}

// ErasePerson is Erase in the hands of an admin: LastAdmin for the only one who
// would erase themselves. On their own pages they still may, as anybody.
func (s *Service) ErasePerson(ctx context.Context, actor, userID string) error {
	if err := s.notTheLast(ctx, actor, userID); err != nil {
		return err
	}
	return s.Erase(ctx, actor, userID)
}

// Revoke takes that back. A person whom the configuration names stays one.
func (s *Service) Revoke(ctx context.Context, actor, openID string) (changed bool, err error) {
	return s.store.RevokeAdmin(ctx, s.appID, openID, s.event(actor, ActRevoke, openID, ""))
}

// Configured says whether the configuration names the openid an admin.
func (s *Service) Configured(openID string) bool { return slices.Contains(s.admins, openID) }

// Admins lists everyone who may enter by their own login: first those that the
// configuration names, then the granted, oldest first.
func (s *Service) Admins(ctx context.Context) ([]Admin, error) {
	granted, err := s.store.Admins(ctx, s.appID)
	if err != nil {
		return nil, err
	}
	var all []Admin
	for _, openID := range s.admins {
		all = append(all, Admin{OpenID: openID})
	}
	return append(all, granted...), nil
}

// NewLink makes a one-time address token for the admin pages and says when it
// ends.
func (s *Service) NewLink(ctx context.Context, actor string) (token auth.Secret, ends time.Time, err error) {
	token, ends = auth.NewToken(), s.now().Add(LinkLifetime)
	err = s.store.AddAdminLink(ctx, Link{TokenHash: auth.Hash(token), EndsAt: ends}, s.event(actor, ActLinkMade, "", ""))
	return token, ends, err
}

// UseLink spends a link's token and returns the token of the session it opens.
// LinkSpent when the link has been used, has ended or never was.
func (s *Service) UseLink(ctx context.Context, link auth.Secret, device auth.Device) (auth.Secret, error) {
	token, at := auth.NewToken(), s.now()
	session := auth.Session{
		ID:         auth.NewID(),
		TokenHash:  auth.Hash(token),
		Kind:       auth.AdminSession,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(SessionLifetime),
		Device:     device,
	}
	err := s.store.SpendAdminLink(ctx, auth.Hash(link), at, session, s.event(ActorLink, ActLinkUsed, "", device.RemoteAddr))
	return token, err
}

func (s *Service) event(actor string, action Action, subject, detail string) Event {
	return Event{ID: auth.NewID(), At: s.now(), Actor: actor, Action: action, Subject: subject, Detail: detail}
}
