package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"wxlogin/internal/auth"
)

// exchange is one request and its answer, as far as everything that has to do
// with them must know. It is made once a request and found through one value of
// the context: each further value would cost a copy of the request.
type exchange struct {
	http.ResponseWriter // the browser's

	id     string // of this request, for the answer and the log
	client string // its address, without the port; empty when unknown

	status  int   // of the answer; 0 before there is one
	written int64 // bytes of the body

	visitor, desk held       // who is signed in, once it has been asked
	flow          *flow      // that checkState found
	administrator auth.Visit // whom admit let through
	admitted      bool
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request; begin stands before all that
// ask for it.
func exchangeOf(r *http.Request) *exchange {
	return r.Context().Value(exchangeKey{}).(*exchange)
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// begin opens an exchange, and at its end counts it and writes one line of the
// log. The line names the route and not the address: a callback's query holds a
// code, an admin link's a token.
func (s *Server) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		x := &exchange{ResponseWriter: w, id: newRequestID(), client: middleware.GetClientIP(r.Context())}
		w.Header()["X-Request-Id"] = []string{x.id}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		next.ServeHTTP(x, r)
		took := time.Since(began)
		route := routeOf(r)
		s.config.Observe(r.Method, route, x.status, took)
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("request_id", x.id),
			slog.String("method", r.Method),
			slog.String("route", route),
			slog.Int("status", x.status),
			slog.Int64("bytes", x.written),
			slog.Float64("ms", float64(took.Microseconds())/1000),
			slog.String("client", x.client))
	})
}

// newRequestID makes an id of our own for every request. A client's is not
// taken: it could be made to look like another's.
func newRequestID() string {
	var random [8]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return hex.EncodeToString(random[:])
}

func requestID(r *http.Request) string { return exchangeOf(r).id }

// routeOf is the pattern of the route that matched, which has no one's data in
// it.
func routeOf(r *http.Request) string {
	if route := chi.RouteContext(r.Context()); route != nil {
		if pattern := route.RoutePattern(); pattern != "" {
			return pattern
		}
	}
	return "none"
}
