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

// verify is forward auth for other sites: their proxy calls it for every request (nginx
// auth_request, Caddy forward_auth, Traefik ForwardAuth). Only the session cookie decides, no
// other header. The decision reads the database at most once and writes nothing.
//
// A 200 always carries every identity header, even an empty one, so that a header that a
// client has forged is overwritten.
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
	// Where to sign in, for a proxy that cannot pass a redirect on: nginx accepts only 401
	// as a refusal.
	returnTo := s.wanted(r)
	w.Header().Set("X-Login-Url", s.signInURL(returnTo))
	query := r.URL.Query()
	// Below /verify/ path and query are the visitor's own (Envoy appends them), and the
	// visitor must not decide whether a login is optional.
	if query.Get("optional") == "1" && s.below(r) == verifyPath {
		return identify(w, auth.User{})
	}
	if query.Get("login") == "redirect" && s.navigates(r) {
		return redirect(w, http.StatusFound, s.site.origin+s.signInPath(r, returnTo))
	}
	return err
}

// mayPass says whether a person is in one of the groups that the proxy's request names, if it
// names any. Below /verify/ the query is the visitor's own and is ignored.
func (s *Server) mayPass(r *http.Request, u *auth.User) bool {
	if !strings.Contains(r.URL.RawQuery, "groups") || s.below(r) != verifyPath {
		return true
	}
	query := r.URL.Query()
	return !query.Has("groups") || u.InAny(strings.Split(query.Get("groups"), ","))
}

// verifyPath is the path that proxies call, below the prefix.
const verifyPath = "/verify"

// isForwardAuth says whether a request is forward auth.
func (s *Server) isForwardAuth(r *http.Request) bool {
	path := s.below(r)
	return path == verifyPath || strings.HasPrefix(path, verifyPath+"/")
}

// below returns the path of a request, without the prefix.
func (s *Server) below(r *http.Request) string {
	return strings.TrimPrefix(r.URL.Path, s.site.prefix)
}

// askAnyMethod lets forward auth use the visitor's own method, as Envoy does: it changes
// nothing, whatever the visitor's request does.
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

// identityHeaders are the headers that identify sets.
var identityHeaders = [...]string{"Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope"}

// identify answers forward auth with the person.
func identify(w http.ResponseWriter, user auth.User) error {
	h := w.Header()
	// With canonical names and one array for all values: Set would canonicalize the names and
	// allocate five times, for every request of a site.
	values := []string{user.ID, headerName(user.Nickname), user.OpenID, user.UnionID, string(user.Scope)}
	for i, name := range identityHeaders {
		h[name] = values[i : i+1 : i+1]
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// maxHeaderName bounds a nickname in a header, percent-encoded.
const maxHeaderName = 900

// headerName returns a nickname percent-encoded, cut between characters if it is too long.
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

// signInPath returns where a browser can sign in: in WeChat at the login, elsewhere at the page
// with the QR code.
func (s *Server) signInPath(r *http.Request, returnTo string) string {
	if s.inWeChat(r) {
		return s.loginPath("", returnTo, false)
	}
	return s.scanPath("", returnTo)
}

// signInURL returns the address to which other sites and programs send people to sign in, for
// any browser.
func (s *Server) signInURL(returnTo string) string {
	return s.site.absolute("/signin?return_to=" + url.QueryEscape(returnTo))
}

// signIn handles that address.
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

// forwarded returns a header that a trusted proxy has set about the visitor's request; empty
// for any other sender. Several proxies in a row make a list, of which the first value is
// the visitor's.
func (s *Server) forwarded(r *http.Request, name string) string {
	if !s.fromProxy(r) {
		return ""
	}
	first, _, _ := strings.Cut(r.Header.Get(name), ",")
	return strings.TrimSpace(first)
}

// methodOf returns the method of the visitor's request in forward auth.
func (s *Server) methodOf(r *http.Request) string {
	return cmp.Or(s.forwarded(r, "X-Forwarded-Method"), requestStateOf(r).method, r.Method)
}

// navigates says whether a browser navigates to a page, so that it can be redirected, rather
// than a script or a frame that loads something.
func (s *Server) navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return s.methodOf(r) == http.MethodGet && (mode == "" || mode == "navigate") && !byScript(r) && !inFrame(r) && acceptsHTML(r)
}

// byScript says whether a request says that it comes from a script. Only this one value says
// so: WeChat's own browser on Android sends its name in the same header with every page.
func byScript(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest")
}

// inFrame says whether a browser loads the page into a frame. Old browsers do not say so.
func inFrame(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "fencedframe", "embed", "object":
		return true
	}
	return false
}
