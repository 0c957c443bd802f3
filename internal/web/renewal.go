package web

import (
	"net/http"
	"time"

	"wxlogin/internal/auth"
)

// A profile is refreshed with a refresh_token, which lives for 30 days (official). A silent
// login brings no new one, so people have to be asked for consent again: they can begin that
// on the profile page, and with the setting on we ask, once for each token.

// renewalPause is how long a browser is not asked again: as long as a new token lives.
const renewalPause = 30 * 24 * time.Hour

// shouldRenew says whether to ask a person whom a silent login has just signed in.
func (s *Server) shouldRenew(r *http.Request, fl flow, visit *auth.Visit) bool {
	rules := s.rules
	if !rules.RenewProfile || rules.Mode != auth.ModeAuto || fl.Scope != auth.ScopeBase || !visit.User.Consented() {
		return false
	}
	if _, err := r.Cookie(s.renewalCookie().Name); err == nil {
		return false
	}
	token, err := s.people.Token(r.Context(), visit.User.ID)
	if err != nil {
		return false // they are signed in, which is what matters
	}
	return token == nil || token.Scope != auth.ScopeUserinfo || token.DeadReason != "" || !s.now().Before(token.EndsAt)
}

func (s *Server) renewalCookie() *http.Cookie {
	return s.site.newCookie("wxlogin_renewal", "1", renewalPause)
}
