package web

import (
	"net/http"
	"strings"

	"wxlogin/internal/auth"
)

// sameOrigin refuses what another site sends. Browsers say where a request comes
// from in Sec-Fetch-Site or Origin, the old webviews of WeChat in Origin alone. A
// request with neither is a program's, which has nobody's cookie, or an old
// browser's: with a session of ours it has to come from a page of ours.
func (s *Server) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	// A proxy may ask us under another Host than the visitor's.
	if err := protection.AddTrustedOrigin(s.site.sent); err != nil {
		panic(err) // the public URL has been checked at the start
	}
	refuse := s.handle(func(http.ResponseWriter, *http.Request) error {
		return auth.Fail(auth.CrossOrigin, nil)
	})
	protection.SetDenyHandler(refuse)
	return func(next http.Handler) http.Handler {
		protected := protection.Handler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case isSafe(r.Method), s.fromAnywhere(r), bearerToken(r) != "":
				// With a bearer no cookie decides: no other site's page has the token.
				next.ServeHTTP(w, r)
			case r.Header.Get("Sec-Fetch-Site") != "":
				protected.ServeHTTP(w, r)
			case r.Header.Get("Origin") != "":
				if s.fromAdminLink(r) {
					next.ServeHTTP(w, r)
					return
				}
				protected.ServeHTTP(w, r)
			case s.carriesSession(r) && !s.ownReferer(r):
				refuse(w, r)
			default:
				protected.ServeHTTP(w, r)
			}
		})
	}
}

// isSafe says that a method asks for something and changes nothing (RFC 9110).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// fromAdminLink says whether a form is what the page of an admin link sends where
// there is no Sec-Fetch-Site: that page tells nobody its address, and browsers then
// leave the origin out as well. Nothing is lost by it: the form holds a token that
// is as good as its sender.
func (s *Server) fromAdminLink(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == s.site.prefix+"/admin/link" && r.Header.Get("Origin") == "null"
}

// carriesSession says whether a request holds a cookie of a session, live or not.
// What opens a session by its old name is one, too.
func (s *Server) carriesSession(r *http.Request) bool {
	for _, kind := range []*cookieKind{s.cookies.visitor, s.cookies.admin} {
		if len(r.CookiesNamed(kind.name)) > 0 || len(r.CookiesNamed(kind.old)) > 0 {
			return true
		}
	}
	return false
}

// ownReferer says whether a request comes from a page of ours, by its Referer alone.
func (s *Server) ownReferer(r *http.Request) bool {
	referer := r.Header.Values("Referer")
	return len(referer) == 1 && strings.HasPrefix(referer[0]+"/", s.site.sent+"/")
}

// fromHere keeps a GET that leaves a trace, or costs more than a page, for who asks
// for it themselves: from a page of ours, by its address, or with a program. HEAD
// would do it for nobody.
func (s *Server) fromHere(next http.Handler) http.Handler {
	return s.notByHead(s.handle(func(w http.ResponseWriter, r *http.Request) error {
		switch site := r.Header.Values("Sec-Fetch-Site"); {
		case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none"):
		case len(site) == 0 && (len(r.Header.Values("Referer")) == 0 || s.ownReferer(r)):
		case bearerToken(r) != "":
		default:
			return auth.Fail(auth.CrossOrigin, nil)
		}
		next.ServeHTTP(w, r)
		return nil
	}))
}

// addressStays keeps the address of a page out of the Referer of what the page
// loads: it holds what the logs of a proxy need not have. The origin is still told,
// because without it browsers send "Origin: null" with the page's form.
func addressStays(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Referrer-Policy", "strict-origin")
		next.ServeHTTP(w, r)
	})
}
