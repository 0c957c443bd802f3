package admin

import (
	"errors"
	"time"
)

// Action is the kind of an act: by an admin, or by a person on their own data.
type Action string

// The actions, as they are stored in the table of events.
const (
	ActBlock         Action = "block"
	ActUnblock       Action = "unblock"
	ActEndSessions   Action = "end_sessions"
	ActEndSession    Action = "end_session"
	ActRefresh       Action = "refresh"
	ActErase         Action = "erase"
	ActExport        Action = "export"
	ActGrant         Action = "grant"
	ActRevoke        Action = "revoke"
	ActLinkMade      Action = "link_made"
	ActLinkUsed      Action = "link_used"
	ActSignOut       Action = "desk_left"
	ActEndAdmin      Action = "end_admin_session" // of a browser let in by a link, by another admin
	ActSignIn        Action = "desk_login"        // an admin signed in as themselves
	ActIdentityClash Action = "identity_clash"    // WeChat named two people in one login
	ActClientAdd     Action = "client_add"
	ActClientEdit    Action = "client_edit"
	ActClientSecret  Action = "client_secret"
	ActClientRemove  Action = "client_remove"
	ActEndAccess     Action = "end_access" // an application's access to a person
	ActGroupAdd      Action = "group_add"
	ActGroupRemove   Action = "group_remove"

	ActJoin           Action = "join" // of two people, or of a new identity to a person
	ActUndoJoin       Action = "undo_join"
	ActDismiss        Action = "dismiss"         // a proposed join was dismissed: they are two people
	ActLink           Action = "link"            // the person linked an identity themselves
	ActUnlink         Action = "unlink"          // the person unlinked it again
	ActUnionIDChanged Action = "unionid_changed" // WeChat gave another unionid for an identity than before

	ActMigrateBegun Action = "account_migration_begun" // openids move from a former account to another
	ActMigrateEnded Action = "account_migration_ended"
)

// Actions are all actions, in the order that pages list them.
var Actions = []Action{
	ActBlock, ActUnblock, ActEndSessions, ActEndSession, ActRefresh, ActExport, ActErase,
	ActGrant, ActRevoke, ActLinkMade, ActLinkUsed, ActSignOut, ActEndAdmin, ActSignIn, ActIdentityClash,
	ActClientAdd, ActClientEdit, ActClientSecret, ActClientRemove, ActEndAccess, ActGroupAdd, ActGroupRemove,
	ActJoin, ActUndoJoin, ActDismiss, ActLink, ActUnlink, ActUnionIDChanged, ActMigrateBegun, ActMigrateEnded,
}

// Event is one entry of the audit log. Entries are only added, never changed.
type Event struct {
	ID      string
	At      time.Time
	Actor   string // a user's id, ActorLink or ActorCommand
	Action  Action
	Subject string // the user id or openid that was acted on; may be empty
	Detail  string // a reason, a count; never a secret
}

// Actors that are not a person.
const (
	ActorLink    = "admin-link"   // a browser let in by `server admin link`
	ActorCommand = "command-line" // the operator at a shell
	ActorWeChat  = "wechat"       // what WeChat's answers led to
)

// EventQuery asks for entries of the audit log. The zero value asks for the newest.
type EventQuery struct {
	Action Action // empty: all
	// Who matches the actor or the subject: a part of a nickname, a user's id, an openid,
	// ActorLink …; empty: all.
	Who    string
	From   time.Time // zero: no lower bound
	To     time.Time // exclusive; zero: no upper bound
	Cursor string    // from EventPage; empty: the first page
	Limit  int       // 1 to MaxPage; 0: DefaultPage
}

// ErrTooMany says that too many people have the searched part of a name to look for all
// their entries.
var ErrTooMany = errors.New("too many people have this in their name")

// NamedEvent is an Event with the current nicknames of its people; empty for a person
// without one and for an actor that is not a person.
type NamedEvent struct {
	Event
	ActorName   string
	SubjectName string
}

// EventPage is one page of the audit log, newest first.
type EventPage struct {
	Events []NamedEvent
	Next   string // cursor of the page after; empty on the last one
	Prev   string // cursor of the page before; empty on the first one
}
