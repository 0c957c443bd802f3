package web

import (
	"errors"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/sessions"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// sessionCookies is a gorilla sessions.Store over the database. The cookie holds
// a random token and nothing else; the row it names says who it is and until
// when, so ending a session is deleting a row.
//
// Rows are made by a login, in the transaction that writes the person; Save only
// hands the token to the browser, or takes it back.
type sessionCookies struct {
	sessions SessionStore
	now      func() time.Time
	idle     time.Duration // after it, a session without a visit counts no more
	appIDs   []string      // of the accounts that people sign in by
	visitor  *cookieKind
	admin    *cookieKind
}

// cookieKind is the cookie of one kind of session.
type cookieKind struct {
	kind    auth.SessionKind
	name    string
	old     string // its name before names carried a tag
	options sessions.Options
}

func newSessionCookies(site site, c Config) *sessionCookies {
	domain, rules := c.CookieDomain, c.Auth.Rules()
	options := site.cookieOptions(domain, rules.Lifetime)
	// The admin pages were once called the desk; proxies take their cookie out by that name.
	forAdmins := site.cookieOptions("", admin.SessionLifetime)
	return &sessionCookies{
		sessions: c.Sessions,
		now:      c.Now,
		idle:     rules.Idle,
		appIDs:   rules.AppIDs(),
		visitor:  &cookieKind{auth.VisitorSession, site.cookie(domain, "wxlogin"), cookieName(site.secure, domain, "wxlogin"), options},
		admin:    &cookieKind{auth.AdminSession, site.cookie("", "wxlogin_desk"), cookieName(site.secure, "", "wxlogin_desk"), forAdmins},
	}
}

// maxTokens bounds how many cookies of one name are looked up. Two are honest: a
// sibling's of the whole domain and our own. The others are for cookies that
// somebody below the domain has set in front of them: a browser sends no more than
// about fifty of one domain.
const maxTokens = 50

// cookieTokens are the different values of the request's cookies of a name that can
// be tokens of ours, by their length: what cannot be one takes no place from one
// that is.
func cookieTokens(r *http.Request, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var tried []string // in nearly every request the first is the one, and nothing is kept
		for _, cookie := range r.CookiesNamed(name) {
			if len(cookie.Value) != auth.TokenLength || slices.Contains(tried, cookie.Value) {
				continue
			}
			if !yield(cookie.Value) || len(tried) == maxTokens-1 {
				return
			}
			tried = append(tried, cookie.Value)
		}
	}
}

// Get returns the session of a name, read once a request.
func (c *sessionCookies) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New reads the session that a request's cookies name. No live session is a new
// one and no error; a database that does not answer is an error, and nobody's
// logout.
func (c *sessionCookies) New(r *http.Request, name string) (*sessions.Session, error) {
	kind := c.kind(name)
	found := c.read(r, kind)
	session := sessions.NewSession(c, name)
	session.Options = new(kind.options)
	session.ID, session.IsNew = found.token, found.token == ""
	if auth.ReasonOf(found.err) == auth.NotSignedIn {
		return session, nil
	}
	return session, found.err
}

// currentSession is what a request's cookies of one kind come to.
type currentSession struct {
	asked bool   // else nothing of this is known yet
	token string // of the live session
	old   bool   // it came in a cookie of the old name
	visit *auth.Visit
	err   error // NotSignedIn when there is no live session, StoreDown when nobody can tell
}

// read looks for a live session. All cookies of both names are tried, because a
// stale one of another path or domain may stand first.
func (c *sessionCookies) read(r *http.Request, kind *cookieKind) currentSession {
	for _, name := range [...]string{kind.name, kind.old} {
		for token := range cookieTokens(r, name) {
			visit, err := c.sessions.Visit(r.Context(), kind.kind, auth.Hash(token))
			switch {
			case auth.ReasonOf(err) == auth.NotSignedIn:
			case err != nil:
				return currentSession{asked: true, err: err}
			case !visit.Session.Alive(c.now(), c.idle):
			case kind == c.visitor && !c.ofOurs(visit):
			default:
				return currentSession{asked: true, token: token, old: name == kind.old, visit: visit}
			}
		}
	}
	return currentSession{asked: true, err: auth.Fail(auth.NotSignedIn, nil)}
}

// ofOurs says whether somebody has come by an account that is still ours: the openid of
// another means nothing to applications that know today's.
func (c *sessionCookies) ofOurs(visit *auth.Visit) bool {
	return slices.Contains(c.appIDs, visit.User.AppID)
}

// readBearer looks for the live session of a mini program's token. It counts alone:
// whoever sends one means it, whatever cookies stand beside it.
func (c *sessionCookies) readBearer(r *http.Request, token string) currentSession {
	visit, err := c.sessions.Visit(r.Context(), auth.VisitorSession, auth.Hash(token))
	switch {
	case err != nil:
		return currentSession{asked: true, err: err}
	case !visit.Session.Alive(c.now(), c.idle), !c.ofOurs(visit):
		return currentSession{asked: true, err: auth.Fail(auth.NotSignedIn, nil)}
	}
	return currentSession{asked: true, token: token, visit: visit}
}

// rename gives a session that came in a cookie of the old name one of the new. The
// old cookie is ours, as the session that it names is; one that names none of ours
// may be another instance's, and stays.
func (c *sessionCookies) rename(w http.ResponseWriter, kind *cookieKind, found *currentSession, now time.Time) {
	options := kind.options
	options.MaxAge = int(found.visit.Session.EndsAt.Sub(now) / time.Second)
	if options.MaxAge <= 0 {
		return // it has ended
	}
	http.SetCookie(w, sessions.NewCookie(kind.name, found.token, &options))
	http.SetCookie(w, takeBack(kind.old, options))
}

// Save hands the session's token to the browser; with a negative MaxAge it ends
// every session of the kind that the browser holds, and takes the cookie back. A
// session that cannot be ended keeps its cookie, so that nobody is told they are
// signed out while they are not.
func (c *sessionCookies) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		kind := c.kind(session.Name())
		ended, err := c.endAll(r, kind)
		if err != nil {
			return err
		}
		for _, cookie := range r.CookiesNamed(kind.old) {
			if slices.Contains(ended, cookie.Value) {
				http.SetCookie(w, takeBack(kind.old, kind.options))
			}
		}
		session.ID = ""
	}
	if session.ID == "" && session.Options.MaxAge >= 0 {
		return errors.New("a session without a token cannot be saved")
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

// endAll ends the sessions of all cookies of a kind: one that is left would be the
// next request's.
func (c *sessionCookies) endAll(r *http.Request, kind *cookieKind) (ended []string, err error) {
	for _, token := range slices.AppendSeq(slices.Collect(cookieTokens(r, kind.name)), cookieTokens(r, kind.old)) {
		hash := auth.Hash(token)
		_, err := c.sessions.Visit(r.Context(), kind.kind, hash)
		if auth.ReasonOf(err) == auth.NotSignedIn {
			continue // nothing is written for what anybody makes up
		}
		if err == nil {
			err = c.sessions.DeleteSession(r.Context(), kind.kind, hash)
		}
		if err != nil {
			return ended, err
		}
		ended = append(ended, token)
	}
	return ended, nil
}

func (c *sessionCookies) kind(name string) *cookieKind {
	if name == c.admin.name {
		return c.admin
	}
	return c.visitor
}

// hand gives a browser the token of a session that the database holds.
func (c *sessionCookies) hand(w http.ResponseWriter, r *http.Request, kind *cookieKind, token auth.Secret) error {
	session := sessions.NewSession(c, kind.name)
	session.Options = new(kind.options)
	session.ID = string(token)
	return session.Save(r, w)
}

// end ends what sessions of a kind the browser holds, and takes their cookie back.
func (c *sessionCookies) end(w http.ResponseWriter, r *http.Request, kind *cookieKind) error {
	session, err := c.Get(r, kind.name)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return session.Save(r, w)
}

// visitor returns who is signed in: every route of visitors and /verify ask here.
// NotSignedIn when nobody is, and when the session is too old to be believed
// without a check, with errRecheck as the cause; StoreDown when nobody can tell.
func (s *Server) visitor(r *http.Request) (*auth.Visit, error) {
	visit, err := s.live(r, s.cookies.visitor)
	if err != nil {
		return nil, err
	}
	if s.due(r, visit) {
		return nil, auth.Fail(auth.NotSignedIn, errRecheck)
	}
	if s.lastSeen.note(&visit.Session, s.now()) {
		s.config.Followers.Want(visit.User)
	}
	return visit, nil
}

// live returns the session of a kind that the browser holds, checked or not, read
// once a request. It answers nobody's question who is there. NotSignedIn when there
// is none.
func (s *Server) live(r *http.Request, kind *cookieKind) (*auth.Visit, error) {
	rs := requestStateOf(r)
	found := &rs.visitor
	if kind == s.cookies.admin {
		found = &rs.adminLink
	}
	if !found.asked {
		if token := bearerToken(r); token != "" && kind == s.cookies.visitor {
			*found = s.cookies.readBearer(r, token)
			return found.visit, found.err
		}
		*found = s.cookies.read(r, kind)
		if found.old {
			s.cookies.rename(rs, kind, found, s.now())
		}
	}
	return found.visit, found.err
}

// currentTokenHash is the hash of the visitor session that the browser holds, for a
// login to replace. Empty when it holds none, or none can be read.
func (s *Server) currentTokenHash(r *http.Request) string {
	visit, err := s.live(r, s.cookies.visitor)
	if err != nil {
		return ""
	}
	return visit.Session.TokenHash
}

// enter says who acts in a request to the admin pages: a browser let in by a link,
// by the cookie of its own, or an admin by their own login. NotSignedIn when it is
// neither; NotAdmin for anybody else; SignInAgain for an admin whose own login is too
// old.
func (s *Server) enter(r *http.Request) (admin.Actor, error) {
	// A mini program's token opens no admin pages, and keeps a cookie beside it from doing
	// so: what comes with one has not been asked where it comes from.
	if bearerToken(r) != "" {
		return admin.Actor{}, auth.Failf(auth.NotSignedIn, "by the token of a mini program")
	}
	visit, err := s.live(r, s.cookies.admin)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		visit, err = s.visitor(r)
	case err == nil:
		s.lastSeen.note(&visit.Session, s.now())
	}
	if err != nil {
		return admin.Actor{}, err
	}
	return s.admins.Enter(visit)
}
