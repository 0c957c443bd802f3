package admin

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// Store saves the acts, each with its event in the same transaction. Errors are StoreDown
// unless said otherwise.
//
// It is one interface because all acts and their events belong in one database, which a
// Config with a field for each part would have to name five times. The parts only group
// its methods by subject.
type Store interface {
	PeopleStore
	JoinStore
	AdminStore
	ClientStore
	// AddEvent records an act that changes nothing else.
	AddEvent(ctx context.Context, event Event) error
}

// PeopleStore saves acts on people.
type PeopleStore interface {
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (auth.User, error)
	// SetBlocked blocks or unblocks a person; blocking deletes their sessions. NoSuchUser
	// when there is none, LastAdmin as in Guard. Blocking twice is no error.
	SetBlocked(ctx context.Context, userID string, blocked bool, guard *Guard, event Event) error
	// EndSessions deletes all sessions of a person and returns how many.
	EndSessions(ctx context.Context, userID string, event Event) (int64, error)
	// EndSession deletes one of a person's sessions. NoSuchSession when they have none with
	// this id.
	EndSession(ctx context.Context, userID, sessionID string, event Event) error
	// EraseUser deletes a person with their tokens and sessions, and what identifies them in
	// the history of logins. NoSuchUser when there is none, LastAdmin as in Guard.
	EraseUser(ctx context.Context, userID string, guard *Guard, event Event) error
}

// AdminStore stores who may enter the admin pages. Granting or revoking twice is no error;
// changed says whether anything changed.
type AdminStore interface {
	GrantAdmin(ctx context.Context, appID, openID string, event Event) (changed bool, err error)
	// RevokeAdmin fails with LastAdmin as in Guard.
	RevokeAdmin(ctx context.Context, appID, openID string, guard *Guard, event Event) (changed bool, err error)
	// Admins lists the people with a grant, oldest first.
	Admins(ctx context.Context, appID string) ([]Admin, error)
	// AddAdminLink stores a link.
	AddAdminLink(ctx context.Context, link Link, event Event) error
	// SpendAdminLink deletes the link and adds the session, in one transaction. LinkSpent
	// when there is no such link, when it ended before now, or when it ends more than a
	// LinkLifetime from now: a wrong clock made it.
	SpendAdminLink(ctx context.Context, tokenHash string, now time.Time, session auth.Session, event Event) error
	// AdminSessions lists the live sessions of browsers let in by a link, newest first.
	AdminSessions(ctx context.Context) ([]auth.Session, error)
	// EndAdminSession deletes one of these sessions; the event's detail becomes the
	// browser's address. NoSuchSession when there is none with this id.
	EndAdminSession(ctx context.Context, sessionID string, event Event) error
}

// ClientStore stores the applications that sign people in by OpenID Connect.
type ClientStore interface {
	// Clients lists all, by name.
	Clients(context.Context) ([]auth.Client, error)
	// AddClient adds a client and gives it its number. BadClient when its name is taken.
	AddClient(ctx context.Context, client auth.Client, event Event) error
	// EditClient writes all of a client except its id, number, name and time of creation.
	// NoSuchClient when there is none with its id.
	EditClient(ctx context.Context, client auth.Client, event Event) error
	// RemoveClient deletes a client with all consents and grants. NoSuchClient when
	// there is none with this id.
	RemoveClient(ctx context.Context, id string, event Event) error
	// AccessOf lists the clients that have access to a person, by name.
	AccessOf(ctx context.Context, userID string) ([]Access, error)
	// AccessTo returns a page of the people for whom a client has a grant, by their latest
	// login to it, newest first, without the client. BadRequest for a query that makes no
	// sense.
	AccessTo(context.Context, AccessQuery) (AccessPage, error)
	// ClientUse counts these people, among the client's latest grants, at most among.
	ClientUse(ctx context.Context, clientID string, among int) (ClientUse, error)
	// EndAccess deletes a client's consent and grants of a person, and notifies the client
	// of the logout; the event's detail becomes the client's name. NoSuchClient when it has
	// neither.
	EndAccess(ctx context.Context, userID, clientID string, event Event) error
	// ChangeGroups replaces a person's groups, by id or openid, with what change returns for
	// them. NoSuchUser when there is none; nothing is recorded when nothing changes.
	ChangeGroups(ctx context.Context, appID, person string, change func(groups []string) []string, event Event) (changed bool, err error)
}

// Guard refuses an act with LastAdmin if it would leave nobody who can enter by their own
// login: a known person who is granted or configured, and not blocked. It checks within the
// transaction of the act, and of several acts at the same moment, in whichever processes,
// each sees the effect of those before it. nil: no such check.
type Guard struct {
	// Configured are openids by their AppID. People of any other AppID cannot enter.
	Configured map[string][]string
}

// Admin is a person who may enter by their own login.
type Admin struct {
	Account   string // the name of the openid's account
	OpenID    string
	GrantedAt time.Time // zero when the configuration names them
	Nickname  string    // empty while the person is unknown
}

// Link is an admin link, as it is stored.
type Link struct {
	TokenHash string
	EndsAt    time.Time
}
