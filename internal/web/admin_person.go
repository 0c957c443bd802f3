package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Self       bool            // is the person who looks at the page
	Admin      bool            // is one, by whichever rule
	Configured bool            // because the configuration names them
	AdminBy    auth.User       // the person by the identity that makes them one, or would
	Doors      []door          // identities, the first one first
	Accounts   bool            // there are several
	Changed    []unionIDChange // flagged, the latest first
	Sessions   []auth.Session
	Logins     []auth.Login // the latest
	Older      []auth.Login // and those before
	Meanings   map[int64]string
	By         map[string]auth.Account // of the logins, by AppID
	Apps       []admin.Access          // applications that know the person, by name
	Following  []shownFollowing        // nil: nobody asks WeChat
	Events     []admin.NamedEvent
	SignInURL  string // to sign in once more before an act that wants it; empty: not needed
	Back       string // the list that led here
	Done       string // key of what has just been done, or empty
}

// unionIDChange is that WeChat has named another unionid for an identity than before.
type unionIDChange struct {
	At      time.Time
	Account auth.Account // of the identity, if that is known
}

func (adminUserPage) file() string { return "admin_user" }

// BackTo is the key of what the list that led here is called.
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

// Listed are the entries of the page.
func (p adminUserPage) Listed() []listedEvent { return listedEvents(p.Events, p.Back) }

// adminUser is one person.
func (s *Server) adminUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id := chi.URLParam(r, "id")
	user, err := s.people.User(ctx, id)
	if auth.ReasonOf(err) == auth.NoSuchUser {
		address, lost := s.movedTo(r, "/admin/users/", id)
		if lost != nil {
			return lost
		}
		if address != "" {
			return redirect(w, http.StatusFound, with(address, "done", "moved"))
		}
	}
	if err != nil {
		return err
	}
	p := adminUserPage{User: user, Self: adminOf(r).Person() == user.ID, Back: s.backToList(r), Done: done(r)}
	if p.Sessions, err = s.people.UserSessions(ctx, user.ID); err != nil {
		return err
	}
	if p.Logins, err = s.people.UserLogins(ctx, user.ID, recentLogins); err != nil {
		return err
	}
	p.Meanings = s.meanings(r, p.Logins)
	p.By = make(map[string]auth.Account)
	for _, login := range p.Logins {
		p.By[login.AppID] = s.rules.Account(login.AppID)
	}
	n := min(len(p.Logins), shownLogins)
	p.Logins, p.Older = p.Logins[:n], p.Logins[n:]
	if p.Doors, err = s.doors(r, user.ID); err != nil {
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

// adminBy is a person by the identity that makes them an admin: that which the
// configuration names, if one is, as that cannot be revoked. If none does, they are not,
// and it is the first.
func (s *Server) adminBy(user auth.User, admins []admin.Admin) (by auth.User, is bool) {
	by = user
	for _, identity := range user.AllIdentities() {
		one := user.By(identity)
		account := s.rules.Account(one.AppID)
		named := slices.ContainsFunc(admins, func(a admin.Admin) bool { return a.Account == account.Name && a.OpenID == one.OpenID })
		if account.Name == "" || !named {
			continue
		}
		if !is || s.admins.Configured(s.admins.NameOf(one)) {
			by, is = one, true
		}
	}
	return by, is
}

// dones are what a form can have done; its words are done.NAME.
var dones = []string{
	"blocked", "unblocked", "sessions", "session", "admin_session", "refreshed", "needs_login", "erased", "mismatch", "granted", "revoked",
	"bulk_blocked", "bulk_sessions", "bulk_nobody", "app", "group",
	"joined", "dismissed", "parted", "moved", "linked", "unlinked",
}

// done is the key of the words for what a form has just done, by what its
// redirect says.
func done(r *http.Request) string {
	if name := r.URL.Query().Get("done"); slices.Contains(dones, name) {
		return "done." + name
	}
	return ""
}

// lostToken is why a refresh_token is of no use before its time.
type lostToken struct {
	Errcode int64  // WeChat's, or 0
	Meaning string // of that
	Why     string // key of words, where it was no errcode; empty: it is of use
}

var noted = regexp.MustCompile(`errcode (\d+)`)

// lost reads what was noted of a token's end.
func (s *Server) lost(r *http.Request, token *admin.TokenInfo) lostToken {
	if token == nil || token.DeadReason == "" {
		return lostToken{}
	}
	if found := noted.FindStringSubmatch(token.DeadReason); found != nil {
		errcode, err := strconv.ParseInt(found[1], 10, 64)
		if err == nil {
			return lostToken{Errcode: errcode, Meaning: s.meaning(s.renderer.language(r), errcode)}
		}
	}
	if token.DeadReason == string(auth.ScopeBase) {
		return lostToken{Why: "token.base"}
	}
	return lostToken{Why: "token.refused"}
}

// personURL is the page of a person, who leads back to the list that led to them.
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

// adminForm does an act that a form asked for, and shows the person again.
func (s *Server) adminForm(do act, done string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := chi.URLParam(r, "id")
		err := do(r, confirming(r), id)
		switch {
		case errors.Is(err, admin.ErrNotConfirmed):
			return s.toUser(w, r, id, "mismatch")
		case err != nil:
			return err
		}
		return s.toUser(w, r, id, done)
	}
}

// adminRefresh fetches a profile again. A token that is good for nothing more is
// no fault of the form.
func (s *Server) adminRefresh(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.refresh(r, adminOf(r), id)
	if auth.ReasonOf(err) == auth.NeedsLogin {
		return s.toUser(w, r, id, "needs_login")
	}
	if err != nil {
		return err
	}
	return s.toUser(w, r, id, "refreshed")
}

// confirming is the admin with what they have typed to confirm an act on a person.
func confirming(r *http.Request) admin.Actor {
	return adminOf(r).Confirming(r.PostFormValue("confirm"))
}

// adminErase deletes a person.
func (s *Server) adminErase(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.admins.Erase(r.Context(), confirming(r), id)
	switch {
	case errors.Is(err, admin.ErrNotConfirmed):
		return s.toUser(w, r, id, "mismatch")
	case err != nil:
		return err
	}
	return redirect(w, http.StatusSeeOther, with(s.backToList(r), "done", "erased"))
}

// adminChange makes a person an admin, or takes it back.
func (s *Server) adminChange(do func(context.Context, admin.Actor, string) (bool, error), done string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		user, err := s.people.User(r.Context(), chi.URLParam(r, "id"))
		if err != nil {
			return err
		}
		admins, err := s.admins.Admins(r.Context())
		if err != nil {
			return err
		}
		by, _ := s.adminBy(user, admins)
		name := s.admins.NameOf(by)
		if name == "" {
			return auth.Failf(auth.BadRequest, "user %s is of an account that is not configured", user.ID)
		}
		_, err = do(r.Context(), confirming(r), name)
		switch {
		case errors.Is(err, admin.ErrNotConfirmed):
			return s.toUser(w, r, user.ID, "mismatch")
		case err != nil:
			return err
		}
		return s.toUser(w, r, user.ID, done)
	}
}

// endSession signs a person out of the browser that the address names.
func (s *Server) endSession(r *http.Request, by admin.Actor, userID string) error {
	return s.admins.EndSession(r.Context(), by, userID, chi.URLParam(r, "session"))
}

func (s *Server) endApp(r *http.Request, by admin.Actor, userID string) error {
	err := s.admins.EndAccess(r.Context(), by, userID, chi.URLParam(r, "client"))
	if auth.ReasonOf(err) == auth.NoSuchClient {
		return nil // it holds nothing any more, which is what was wanted
	}
	return err
}

func (s *Server) joinGroup(r *http.Request, by admin.Actor, userID string) error {
	_, err := s.admins.JoinGroup(r.Context(), by, userID, strings.TrimSpace(r.PostFormValue("group")))
	return err
}

func (s *Server) leaveGroup(r *http.Request, by admin.Actor, userID string) error {
	_, err := s.admins.LeaveGroup(r.Context(), by, userID, r.PostFormValue("group"))
	return err
}

// apiExportUser is all that is stored on a person, as a file.
func (s *Server) apiExportUser(w http.ResponseWriter, r *http.Request) error {
	user, err := s.people.User(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	// Who took a copy is written down before they have it.
	if err := s.admins.RecordExport(r.Context(), adminOf(r), user.ID, exportedPerson); err != nil {
		return err
	}
	return s.exportPersonalData(w, r, user.ID, "wxlogin-"+user.ID+".json")
}
