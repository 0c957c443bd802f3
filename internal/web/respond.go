package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"wxlogin/internal/auth"
)

// handler answers a request, or returns an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle turns a handler into an http.HandlerFunc. It is the only place where an error becomes
// a response.
func (s *Server) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.serveError(w, r, err)
		}
	}
}

// statuses are those of the kinds of errors; for any other kind it is 500.
var statuses = map[auth.Kind]int{
	auth.Invalid:         http.StatusBadRequest,
	auth.Unauthenticated: http.StatusUnauthorized,
	auth.Forbidden:       http.StatusForbidden,
	auth.NotFound:        http.StatusNotFound,
	auth.TooMany:         http.StatusTooManyRequests,
	auth.Upstream:        http.StatusBadGateway,
	auth.Unavailable:     http.StatusServiceUnavailable,
	auth.Misconfigured:   http.StatusServiceUnavailable,
}

func statusOf(reason auth.Reason, kind auth.Kind) int {
	switch reason {
	case auth.WrongMethod:
		return http.StatusMethodNotAllowed
	case auth.TooLarge:
		return http.StatusRequestEntityTooLarge
	case auth.WeChatTimeout:
		return http.StatusGatewayTimeout
	}
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// retryAfter is the Retry-After of what is down or busy, in seconds.
const retryAfter = 5

// serveError logs an error and answers with it: a problem for programs, a page in their
// language for people.
func (s *Server) serveError(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = auth.Fail(auth.TooLarge, tooLarge)
	}
	reason, kind := auth.ReasonOf(err), auth.KindOf(err)
	status := statusOf(reason, kind)
	s.logError(r, status, reason, kind, err)
	s.remember(r, status, reason)

	h := w.Header()
	if status == http.StatusServiceUnavailable || status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	detail := ""
	if bad, ok := errors.AsType[badParameter](err); ok {
		detail = bad.Error()
	}
	if s.forApplication(r) {
		s.protocolProblem(w, r, status, kind, err)
		return
	}
	if s.wantsJSON(r) {
		s.problem(w, r, status, reason, detail)
		return
	}
	s.errorPage(w, r, status, reason, detail)
}

// logError logs an error: at a high level what the operator can fix, at a low level what only
// concerns the visitor.
func (s *Server) logError(r *http.Request, status int, reason auth.Reason, kind auth.Kind, err error) {
	ctx := r.Context()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return // the browser has disconnected
	}
	log := s.log.InfoContext
	switch kind {
	case auth.Internal, auth.Misconfigured:
		log = s.log.ErrorContext
	case auth.Upstream, auth.Unavailable:
		log = s.log.WarnContext
	}
	log(ctx, "request failed", "request_id", requestID(r), "route", requestStateOf(r).pattern(), "status", status, "reason", reason, "error", err)
}

// problem is an error in the format of RFC 9457.
type problem struct {
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Detail    string      `json:"detail"`
	Reason    auth.Reason `json:"reason"`
	RequestID string      `json:"request_id"`
	LoginURL  string      `json:"login_url,omitempty"`
}

// problem answers a program with an error. detail is a parameter and its bound; if it is empty,
// the reason's text is used.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, status int, reason auth.Reason, detail string) {
	p := problem{
		Type:      "about:blank",
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    cmp.Or(detail, s.renderer.words[s.renderer.language(r)]["reason."+string(reason)+".text"]),
		Reason:    reason,
		RequestID: requestID(r),
	}
	if status == http.StatusUnauthorized && reason != auth.BadKey && !s.forMini(r) && bearerToken(r) == "" {
		p.LoginURL = s.signInURL(s.backTo(r))
	}
	s.writeJSON(w, r, "application/problem+json", status, p)
}

func (s *Server) json(w http.ResponseWriter, r *http.Request, value any) error {
	s.writeJSON(w, r, "application/json; charset=utf-8", http.StatusOK, value)
	return nil
}

func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, contentType string, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		s.log.ErrorContext(r.Context(), "encode JSON", "request_id", requestID(r), "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"status":500}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // if it fails, the client has disconnected
}

// page answers with a page.
func (s *Server) page(w http.ResponseWriter, r *http.Request, p page) error {
	s.writePage(w, r, http.StatusOK, p)
	return nil
}

func (s *Server) writePage(w http.ResponseWriter, r *http.Request, status int, p page) {
	f := frame{
		Lang:      s.renderer.language(r),
		RequestID: requestID(r),
		Demo:      s.config.Demo,
		Branding:  s.config.Branding,
		Admin:     isAdmin(r),
		Ways:      len(s.rules.Accounts) > 1,
		Renews:    s.inWeChat(r) && s.rules.Mode != auth.ModeBase,
		Path:      s.below(r),
		Now:       s.now(),
	}
	h := w.Header()
	if _, message := p.(messagePage); message && (s.isForwardAuth(r) || inFrame(r)) {
		s.pageElsewhere(h, &f)
	}
	if f.Admin {
		f.Joins = s.showsJoins(r.Context())
		h.Set("Content-Security-Policy", adminPolicy)
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	body, err := s.renderer.render(*buffer, f, p)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "request_id", requestID(r), "error", err)
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		w.Write([]byte("抱歉，出错了 / Sorry, something went wrong\n"))
		return
	}
	h["Content-Type"] = htmlType
	h["Content-Language"] = contentLanguages[f.Lang]
	h["Vary"] = pageVary
	if len(body) >= minZipped && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		zipped := zip(body)
		h.Set("Content-Length", strconv.Itoa(len(zipped)))
		w.WriteHeader(status)
		w.Write(zipped)
		return
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))} // otherwise net/http sends a long page in chunks
	w.WriteHeader(status)
	w.Write(body) // if it fails, the browser has disconnected
	if cap(body) <= maxBuffer {
		*buffer = body
	}
}

// Values of headers that pages share.
var (
	htmlType         = []string{"text/html; charset=utf-8"}
	pageVary         = []string{"Cookie", "Accept-Language", "Accept-Encoding"}
	contentLanguages = map[string][]string{"zh_CN": {"zh-CN"}, "zh_TW": {"zh-TW"}, "en": {"en"}}
)

// buffers pools the buffers that pages are written into.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxBuffer is the largest buffer that is reused, in bytes. Few pages need more.
const maxBuffer = 64 << 10

// redirect redirects the browser. It sends the address as it is: http.Redirect cleans paths, so
// it would send another address than the one that was checked.
func redirect(w http.ResponseWriter, status int, address string) error {
	w.Header().Set("Location", address)
	w.WriteHeader(status)
	return nil
}
