package wechatsim

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
)

// work makes the answer to a request without writing it.
type work func(*http.Request) reply

// plain serves an address for which no fault can be planned.
func plain(do work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send(w, do(r))
	})
}

// button serves a button of the consent popup.
func (s *Simulator) button(do work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rep := do(r)
		s.record(r, Authorize, rep, nil)
		send(w, rep)
	})
}

// endpoint serves one of WeChat's addresses: it does the work or the next planned fault, and
// records the call.
func (s *Simulator) endpoint(e Endpoint, do work) http.Handler {
	api := e != Authorize && e != Picture
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.isSNS() && r.Method == http.MethodPost && s.Switches().AllowPost {
			r = asGet(r)
		} else if api && r.Method != e.method() {
			rep := s.apiError(43001)
			if e.method() == http.MethodPost {
				rep = s.apiError(43002)
			}
			s.record(r, e, rep, nil)
			send(w, rep)
			return
		}
		f := s.take(e, func(f Fault) bool { return e != Authorize || !f.inFlow() })
		var rep reply
		if f != nil && f.replaces() {
			rep = s.replacement(r, e, do, *f)
		} else {
			rep = do(r)
			if api && rep.parameter == "" {
				rep.parameter = wrongParameter[rep.errcode]
			}
			if api && rep.parameter != "" {
				rep.header.Set("X-Wechatsim-Parameter", rep.parameter)
			}
		}
		if f == nil {
			s.record(r, e, rep, nil)
			send(w, rep)
			return
		}
		if f.Snapshot && rep.grant != nil {
			marked := *rep.grant
			marked.snapshot = true
			rep.body = tokenBody(marked)
		}
		rep.header = rep.header.Clone()
		maps.Copy(rep.header, f.Header)
		s.record(r, e, rep, f)
		s.spoil(w, r, rep, *f)
	})
}

// asGet turns a POST into the equivalent GET: the form's parameters are added to the query.
func asGet(r *http.Request) *http.Request {
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	r.ParseForm() // unreadable parameters count as missing
	get := r.Clone(r.Context())
	get.URL.RawQuery = r.Form.Encode()
	return get
}

// replacement returns the answer of a fault that replaces WeChat's work.
func (s *Simulator) replacement(r *http.Request, e Endpoint, do work, f Fault) reply {
	var done reply
	if f.ConsumeCode {
		done = do(r)
	}
	var rep reply
	switch {
	case f.Errcode != 0 && e == Authorize:
		rep = s.refuse(r, f.Errcode, "")
	case f.Errcode != 0:
		rep = s.apiError(f.Errcode)
	case e == Authorize:
		rep = reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}
	default:
		rep = apiReply(nil)
	}
	if f.Status != 0 {
		rep.status = f.Status
	}
	if f.Body != nil {
		rep.body = f.Body
	}
	if f.RedirectTo != "" {
		rep.status = http.StatusFound
		rep.header.Set("Location", f.RedirectTo)
	}
	rep.person, rep.appID = done.person, done.appID
	if parameter, ok := map[Endpoint]string{Token: "code", CodeToSession: "js_code"}[e]; ok {
		rep.code = r.URL.Query().Get(parameter)
		rep.secret = rep.code
	}
	return rep
}

// spoil sends the answer as the fault demands. It stops when the client leaves.
func (s *Simulator) spoil(w http.ResponseWriter, r *http.Request, rep reply, f Fault) {
	ctx := r.Context()
	if f.Delay > 0 {
		s.cfg.Wait(ctx, f.Delay)
	}
	if f.Until != nil {
		wait(ctx, f.Until)
	}
	if f.Hang {
		wait(ctx, f.released)
	}
	// http.ErrAbortHandler is net/http's way to close a connection without an answer;
	// unlike Hijack it works on HTTP/2 too.
	if f.Hang || f.CutBefore || ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}

	flush := http.NewResponseController(w).Flush
	switch {
	case f.CutMidBody:
		writeHeader(w, rep, len(rep.body))
		w.Write(rep.body[:len(rep.body)/2])
		flush()
		panic(http.ErrAbortHandler)
	case f.Drip > 0:
		writeHeader(w, rep, len(rep.body))
		for i := range rep.body {
			if i > 0 {
				s.cfg.Wait(ctx, f.Drip)
			}
			if _, err := w.Write(rep.body[i : i+1]); err != nil || flush() != nil || ctx.Err() != nil {
				panic(http.ErrAbortHandler)
			}
		}
	case f.Endless:
		writeHeader(w, rep, -1)
		w.Write(rep.body)
		blank := make([]byte, 32<<10)
		for i := range blank {
			blank[i] = ' '
		}
		for ctx.Err() == nil {
			if _, err := w.Write(blank); err != nil {
				break
			}
		}
		panic(http.ErrAbortHandler)
	default:
		send(w, rep)
	}
}

func wait(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

func send(w http.ResponseWriter, rep reply) {
	writeHeader(w, rep, len(rep.body))
	w.Write(rep.body)
}

// writeHeader sends the header. No answer may be cached: a cached redirect has a spent code.
func writeHeader(w http.ResponseWriter, rep reply, length int) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	maps.Copy(h, rep.header)
	if length >= 0 && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(rep.status)
}

func levelOf(c Call) slog.Level {
	if c.Errcode != 0 || c.Fault != "" {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func attrs(c Call) []slog.Attr {
	list := []slog.Attr{
		slog.String("endpoint", string(c.Endpoint)),
		slog.Int("status", c.Status),
		slog.Int("errcode", c.Errcode),
	}
	if c.Parameter != "" {
		list = append(list, slog.String("parameter", c.Parameter))
	}
	if c.Fault != "" {
		list = append(list, slog.String("fault", c.Fault))
	}
	if c.Person != "" {
		list = append(list, slog.String("person", c.Person))
	}
	return list
}
