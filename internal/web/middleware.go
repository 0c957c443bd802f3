package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"wxlogin/internal/auth"
)

// contextKey keeps our context values apart from everybody else's.
type contextKey int

const (
	requestIDKey contextKey = iota
	flowContextKey
	administratorKey
)

// identify gives every request an id of its own, for the answer and the log. A
// client's own id is not taken: it could be made to look like another's.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.ToLower(rand.Text()[:16])
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey, id)))
	})
}

func requestID(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey).(string)
	return id
}

// clientAddress finds the address of the client: the peer's, or with trusted
// proxies the first address that no trusted proxy has. A proxy that names nobody
// is the client itself.
func clientAddress(trusted []netip.Prefix) func(http.Handler) http.Handler {
	if len(trusted) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	prefixes := make([]string, len(trusted))
	for i, prefix := range trusted {
		prefixes[i] = prefix.String()
	}
	forwarded := middleware.ClientIPFromXFF(prefixes...)
	return func(next http.Handler) http.Handler {
		peer := middleware.ClientIPFromRemoteAddr(next)
		return forwarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if middleware.GetClientIPAddr(r.Context()).IsValid() {
				next.ServeHTTP(w, r)
				return
			}
			peer.ServeHTTP(w, r)
		}))
	}
}

// maxUserAgent bounds what is kept of a browser's name for itself.
const maxUserAgent = 512

// device is what a session remembers of the browser.
func device(r *http.Request) auth.Device {
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	return auth.Device{
		RemoteAddr: middleware.GetClientIP(r.Context()),
		UserAgent:  agent[:min(len(agent), maxUserAgent)],
	}
}

// logRequests writes one line a request, and counts it. It names the route and not the address:
// a callback's query holds a code, an admin link's a token.
func (s *Server) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r)
		took := time.Since(began)
		s.config.Observe(r.Method, routeOf(r), ww.Status(), took)
		s.log.InfoContext(r.Context(), "request",
			"request_id", requestID(r),
			"method", r.Method,
			"route", routeOf(r),
			"status", ww.Status(),
			"bytes", ww.BytesWritten(),
			"ms", float64(took.Microseconds())/1000,
			"client", middleware.GetClientIP(r.Context()))
	})
}

// routeOf is the pattern of the route that matched, which has no one's data in
// it.
func routeOf(r *http.Request) string {
	if route := chi.RouteContext(r.Context()); route != nil && route.RoutePattern() != "" {
		return route.RoutePattern()
	}
	return "none"
}

// recoverPanics turns a bug into an answer. The stack goes to the log alone.
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

// contentPolicy lets a page load our own styles and pictures and nothing else;
// WeUI holds its icons as data addresses. There is no script.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secureHeaders sets what holds for every answer, errors and redirects too.
// Handlers of things that may be kept say so themselves.
func (s *Server) secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// no-referrer would make browsers send "Origin: null" with our own forms.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Cookie")
		if s.site.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// maxRequest bounds a body. The largest form has a reason for blocking in it.
const maxRequest = 64 << 10

func limitBody(next http.Handler) http.Handler { return http.MaxBytesHandler(next, maxRequest) }

// readForm refuses a form that cannot be read, or is too large, before anybody
// takes it for an empty one.
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

// sameOrigin refuses what another site sends. Browsers say where a request comes
// from in Sec-Fetch-Site or Origin, the old webviews of WeChat in Origin alone;
// a request with neither is no browser's.
func (s *Server) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	// A proxy may ask us under another Host than the visitor's.
	if err := protection.AddTrustedOrigin(s.site.origin); err != nil {
		panic(err) // the public URL has been checked at the start
	}
	protection.SetDenyHandler(s.handle(func(http.ResponseWriter, *http.Request) error {
		return auth.Fail(auth.CrossOrigin, nil)
	}))
	return protection.Handler
}

// admit lets administrators through and nobody else.
func (s *Server) admit(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		visit, err := s.administrator(r)
		if err != nil {
			return err
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), administratorKey, visit)))
		return nil
	})
}

// administratorOf returns whom admit let through.
func administratorOf(r *http.Request) auth.Visit {
	visit, _ := r.Context().Value(administratorKey).(auth.Visit)
	return visit
}

func isAdministrator(r *http.Request) bool {
	_, ok := r.Context().Value(administratorKey).(auth.Visit)
	return ok
}
