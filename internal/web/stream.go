package web

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"
)

// patience is how long a streamed response waits for a client that reads slowly.
type patience struct {
	chunk  time.Duration // for the next chunk
	export time.Duration // for a whole export of personal data
}

// stream writes a response of any length. rows writes all of it and calls row for each row.
// After each chunk of rows the output is flushed, so that the browser shows the progress, and
// the write deadline is extended. A client that does not read in time is cut off.
//
// A failure before the first byte was sent is an error like any other. After that the
// connection is aborted, because a response that ends early would look complete.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, chunk int, rows func(out io.Writer, row func()) error) error {
	connection := http.NewResponseController(w)
	// The server's own deadline is for short responses. If the connection does not support
	// one, it has none to extend.
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
		s.log.WarnContext(r.Context(), "export aborted", "request_id", rs.id, "rows", n, "bytes", rs.written, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// within gives a request a deadline. The caller has to call cancel.
func within(r *http.Request, limit time.Duration) (bounded *http.Request, cancel context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	return r.WithContext(ctx), cancel
}
