package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// What is checked before a login: it begins at the public address, not in a frame, and not
// in a loop.

// enterHere redirects a browser that came by another entrance, http or www, to the public
// address before anything begins: WeChat comes back to the public address, where the cookie
// of a login that began elsewhere is missing. It redirects only once: a proxy that sends
// wrong headers must not cause a loop.
func (s *Server) enterHere(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		entrance := s.otherEntrance(r)
		if entrance == "" {
			next.ServeHTTP(w, r)
			return nil
		}
		query := r.URL.Query()
		switch {
		case query.Has("entered"):
			if s.notices.first("entrance " + entrance) {
				s.log.WarnContext(r.Context(), "proxy sends a wrong X-Forwarded-Proto or Host",
					"request_id", requestID(r), "entrance", entrance)
			}
		default:
			query.Set("entered", "1")
			return redirect(w, http.StatusFound, s.site.origin+r.URL.EscapedPath()+"?"+query.Encode())
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// otherEntrance returns the address by which a browser came, if it is another one of the same
// site: with or without www, or http. Otherwise it is empty.
func (s *Server) otherEntrance(r *http.Request) string {
	proto := s.forwarded(r, "X-Forwarded-Proto")
	host := cmp.Or(s.forwarded(r, "X-Forwarded-Host"), r.Host)
	if host == s.config.PublicURL.Host && proto != "http" {
		return "" // the usual case
	}
	host = strings.ToLower(s.site.meant(host, proto, ""))
	public := strings.ToLower(s.config.PublicURL.Host)
	switch {
	case host != public && strings.TrimPrefix(host, "www.") == strings.TrimPrefix(public, "www."):
		return host
	case s.site.secure && proto == "http":
		return "http://" + host
	}
	return ""
}

// inOwnWindow keeps logins out of frames: WeChat's pages and ours cannot be shown there, and
// a person could not see where they are logging in.
func (s *Server) inOwnWindow(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if inFrame(r) {
			return s.page(w, r, messagePage{Icon: "info", Key: "framed", Action: &link{Label: "action.sign_in", Href: r.URL.RequestURI()}})
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// A browser loops when the session's cookie does not reach the site that needs it: the site
// sends it to the login, and WeChat, which logs in silently, sends it straight back. After
// maxTrips finished trips to one place, each begun within tripPause of the previous one, we
// show a page instead.
const (
	maxTrips  = 3
	tripPause = 20 * time.Second
)

// trips returns how many trips to a place the browser has just finished.
func (s *Server) trips(r *http.Request, returnTo string) int {
	cookie, err := r.Cookie(s.tripsCookie("", 0).Name)
	if err != nil {
		return 0
	}
	parts := strings.Split(cookie.Value, ".")
	if len(parts) != 3 || parts[2] != tripsPlace(returnTo) {
		return 0
	}
	n, err := strconv.Atoi(parts[0])
	at, errAt := strconv.ParseInt(parts[1], 10, 64)
	age := s.now().Sub(time.UnixMilli(at))
	if err != nil || errAt != nil || age < 0 || age > tripPause {
		return 0
	}
	return n
}

// arrived counts a finished trip. It sets no cookie for the first one, because most browsers
// make no second: the first is recognized later by the cookie of its flow.
func (s *Server) arrived(w http.ResponseWriter, r *http.Request, fl flow) {
	n := s.trips(r, fl.ReturnTo)
	if n == 0 {
		if !s.flows.before(r, fl) {
			return
		}
		n = 1
	}
	value := strconv.Itoa(n+1) + "." + strconv.FormatInt(s.now().UnixMilli(), 10) + "." + tripsPlace(fl.ReturnTo)
	http.SetCookie(w, s.tripsCookie(value, tripPause))
}

// tripsEnd resets the count.
func (s *Server) tripsEnd(w http.ResponseWriter, r *http.Request) {
	if gone := s.tripsCookie("", -1); len(r.CookiesNamed(gone.Name)) > 0 {
		http.SetCookie(w, gone)
	}
}

// tripsPlace returns the name of a place in the cookie. Query and fragment do not count: they
// may change from trip to trip.
func tripsPlace(returnTo string) string { return auth.Hash(beforeAny(returnTo, "?#"))[:10] }

func (s *Server) tripsCookie(value string, lifetime time.Duration) *http.Cookie {
	return s.site.newCookie("wxlogin_trips", value, lifetime)
}

// goesRound says whether the next trip would be part of a loop. If the browser sends us its
// session and wants a page of ours, it is not: the person asked for the login.
func (s *Server) goesRound(r *http.Request, returnTo string) bool {
	if s.trips(r, returnTo) < maxTrips {
		return false
	}
	_, err := s.visitor(r)
	return err != nil || s.foreign(returnTo) != ""
}

// foreign returns the host of an address of another site; empty for an address of ours.
func (s *Server) foreign(returnTo string) string {
	_, rest, absolute := strings.Cut(returnTo, "://")
	host := strings.ToLower(beforeAny(rest, "/?#"))
	if !absolute || host == strings.ToLower(s.config.PublicURL.Host) {
		return ""
	}
	return host
}

// comesToRest ends a loop, and logs which setting causes it.
func (s *Server) comesToRest(w http.ResponseWriter, r *http.Request, returnTo string) error {
	host := s.foreign(returnTo)
	advice := "the session cookie does not come back to " + s.config.PublicURL.Host +
		": the browser refuses cookies, or WXLOGIN_PUBLIC_URL or WXLOGIN_COOKIE_DOMAIN is not what it sees"
	if host != "" {
		advice = "the session cookie does not reach " + host + ": set WXLOGIN_COOKIE_DOMAIN to a domain that it shares with " + s.config.PublicURL.Host +
			" (now " + strconv.Quote(s.config.CookieDomain) + ")"
	}
	s.log.WarnContext(r.Context(), "login loop stopped", "request_id", requestID(r), "trips", s.trips(r, returnTo), "advice", advice)
	s.tripsEnd(w, r) // pressing the button is another try
	s.writePage(w, r, http.StatusBadRequest, messagePage{Icon: "warn", Key: "going_round", Action: &link{Label: "action.try_again", Href: s.signInPath(r, returnTo)}})
	return nil
}
