package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// How much of a person's history one page shows.
const (
	recentLogins = 50
	shownLogins  = 8 // at once; the others unfold
	recentActs   = 20
)

// adminUserPage is one person.
type adminUserPage struct {
	User       auth.User
	Admin      bool // is one, by whichever rule
	Configured bool // because the configuration names them
	Sessions   []auth.Session
	Logins     []auth.Login // the latest
	Older      []auth.Login // and those before
	Meanings   map[int64]string
	Token      *admin.TokenInfo // nil: none is stored
	Events     []admin.NamedEvent
	Confirm    string // what has to be typed, so that a hint can be given
	SignInURL  string // to sign in once more before an act that wants it; empty: not needed
	Done       string // key of what has just been done, or empty
}

func (adminUserPage) file() string { return "admin_user" }

// adminUser is one person.
func (s *Server) adminUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	user, err := s.people.User(ctx, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	p := adminUserPage{User: user, Done: done(r)}
	if p.Sessions, err = s.people.UserSessions(ctx, user.ID); err != nil {
		return err
	}
	if p.Logins, err = s.people.UserLogins(ctx, user.ID, recentLogins); err != nil {
		return err
	}
	p.Meanings = s.meanings(r, p.Logins)
	n := min(len(p.Logins), shownLogins)
	p.Logins, p.Older = p.Logins[:n], p.Logins[n:]
	if p.Token, err = s.people.Token(ctx, user.ID); err != nil {
		return err
	}
	events, err := s.people.Events(ctx, admin.EventQuery{Who: user.ID, Limit: recentActs})
	if err != nil {
		return err
	}
	p.Events = events.Events
	admins, err := s.desk.Admins(ctx)
	if err != nil {
		return err
	}
	if user.AppID == s.auth.Rules().AppID {
		p.Admin = slices.ContainsFunc(admins, func(a admin.Admin) bool { return a.OpenID == user.OpenID })
		p.Configured = s.desk.Configured(user.OpenID)
	}
	if s.desk.Fresh(administratorOf(r)) != nil {
		p.SignInURL = s.signInPath(r, s.site.prefix+"/admin/users/"+user.ID)
	}
	return s.page(w, r, p)
}

// dones are what a form can have done; its words are done.NAME.
var dones = []string{
	"blocked", "unblocked", "sessions", "session", "refreshed", "needs_login", "erased", "mismatch", "granted", "revoked",
	"bulk_blocked", "bulk_sessions", "bulk_nobody",
}

// done is the key of the words for what a form has just done, by what its
// redirect says.
func done(r *http.Request) string {
	if name := r.URL.Query().Get("done"); slices.Contains(dones, name) {
		return "done." + name
	}
	return ""
}

// toUser shows a person again, with what has been done.
func (s *Server) toUser(w http.ResponseWriter, id, done string) error {
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin/users/"+url.PathEscape(id)+"?done="+done)
}

// adminForm does an act that a form asked for, and shows the person again.
func (s *Server) adminForm(do act, done string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := chi.URLParam(r, "id")
		if err := do(r, admin.Actor(administratorOf(r)), id); err != nil {
			return err
		}
		return s.toUser(w, id, done)
	}
}

// adminRefresh fetches a profile anew. A token that is good for nothing more is
// no fault of the form.
func (s *Server) adminRefresh(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.refresh(r, admin.Actor(administratorOf(r)), id)
	if auth.ReasonOf(err) == auth.NeedsLogin {
		return s.toUser(w, id, "needs_login")
	}
	if err != nil {
		return err
	}
	return s.toUser(w, id, "refreshed")
}

// confirmChars is how much of an openid has to be typed for an act that cannot
// be undone or makes an admin.
const confirmChars = 6

// confirmed lets such an act through: the admin has signed in a moment ago, if
// they came by a login at all, and the end of the person's openid has been typed.
// A mismatch is no error; the form says so.
func (s *Server) confirmed(r *http.Request) (user auth.User, typed bool, err error) {
	if err := s.desk.Fresh(administratorOf(r)); err != nil {
		return auth.User{}, false, err
	}
	user, err = s.people.User(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return auth.User{}, false, err
	}
	return user, r.PostFormValue("confirm") == user.OpenID[max(0, len(user.OpenID)-confirmChars):], nil
}

// adminErase deletes a person.
func (s *Server) adminErase(w http.ResponseWriter, r *http.Request) error {
	user, typed, err := s.confirmed(r)
	if err != nil {
		return err
	}
	if !typed {
		return s.toUser(w, user.ID, "mismatch")
	}
	if err := s.desk.ErasePerson(r.Context(), admin.Actor(administratorOf(r)), user.ID); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin/users?done=erased")
}

// adminGrant makes a person an admin; adminRevoke takes it back.
func (s *Server) adminGrant(w http.ResponseWriter, r *http.Request) error {
	return s.adminChange(w, r, "granted", func(actor string, user auth.User) error {
		_, err := s.desk.Grant(r.Context(), actor, user.OpenID)
		return err
	})
}

func (s *Server) adminRevoke(w http.ResponseWriter, r *http.Request) error {
	return s.adminChange(w, r, "revoked", func(actor string, user auth.User) error {
		_, err := s.desk.RevokePerson(r.Context(), actor, user)
		return err
	})
}

func (s *Server) adminChange(w http.ResponseWriter, r *http.Request, done string, do func(actor string, user auth.User) error) error {
	user, typed, err := s.confirmed(r)
	if err != nil {
		return err
	}
	if !typed {
		return s.toUser(w, user.ID, "mismatch")
	}
	if user.AppID != s.auth.Rules().AppID {
		return auth.Failf(auth.BadRequest, "user %s is of another account", user.ID)
	}
	if err := do(admin.Actor(administratorOf(r)), user); err != nil {
		return err
	}
	return s.toUser(w, user.ID, done)
}

// endSession signs a person out of the browser that the address names.
func (s *Server) endSession(r *http.Request, actor, userID string) error {
	return s.desk.EndSession(r.Context(), actor, userID, chi.URLParam(r, "session"))
}

// apiExportUser is all that is stored on a person, as a file.
func (s *Server) apiExportUser(w http.ResponseWriter, r *http.Request) error {
	user, err := s.people.User(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	// Who took a copy is written down before they have it.
	if err := s.desk.Exported(r.Context(), admin.Actor(administratorOf(r)), user.ID, "all that is stored"); err != nil {
		return err
	}
	return s.exportDossier(w, r, user.ID, "wxlogin-"+user.ID+".json")
}
