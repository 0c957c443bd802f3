package web

import (
	"net/http"

	"github.com/gorilla/sessions"

	"wxlogin/internal/auth"
)

// A phone changes hands, or its WeChat account, and the cookie stays. With the
// setting on, an old session is therefore checked by a silent trip to WeChat:
// the login at its end replaces the session by one of whoever is there.

// recheckPause is how long a browser is left alone after such a trip has begun,
// in seconds: a WeChat that does not answer must not keep people out of a
// session that still counts.
const recheckPause = 600

// recheck begins the trip if the session is due for it, and says whether it
// has.
func (s *Server) recheck(w http.ResponseWriter, r *http.Request, visit *auth.Visit) (bool, error) {
	after := s.auth.Rules().Recheck
	if after == 0 || auth.Age(s.now(), visit.Session.CreatedAt) < after || !s.inWeChat(r) {
		return false, nil
	}
	pause := sessions.NewCookie(cookieName(s.site.secure, "", "wxlogin_checked"), "1", &sessions.Options{
		Path:     "/",
		MaxAge:   recheckPause,
		Secure:   s.site.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
	if _, err := r.Cookie(pause.Name); err == nil {
		return false, nil
	}
	http.SetCookie(w, pause)
	return true, s.toWeChat(w, r, auth.ScopeBase, s.site.returnTo(r.URL.RequestURI()), 0)
}

// mayGoOn says whether a silent login that failed can be passed over: WeChat is
// in trouble, and the browser holds a session that counts.
func (s *Server) mayGoOn(r *http.Request, fl flow, err error) bool {
	kind := auth.KindOf(err)
	if fl.Scope != auth.ScopeBase || kind != auth.Upstream && kind != auth.Unavailable || auth.ReasonOf(err) == auth.IdentityClash {
		return false
	}
	_, visitErr := s.visitor(r)
	return visitErr == nil
}

// endOther ends a session that cannot be of the person who holds the phone:
// WeChat has named somebody who has never agreed to anything, and the session is
// of somebody who has.
func (s *Server) endOther(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil || !visit.User.Consented() {
		return nil
	}
	return s.cookies.end(w, r, s.cookies.visitor)
}
