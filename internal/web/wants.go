package web

import (
	"net/http"
	"strings"
)

// wantsJSON says whether an error goes to a program: below /api/, in forward auth, or
// to a script that says so. A browser that opens such an address as a page, or
// sends a page's form there, has a person before it, and gets a page.
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

// opensPage says whether a browser has said that a page is what it wants. Those
// of today say it in Sec-Fetch-Mode, older ones by a wish for https.
func opensPage(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return acceptsHTML(r) && (mode == "navigate" || mode == "" && r.Header.Get("Upgrade-Insecure-Requests") == "1")
}

// tellsNothing says whether a browser asks for a page and for nothing else, but does
// not say what for: iPhones before iOS 16.4 over https, where WebKit leaves
// Upgrade-Insecure-Requests out. Programs that take anything do not ask for XHTML.
func tellsNothing(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.Header.Get("Sec-Fetch-Mode") == "" && acceptsHTML(r) && strings.Contains(accept, "application/xhtml+xml") && !strings.Contains(accept, "json")
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// fromForm says whether a page's form was sent, so that a person waits for the
// answer.
func fromForm(r *http.Request) bool {
	for _, form := range []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"} {
		if strings.HasPrefix(r.Header.Get("Content-Type"), form) {
			return true
		}
	}
	return false
}
