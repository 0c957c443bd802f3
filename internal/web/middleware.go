package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// clientAddress finds the address of the client: the peer's, or, with trusted proxies, the
// last address of X-Forwarded-For that is not a trusted proxy's. A proxy that names no
// client is the client itself. Forwarded (RFC 7239) is not read.
func clientAddress(trusted []netip.Prefix) func(http.Handler) http.Handler {
	if len(trusted) == 0 {
		return func(next http.Handler) http.Handler { return next } // client returns the peer
	}
	prefixes := make([]string, len(trusted))
	for i, prefix := range trusted {
		prefixes[i] = prefix.String()
	}
	find := middleware.ClientIPFromXFF(prefixes...)
	return func(next http.Handler) http.Handler {
		found := find(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			lines := r.Header["X-Forwarded-For"]
			for i, line := range lines {
				lines[i] = withoutPorts(line)
			}
			found.ServeHTTP(w, r)
		})
	}
}

// withoutPorts removes the ports from an X-Forwarded-For: some proxies (Azure's Application
// Gateway, IIS) write the client's port behind its address.
func withoutPorts(line string) string {
	if !strings.ContainsAny(line, ":[") {
		return line
	}
	items := strings.Split(line, ",")
	for i, item := range items {
		item = strings.TrimSpace(item)
		if at, err := netip.ParseAddrPort(item); err == nil {
			item = at.Addr().String()
		} else if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(item, "["), "]")); err == nil {
			item = addr.String()
		}
		items[i] = item
	}
	return strings.Join(items, ", ")
}

// client returns the address that clientAddress found, or the peer's.
func client(r *http.Request) string {
	if found := middleware.GetClientIPAddr(r.Context()); found.IsValid() {
		return found.String()
	}
	if host, _, ok := strings.Cut(r.RemoteAddr, ":"); ok && strings.Count(host, ".") == 3 {
		return host // the form of IPv4 in net/http
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return peer.Addr().Unmap().String()
}

// recoverPanics turns a panic into an error response. The stack goes to the log only.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v) // net/http's own way to drop a connection
			}
			s.log.ErrorContext(r.Context(), "panic", "request_id", requestID(r), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.serveError(w, r, auth.Failf(auth.Unexpected, "panic"))
		}()
		next.ServeHTTP(w, r)
	})
}

// contentPolicy lets a page load only our own styles and pictures; WeUI has its icons in data
// addresses. It allows no script, but see scanPolicy and adminPolicy. Chrome applies
// form-action to every redirect that follows a form: so a form leads to a page of ours,
// with a link if it goes on to WeChat or another site.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// adminPolicy is contentPolicy for the admin pages, which have a script for convenience.
const adminPolicy = contentPolicy + "; script-src 'self'"

// secureHeaders sets the headers of every response, including errors and redirects. Handlers
// of cacheable responses override Cache-Control.
func (s *Server) secureHeaders(next http.Handler) http.Handler {
	type header struct {
		name   string // in its canonical form
		values []string
	}
	always := []header{
		{"Content-Security-Policy", []string{contentPolicy}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Frame-Options", []string{"DENY"}},
		// no-referrer would make browsers send "Origin: null" with our own forms.
		{"Referrer-Policy", []string{"same-origin"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cache-Control", []string{"no-store"}},
		{"Vary", []string{"Cookie"}},
	}
	if s.site.secure {
		always = append(always, header{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// All responses share the values: Set replaces a slice, and Add copies it, because
		// it has no spare capacity.
		h := w.Header()
		for _, header := range always {
			h[header.name] = header.values
		}
		next.ServeHTTP(w, r)
	})
}

// maxRequest bounds a request body, except one with a picture. The largest form contains a
// reason for blocking.
const maxRequest = 64 << 10

func (s *Server) limitBody(next http.Handler) http.Handler {
	limited, forPicture := http.MaxBytesHandler(next, maxRequest), http.MaxBytesHandler(next, maxOwnProfile)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == http.NoBody {
			next.ServeHTTP(w, r) // saves a copy of the request
			return
		}
		if len(r.TransferEncoding) > 0 {
			// There may have been a Content-Length as well, by which a proxy before us may
			// have read the body: what follows on the connection could be a request that
			// the proxy has not seen (RFC 9112, 6.1).
			w.Header().Set("Connection", "close")
		}
		if r.Method == http.MethodPut && s.below(r) == ownProfilePath {
			forPicture.ServeHTTP(w, r)
			return
		}
		limited.ServeHTTP(w, r)
	})
}

// readForm refuses a form that cannot be parsed or is too large, so that no handler takes it
// for an empty one.
func (s *Server) readForm(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodPost {
			if err := r.ParseForm(); err != nil {
				return auth.Fail(auth.BadRequest, err)
			}
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// admit lets admins through and nobody else.
func (s *Server) admit(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		by, err := s.enter(r)
		if errors.Is(err, errRecheck) && r.Method == http.MethodGet && !s.wantsJSON(r) {
			return redirect(w, http.StatusFound, s.signInPath(r, s.backTo(r)))
		}
		if err != nil {
			return err
		}
		requestStateOf(r).admin = &by
		next.ServeHTTP(w, r)
		return nil
	})
}

// enter returns who acts in a request to the admin pages: a browser let in by a link, with its
// own cookie, or an admin by their own login. NotSignedIn when there is no session; NotAdmin
// for anybody else; SignInAgain for an admin whose login is too old.
func (s *Server) enter(r *http.Request) (admin.Actor, error) {
	// A request with a mini program's token opens no admin pages, even if it has a cookie as
	// well: sameOrigin has not checked where it comes from.
	if bearerToken(r) != "" {
		return admin.Actor{}, auth.Failf(auth.NotSignedIn, "by the token of a mini program")
	}
	visit, err := s.live(r, s.cookies.admin)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		visit, err = s.visitor(r)
	case err == nil:
		s.lastSeen.note(&visit.Session, s.now())
	}
	if err != nil {
		return admin.Actor{}, err
	}
	return s.admins.Enter(visit)
}

// adminOf returns the actor that admit has let through; the zero Actor, which may do nothing,
// on routes without admit.
func adminOf(r *http.Request) admin.Actor {
	if by := requestStateOf(r).admin; by != nil {
		return *by
	}
	return admin.Actor{}
}

func isAdmin(r *http.Request) bool { return requestStateOf(r).admin != nil }
