package web

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"
)

// patience is how long an answer of any length waits for a client that reads
// slowly.
type patience struct {
	chunk  time.Duration // for the next part of it
	export time.Duration // for all of a person's export
}

// stream writes an answer of any length. rows writes all of it and calls row for
// each row: after so many of them what there is goes out, so that the browser shows
// how much has come, and the connection gets time for the next. A client that
// does not read in that time is cut off.
//
// What fails before the first byte has gone is an error like any other. After
// that the connection breaks: the rest cannot be had, and an answer that ends early
// would look whole.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, chunk int, rows func(out io.Writer, row func()) error) error {
	connection := http.NewResponseController(w)
	// The server's own limit is for answers that end at once. Where none can be
	// set, there is none to be moved.
	more := func() {
		next := time.Now().Add(s.patience.chunk)
		if end, ok := r.Context().Deadline(); ok && end.Before(next) {
			next = end
		}
		_ = connection.SetWriteDeadline(next)
	}
	more()
	out := bufio.NewWriterSize(w, 64<<10)
	n := 0
	err := rows(out, func() {
		if n++; n%chunk == 0 {
			out.Flush()
			connection.Flush()
			more()
		}
	})
	rs := requestStateOf(r)
	if err != nil && rs.status == 0 {
		for _, name := range []string{"Content-Type", "Content-Disposition", "X-Total-Count"} {
			w.Header().Del(name)
		}
		return err
	}
	if err := firstError(err, out.Flush()); err != nil {
		s.log.WarnContext(r.Context(), "export broken off", "request_id", rs.id, "rows", n, "bytes", rs.written, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// within gives a request an end. The caller calls cancel.
func within(r *http.Request, limit time.Duration) (bounded *http.Request, cancel context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	return r.WithContext(ctx), cancel
}
