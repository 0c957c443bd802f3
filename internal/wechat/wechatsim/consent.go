package wechatsim

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// allow answers the button 允许: POST /connect/oauth2/allow with the query of the authorize
// link, which is checked again.
func (s *Simulator) allow(r *http.Request) reply {
	return s.answered(r, func(req request, p Person) reply {
		s.mu.Lock()
		s.consents[consent{req.app.AppID, p.Key}] = s.cfg.Now()
		s.mu.Unlock()
		return s.toCallback(req, p, false)
	})
}

// deny answers the button 拒绝: POST /connect/oauth2/deny.
func (s *Simulator) deny(r *http.Request) reply {
	return s.answered(r, s.toDenial)
}

func (s *Simulator) answered(r *http.Request, act func(request, Person) reply) reply {
	req, refused := s.check(r, isWebsite(r.URL.RawQuery))
	if refused != nil {
		return s.refusalPage(*refused)
	}
	p, ok := s.owner(r)
	if !ok {
		return redirect(http.StatusSeeOther, linkTo(req.raw))
	}
	rep := act(req, p)
	rep.person, rep.appID = p.Key, req.app.AppID
	return rep
}

// consent is the consent of a person to one account.
type consent struct{ appID, person string }

func (s *Simulator) hasConsented(a *app, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.consents[consent{a.AppID, key}]
	return ok && s.cfg.Now().Sub(at) < consentLifetime
}

// toCallback redirects the browser back with a code, or with two or a stale one if a fault
// is planned.
func (s *Simulator) toCallback(req request, p Person, snapshot bool) reply {
	now := s.cfg.Now()
	f := s.take(Authorize, func(f Fault) bool {
		return f.StaleCode || f.Double == DoubleSame || (f.Double == DoubleNew && !req.selfHop)
	})
	outcome := "callback"
	if snapshot {
		outcome = "callback from a snapshot page"
	}
	if f != nil && f.StaleCode {
		now = now.Add(-time.Hour)
		outcome = "callback with a stale code"
	}
	code := s.issue(req.app, p, req.scope, snapshot, now)
	first := req.target(code)
	if f == nil || f.Double == "" {
		rep := redirect(http.StatusFound, first)
		rep.outcome, rep.secret = outcome, code
		return rep
	}
	second := first
	if f.Double == DoubleNew {
		second = req.target(s.issue(req.app, p, req.scope, snapshot, now))
	}
	// On a phone both are full navigations, of which the first is abandoned. Without a
	// script a page can only start the first in a frame (with cookies, if both hosts are
	// one site) and then go to the second.
	rep := s.page("double", doublePage{First: first})
	rep.header.Set("Content-Security-Policy", pagePolicy+"; frame-src "+req.callback.Scheme+"://"+req.callback.Host)
	rep.header.Set("Refresh", "1; url="+second)
	rep.header["X-Wechatsim-Callback"] = []string{first, second}
	rep.outcome, rep.secret = "callback twice, "+f.Double+" code", code
	return rep
}

func (s *Simulator) toDenial(req request, _ Person) reply {
	var rep reply
	switch s.Switches().DenyStyle {
	case DenyStateOnly:
		rep = redirect(http.StatusFound, req.target(""))
	case DenyAuthdeny:
		rep = redirect(http.StatusFound, req.target("authdeny"))
	default:
		rep = s.page("closed", closedPage{Link: template.URL(linkTo(req.raw))})
	}
	rep.outcome = "denied"
	return rep
}

// target returns the callback's address. Its own query is kept unchanged, and code and state
// come before the fragment (field reports). Without a code there is only the state.
func (req request) target(code string) string {
	u := *req.callback
	var more []string
	if u.RawQuery != "" {
		more = append(more, u.RawQuery)
	}
	if code != "" {
		more = append(more, "code="+url.QueryEscape(code))
	}
	more = append(more, "state="+url.QueryEscape(req.state))
	u.RawQuery = strings.Join(more, "&")
	return u.String()
}

func redirect(status int, to string) reply {
	return reply{status: status, header: http.Header{"Location": {to}}}
}
