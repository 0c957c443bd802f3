package web

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// A desktop waits for its phone by a stream of events, or, where streams do not get through,
// by polling. The answer is in the database, so any replica can serve it.

const (
	streamLife  = 20 * time.Second // then the browser reconnects, perhaps to another replica
	streamGrace = 10 * time.Second // for a browser that reads slowly
	streamPoll  = time.Second
	maxStreams  = 1000 // in one process; further desktops poll instead
)

// How many streams one ticket and one client address have at once, unless limits are off. A
// browser has one for each tab, and for a moment two. Further desktops poll instead, so an
// office with more desktops works too.
const (
	streamsOfTicket  = 4
	streamsOfAddress = maxStreams / 10
)

// streams counts the desktops that wait by a stream.
type streams struct {
	open atomic.Int64

	mu     sync.Mutex
	counts map[string]int // by ticket and by address, without zeros
}

// enter takes a place if there is one. The caller has to call leave afterwards.
func (s *streams) enter(ticket, address string, limited bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open.Load() >= maxStreams || limited && (s.counts[ticket] >= streamsOfTicket || s.counts[address] >= streamsOfAddress) {
		return false
	}
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	s.counts[ticket]++
	s.counts[address]++
	s.open.Add(1)
	return true
}

func (s *streams) leave(ticket, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range []string{ticket, address} {
		if s.counts[key]--; s.counts[key] == 0 {
			delete(s.counts, key)
		}
	}
	s.open.Add(-1)
}

// scanStatus answers this browser, and no other, with the status of its code.
func (s *Server) scanStatus(w http.ResponseWriter, r *http.Request) error {
	status, err := s.statusFor(r)
	if err != nil {
		return err
	}
	return s.json(w, r, map[string]auth.ScanStatus{"status": status})
}

// statusFor returns the status of the request's ticket; ScanExpired for any other browser than
// the one that the ticket was made for.
func (s *Server) statusFor(r *http.Request) (auth.ScanStatus, error) {
	tk, _, ok := s.tickets.openOwn(r, r.URL.Query().Get("ticket"))
	if !ok {
		return auth.ScanExpired, nil
	}
	status, err := s.scans.Status(r.Context(), tk.domain())
	if status == auth.ScanUsed {
		status = auth.ScanConfirmed // /scan/done gives this browser the same session again
	}
	return status, err
}

// scanEvents is the stream: the present status, and then every change.
func (s *Server) scanEvents(w http.ResponseWriter, r *http.Request) error {
	ticket, address := "ticket "+s.ticketOf(r), "address "+httprate.CanonicalizeIP(requestStateOf(r).client)
	if !s.streams.enter(ticket, address, s.config.RateLimit > 0) {
		w.WriteHeader(http.StatusNoContent) // tells EventSource not to reconnect
		return nil
	}
	defer s.streams.leave(ticket, address)
	status, err := s.statusFor(r)
	if err != nil {
		return err
	}
	stream := http.NewResponseController(w)
	// The server's own deadline is for short responses. If the connection does not support
	// one, it has none to extend.
	_ = stream.SetWriteDeadline(time.Now().Add(streamLife + streamGrace))
	defer stream.SetWriteDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	fmt.Fprint(w, "retry: 1000\n\n")

	poll, end := time.NewTicker(streamPoll), time.NewTimer(streamLife)
	defer poll.Stop()
	defer end.Stop()
	for sent := auth.ScanStatus(""); ; {
		if status != sent {
			fmt.Fprintf(w, "data: %s\n\n", status)
			if err := stream.Flush(); err != nil {
				return nil // the browser has disconnected
			}
			sent = status
		}
		if status != auth.ScanWaiting && status != auth.ScanOpened {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-s.config.Stopping:
			return nil
		case <-end.C:
			return nil
		case <-poll.C:
		}
		if status, err = s.statusFor(r); err != nil {
			return nil // the browser reconnects, and gets the error then
		}
	}
}
