package web

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"wxlogin/internal/auth"
)

// A phone may get another owner or another WeChat account, and keep the cookie. With the
// setting on, an old session therefore does not count until a silent trip to WeChat, or on a
// desktop another scan, has replaced it by a new one, of the person who is there. Only
// visitor applies this.

// errRecheck is the cause of NotSignedIn when there is a session, but it is due for a
// recheck.
var errRecheck = errors.New("the session is old, and the holder of the phone has not been checked since")

// recheckPause is how long a session that is due still counts after WeChat has failed. An
// outage of WeChat must not keep people out.
const recheckPause = 10 * time.Minute

// due says whether a live session has to be rechecked before it counts.
func (s *Server) due(r *http.Request, visit *auth.Visit) bool {
	after := s.rules.Recheck
	return after > 0 && auth.Age(s.now(), visit.Session.CreatedAt) >= after && !s.paused(r, visit)
}

// The pause is a cookie with a MAC, which only a failed trip sets, and only for the present
// session: neither beginning a trip nor making up a cookie has an effect.

// pause lets the session of a visit count for a while.
func (s *Server) pause(w http.ResponseWriter, visit *auth.Visit) {
	until := strconv.FormatInt(s.now().Add(recheckPause).Unix(), 10)
	options := s.cookies.visitor.options // it is sent wherever the session's is, to /verify too
	options.MaxAge = int(recheckPause / time.Second)
	value := until + "." + s.pauseMarks().of(until+"\n"+visit.Session.TokenHash)
	http.SetCookie(w, sessions.NewCookie(s.pauseName(), value, &options))
}

func (s *Server) paused(r *http.Request, visit *auth.Visit) bool {
	for _, cookie := range r.CookiesNamed(s.pauseName()) {
		until, mark, _ := strings.Cut(cookie.Value, ".")
		end, err := strconv.ParseInt(until, 10, 64)
		if err != nil || !s.now().Before(time.Unix(end, 0)) {
			continue
		}
		if s.pauseMarks().holds(mark, until+"\n"+visit.Session.TokenHash) {
			return true
		}
	}
	return false
}

func (s *Server) pauseName() string {
	return s.site.cookie(s.cookies.visitor.options.Domain, "wxlogin_checked")
}

func (s *Server) pauseMarks() marks { return marks{s.config.Keys, "cookie/recheck", 32} }

// codeForm matches the codes that WeChat has sent so far. Anything else a person has written
// into the address: if WeChat fails with it, that does not show an outage.
var codeForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// weChatDown says whether WeChat fails for everybody, rather than for this browser alone: a
// failure that a person can cause themselves must not have an effect.
func weChatDown(code string, err error) bool {
	switch auth.ReasonOf(err) {
	case auth.WeChatTimeout, auth.WeChatBusy, auth.WeChatRefused:
		return true
	case auth.WeChatFailed:
		return auth.ErrcodeOf(err) == 0 && codeForm.MatchString(code)
	}
	return false
}

// mayGoOn says whether a failed silent login can be ignored: WeChat has failed, and the browser
// has a session that counts at the return address. If WeChat is down, a session that is due
// for a recheck counts again for a while.
func (s *Server) mayGoOn(w http.ResponseWriter, r *http.Request, fl flow, err error) bool {
	kind := auth.KindOf(err)
	down := weChatDown(r.URL.Query().Get("code"), err)
	if fl.Scope != auth.ScopeBase || auth.ReasonOf(err) == auth.IdentityClash || !down && kind != auth.Upstream && kind != auth.Unavailable {
		return false
	}
	visit, visitErr := s.live(r, s.cookies.visitor)
	if visitErr != nil || s.wantsFresh(fl.ReturnTo, visit) {
		return false
	}
	if s.due(r, visit) {
		if !down {
			return false
		}
		s.pause(w, visit)
	}
	return true
}

// wantsFresh says whether a page would send the visit to WeChat again: the ticket of a scan
// does so with an admin whose login is old, see scanTicket, and an application may require a
// recent login. A failed login must not lead there, or the browser would loop.
func (s *Server) wantsFresh(returnTo string, visit *auth.Visit) bool {
	path := strings.TrimPrefix(returnTo, s.site.origin)
	if strings.HasPrefix(path, s.site.prefix+"/oidc/authorize?") {
		query, mark := cutMark(path)
		_, query, _ = strings.Cut(query, "?")
		return mark != "" && !s.fresh(mark, query, visit)
	}
	return strings.HasPrefix(path, s.site.prefix+"/scan/") && s.admins.Stale(visit)
}

// endOther ends a session that cannot be that of the person who uses the phone: WeChat has
// named an unknown person, who has never agreed to anything, and the session's person has.
func (s *Server) endOther(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.live(r, s.cookies.visitor)
	if err != nil || !visit.User.Consented() {
		return nil
	}
	return s.cookies.end(w, r, s.cookies.visitor)
}
