package admin

import (
	"errors"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// Actor is who acts. Every act takes one and checks it, so that no caller can forget to. Only
// this package makes them: Service.Enter, CommandLine and Self. The zero Actor may do
// nothing.
type Actor struct {
	kind       actorKind
	name       string    // in the audit log
	signedInAt time.Time // set for byLogin
	confirmed  string    // what they typed to confirm an act
}

type actorKind int

const (
	nobody      actorKind = iota
	byLogin               // an admin who signed in as themselves
	byLink                // a browser let in by an admin link
	commandLine           // the operator at a shell
	self                  // a person who acts on their own data
)

// CommandLine is the operator at a shell, who may do everything: access to the machine is
// access to all data.
func CommandLine() Actor { return Actor{kind: commandLine, name: ActorCommand} }

// Self is a signed-in person who acts on their own data, and on nothing else.
func Self(v *auth.Visit) Actor {
	if v.User.ID == "" {
		return Actor{}
	}
	return Actor{kind: self, name: v.User.ID}
}

// Person returns the id of an admin who signed in as themselves; empty for anybody else.
func (a Actor) Person() string {
	if a.kind != byLogin {
		return ""
	}
	return a.name
}

// Confirming returns the actor with what they typed to confirm an act on one person: the
// last ConfirmChars characters of one of the person's openids, or the whole id, as an API
// call has it in its address.
func (a Actor) Confirming(typed string) Actor {
	a.confirmed = typed
	return a
}

// ConfirmChars is how many characters of an openid have to be typed for an act that cannot
// be undone or makes an admin.
const ConfirmChars = 6

// ErrNotConfirmed is the cause of the error when something else was typed.
var ErrNotConfirmed = errors.New("what was typed does not name the person")

// admin allows actors who may act on anybody.
func (a Actor) admin() error {
	switch a.kind {
	case byLogin, byLink, commandLine:
		return nil
	}
	return auth.Failf(auth.NotAdmin, "%q acts as an admin", a.name)
}

// adminOr allows the same actors, and the person who acts on themselves.
func (a Actor) adminOr(userID string) error {
	if a.kind == self && a.name == userID {
		return nil
	}
	return a.admin()
}

// meant checks, before an act that cannot be undone or makes an admin, that an actor in a
// browser has typed which person they mean.
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

// fresh checks, before such an act, that an admin who acts by their own login has signed in
// recently. A browser let in by a link cannot be asked to sign in again, because the link
// cannot be used twice: there, typing the confirmation has to do.
func (s *Service) fresh(by Actor) error {
	if s.NeedsSignIn(by) {
		return auth.Failf(auth.SignInAgain, "the admin signed in at %v", by.signedInAt)
	}
	return nil
}

// NeedsSignIn says whether an admin has to sign in again before an act that cannot be undone
// or makes an admin.
func (s *Service) NeedsSignIn(by Actor) bool {
	return by.kind == byLogin && auth.Age(s.now(), by.signedInAt) >= FreshFor
}

// guard returns the Guard of an act. An admin who acts by their own login must not leave
// nobody who can enter, not even by acting at the same moment as others. The operator and a
// browser let in by a link may, because the operator can make a new link. Admins who act
// on themselves, on their own pages, are people like any other.
func (s *Service) guard(by Actor) *Guard {
	if by.kind != byLogin {
		return nil
	}
	return &Guard{Configured: s.configured}
}
