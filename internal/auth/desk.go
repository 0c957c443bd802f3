package auth

import (
	"context"
	"slices"
	"time"
)

// Admin is a person whom the operator has let in by name.
type Admin struct {
	OpenID    string
	GrantedAt time.Time // zero when the configuration names them
	Nickname  string    // empty while the person is unknown
}

// AdminLink is a one-time address of the admin pages, as stored.
type AdminLink struct {
	TokenHash string
	EndsAt    time.Time
}

// DeskStore is where the desk's acts are written down. Each writes its event in
// the same transaction. Errors are StoreDown unless said otherwise.
type DeskStore interface {
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
	AddAdminLink(ctx context.Context, link AdminLink, event Event) error
	// SpendAdminLink deletes the link and adds the session, in one transaction.
	// LinkSpent when there is no such link or it ended before now.
	SpendAdminLink(ctx context.Context, tokenHash string, now time.Time, session Session, event Event) error
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (User, error)
	// AddEvent records an act that changes nothing else.
	AddEvent(ctx context.Context, event Event) error
}

// maxReason bounds what is kept of a reason, in characters.
const maxReason = 200

// AdminLinkLifetime is how long an admin link waits for its one use.
const AdminLinkLifetime = 10 * time.Minute

// Desk is what admins may do, and the rule of who is one. Every act is recorded
// with the act itself.
type Desk struct {
	store  DeskStore
	appID  string
	admins []string // openids that the configuration names
	now    func() time.Time
}

// NewDesk makes a Desk. admins are openids of the account appID.
func NewDesk(store DeskStore, appID string, admins []string, now func() time.Time) *Desk {
	return &Desk{store: store, appID: appID, admins: admins, now: now}
}

// FreshFor is how long ago an admin who comes by their own login may have signed
// in for what cannot be undone or makes admins. A silent login renews it.
const FreshFor = 10 * time.Minute

// Enter is MayEnter for one request to the admin pages. NotAdmin for who is none;
// SignInAgain for an admin whose login is older than a browser let in by a link
// would stay.
func (d *Desk) Enter(v *Visit) error {
	switch {
	case !d.MayEnter(v):
		return Fail(NotAdmin, nil)
	case v.Session.Kind != DeskSession && d.now().Sub(v.Session.CreatedAt) >= DeskLifetime:
		return Failf(SignInAgain, "the admin signed in at %v", v.Session.CreatedAt)
	}
	return nil
}

// Fresh says whether an admin may erase, grant and revoke without being asked
// for their login once more. A link cannot be used twice, so that a browser let
// in by one is asked to type instead; web sees to that.
func (d *Desk) Fresh(v *Visit) error {
	if v.Session.Kind != DeskSession && d.now().Sub(v.Session.CreatedAt) >= FreshFor {
		return Failf(SignInAgain, "the admin signed in at %v", v.Session.CreatedAt)
	}
	return nil
}

// MayEnter is the one rule of who is an admin: a browser let in by a link, or a
// person whom the configuration or `admin grant` names.
func (d *Desk) MayEnter(v *Visit) bool {
	if v.Session.Kind == DeskSession {
		return true
	}
	return v.User.ID != "" && !v.User.Blocked && v.User.AppID == d.appID &&
		(v.Granted || slices.Contains(d.admins, v.User.OpenID))
}

// Actor names who acts in a visit, for the record.
func Actor(v *Visit) string {
	if v.Session.Kind == DeskSession {
		return ActorLink
	}
	return v.User.ID
}

// Block shuts a person out, at once and everywhere: their sessions end, and no
// login makes a new one. LastAdmin for an admin who would block themselves and is
// the only one.
func (d *Desk) Block(ctx context.Context, actor, userID, reason string) error {
	if err := d.notTheLast(ctx, actor, userID); err != nil {
		return err
	}
	return d.store.SetBlocked(ctx, userID, true, d.event(actor, ActBlock, userID, cleanText(reason, maxReason)))
}

// Unblock lets a person in again; they sign in anew.
func (d *Desk) Unblock(ctx context.Context, actor, userID string) error {
	return d.store.SetBlocked(ctx, userID, false, d.event(actor, ActUnblock, userID, ""))
}

// EndSessions signs a person out everywhere and returns of how many browsers.
func (d *Desk) EndSessions(ctx context.Context, actor, userID string) (int64, error) {
	return d.store.EndSessions(ctx, userID, d.event(actor, ActEndSessions, userID, ""))
}

// EndSession signs a person out of one browser.
func (d *Desk) EndSession(ctx context.Context, actor, userID, sessionID string) error {
	return d.store.EndSession(ctx, userID, sessionID, d.event(actor, ActEndSession, userID, ""))
}

// Erase deletes all that is stored on a person. It does not shut them out: who
// comes again is a new person.
func (d *Desk) Erase(ctx context.Context, actor, userID string) error {
	return d.store.EraseUser(ctx, userID, d.event(actor, ActErase, userID, ""))
}

// Refreshed records that an admin had a profile fetched anew.
func (d *Desk) Refreshed(ctx context.Context, actor, userID string) error {
	return d.store.AddEvent(ctx, d.event(actor, ActRefresh, userID, ""))
}

// Exported records that somebody took a copy of people's data.
func (d *Desk) Exported(ctx context.Context, actor, subject, detail string) error {
	return d.store.AddEvent(ctx, d.event(actor, ActExport, subject, detail))
}

// Left records that a browser let in by a link has signed out of the desk.
func (d *Desk) Left(ctx context.Context, actor string) error {
	return d.store.AddEvent(ctx, d.event(actor, ActDeskLeft, "", ""))
}

// SignedIn records that an admin has signed in as themselves; of anybody else it
// writes nothing.
func (d *Desk) SignedIn(ctx context.Context, v *Visit) error {
	if !d.MayEnter(v) {
		return nil
	}
	return d.store.AddEvent(ctx, d.event(v.User.ID, ActDeskLogin, v.User.ID, v.Session.Device.RemoteAddr))
}

// Clashed records that WeChat named two people in one login, which was refused.
func (d *Desk) Clashed(ctx context.Context, device Device) error {
	return d.store.AddEvent(ctx, d.event(ActorWeChat, ActClash, "", device.RemoteAddr))
}

// Grant makes the person with this openid an admin, known or not yet.
func (d *Desk) Grant(ctx context.Context, actor, openID string) (changed bool, err error) {
	return d.store.GrantAdmin(ctx, d.appID, openID, d.event(actor, ActGrant, openID, ""))
}

// notTheLast keeps the only admin from locking the door behind themselves. Others
// may take the grant from them, and who has the machine can always make a link.
func (d *Desk) notTheLast(ctx context.Context, actor, userID string) error {
	if actor != userID {
		return nil
	}
	others, err := d.store.OtherAdmins(ctx, d.appID, d.admins, userID)
	if err != nil || others > 0 {
		return err
	}
	return Failf(LastAdmin, "user %s", userID)
}

// RevokePerson is Revoke in the hands of an admin: LastAdmin for the only one who
// would revoke themselves.
func (d *Desk) RevokePerson(ctx context.Context, actor string, user User) (changed bool, err error) {
	if err := d.notTheLast(ctx, actor, user.ID); err != nil {
		return false, err
	}
	return d.Revoke(ctx, actor, user.OpenID)
}

// ErasePerson is Erase in the hands of an admin: LastAdmin for the only one who
// would erase themselves. On their own pages they still may, as anybody.
func (d *Desk) ErasePerson(ctx context.Context, actor, userID string) error {
	if err := d.notTheLast(ctx, actor, userID); err != nil {
		return err
	}
	return d.Erase(ctx, actor, userID)
}

// Revoke takes that back. A person whom the configuration names stays one.
func (d *Desk) Revoke(ctx context.Context, actor, openID string) (changed bool, err error) {
	return d.store.RevokeAdmin(ctx, d.appID, openID, d.event(actor, ActRevoke, openID, ""))
}

// Configured says whether the configuration names the openid an admin.
func (d *Desk) Configured(openID string) bool { return slices.Contains(d.admins, openID) }

// Admins lists everyone who may enter by their own login: first those that the
// configuration names, then the granted, oldest first.
func (d *Desk) Admins(ctx context.Context) ([]Admin, error) {
	granted, err := d.store.Admins(ctx, d.appID)
	if err != nil {
		return nil, err
	}
	var all []Admin
	for _, openID := range d.admins {
		all = append(all, Admin{OpenID: openID})
	}
	return append(all, granted...), nil
}

// NewLink makes a one-time address token for the admin pages and says when it
// ends.
func (d *Desk) NewLink(ctx context.Context, actor string) (token Secret, ends time.Time, err error) {
	token, ends = NewToken(), d.now().Add(AdminLinkLifetime)
	err = d.store.AddAdminLink(ctx, AdminLink{TokenHash: Hash(token), EndsAt: ends}, d.event(actor, ActLinkMade, "", ""))
	return token, ends, err
}

// UseLink spends a link's token and returns the token of the session it opens.
// LinkSpent when the link has been used, has ended or never was.
func (d *Desk) UseLink(ctx context.Context, link Secret, device Device) (Secret, error) {
	token, at := NewToken(), d.now()
	session := Session{
		ID:         NewID(),
		TokenHash:  Hash(token),
		Kind:       DeskSession,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(DeskLifetime),
		Device:     device,
	}
	err := d.store.SpendAdminLink(ctx, Hash(link), at, session, d.event(ActorLink, ActLinkUsed, "", device.RemoteAddr))
	return token, err
}

func (d *Desk) event(actor string, action Action, subject, detail string) Event {
	return Event{ID: NewID(), At: d.now(), Actor: actor, Action: action, Subject: subject, Detail: detail}
}
