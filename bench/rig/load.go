package rig

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
)

// Request is a request that is sent again and again, and how to recognize its right answer.
type Request struct {
	Bytes  []byte
	Status int
	Holds  []byte // is contained in the answer's head or body
	InHead bool
}

// Check returns an error if the last answer is wrong.
func (r *Request) Check(c *Conn) error {
	in := c.Body
	if r.InHead {
		in = c.Head
	}
	switch {
	case c.Status != r.Status:
		return fmt.Errorf("status %d, want %d: %.300s", c.Status, r.Status, c.Body)
	case !bytes.Contains(in, r.Holds):
		return fmt.Errorf("the answer does not hold %q: %.300s", r.Holds, in)
	}
	return nil
}

// Load is the result of sending requests for a while, each when the previous one on its
// connection was answered.
type Load struct {
	Requests int
	Took     time.Duration
	P50, P99 time.Duration
	CPU      time.Duration // of the process that answered; 0 if unknown
	Each     []time.Duration
}

// Rate returns the requests a second.
func (l Load) Rate() float64 { return float64(l.Requests) / l.Took.Seconds() }

// CPUEach returns the processor time of one request.
func (l Load) CPUEach() time.Duration {
	if l.Requests == 0 {
		return 0
	}
	return l.CPU / time.Duration(l.Requests)
}

// answerTime is how long an answer may take before the load fails.
const answerTime = 30 * time.Second

// Target is a process that answers at an address.
type Target struct {
	Address string
	PID     int
}

// Side is one of the compared servers, with its requests.
type Side struct {
	Name     string
	Target   Target
	Conns    []*Conn
	Requests []Request
}

// Compare loads the sides in turn, round after round, so that other work on the machine
// affects all of them. It warms every side up first, and returns the loads by side.
func Compare(ctx context.Context, sides []Side, rounds int, d time.Duration) ([][]Load, error) {
	loads := make([][]Load, len(sides))
	for round := range rounds + 1 {
		for i, side := range sides {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			load, err := Send(ctx, side.Target, side.Conns, side.Requests, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", side.Name, err)
			}
			if round > 0 {
				loads[i] = append(loads[i], load)
			}
		}
	}
	return loads, nil
}

// Send loads a target for a while. The connections go through the requests in parallel, each
// from a different start. It ends with the first wrong answer.
func Send(ctx context.Context, to Target, conns []*Conn, requests []Request, d time.Duration) (Load, error) {
	return SendPaced(ctx, to, conns, requests, d, 0)
}

// SendPaced is Send with a pause before each request that is not measured.
func SendPaced(ctx context.Context, to Target, conns []*Conn, requests []Request, d, pause time.Duration) (Load, error) {
	taken := make([][]time.Duration, len(conns))
	failed := make([]error, len(conns))
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	before, _ := CPU(to.PID)
	began := time.Now()
	deadline := began.Add(d + answerTime)
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			at := i * len(requests) / len(conns)
			last := time.Now()
			for ctx.Err() == nil {
				if pause > 0 {
					time.Sleep(pause)
					last = time.Now()
				}
				r := &requests[at%len(requests)]
				at++
				err := c.Do(r.Bytes, deadline)
				if err == nil {
					err = r.Check(c)
				}
				if err != nil {
					failed[i] = err
					cancel()
					return
				}
				now := time.Now()
				taken[i] = append(taken[i], now.Sub(last))
				last = now
			}
		})
	}
	all.Wait()
	load := Load{Took: time.Since(began)}
	if after, ok := CPU(to.PID); ok {
		load.CPU = after - before
	}
	var every []time.Duration
	for i := range conns {
		if failed[i] != nil {
			return Load{}, failed[i]
		}
		every = append(every, taken[i]...)
	}
	load.Requests, load.Each = len(every), every
	load.P50, load.P99 = Quantile(every, .5), Quantile(every, .99)
	return load, nil
}

// Conns makes connections to one address.
func Conns(address string, n int) []*Conn {
	conns := make([]*Conn, n)
	for i := range conns {
		conns[i] = NewConn(address)
	}
	return conns
}

// CloseAll closes connections.
func CloseAll(conns []*Conn) {
	for _, c := range conns {
		c.Close()
	}
}
