package web

import (
	"net/http"
	"time"

	"wxlogin/internal/auth"
)

// A profile is kept fresh by a refresh_token, which lives for 30 days (official).
// People whom a silent login lets in bring no new one, so somebody has to ask them:
// they themselves, by the profile page, or with the setting on we, once a token.

// renewalPause is how long a browser that was asked is not asked again: a new token
// lives no longer.
const renewalPause = 30 * 24 * time.Hour

// shouldRenew says whether somebody who has just come in silently is to be asked.
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
		return false // they are signed in, and that is what they came for
	}
	return token == nil || token.Scope != auth.ScopeUserinfo || token.DeadReason != "" || !s.now().Before(token.EndsAt)
}

func (s *Server) renewalCookie() *http.Cookie {
	return s.site.newCookie("wxlogin_renewal", "1", renewalPause)
}
