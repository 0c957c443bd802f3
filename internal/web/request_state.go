package web

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
)

// requestState is one request and its answer, as far as everything that has to do
// with them must know. It is made once a request, and is its context and the writer of its
// answer: each value put into a context of its own would cost a copy of the request.
type requestState struct {
	context.Context     // of the request as it came
	http.ResponseWriter // the browser's

	route *chi.Context // where chi notes which route it is

	id     string // of this request, for the answer and the log
	client string // its address, without the port; empty when unknown
	method string // the visitor's, if a proxy asked by another than GET

	status  int   // of the answer; 0 before there is one
	written int64 // bytes of the body

	visitor, adminLink currentSession // who is signed in, once it has been asked
	flow               *flow          // that checkState found
	admin              *admin.Actor   // whom admit let through
}

type requestStateKey struct{}

// requestStateOf returns the state of a request; begin stands before all that
// ask for it.
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

// Unwrap lets http.ResponseController through.
func (rs *requestState) Unwrap() http.ResponseWriter { return rs.ResponseWriter }

// begin makes the request state, and at its end counts it and writes one line of the
// log. The line names the route and not the address: a callback's query holds a
// code, an admin link's a token.
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

// routeContexts are kept as chi keeps its own, which it would make a copy of the
// request for.
var routeContexts = sync.Pool{New: func() any { return chi.NewRouteContext() }}

// AccessRecord is what the access log and the metrics know of one answered request.
type AccessRecord struct {
	RequestID string
	Method    string // as the client sent it
	Route     string // the pattern, which has no one's data in it
	Status    int
	Bytes     int64 // of the body
	Began     time.Time
	Took      time.Duration
	Client    string // address, without the port; empty when unknown
}

// Attrs are the fields of the record in the log, in their order. An array, as a
// slice would be allocated for every request.
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

// Milliseconds is how long the answer took.
func (a AccessRecord) Milliseconds() float64 { return float64(a.Took.Microseconds()) / 1000 }

// newRequestID makes an id of our own for every request. A client's is not
// taken: it could be made to look like another's. It opens nothing, so it need
// not come from crypto/rand, a call of the system for each.
func newRequestID() string {
	var random [8]byte
	var id [16]byte
	binary.NativeEndian.PutUint64(random[:], rand.Uint64())
	hex.Encode(id[:], random[:])
	return string(id[:])
}

func requestID(r *http.Request) string { return requestStateOf(r).id }

// pattern is that of the route that matched, which has no one's data in it.
func (rs *requestState) pattern() string {
	return cmp.Or(rs.route.RoutePattern(), "none")
}
