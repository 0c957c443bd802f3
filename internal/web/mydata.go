package web

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// ConsentVersion is the version of the consent page's text, which is stored with everyone who
// agrees. It has to change with the content of the text; a test compares the two.
const ConsentVersion = "2"

// myLogins is how many logins a person's own page shows; the export has all.
const myLogins = 10

// myDataPage is what is stored on the visitor, for themselves.
type myDataPage struct {
	User     auth.User
	Ways     myIdentities
	Here     string         // id of this session
	Sessions []auth.Session // this one first
	Most     int            // sessions that a person can have
	Logins   []auth.Login   // the latest
	Token    *admin.TokenInfo
	Apps     []admin.Access // applications with access to them, by name
	Picture  bool           // a copy of their picture is stored
	Done     string         // key of what has just been done, or empty
}

func (myDataPage) file() string { return "my_data" }

// myData shows the visitor all that is stored on them.
func (s *Server) myData(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	// After a form, there must be no redirect to WeChat: the browser would not follow it,
	// see contentPolicy.
	if auth.ReasonOf(err) == auth.NotSignedIn && done(r) == "" {
		return redirect(w, http.StatusSeeOther, s.signInPath(r, s.site.prefix+"/me"))
	}
	if err != nil {
		return err
	}
	ctx, id := r.Context(), visit.User.ID
	p := myDataPage{User: visit.User, Here: visit.Session.ID, Most: auth.MaxSessions, Done: done(r)}
	if p.Sessions, err = s.people.UserSessions(ctx, id); err != nil {
		return err
	}
	if p.Logins, err = s.people.UserLogins(ctx, id, myLogins); err != nil {
		return err
	}
	if p.Ways, err = s.myIdentities(ctx, r, visit); err != nil {
		return err
	}
	if p.Token, err = s.people.Token(ctx, id); err != nil {
		return err
	}
	if p.Apps, err = s.admins.AccessOf(ctx, id); err != nil {
		return err
	}
	source, err := s.personal.PictureSource(ctx, id)
	if err != nil {
		return err
	}
	p.Picture = source != ""
	p.Sessions = slices.DeleteFunc(p.Sessions, func(x auth.Session) bool {
		return x.ID == p.Here || !x.Alive(s.now(), s.rules.Idle)
	})
	p.Sessions = append([]auth.Session{visit.Session}, p.Sessions[:min(len(p.Sessions), auth.MaxSessions-1)]...)
	return s.page(w, r, p)
}

// endMySession ends another of the visitor's sessions.
func (s *Server) endMySession(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	if err := s.admins.EndSession(r.Context(), admin.Self(visit), visit.User.ID, chi.URLParam(r, "session")); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/me?done=session")
}

// endMyApp ends an application's access to the visitor. If it has ended already, as when the
// button is pressed twice, that is no error.
func (s *Server) endMyApp(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	err = s.admins.EndAccess(r.Context(), admin.Self(visit), visit.User.ID, chi.URLParam(r, "client"))
	if err != nil && auth.ReasonOf(err) != auth.NoSuchClient {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/me?done=app")
}

// exportMe sends all that is stored on the visitor, as a file.
func (s *Server) exportMe(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	return s.exportPersonalData(w, r, visit.User.ID, "wxlogin-my-data.json")
}
