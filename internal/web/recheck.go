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

// A phone changes hands, or its WeChat account, and the cookie stays. With the
// setting on, an old session therefore counts for nothing until a silent trip to
// WeChat, or on a desktop another scan, has put a new one in its place: one of
// whoever is there. visitor is the one place that says so.

// errRecheck is the cause of NotSignedIn when there is a session, and it is too
// old to be believed.
var errRecheck = errors.New("the session is old, and the holder of the phone has not been checked since")

// recheckPause is how long a session counts after WeChat could not tell who is
// there. A WeChat that is down must not keep people out of what is theirs.
const recheckPause = 10 * time.Minute

// due says whether a session that lives has to be checked before it counts.
func (s *Server) due(r *http.Request, visit *auth.Visit) bool {
	after := s.rules.Recheck
	return after > 0 && auth.Age(s.now(), visit.Session.CreatedAt) >= after && !s.paused(r, visit)
}

// The pause is a cookie that only a failed trip brings, and only for the session
// that was there: beginning a trip, or making up a cookie, lets nobody through.

// pause lets the session of a visit count for a while.
func (s *Server) pause(w http.ResponseWriter, visit *auth.Visit) {
	until := strconv.FormatInt(s.now().Add(recheckPause).Unix(), 10)
	options := s.cookies.visitor.options // it goes where the session's goes, to /verify too
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

// codeForm is what the codes of WeChat have looked like so far. What a person has
// written into the address in place of one may well make WeChat stumble, which
// says nothing about WeChat.
var codeForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// weChatDown says that WeChat could tell nobody who they are, rather than this
// browser alone: what somebody can bring about by themselves opens nothing.
func weChatDown(code string, err error) bool {
	switch auth.ReasonOf(err) {
	case auth.WeChatTimeout, auth.WeChatBusy, auth.WeChatRefused:
		return true
	case auth.WeChatFailed:
		return auth.ErrcodeOf(err) == 0 && codeForm.MatchString(code)
	}
	return false
}

// mayGoOn says whether a silent login that failed can be passed over: WeChat is
// in trouble, and the browser holds a session that counts where the login leads to.
// One that had to be checked counts again for a while if WeChat is down.
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

// wantsFresh says whether a page would send the visit to WeChat again: a ticket of a
// scan does so with an admin whose login is old, see scanTicket, and an application may
// have asked for a login of this moment. A failed login must
// not lead there, or the browser goes round between the two.
func (s *Server) wantsFresh(returnTo string, visit *auth.Visit) bool {
	path := strings.TrimPrefix(returnTo, s.site.origin)
	if strings.HasPrefix(path, s.site.prefix+"/oidc/authorize?") {
		query, mark := cutMark(path)
		_, query, _ = strings.Cut(query, "?")
		return mark != "" && !s.fresh(mark, query, visit)
	}
	return strings.HasPrefix(path, s.site.prefix+"/scan/") && s.admins.Stale(visit)
}

// endOther ends a session that cannot be of the person who holds the phone:
// WeChat has named somebody who has never agreed to anything, and the session is
// of somebody who has.
func (s *Server) endOther(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.live(r, s.cookies.visitor)
	if err != nil || !visit.User.Consented() {
		return nil
	}
	return s.cookies.end(w, r, s.cookies.visitor)
}
