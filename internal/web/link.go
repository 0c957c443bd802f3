package web

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// A person who is signed in links a further identity: a form on their own page begins a
// trip by another account, and the identity that comes back becomes theirs. The trip is
// valid only in the session that began it, and only while that session's login is recent:
// otherwise an attacker could make a person give an identity away, or take another's.

// linkMine begins a trip that links.
func (s *Server) linkMine(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	if bearerToken(r) != "" {
		return auth.Failf(auth.BadRequest, "a mini program makes no trips")
	}
	account, err := s.rules.Named(r.PostForm.Get("account"))
	switch {
	case err != nil:
		return err
	case !slices.Contains(s.linkable(r, visit), account):
		return auth.Failf(auth.NoSuchAccount, "nothing of account %q is to be linked in this browser", account.Name)
	case !auth.MayLink(visit, s.now()):
		return auth.Failf(auth.LinkStale, "the session is of %v", visit.Session.CreatedAt)
	}
	scope := s.rules.Mode.ScopeFor(true) // the form was the consent, and a unionid comes only with a profile
	if account.Kind == auth.WebsiteAccount {
		scope = auth.ScopeLogin
	}
	address, err := s.beginTrip(w, r, account, flow{Scope: scope, ReturnTo: s.site.prefix + "/me?done=linked", Link: visit.Session.ID})
	if err != nil {
		return err
	}
	return s.page(w, r, linkPage{account.Kind, s.nameAmong(account), template.URL(address)})
}

// linkPage says what linking does, and has the link to WeChat. It does not redirect: WeChat
// shows a page that asks for a profile without a tap as a snapshot (see auth.Mode).
type linkPage struct {
	Kind auth.AccountKind
	Name string       // as in myIdentity
	Href template.URL // at WeChat
}

func (linkPage) file() string { return "link" }

// linkable returns the accounts whose identities the person can link in this browser: those
// that sign people in there, and in which the person has no identity.
func (s *Server) linkable(r *http.Request, visit *auth.Visit) (all []auth.Account) {
	kind := auth.OfficialAccount
	switch {
	case s.inWeChat(r):
	case onPhone(r):
		return nil
	default:
		kind = auth.WebsiteAccount
	}
	for _, account := range s.rules.Accounts {
		has := slices.ContainsFunc(visit.User.AllIdentities(), func(i auth.Identity) bool { return i.AppID == account.AppID })
		if account.Kind == kind && !has {
			all = append(all, account)
		}
	}
	return all
}

// linksTo returns the visit that a flow links to; nil for the flow of a login. LinkStale when
// the visit is not this browser's, or its login is no longer recent.
func (s *Server) linksTo(r *http.Request, fl flow) (*auth.Visit, error) {
	if fl.Link == "" {
		return nil, nil
	}
	visit, err := s.visitor(r)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		return nil, s.refuse(auth.Fail(auth.LinkStale, err))
	case err != nil:
		return nil, err
	case visit.Session.ID != fl.Link:
		return nil, s.refuse(auth.Failf(auth.LinkStale, "another session has begun it"))
	case !auth.MayLink(visit, s.now()):
		return nil, s.refuse(auth.Failf(auth.LinkStale, "the session is of %v", visit.Session.CreatedAt))
	}
	return visit, nil
}

// linked answers a callback that links an identity. It never restarts the trip, because
// nobody is signed in by it.
func linked(w http.ResponseWriter, fl flow, visit *auth.Visit, err error) error {
	switch {
	case err != nil:
		return err
	case visit == nil:
		return auth.Failf(auth.LinkStale, "nobody was told who came")
	}
	return fromWeChat(w, fl.ReturnTo)
}

// unlinkMine removes an identity that the visitor has linked.
func (s *Server) unlinkMine(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	err = s.admins.Unlink(r.Context(), admin.Self(visit), visit.User.ID, chi.URLParam(r, "identity"))
	if auth.ReasonOf(err) == auth.NoSuchJoin {
		return redirect(w, http.StatusSeeOther, s.site.prefix+"/me") // the button may have been pressed twice
	}
	if err != nil {
		return err
	}
	// If the session was by that identity, it has ended.
	_, err = s.config.Sessions.Visit(r.Context(), visit.Session.Kind, visit.Session.TokenHash)
	if auth.ReasonOf(err) == auth.NotSignedIn && bearerToken(r) == "" {
		if err := s.signOut(w, r); err != nil {
			return err
		}
		return redirect(w, http.StatusSeeOther, s.site.home())
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/me?done=unlinked")
}

// myIdentities are a person's identities, for themselves; empty where nobody has more than
// one.
type myIdentities struct {
	All      []myIdentity
	Linkable []linkableAccount // in this browser
	AgainURL string            // to sign in again, if a link needs that first; else empty
}

// linkableAccount is an account whose identity the person can link.
type linkableAccount struct {
	Account string
	Kind    auth.AccountKind
	Name    string // as in myIdentity
}

// myIdentity is one of the person's identities.
type myIdentity struct {
	ID     string // empty for the first
	Kind   auth.AccountKind
	Name   string // of the account, if there is another of the kind; else empty
	Linked auth.Linked
	At     time.Time // when it was linked, or of its first login
	Here   bool      // this session is by it
}

// Mine says whether the person may unlink it.
func (i myIdentity) Mine() bool { return i.Linked == auth.LinkedByPerson }

func (s *Server) myIdentities(ctx context.Context, r *http.Request, visit *auth.Visit) (mine myIdentities, err error) {
	if len(s.rules.Accounts) < 2 && len(visit.User.AllIdentities()) < 2 {
		return mine, nil
	}
	all, err := s.admins.Identities(ctx, visit.User.ID)
	if err != nil {
		return mine, err
	}
	for _, i := range all {
		account := s.rules.Account(i.AppID)
		at := i.LinkedAt
		if at.IsZero() {
			at = visit.User.FirstLoginAt
		}
		mine.All = append(mine.All, myIdentity{i.ID, account.Kind, s.nameAmong(account), i.Linked, at, i.ID == visit.User.IdentityID})
	}
	for _, account := range s.linkable(r, visit) {
		mine.Linkable = append(mine.Linkable, linkableAccount{account.Name, account.Kind, s.nameAmong(account)})
	}
	if len(mine.Linkable) > 0 && !auth.MayLink(visit, s.now()) {
		mine.AgainURL = s.againPath(r, visit)
	}
	return mine, nil
}

// nameAmong returns the name of an account if there is another of its kind; else it is empty.
func (s *Server) nameAmong(account auth.Account) string {
	for _, other := range s.rules.Accounts {
		if other.Kind == account.Kind && other.Name != account.Name {
			return account.Name
		}
	}
	return ""
}

// againPath returns the address at which the same person signs in again, with the identity
// of this session.
func (s *Server) againPath(r *http.Request, visit *auth.Visit) string {
	account, back := s.rules.Account(visit.User.AppID), s.site.prefix+"/me"
	switch {
	case s.inWeChat(r), account.Kind == auth.WebsiteAccount:
		return s.loginPath(account.Name, back, false)
	}
	return s.codePath(account.Name, back)
}
