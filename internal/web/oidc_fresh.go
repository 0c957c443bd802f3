package web

import (
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// An application can require a recent login, by prompt or max_age. The browser then makes a
// trip to WeChat, or shows a QR code, and comes back to the same address. So that it does
// not make another trip then, nor pass without one, the return address carries a mark: the
// session and the time that did not satisfy the request. Another session that began later
// satisfies it.

const markParameter = "&wxlogin_fresh="

// cutMark cuts the mark off a query, without verifying it.
func cutMark(query string) (rest, mark string) {
	rest, mark, _ = strings.Cut(query, markParameter)
	return rest, mark
}

// newMark returns the mark for a return address. visit is that of the browser's present
// session; nil if it has none.
func (s *Server) newMark(query string, visit *auth.Visit) string {
	text := strconv.FormatInt(s.now().UnixMilli(), 36) + "." + sessionMark(visit)
	return text + "." + s.freshMarks().of(text+"\n"+query)
}

// fresh says whether the mark is valid and the visit's session began after it was made.
func (s *Server) fresh(mark, query string, visit *auth.Visit) bool {
	at, rest, _ := strings.Cut(mark, ".")
	session, mac, ok := strings.Cut(rest, ".")
	made, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || session == sessionMark(visit) {
		return false
	}
	// An older session of another browser does not count either: anybody can get a mark
	// without a session.
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
