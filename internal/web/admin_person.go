package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// How much of a person's history one page shows.
const (
	recentLogins = 50
	shownLogins  = 8 // at first; the others unfold
	recentActs   = 20
)

// adminUserPage is one person.
type adminUserPage struct {
	User          auth.User
	Self          bool            // User is the viewer
	Admin         bool            // User is an admin, by configuration or grant
	Configured    bool            // the configuration names User as an admin
	AdminBy       auth.User       // see Server.adminBy
	Identities    []shownIdentity // a page of them, the first one first
	IdentityCount int             // on all pages
	Further       beside          // pages of identities
	Accounts      bool            // several accounts are configured
	Changed       []unionIDChange // the latest first
	Sessions      []auth.Session
	Logins        []auth.Login // the latest
	Older         []auth.Login // the ones before these
	Meanings      map[int64]string
	By            map[string]auth.Account // as in adminHomePage
	Apps          []admin.Access          // applications with access to the person, by name
	Following     []shownFollowing        // nil: WeChat is not asked
	Events        []admin.NamedEvent
	SignInURL     string // to sign in again before an act that needs it; empty: not needed
	Back          string // the list that led here
	Done          string // key of what has just been done, or empty
}

func (adminUserPage) file() string { return "admin_user" }

// BackTo returns the key of the name of the list that led here.
func (p adminUserPage) BackTo() string {
	path, _, _ := strings.Cut(p.Back, "?")
	switch {
	case strings.HasSuffix(path, "/admin/events"):
		return "admin.events"
	case strings.HasSuffix(path, joinsPath):
		return "admin.joins"
	case strings.Contains(path, "/admin/clients/"):
		return "admin.clients"
	}
	return "user.back"
}

// Listed returns the entries of the page.
func (p adminUserPage) Listed() []listedEvent { return listedEvents(p.Events, p.Back) }

// adminUser is one person.
func (s *Server) adminUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id := chi.URLParam(r, "id")
	user, err := s.people.User(ctx, id)
	if err != nil {
		return s.leadOn(w, r, err, id, "/admin/users/%s?done=moved")
	}
	p := adminUserPage{User: user, Self: adminOf(r).Person() == user.ID, Back: s.backToList(r), Done: done(r)}
	if p.Sessions, err = s.people.UserSessions(ctx, user.ID); err != nil {
		return err
	}
	if p.Logins, err = s.people.UserLogins(ctx, user.ID, recentLogins); err != nil {
		return err
	}
	p.Meanings = s.meanings(r, p.Logins)
	p.By = s.accountsOf(p.Logins)
	n := min(len(p.Logins), shownLogins)
	p.Logins, p.Older = p.Logins[:n], p.Logins[n:]
	if err := p.listIdentities(s, r); err != nil {
		return err
	}
	changes, err := s.auditLog.Events(ctx, admin.EventQuery{Who: user.ID, Action: admin.ActUnionIDChanged, Limit: recentActs})
	if err != nil {
		return err
	}
	for _, e := range changes.Events {
		p.Changed = append(p.Changed, unionIDChange{e.At, s.rules.Account(e.Detail)})
	}
	p.Accounts = len(s.rules.Accounts) > 1
	if p.Following, err = s.shownFollowings(ctx, user); err != nil {
		return err
	}
	if p.Apps, err = s.admins.AccessOf(ctx, user.ID); err != nil {
		return err
	}
	events, err := s.auditLog.Events(ctx, admin.EventQuery{Who: user.ID, Limit: recentActs})
	if err != nil {
		return err
	}
	p.Events = events.Events
	admins, err := s.admins.Admins(ctx)
	if err != nil {
		return err
	}
	p.AdminBy, p.Admin = s.adminBy(user, admins)
	p.Configured = p.Admin && s.admins.Configured(s.admins.NameOf(p.AdminBy))
	if s.admins.NeedsSignIn(adminOf(r)) {
		p.SignInURL = s.signInPath(r, s.personURL(r, user.ID))
	}
	return s.page(w, r, p)
}

// personURL returns the address of a person's page, which leads back to the list that the
// request came from.
func (s *Server) personURL(r *http.Request, id string) string {
	address := s.site.prefix + "/admin/users/" + url.PathEscape(id)
	if back := s.backToList(r); back != s.site.prefix+"/admin/users" {
		return with(address, "back", back)
	}
	return address
}

// toUser shows a person again, with what has been done.
func (s *Server) toUser(w http.ResponseWriter, r *http.Request, id, done string) error {
	return redirect(w, http.StatusSeeOther, with(s.personURL(r, id), "done", done))
}
