package auth

import "time"

// Action is something that an admin, or a person about their own data, did.
type Action string

// The actions, as they stand in the table of events.
const (
	ActBlock       Action = "block"
	ActUnblock     Action = "unblock"
	ActEndSessions Action = "end_sessions"
	ActEndSession  Action = "end_session"
	ActRefresh     Action = "refresh"
	ActErase       Action = "erase"
	ActExport      Action = "export"
	ActGrant       Action = "grant"
	ActRevoke      Action = "revoke"
	ActLinkMade    Action = "link_made"
	ActLinkUsed    Action = "link_used"
	ActDeskLeft    Action = "desk_left"
	ActDeskLogin   Action = "desk_login"     // an admin signed in as themselves
	ActClash       Action = "identity_clash" // WeChat named two people in one login
)

// Actions are all actions, in the order that pages list them.
var Actions = []Action{
	ActBlock, ActUnblock, ActEndSessions, ActEndSession, ActRefresh, ActExport, ActErase,
	ActGrant, ActRevoke, ActLinkMade, ActLinkUsed, ActDeskLeft, ActDeskLogin, ActClash,
}

// Event is one entry of the record of such actions. It is only ever added to.
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
