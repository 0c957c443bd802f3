package web

import (
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// sessionCookies is a gorilla sessions.Store over the database. The cookie contains only a
// random token; person and end are in the token's row, so a session is ended by deleting its
// row.
//
// A login adds the row, in the transaction that writes the person; Save only sets the cookie,
// or ends sessions and deletes it.
type sessionCookies struct {
	sessions SessionStore
	now      func() time.Time
	idle     time.Duration // after so long without a visit, a session is not valid
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
	// The name is from when the admin pages were called the desk: proxies filter by it.
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

// maxTokens bounds how many cookies of one name are looked up. Normally there are at most two:
// a sibling's of the whole domain and our own. But another host of the domain can set cookies
// that are sent before these: a browser sends about fifty of one domain at most.
const maxTokens = 50

// cookieTokens yields the different values of the request's cookies of a name that have the
// length of our tokens: others must not use up maxTokens.
func cookieTokens(r *http.Request, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var tried []string // usually the first value is the right one, and nothing is allocated
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

// Get returns the session of a name, which is read once for a request.
func (c *sessionCookies) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New reads the session that a request's cookies name. If there is no live session, it returns
// a new one and no error. If the database does not answer, that is an error, and not a
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

// currentSession is the session of a request's cookies of one kind.
type currentSession struct {
	asked bool   // false: it has not been read yet
	token string // of the live session
	old   bool   // it came in a cookie of the old name
	visit *auth.Visit
	err   error // NotSignedIn when there is no live session, StoreDown when it cannot be read
}

// read looks for a live session. It tries all cookies of both names, because a stale one of
// another path or domain may come first.
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

// ofOurs says whether the account that a person signed in by is still configured: applications
// cannot use the openid of another account.
func (c *sessionCookies) ofOurs(visit *auth.Visit) bool {
	return slices.Contains(c.appIDs, visit.User.AppID)
}

// bearerToken returns the token of a mini program's session that a request carries, live or
// not; empty if there is none. An application's access token, in the same header, is not
// one.
func bearerToken(r *http.Request) string {
	headers := r.Header["Authorization"]
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !auth.IsMiniToken(token) {
		return ""
	}
	return token
}

// readBearer looks for the live session of a mini program's token. With a token, cookies are
// ignored.
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

// rename replaces a cookie of the old name by one of the new. The old cookie is ours, because
// it names a session of ours; any other may be another instance's, and is kept.
func (c *sessionCookies) rename(w http.ResponseWriter, kind *cookieKind, found *currentSession, now time.Time) {
	options := kind.options
	options.MaxAge = int(found.visit.Session.EndsAt.Sub(now) / time.Second)
	if options.MaxAge <= 0 {
		return // it has ended
	}
	http.SetCookie(w, sessions.NewCookie(kind.name, found.token, &options))
	http.SetCookie(w, takeBack(kind.old, options))
}

// Save sets the cookie with the session's token; with a negative MaxAge it ends all sessions of
// the kind that the browser has, and deletes the cookie. If a session cannot be ended, it
// keeps its cookie, so that nobody seems to be signed out who is not.
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

// endAll ends the sessions of all cookies of a kind: the next request would use any that is
// left.
func (c *sessionCookies) endAll(r *http.Request, kind *cookieKind) (ended []string, err error) {
	for _, token := range slices.AppendSeq(slices.Collect(cookieTokens(r, kind.name)), cookieTokens(r, kind.old)) {
		hash := auth.Hash(token)
		_, err := c.sessions.Visit(r.Context(), kind.kind, hash)
		if auth.ReasonOf(err) == auth.NotSignedIn {
			continue // a made-up token causes no write
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

// hand sets the cookie with the token of a session that is in the database.
func (c *sessionCookies) hand(w http.ResponseWriter, r *http.Request, kind *cookieKind, token auth.Secret) error {
	session := sessions.NewSession(c, kind.name)
	session.Options = new(kind.options)
	session.ID = string(token)
	return session.Save(r, w)
}

// end ends all sessions of a kind that the browser has, and deletes their cookie.
func (c *sessionCookies) end(w http.ResponseWriter, r *http.Request, kind *cookieKind) error {
	session, err := c.Get(r, kind.name)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return session.Save(r, w)
}

// visitor returns who is signed in: all routes of visitors and /verify call it. NotSignedIn
// when nobody is, or when the session is due for a recheck, with errRecheck as the cause;
// StoreDown when the database does not answer.
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

// live returns the browser's live session of a kind, which is read once for a request, even if
// it is due for a recheck: to find out who is signed in, call visitor. NotSignedIn when there
// is no live session.
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

// currentTokenHash returns the token hash of the browser's visitor session, which a login
// replaces. Empty when there is none or it cannot be read.
func (s *Server) currentTokenHash(r *http.Request) string {
	visit, err := s.live(r, s.cookies.visitor)
	if err != nil {
		return ""
	}
	return visit.Session.TokenHash
}
