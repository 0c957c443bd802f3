package web

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// verify is forward auth for other sites: their proxy asks it about every request
// (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth). The session
// cookie alone decides; no header can talk it round. The decision reads the
// database once and writes nothing.
//
// A 200 always carries every identity header, empty where nothing is known, so
// that what a client has forged under the same name is overwritten.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err == nil {
		if !s.mayPass(r, &visit.User) {
			return auth.Failf(auth.NotInGroup, "user %s", visit.User.ID)
		}
		return identify(w, visit.User)
	}
	if auth.ReasonOf(err) != auth.NotSignedIn {
		return err
	}
	// Where the person goes to sign in, for a proxy that cannot pass a redirect on:
	// nginx takes nothing but 401 for a refusal.
	returnTo := s.wanted(r)
	w.Header().Set("X-Login-Url", s.signInURL(returnTo))
	query := r.URL.Query()
	// Below /verify/ the path and its query are the visitor's own (Envoy appends
	// them), who must not be asked whether a login is wanted.
	if query.Get("optional") == "1" && s.below(r) == verifyPath {
		return identify(w, auth.User{})
	}
	if query.Get("login") == "redirect" && s.navigates(r) {
		return redirect(w, http.StatusFound, s.site.origin+s.signInPath(r, returnTo))
	}
	return err
}

// mayPass says whether a person is in one of the groups that the proxy's question names,
// if it names any. Below /verify/ the query is the visitor's own.
func (s *Server) mayPass(r *http.Request, u *auth.User) bool {
	if !strings.Contains(r.URL.RawQuery, "groups") || s.below(r) != verifyPath {
		return true
	}
	query := r.URL.Query()
	return !query.Has("groups") || u.InAny(strings.Split(query.Get("groups"), ","))
}

// verifyPath is the address that proxies ask, below the prefix.
const verifyPath = "/verify"

// isForwardAuth says whether a request is a proxy's question.
func (s *Server) isForwardAuth(r *http.Request) bool {
	path := s.below(r)
	return path == verifyPath || strings.HasPrefix(path, verifyPath+"/")
}

// below is the path of a request below the prefix.
func (s *Server) below(r *http.Request) string {
	return strings.TrimPrefix(r.URL.Path, s.site.prefix)
}

// askAnyMethod lets a proxy ask by the visitor's own method, as Envoy does:
// the question changes nothing, whatever the request that it is about would.
func (s *Server) askAnyMethod(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || !s.isForwardAuth(r) {
			next.ServeHTTP(w, r)
			return
		}
		requestStateOf(r).method = r.Method
		asked := *r
		asked.Method = http.MethodGet
		next.ServeHTTP(w, &asked)
	})
}

// identityHeaders are what identify fills in.
var identityHeaders = [...]string{"Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope"}

// identify answers forward auth with who it is.
func identify(w http.ResponseWriter, user auth.User) error {
	h := w.Header()
	// Names in their canonical form, and one array for all values: Set would look at
	// each letter of the names and allocate five times, with every request of a site.
	values := []string{user.ID, headerName(user.Nickname), user.OpenID, user.UnionID, string(user.Scope)}
	for i, name := range identityHeaders {
		h[name] = values[i : i+1 : i+1]
	}
	w.WriteHeader(http.StatusOK)
	return nil
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
		return s.loginPath("", returnTo, false)
	}
	return s.scanPath("", returnTo)
}

// signInURL is the one address that other sites and programs send people to:
// whatever the browser, it finds the way.
func (s *Server) signInURL(returnTo string) string {
	return s.site.absolute("/signin?return_to=" + url.QueryEscape(returnTo))
}

// signIn is that address.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if s.inWeChat(r) {
		return s.login(w, r)
	}
	return s.scan(w, r)
}

// fromProxy says whether a trusted proxy sent the request.
func (s *Server) fromProxy(r *http.Request) bool {
	if len(s.config.TrustedProxies) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(s.config.TrustedProxies, func(proxy netip.Prefix) bool {
		return proxy.Contains(peer.Addr().Unmap())
	})
}

// forwarded is a header that a trusted proxy has set about the request it asks
// about; empty from anybody else. Of several, which proxies in a row make, the
// first is the visitor's.
func (s *Server) forwarded(r *http.Request, name string) string {
	if !s.fromProxy(r) {
		return ""
	}
	first, _, _ := strings.Cut(r.Header.Get(name), ",")
	return strings.TrimSpace(first)
}

// methodOf is the visitor's method in a proxy's question.
func (s *Server) methodOf(r *http.Request) string {
	return cmp.Or(s.forwarded(r, "X-Forwarded-Method"), requestStateOf(r).method, r.Method)
}

// navigates says whether a person's browser waits for a page that it can be led
// away from, rather than a script for an answer, or a frame.
func (s *Server) navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return s.methodOf(r) == http.MethodGet && (mode == "" || mode == "navigate") && !byScript(r) && !inFrame(r) && acceptsHTML(r)
}

// byScript says whether a script says so. Only this one value does: WeChat's own
// browser on Android names itself in the same header, with every page.
func byScript(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest")
}

// inFrame says whether a browser wants the page for a part of another one. Old
// browsers do not say.
func inFrame(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "fencedframe", "embed", "object":
		return true
	}
	return false
}
