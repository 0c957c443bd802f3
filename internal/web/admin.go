package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// adminLink shows the button that spends an admin link. Opening the address does
// not: previews and scanners of chat programs open addresses too.
func (s *Server) adminLink(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return auth.Fail(auth.LinkSpent, nil)
	}
	return s.page(w, r, adminLinkPage{Token: token})
}

func (s *Server) useAdminLink(w http.ResponseWriter, r *http.Request) error {
	token, err := s.desk.UseLink(r.Context(), auth.Secret(r.PostFormValue("token")), device(r))
	if err != nil {
		return err
	}
	if err := s.cookies.hand(w, r, s.cookies.desk, token); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin")
}

func (s *Server) adminLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.cookies.end(w, r, s.cookies.desk); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.home())
}

// adminHome is the dashboard.
func (s *Server) adminHome(w http.ResponseWriter, r *http.Request) error {
	now := s.now().In(s.config.Zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.config.Zone)
	counts, err := s.people.Counts(r.Context(), today)
	if err != nil {
		return err
	}
	return s.page(w, r, adminHomePage{Counts: counts})
}

// adminUsers is the list of people.
func (s *Server) adminUsers(w http.ResponseWriter, r *http.Request) error {
	query, err := userQuery(r)
	if err != nil {
		return err
	}
	list, err := s.people.Users(r.Context(), query)
	if err != nil {
		return err
	}
	total, err := s.people.CountUsers(r.Context(), query)
	if err != nil {
		return err
	}
	return s.page(w, r, adminUsersPage{
		Users:   list.Users,
		Query:   query,
		Total:   total,
		Filters: auth.Filters,
		Sorts:   auth.Sorts,
		NextURL: s.turnURL(query, list.Next),
		PrevURL: s.turnURL(query, list.Prev),
		CSVURL:  s.listURL("/api/admin/users.csv", auth.UserQuery{Search: query.Search, Filter: query.Filter, Sort: query.Sort}),
		Done:    done(r),
	})
}

// listURL is the address of a list of people.
func (s *Server) listURL(path string, query auth.UserQuery) string {
	values := url.Values{}
	for name, value := range map[string]string{
		"q":      query.Search,
		"filter": string(query.Filter),
		"sort":   string(query.Sort),
		"cursor": query.Cursor,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if query.Limit != 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	address := s.site.prefix + path
	if len(values) > 0 {
		address += "?" + values.Encode()
	}
	return address
}

// turnURL is the address of another page of the same list; empty when there is
// none.
func (s *Server) turnURL(query auth.UserQuery, cursor string) string {
	if cursor == "" {
		return ""
	}
	query.Cursor = cursor
	return s.listURL("/admin/users", query)
}

// recentLogins is how many of a person's logins one page shows.
const recentLogins = 50

// adminUser is one person.
func (s *Server) adminUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	user, err := s.people.User(ctx, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	sessions, err := s.people.UserSessions(ctx, user.ID)
	if err != nil {
		return err
	}
	logins, err := s.people.UserLogins(ctx, user.ID, recentLogins)
	if err != nil {
		return err
	}
	admins, err := s.desk.Admins(ctx)
	if err != nil {
		return err
	}
	p := adminUserPage{User: user, Sessions: sessions, Logins: logins, Done: done(r)}
	for _, admin := range admins {
		p.Admin = p.Admin || admin.OpenID == user.OpenID && user.AppID == s.auth.Rules().AppID
	}
	return s.page(w, r, p)
}

// dones are what a form can have done; its words are done.NAME.
var dones = []string{"blocked", "unblocked", "sessions", "refreshed", "needs_login", "erased", "mismatch"}

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
		if err := do(r, auth.Actor(administratorOf(r)), id); err != nil {
			return err
		}
		return s.toUser(w, id, done)
	}
}

// adminRefresh fetches a profile anew. A token that is good for nothing more is
// no fault of the form.
func (s *Server) adminRefresh(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.refresh(r, auth.Actor(administratorOf(r)), id)
	if auth.ReasonOf(err) == auth.NeedsLogin {
		return s.toUser(w, id, "needs_login")
	}
	if err != nil {
		return err
	}
	return s.toUser(w, id, "refreshed")
}

// confirmChars is how much of an openid has to be typed to erase its person.
const confirmChars = 6

// adminErase deletes a person, once the end of their openid has been typed.
func (s *Server) adminErase(w http.ResponseWriter, r *http.Request) error {
	user, err := s.people.User(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if r.PostFormValue("confirm") != user.OpenID[max(0, len(user.OpenID)-confirmChars):] {
		return s.toUser(w, user.ID, "mismatch")
	}
	if err := s.desk.Erase(r.Context(), auth.Actor(administratorOf(r)), user.ID); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin/users?done=erased")
}

// recentEvents is how many acts one page shows.
const recentEvents = 200

// adminEvents is the record of what admins did.
func (s *Server) adminEvents(w http.ResponseWriter, r *http.Request) error {
	events, err := s.people.Events(r.Context(), recentEvents)
	if err != nil {
		return err
	}
	return s.page(w, r, adminEventsPage{Events: events})
}
