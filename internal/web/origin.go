package web

import (
	"net/http"
	"strings"

	"wxlogin/internal/auth"
)

// sameOrigin refuses requests from other sites. Browsers say where a request comes from in
// Sec-Fetch-Site or Origin, old webviews of WeChat only in Origin. A request with neither is
// that of a program, which has nobody's cookie, or of an old browser: if it carries a
// session of ours, its Referer has to be a page of ours.
func (s *Server) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	// A proxy may send us another Host than the visitor's.
	if err := protection.AddTrustedOrigin(s.site.sent); err != nil {
		panic(err) // the public URL was checked at the start
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
				// A bearer token counts instead of cookies, and other sites do not have it.
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

// isSafe says whether a method only reads (RFC 9110).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// fromAdminLink says whether a request is the form of an admin link's page, from a browser
// without Sec-Fetch-Site: the page has the policy no-referrer, with which browsers send no
// origin either. Accepting it is safe, because the token in the form is proof enough.
func (s *Server) fromAdminLink(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == s.site.prefix+"/admin/link" && r.Header.Get("Origin") == "null"
}

// carriesSession says whether a request has a cookie of a session, live or not, of the present
// or the old name.
func (s *Server) carriesSession(r *http.Request) bool {
	for _, kind := range []*cookieKind{s.cookies.visitor, s.cookies.admin} {
		if len(r.CookiesNamed(kind.name)) > 0 || len(r.CookiesNamed(kind.old)) > 0 {
			return true
		}
	}
	return false
}

// ownReferer says whether a request's Referer is a page of ours.
func (s *Server) ownReferer(r *http.Request) bool {
	referer := r.Header.Values("Referer")
	return len(referer) == 1 && strings.HasPrefix(referer[0]+"/", s.site.sent+"/")
}

// fromHere protects a GET that writes something, or costs more than a page, from being
// triggered by another site: it has to come from a page of ours, the address bar, or a
// program. HEAD is refused, because nobody would see the result.
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

// addressStays keeps the address of a page out of the Referer of the files that it loads, and
// so out of the logs of proxies: it contains a ticket. The origin is still sent, because
// without it browsers send "Origin: null" with the page's form.
func addressStays(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Referrer-Policy", "strict-origin")
		next.ServeHTTP(w, r)
	})
}
