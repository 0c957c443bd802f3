package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// verify is the gate of other sites: their proxy asks it about every request
// (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth). The session
// cookie alone decides; no header can talk it round. The decision reads the
// database once and writes nothing.
//
// A 200 always carries every identity header, empty where nothing is known, so
// that what a client has forged under the same name is overwritten.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err == nil {
		h := w.Header()
		h.Set("Remote-User", visit.User.ID)
		h.Set("Remote-Name", headerName(visit.User.Nickname))
		h.Set("X-Wechat-Openid", visit.User.OpenID)
		h.Set("X-Wechat-Unionid", visit.User.UnionID)
		h.Set("X-Wechat-Scope", string(visit.User.Scope))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if auth.ReasonOf(err) != auth.NotSignedIn {
		return err
	}
	// Where the person goes to sign in, for a proxy that cannot pass a redirect on:
	// nginx takes nothing but 401 for a refusal.
	target := s.site.origin + s.signInPath(r, s.wanted(r))
	w.Header().Set("X-Login-Url", target)
	if r.URL.Query().Get("login") == "redirect" && s.navigates(r) {
		return redirect(w, http.StatusFound, target)
	}
	return err
}

// maxHeaderName bounds a name in a header, percent-encoded.
const maxHeaderName = 900

// headerName writes a nickname in printable ASCII, cut between characters.
func headerName(nickname string) string {
	encoded := url.PathEscape(nickname)
	if len(encoded) <= maxHeaderName {
		return encoded
	}
	length := 0
	for i, r := range nickname {
		if length += len(url.PathEscape(string(r))); length > maxHeaderName {
			return url.PathEscape(nickname[:i])
		}
	}
	return encoded
}

// signInPath is where a browser that is not signed in can be: in WeChat the
// login, elsewhere the page that tells how to get there.
func (s *Server) signInPath(r *http.Request, returnTo string) string {
	if s.inWeChat(r) {
		return s.loginPath(returnTo, false)
	}
	return s.scanPath(returnTo)
}

// forwarded is a header that a trusted proxy has set about the request it asks
// about; empty from anybody else.
func (s *Server) forwarded(r *http.Request, name string) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	for _, proxy := range s.config.TrustedProxies {
		if proxy.Contains(peer.Addr().Unmap()) {
			return r.Header.Get(name)
		}
	}
	return ""
}

// wanted is the address that the person asked the other site for, as far as a
// trusted proxy tells it and a login may lead there; home otherwise.
func (s *Server) wanted(r *http.Request) string {
	proto, host, uri := s.forwarded(r, "X-Forwarded-Proto"), s.forwarded(r, "X-Forwarded-Host"), s.forwarded(r, "X-Forwarded-Uri")
	if host == "" || strings.ContainsAny(host, `/\?#@`) || !strings.HasPrefix(uri, "/") {
		return s.site.home()
	}
	return s.site.returnTo(proto + "://" + host + uri)
}

// navigates says whether a person's browser waits for a page, rather than a
// script for an answer that it could not follow to another site.
func (s *Server) navigates(r *http.Request) bool {
	method := s.forwarded(r, "X-Forwarded-Method")
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (method == "" || method == http.MethodGet) &&
		(mode == "" || mode == "navigate") &&
		r.Header.Get("X-Requested-With") == "" &&
		acceptsHTML(r)
}
