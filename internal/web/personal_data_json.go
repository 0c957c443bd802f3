package web

import (
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// The parts of an export of personal data.

type consentJSON struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

type sessionJSON struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	EndsAt     time.Time `json:"ends_at"`
	RemoteAddr string    `json:"remote_addr"`
	UserAgent  string    `json:"user_agent"`
}

type loginJSON struct {
	At         time.Time    `json:"at"`
	Scope      auth.Scope   `json:"scope"`
	Outcome    auth.Outcome `json:"outcome"`
	Reason     auth.Reason  `json:"reason,omitempty"`
	Errcode    int64        `json:"errcode,omitempty"` // WeChat's
	Step       auth.Step    `json:"step,omitempty"`
	RequestID  string       `json:"request_id,omitempty"` // of the error page
	RemoteAddr string       `json:"remote_addr"`
	UserAgent  string       `json:"user_agent"`
}

type eventJSON struct {
	At      time.Time    `json:"at"`
	Actor   string       `json:"actor"` // "you", "admin" or "wechat"
	Action  admin.Action `json:"action"`
	Subject string       `json:"subject,omitempty"` // "you" or "somebody else"
	Detail  string       `json:"detail,omitempty"`
}

type tokenJSON struct {
	Scope    auth.Scope `json:"scope"`
	IssuedAt time.Time  `json:"issued_at"`
	EndsAt   time.Time  `json:"ends_at"`
}

type pictureJSON struct {
	Source   string    `json:"source"` // where it was copied from
	CopiedAt time.Time `json:"copied_at"`
	Type     string    `json:"type"`
	Body     []byte    `json:"body"` // base64
}

// newConsentJSON returns the consent to our text; nil if the person was never asked.
func newConsentJSON(u auth.User) *consentJSON {
	if u.ConsentVersion == "" {
		return nil
	}
	return &consentJSON{u.ConsentVersion, inSeconds(u.ConsentAt)}
}

func newSessionJSON(x auth.Session) sessionJSON {
	return sessionJSON{x.ID, inSeconds(x.CreatedAt), inSeconds(x.LastSeenAt), inSeconds(x.EndsAt), x.Device.RemoteAddr, x.Device.UserAgent}
}

func newLoginJSON(x auth.Login) loginJSON {
	return loginJSON{inSeconds(x.StartedAt), x.Scope, x.Outcome, x.Reason, x.Errcode, x.Step, x.RequestID, x.Device.RemoteAddr, x.Device.UserAgent}
}

// newEventJSON returns an event as the person of the export may read it. Texts that admins
// wrote about the person, and the names of these admins, are left out: of a block the person
// learns only that it happened, and when. If the person is an admin, their own acts on
// others are in it too.
func newEventJSON(x admin.Event, about auth.User) eventJSON {
	e := eventJSON{At: inSeconds(x.At), Actor: "admin", Action: x.Action, Subject: "somebody else"}
	switch x.Actor {
	case about.ID:
		e.Actor, e.Detail = "you", x.Detail
	case admin.ActorWeChat:
		e.Actor = x.Actor
	}
	if x.Subject == about.ID || x.Subject == about.OpenID {
		e.Subject = "you"
	} else if x.Subject == "" {
		e.Subject = ""
	}
	if e.Actor == "you" && e.Subject == "somebody else" {
		e.Detail = "" // may be about that person
	}
	return e
}

// newTokenJSON describes a stored refresh_token, without the token itself.
func newTokenJSON(t *admin.TokenInfo) *tokenJSON {
	if t == nil {
		return nil
	}
	return &tokenJSON{t.Scope, inSeconds(t.IssuedAt), inSeconds(t.EndsAt)}
}

// newPictureJSON returns our copy of the picture; nil if there is none.
func newPictureJSON(p auth.Picture) *pictureJSON {
	if len(p.Body) == 0 {
		return nil
	}
	return &pictureJSON{p.Source, inSeconds(p.CopiedAt), p.Type, p.Body}
}

// joinedJSON is a person who was joined to this one, as they were before.
type joinedJSON struct {
	userJSON
	Picture *pictureJSON `json:"picture"`
}

type accessJSON struct {
	ClientID string     `json:"client_id"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	AgreedAt *time.Time `json:"agreed_at"`
	LastAt   *time.Time `json:"last_login_at"`
	Offline  bool       `json:"offline"`
}

func newAccessJSON(all []admin.Access) []accessJSON {
	list := []accessJSON{}
	for _, a := range all {
		list = append(list, accessJSON{a.Client.ID, a.Client.Name, append([]string{}, a.Scopes...), maybeTime(a.AgreedAt), maybeTime(a.LastAt), a.Offline})
	}
	return list
}

// furtherIdentityJSON is one of a person's identities, except the first.
type furtherIdentityJSON struct {
	identityJSON
	Scope        auth.Scope  `json:"scope"`
	FirstLoginAt time.Time   `json:"first_login_at"`
	LastLoginAt  time.Time   `json:"last_login_at"`
	LoginCount   int64       `json:"login_count"`
	Linked       auth.Linked `json:"linked"`
	LinkedAt     time.Time   `json:"linked_at"`
}

func (s *Server) newIdentitiesJSON(further []admin.Identity) []furtherIdentityJSON {
	list := []furtherIdentityJSON{}
	for _, i := range further {
		list = append(list, furtherIdentityJSON{s.identityJSON(i.Identity), i.Scope, inSeconds(i.FirstLoginAt), inSeconds(i.LastLoginAt), i.LoginCount, i.Linked, inSeconds(i.LinkedAt)})
	}
	return list
}

// maybeTime returns nil, JSON's null, for the zero time.
func maybeTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
