package admin

import (
	"errors"
	"time"
)

// Action is something that an admin, or a person about their own data, did.
type Action string

// The actions, as they stand in the table of events.
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
	ActEndAdmin      Action = "end_admin_session" // of a browser let in by a link, by somebody else
	ActSignIn        Action = "desk_login"        // an admin signed in as themselves
	ActIdentityClash Action = "identity_clash"    // WeChat named two people in one login
	ActClientAdd     Action = "client_add"
	ActClientEdit    Action = "client_edit"
	ActClientSecret  Action = "client_secret"
	ActClientRemove  Action = "client_remove"
	ActEndAccess     Action = "end_access" // of an application to a person
	ActGroupAdd      Action = "group_add"
	ActGroupRemove   Action = "group_remove"

	ActJoin           Action = "join" // of two people, or of a new identity to a person
	ActUndoJoin       Action = "undo_join"
	ActDismiss        Action = "dismiss"         // two people who were proposed to be one are two
	ActLink           Action = "link"            // of an identity, by the person themselves
	ActUnlink         Action = "unlink"          // likewise
	ActUnionIDChanged Action = "unionid_changed" // WeChat named another for an identity than before

	ActMigrateBegun Action = "account_migration_begun" // openids of a former account become those of another
	ActMigrateEnded Action = "account_migration_ended"
)

// Actions are all actions, in the order that pages list them.
var Actions = []Action{
	ActBlock, ActUnblock, ActEndSessions, ActEndSession, ActRefresh, ActExport, ActErase,
	ActGrant, ActRevoke, ActLinkMade, ActLinkUsed, ActSignOut, ActEndAdmin, ActSignIn, ActIdentityClash,
	ActClientAdd, ActClientEdit, ActClientSecret, ActClientRemove, ActEndAccess, ActGroupAdd, ActGroupRemove,
	ActJoin, ActUndoJoin, ActDismiss, ActLink, ActUnlink, ActUnionIDChanged, ActMigrateBegun, ActMigrateEnded,
}

// Event is one entry of the audit log. It is only ever added to.
type Event struct {
	ID      string
	At      time.Time
	Actor   string // a user's id, ActorLink or ActorCommand
	Action  Action
	Subject string // the user id or openid it was done to; may be empty
	Detail  string // a reason, a count; never a secret
}

// Actors that are no person.
const (
	ActorLink    = "admin-link"   // a browser let in by `server admin link`
	ActorCommand = "command-line" // the operator at a shell
	ActorWeChat  = "wechat"       // what WeChat's answers led to
)

// EventQuery asks for entries of the audit log. The zero value asks for the newest.
type EventQuery struct {
	Action Action // empty: all
	// Who is the actor or the subject: a part of a nickname, a user's id, an openid,
	// ActorLink …; empty: all.
	Who    string
	From   time.Time // zero: from the first on
	To     time.Time // up to, without it; zero: to the last
	Cursor string    // from EventPage; empty: the first page
	Limit  int       // 1 to MaxPage; 0: DefaultPage
}

// ErrTooMany says that more people have a part of a name than those whose entries
// could be looked for.
var ErrTooMany = errors.New("too many people have this in their name")

// NamedEvent is an Event with what people are called now; empty for who has no
// nickname or is no person.
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
