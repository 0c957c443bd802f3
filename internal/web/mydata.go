package web

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// ConsentVersion names the text of the page that asks for consent, as it is
// noted with everyone who agrees. Whoever changes what the text says to people
// changes the version; a test holds the two together.
const ConsentVersion = "1"

// myLogins is how many logins a person's own page shows; the export has all.
const myLogins = 10

// myDataPage is what is stored on the visitor, for themselves.
type myDataPage struct {
	User     auth.User
	Here     string         // id of the session that looks at it
	Sessions []auth.Session // this one first
	Logins   []auth.Login   // the latest
	Token    *admin.TokenInfo
	Picture  bool   // a copy of it is kept
	Done     string // key of what has just been done, or empty
}

func (myDataPage) file() string { return "my_data" }

// myData shows the visitor all that is stored on them.
func (s *Server) myData(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if auth.ReasonOf(err) == auth.NotSignedIn {
		return redirect(w, http.StatusSeeOther, s.signInPath(r, s.site.prefix+"/me"))
	}
	if err != nil {
		return err
	}
	data, err := s.personal.PersonalData(r.Context(), visit.User.ID)
	if err != nil {
		return err
	}
	picture, err := s.personal.Picture(r.Context(), visit.User.ID)
	if err != nil {
		return err
	}
	p := myDataPage{
		User:     data.User,
		Here:     visit.Session.ID,
		Sessions: slices.DeleteFunc(data.Sessions, func(x auth.Session) bool { return !x.Alive(s.now(), s.auth.Rules().Idle) }),
		Logins:   data.Logins[:min(len(data.Logins), myLogins)],
		Token:    data.Token,
		Picture:  len(picture.Body) > 0,
		Done:     done(r),
	}
	slices.SortStableFunc(p.Sessions, func(a, b auth.Session) int {
		switch p.Here {
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return 0
	})
	return s.page(w, r, p)
}

// endMySession signs the visitor out of another of their browsers.
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

// exportMe is all that is stored on the visitor, as a file.
func (s *Server) exportMe(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	return s.exportPersonalData(w, r, visit.User.ID, "wxlogin-my-data.json")
}
