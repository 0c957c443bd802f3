package web

import (
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// An application can ask for a login of this moment, by prompt or max_age. The browser
// then makes a trip to WeChat, or shows a code, and comes back to the same address. So
// that it does not make another trip then, nor pass without one, the address it comes
// back to has a mark: which session it was that did not count, and when. Whoever comes
// with another one that has begun since has signed in since.

const markParameter = "&wxlogin_fresh="

// cutMark takes the mark off a query, whoever made it.
func cutMark(query string) (rest, mark string) {
	rest, mark, _ = strings.Cut(query, markParameter)
	return rest, mark
}

// newMark is for the address that a browser comes back to that holds the session of a
// visit now; nil: none.
func (s *Server) newMark(query string, visit *auth.Visit) string {
	text := strconv.FormatInt(s.now().UnixMilli(), 36) + "." + sessionMark(visit)
	return text + "." + s.freshMarks().of(text+"\n"+query)
}

// fresh says whether the session of a visit has begun since the mark was made.
func (s *Server) fresh(mark, query string, visit *auth.Visit) bool {
	at, rest, _ := strings.Cut(mark, ".")
	session, mac, ok := strings.Cut(rest, ".")
	made, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || session == sessionMark(visit) {
		return false
	}
	// Nor another browser's session, from before: a mark can be had without any.
	if visit == nil || visit.Session.CreatedAt.Before(time.UnixMilli(made).Add(-auth.ClockSkew)) {
		return false
	}
	if age := s.now().Sub(time.UnixMilli(made)); age < -flowSkew || age > flowLifetime {
		return false
	}
	return s.freshMarks().holds(mac, at+"."+session+"\n"+query)
}

func (s *Server) freshMarks() marks { return marks{s.config.Keys, "oidc/fresh", 16} }

func sessionMark(visit *auth.Visit) string {
	if visit == nil {
		return "none"
	}
	return visit.Session.TokenHash[:12]
}
