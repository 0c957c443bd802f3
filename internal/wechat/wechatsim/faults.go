package wechatsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is a way for a call to go wrong. Its fields can be combined, except that on Authorize
// Snapshot, Double and StaleCode are used alone: they wait until the visitor's flow gets
// there.
//
// Errcode, Status, Body and RedirectTo answer *instead of* WeChat's work: a code that was
// sent is still valid, unless ConsumeCode says that WeChat did the work first ("-1 and then
// 40163", field reports). All other fields spoil the answer *after* the work: the code is
// spent.
type Fault struct {
	// Times is the number of calls that fail: 0 is one, -1 is all until ClearFaults.
	Times int

	Errcode     int         // answer this errcode; on the authorize page, show this number
	ConsumeCode bool        // do the work before answering Errcode, Status, Body or RedirectTo
	Status      int         // HTTP status to answer instead of 200
	Body        []byte      // any bytes to answer
	Header      http.Header // header lines that replace those of the answer
	RedirectTo  string      // answer 302 to this address

	Delay      time.Duration   // answer only after this long, or never if the client leaves before
	Until      <-chan struct{} // answer only after this is closed; for tests in Go
	Hang       bool            // never answer; ends when the client leaves, or by ClearFaults
	CutBefore  bool            // close the connection without an answer
	CutMidBody bool            // close it after the header and half of the body
	Drip       time.Duration   // answer one byte at a time, this far apart
	Endless    bool            // never end the body

	// Snapshot: on Authorize, the next snsapi_userinfo visit is a snapshot
	// page. On Token, the answer is marked is_snapshotuser although openid and
	// unionid are the person's real ones (a glitch in field reports).
	Snapshot bool

	// Double, on Authorize only: the browser calls the callback twice. DoubleSame sends the
	// same code twice (webview or prefetch, field reports). DoubleNew sends two codes with
	// the same state, as Android did for links without connect_redirect=1 (field reports);
	// links with it are not affected, and the fault waits.
	Double string

	// StaleCode, on Authorize only: the callback carries a code that expired
	// an hour ago (a cached redirect or a shared address, field reports).
	StaleCode bool

	released <-chan struct{} // ends a Hang; set when the fault strikes
}

// Values of Fault.Double.
const (
	DoubleSame = "same"
	DoubleNew  = "new"
)

// planned is a fault that waits for its calls.
type planned struct {
	endpoint Endpoint
	fault    Fault
	left     int // -1: for ever
}

// Plan makes the next calls of the endpoint go wrong: f.Times of them. Faults
// of one endpoint strike in the order they were planned, one a call.
func (s *Simulator) Plan(endpoint Endpoint, f Fault) {
	left := f.Times
	if left == 0 {
		left = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &planned{endpoint: endpoint, fault: f, left: left})
	if len(s.faults) > maxFaults {
		s.faults = s.faults[1:]
	}
}

// ClearFaults removes all planned faults and closes the connections that a Hang still holds.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.released)
	s.released = make(chan struct{})
}

// take returns the next fault of the endpoint that meets the condition, or nil, and counts
// it as used once.
func (s *Simulator) take(e Endpoint, want func(Fault) bool) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.faults {
		if p.endpoint != e || !want(p.fault) {
			continue
		}
		if p.left > 0 {
			p.left--
		}
		if p.left == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		f := p.fault
		f.released = s.released
		return &f
	}
	return nil
}

// inFlow reports whether an Authorize fault concerns not the answer to this request but a
// later step of the visitor's flow, for which it waits.
func (f Fault) inFlow() bool { return f.Snapshot || f.Double != "" || f.StaleCode }

// replaces reports whether the fault answers in place of WeChat's work.
func (f Fault) replaces() bool {
	return f.Errcode != 0 || f.Status != 0 || f.Body != nil || f.RedirectTo != ""
}

// String describes the fault in a few words.
func (f Fault) String() string {
	var words []string
	add := func(when bool, format string, args ...any) {
		if when {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(f.Errcode != 0, "errcode %d", f.Errcode)
	add(f.Status != 0, "HTTP %d", f.Status)
	add(f.Body != nil, "body of %d bytes", len(f.Body))
	add(f.RedirectTo != "", "redirect to %s", f.RedirectTo)
	add(f.ConsumeCode, "code spent")
	add(len(f.Header) > 0, "other header")
	add(f.Delay > 0, "after %s", f.Delay)
	add(f.Until != nil, "held")
	add(f.Hang, "hang")
	add(f.CutBefore, "cut before the answer")
	add(f.CutMidBody, "cut mid-body")
	add(f.Drip > 0, "a byte every %s", f.Drip)
	add(f.Endless, "endless body")
	add(f.Snapshot, "snapshot")
	add(f.Double != "", "double callback, %s code", f.Double)
	add(f.StaleCode, "stale code")
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
