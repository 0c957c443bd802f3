package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"wxlogin/bench/rig"
)

// browser sends requests to either process, as behind a load balancer, and checks every
// answer for what nobody must see.
type browser struct {
	*soak
	rand  *rand.Rand
	agent string
	jar   rig.Jar
	conns map[string]*rig.Conn // by address
}

func (s *soak) newBrowser(number uint64, agent string) *browser {
	return &browser{soak: s, rand: rand.New(rand.NewPCG(s.seed, 1000+number)), agent: agent, conns: make(map[string]*rig.Conn)}
}

// patience is longer than any answer may take: more than a login's budget plus the time for
// which a process may be paused.
const patience = 45 * time.Second

// ask sends a request to one of the processes. It returns nil if no answer came, which is a
// broken promise unless the process was killed or stopped meanwhile.
func (b *browser) ask(method, path string, form []byte) *rig.Conn {
	return b.askSeat(b.fleet.seats[b.rand.IntN(len(b.fleet.seats))], method, path, form)
}

func (b *browser) askSeat(seat *seat, method, path string, form []byte) *rig.Conn {
	before := seat.trouble.Load()
	address := seat.current().Address
	c := b.conns[address]
	if c == nil {
		c = rig.NewConn(address)
		b.conns[address] = c
	}
	began := time.Now()
	b.ledger.count("requests")
	if err := c.Do(rig.NewRequestBy(b.agent, method, path, b.jar.Header(), form), began.Add(patience)); err != nil {
		// An odd number means that the process is not back yet.
		if before%2 == 0 && seat.trouble.Load() == before {
			b.ledger.breaks("process %s gives no answer to %s %s after %v, and nobody has hit it: %v", seat.name, method, pathOnly(path), time.Since(began), err)
		}
		b.ledger.count("requests without an answer")
		c.Close()
		delete(b.conns, address)
		return nil
	}
	b.jar.Take(c)
	b.look(c, method, path)
	return c
}

// again repeats ask until an answer comes, as people reload a page.
func (b *browser) again(ctx context.Context, method, path string, form []byte) *rig.Conn {
	for range 4 {
		if c := b.ask(method, path, form); c != nil {
			return c
		}
		if !pause(ctx, 50*time.Millisecond) {
			return nil
		}
	}
	return nil
}

func (b *browser) close() {
	for _, c := range b.conns {
		c.Close()
	}
}

// look checks that an answer is one that a person or a program may get.
func (b *browser) look(c *rig.Conn, method, path string) {
	contentType := strings.Join(c.Header("Content-Type"), ",")
	isPage := strings.HasPrefix(contentType, "text/html") && bytes.Contains(c.Body, []byte(`<html lang="zh-CN"`))
	what := fmt.Sprintf("%s %s: %d", method, pathOnly(path), c.Status)
	switch {
	case c.Status < 200 || c.Status >= 600:
		b.ledger.breaks("%s", what)
	case c.Status < 300:
		if strings.HasPrefix(contentType, "text/html") && !isPage {
			b.ledger.breaks("%s is a page in no language: %.300s", what, c.Body)
		}
		return
	case c.Status < 400:
		return
	case c.Status >= 500 && c.Status != 502 && c.Status != 503 && c.Status != 504:
		b.ledger.breaks("%s, a raw error: %.300s", what, c.Body)
	case strings.HasPrefix(contentType, "application/problem+json"):
		var problem struct{ Reason, Detail string }
		if err := json.Unmarshal(c.Body, &problem); err != nil || problem.Reason == "" || problem.Detail == "" {
			b.ledger.breaks("%s is a problem that says nothing: %.300s", what, c.Body)
		}
		if problem.Reason != "not_signed_in" {
			b.ledger.count(fmt.Sprintf("problems %d %s", c.Status, problem.Reason))
		}
	case !isPage:
		b.ledger.breaks("%s is neither a page nor a problem: %s %.300s", what, contentType, c.Body)
	default:
		b.ledger.count(fmt.Sprintf("error pages %d", c.Status))
	}
}

// pathOnly cuts off the query, which may contain a code or a state.
func pathOnly(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// dead checks that a session opens nothing at any process.
func (b *browser) dead(token, why string) {
	mine := b.jar
	defer func() { b.jar = mine }()
	for _, seat := range b.fleet.seats {
		b.jar = rig.Jar{}
		b.jar.Set(rig.SessionCookie, token)
		if c := b.askSeat(seat, "GET", "/api/me", nil); c != nil && c.Status == 200 {
			b.ledger.breaks("process %s still answers a session that %s", seat.name, why)
		}
	}
}
