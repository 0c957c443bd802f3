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

// PeopleStore is what acts on people write.
type PeopleStore interface {
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (auth.User, error)
	// SetBlocked blocks or unblocks a person; blocking deletes their sessions.
	// NoSuchUser when there is none, LastAdmin as guard has it. Blocking twice is no
	// error.
	SetBlocked(ctx context.Context, userID string, blocked bool, guard *Guard, event Event) error
	// EndSessions deletes all sessions of a person and returns how many.
	EndSessions(ctx context.Context, userID string, event Event) (int64, error)
	// EndSession deletes one session of a person. NoSuchSession when they have none
	// with this id.
	EndSession(ctx context.Context, userID, sessionID string, event Event) error
	// EraseUser deletes a person with tokens and sessions, and what names them in
	// the history of logins. NoSuchUser when there is none, LastAdmin as guard has it.
	EraseUser(ctx context.Context, userID string, guard *Guard, event Event) error
}

// AdminStore is where it is written who may enter. Doing a thing twice is no error;
// changed says whether it did anything.
type AdminStore interface {
	GrantAdmin(ctx context.Context, appID, openID string, event Event) (changed bool, err error)
	// RevokeAdmin answers LastAdmin as guard has it.
	RevokeAdmin(ctx context.Context, appID, openID string, guard *Guard, event Event) (changed bool, err error)
	// Admins lists the granted, oldest first.
	Admins(ctx context.Context, appID string) ([]Admin, error)
	// AddAdminLink stores a link.
	AddAdminLink(ctx context.Context, link Link, event Event) error
	// SpendAdminLink deletes the link and adds the session, in one transaction.
	// LinkSpent when there is no such link or it ended before now, or ends later than any link of today does.
	SpendAdminLink(ctx context.Context, tokenHash string, now time.Time, session auth.Session, event Event) error
	// AdminSessions lists the sessions of browsers let in by a link, newest first,
	// without those past their end.
	AdminSessions(ctx context.Context) ([]auth.Session, error)
	// EndAdminSession deletes one of them; the event's detail becomes the browser's
	// address. NoSuchSession when there is none with this id.
	EndAdminSession(ctx context.Context, sessionID string, event Event) error
}

// ClientStore is where it is written which applications may ask who somebody is.
type ClientStore interface {
	// Clients lists all, by name.
	Clients(context.Context) ([]auth.Client, error)
	// AddClient adds a client, and gives it its number. BadClient when its name is taken.
	AddClient(ctx context.Context, client auth.Client, event Event) error
	// EditClient writes all of a client but its id, number, name and age. NoSuchClient
	// when there is none with its id.
	EditClient(ctx context.Context, client auth.Client, event Event) error
	// RemoveClient deletes a client with all consents and grants. NoSuchClient when
	// there is none with this id.
	RemoveClient(ctx context.Context, id string, event Event) error
	// AccessOf lists the clients that know a person, by name.
	AccessOf(ctx context.Context, userID string) ([]Access, error)
	// AccessTo returns a page of the people of whom a client holds something, those who
	// came last first, without the client. BadRequest for a query that makes no sense.
	AccessTo(context.Context, AccessQuery) (AccessPage, error)
	// ClientUse counts them, among so many of what it got last.
	ClientUse(ctx context.Context, clientID string, among int) (ClientUse, error)
	// EndAccess deletes a person's consent and grants of a client, which is told of the
	// logout; the event's detail becomes its name. NoSuchClient when it knows nothing.
	EndAccess(ctx context.Context, userID, clientID string, event Event) error
	// ChangeGroups gives a person, by id or openid, the groups that change makes of
	// theirs. NoSuchUser when there is none; nothing is recorded when nothing changes.
	ChangeGroups(ctx context.Context, appID, person string, change func(groups []string) []string, event Event) (changed bool, err error)
}

// Guard refuses an act with LastAdmin that would leave nobody who can enter by
// their own login: granted or among the configured openids, known, and not
// blocked. It looks in the transaction of the act itself, and of several at the same
// moment, in whatever process, each sees what those before it have done. nil: no
// such check.
type Guard struct {
	// Configured are openids by the AppID that they are of. Whoever is of another AppID
	// cannot enter.
	Configured map[string][]string
}

// Admin is a person whom the operator has let in by name.
type Admin struct {
	Account   string // that the openid is of, by its name
	OpenID    string
	GrantedAt time.Time // zero when the configuration names them
	Nickname  string    // empty while the person is unknown
}

// Link is a one-time address of the admin pages, as stored.
type Link struct {
	TokenHash string
	EndsAt    time.Time
}
