package admin

import (
	"errors"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// Actor is who acts. Every act takes one and decides for itself whether they may,
// so that no caller can forget to ask. Only this package makes them: Service.Enter,
// CommandLine and Self. The zero Actor may do nothing.
type Actor struct {
	kind       actorKind
	name       string    // in the audit log
	signedInAt time.Time // of byLogin
	confirmed  string    // what they have typed to confirm an act
}

type actorKind int

const (
	nobody      actorKind = iota
	byLogin               // an admin, by their own login
	byLink                // a browser let in by a link
	commandLine           // the operator at a shell
	self                  // a person, about their own data
)

// CommandLine is the operator at a shell. Access to the machine is access to everything.
func CommandLine() Actor { return Actor{kind: commandLine, name: ActorCommand} }

// Self is a signed-in person who acts on their own data, and on nothing else.
func Self(v *auth.Visit) Actor {
	if v.User.ID == "" {
		return Actor{}
	}
	return Actor{kind: self, name: v.User.ID}
}

// Person is the id of an admin who acts by their own login; empty for anybody else.
func (a Actor) Person() string {
	if a.kind != byLogin {
		return ""
	}
	return a.name
}

// Confirming is the actor with what they have typed to confirm an act on one
// person: the last ConfirmChars characters of an openid of theirs, or the whole id, as
// the address of an API call has it.
func (a Actor) Confirming(typed string) Actor {
	a.confirmed = typed
	return a
}

// ConfirmChars is how much of an openid has to be typed for an act that cannot be
// undone or makes an admin.
const ConfirmChars = 6

// ErrNotConfirmed is the cause of the error when that has not been typed.
var ErrNotConfirmed = errors.New("what was typed does not name the person")

// admin passes those who may act on anybody.
func (a Actor) admin() error {
	switch a.kind {
	case byLogin, byLink, commandLine:
		return nil
	}
	return auth.Failf(auth.NotAdmin, "%q acts as an admin", a.name)
}

// adminOr passes them, and the person who acts on themselves.
func (a Actor) adminOr(userID string) error {
	if a.kind == self && a.name == userID {
		return nil
	}
	return a.admin()
}

// meant passes an act that cannot be undone or makes an admin if whoever acts in a
// browser has typed whom they mean.
func (a Actor) meant(user auth.User) error {
	if a.kind != byLogin && a.kind != byLink {
		return nil
	}
	ends := func(i auth.Identity) bool { return a.confirmed == i.OpenID[max(0, len(i.OpenID)-ConfirmChars):] }
	if a.confirmed == "" || a.confirmed != user.ID && !slices.ContainsFunc(user.AllIdentities(), ends) {
		return auth.Fail(auth.BadRequest, ErrNotConfirmed)
	}
	return nil
}

// fresh passes such an act if an admin by their own login has signed in a moment
// ago. A link cannot be used twice, so that a browser let in by one cannot be asked
// to sign in again: there typing stands in for it.
func (s *Service) fresh(by Actor) error {
	if s.NeedsSignIn(by) {
		return auth.Failf(auth.SignInAgain, "the admin signed in at %v", by.signedInAt)
	}
	return nil
}

// NeedsSignIn says whether an admin has to sign in once more before such an act.
func (s *Service) NeedsSignIn(by Actor) bool {
	return by.kind == byLogin && auth.Age(s.now(), by.signedInAt) >= FreshFor
}

// guard is what an act of by has to leave behind. An admin by their own login may
// lock out neither themselves nor, at the same moment as others, everybody; a
// browser let in by a link and the operator may, for they can make a new link. On
// their own pages admins are people like any other.
func (s *Service) guard(by Actor) *Guard {
	if by.kind != byLogin {
		return nil
	}
	return &Guard{Configured: s.configured}
}
