package web

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// requestState is the state of one request and its response that middleware and handlers
// share. There is one for each request, which is the request's context and its
// ResponseWriter at the same time: a context for each value would cost a copy of the request
// each.
type requestState struct {
	context.Context     // of the original request
	http.ResponseWriter // of the original request

	route *chi.Context // where chi stores the matched route

	id     string // of this request, for the response and the log
	client string // the client's address, without the port; empty when unknown
	method string // the visitor's, if forward auth was asked by another method than GET

	status  int   // of the response; 0 before it is written
	written int64 // bytes of the body

	visitor, adminLink currentSession // the signed-in sessions, once they have been read
	flow               *flow          // that checkState has found
	admin              *admin.Actor   // that admit has let through
}

type requestStateKey struct{}

// requestStateOf returns the state of a request, which the middleware begin has made.
func requestStateOf(r *http.Request) *requestState {
	return r.Context().Value(requestStateKey{}).(*requestState)
}

// Value implements context.Context.
func (rs *requestState) Value(key any) any {
	switch key {
	case requestStateKey{}:
		return rs
	case chi.RouteCtxKey:
		return rs.route
	}
	return rs.Context.Value(key)
}

// WriteHeader implements http.ResponseWriter.
func (rs *requestState) WriteHeader(status int) {
	if rs.status == 0 {
		rs.status = status
	}
	rs.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (rs *requestState) Write(p []byte) (int, error) {
	if rs.status == 0 {
		rs.status = http.StatusOK
	}
	n, err := rs.ResponseWriter.Write(p)
	rs.written += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (rs *requestState) Unwrap() http.ResponseWriter { return rs.ResponseWriter }

// begin makes the request state, and after the request observes it and writes the access log.
// The log has the route and not the address: a callback's query contains a code, an admin
// link's a token.
func (s *Server) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rs := &requestState{Context: r.Context(), ResponseWriter: w, id: newRequestID(), client: client(r)}
		rs.route = routeContexts.Get().(*chi.Context)
		rs.route.Reset()
		rs.route.Routes = s.router
		w.Header()["X-Request-Id"] = []string{rs.id} // its canonical form
		next.ServeHTTP(rs, r.WithContext(rs))
		took := time.Since(began)
		record := AccessRecord{
			RequestID: rs.id, Method: r.Method, Route: rs.pattern(), Status: rs.status, Bytes: rs.written,
			Began: began, Took: took, Client: rs.client,
		}
		s.config.Observe(rs, record)
		s.config.LogAccess(rs, record)
		routeContexts.Put(rs.route)
	})
}

// routeContexts are pooled, as chi pools its own, for which it would copy the request.
var routeContexts = sync.Pool{New: func() any { return chi.NewRouteContext() }}

// AccessRecord is what the access log and the metrics get about one request.
type AccessRecord struct {
	RequestID string
	Method    string // as the client sent it
	Route     string // the pattern, which contains nobody's data
	Status    int
	Bytes     int64 // of the body
	Began     time.Time
	Took      time.Duration
	Client    string // address, without the port; empty when unknown
}

// Attrs returns the fields of the record in the log, in order. It is an array, because a slice
// would be allocated for every request.
func (a AccessRecord) Attrs() [7]slog.Attr {
	return [...]slog.Attr{
		slog.String("request_id", a.RequestID),
		slog.String("method", a.Method),
		slog.String("route", a.Route),
		slog.Int("status", a.Status),
		slog.Int64("bytes", a.Bytes),
		slog.Float64("ms", a.Milliseconds()),
		slog.String("client", a.Client),
	}
}

// Milliseconds returns how long the request took.
func (a AccessRecord) Milliseconds() float64 { return float64(a.Took.Microseconds()) / 1000 }

// newRequestID makes an id of our own for every request. A client's id is not accepted, because
// it could imitate another request's. The id opens nothing, so it need not come from
// crypto/rand, which costs a system call.
func newRequestID() string {
	var random [8]byte
	var id [16]byte
	binary.NativeEndian.PutUint64(random[:], rand.Uint64())
	hex.Encode(id[:], random[:])
	return string(id[:])
}

func requestID(r *http.Request) string { return requestStateOf(r).id }

// maxUserAgent bounds the stored part of a User-Agent, in bytes.
const maxUserAgent = 512

// device returns what a session stores about the browser.
func device(r *http.Request) auth.Device {
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	return auth.Device{
		RemoteAddr: requestStateOf(r).client,
		UserAgent:  agent[:min(len(agent), maxUserAgent)],
	}
}

// pattern returns the pattern of the matched route, which contains nobody's data.
func (rs *requestState) pattern() string {
	return cmp.Or(rs.route.RoutePattern(), "none")
}
