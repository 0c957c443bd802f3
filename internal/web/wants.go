package web

import (
	"net/http"
	"strings"
)

// wantsJSON says whether an error goes to a program: below /api/, in forward auth, or to a
// script that says so. If a browser opens such an address as a page, or sends a page's form
// there, a person reads the answer, and gets a page.
func (s *Server) wantsJSON(r *http.Request) bool {
	path := s.below(r)
	switch {
	case byScript(r), s.forMini(r), bearerToken(r) != "":
		return true
	case path == "/healthz" || path == "/readyz":
		return true
	case s.isForwardAuth(r) && s.methodOf(r) == http.MethodGet:
		return !opensPage(r) && !(tellsNothing(r) && r.URL.Query().Get("login") == "redirect")
	case s.isForwardAuth(r):
		return !fromForm(r) || !opensPage(r) && !tellsNothing(r)
	case path == "/api/me/export" && r.Header.Get("Sec-Fetch-Mode") == "":
		return !acceptsHTML(r) // our pages link to it
	case strings.HasPrefix(path, "/api/") && r.Method == http.MethodGet:
		return !opensPage(r)
	case strings.HasPrefix(path, "/api/"):
		return !acceptsHTML(r) || !fromForm(r)
	}
	return strings.Contains(r.Header.Get("Accept"), "json") && !acceptsHTML(r)
}

// opensPage says whether a browser says that it opens a page: today's browsers by
// Sec-Fetch-Mode, older ones by Upgrade-Insecure-Requests.
func opensPage(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return acceptsHTML(r) && (mode == "navigate" || mode == "" && r.Header.Get("Upgrade-Insecure-Requests") == "1")
}

// tellsNothing says whether a browser accepts pages, but does not say whether it opens one:
// iPhones before iOS 16.4 over https, where WebKit leaves Upgrade-Insecure-Requests out.
// Programs that accept anything do not ask for XHTML.
func tellsNothing(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.Header.Get("Sec-Fetch-Mode") == "" && acceptsHTML(r) && strings.Contains(accept, "application/xhtml+xml") && !strings.Contains(accept, "json")
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// fromForm says whether the body is that of a page's form, so that a person reads the answer.
func fromForm(r *http.Request) bool {
	for _, form := range []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"} {
		if strings.HasPrefix(r.Header.Get("Content-Type"), form) {
			return true
		}
	}
	return false
}
