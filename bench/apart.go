package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

// The server has one core for itself; phones, visitors and WeChat share the other. So the
// cost of a phone does not matter, and the rate shows how much of the core a login takes.

const (
	atOnce      = 200 // people who sign in at the same moment
	lookers     = 4   // visitors who look at their page meanwhile, each again and again
	aimVisitP99 = 5 * time.Millisecond
)

// apart measures the server on a core of its own.
func (m *measurement) apart(ctx context.Context) (err error) {
	s := m.stores[0]
	if m.databaseURL == "" {
		// With few people, everybody has signed in so often by now that the visitors'
		// sessions were replaced by newer ones.
		if s, err = m.untouched(ctx, m.world, "apart"); err != nil {
			return err
		}
		if s.service, err = m.world.StartService(ctx, s.database); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.service.Stop()) }()
	}
	free, err := rig.Apart(s.service.PID(), os.Getpid(), m.world.WeChat.PID())
	if err != nil {
		m.progress("the server alone on one core is left out: %v", err)
		m.report.notApart(err)
		return nil
	}
	defer free()
	control := rig.NewConn(m.world.WeChat.Address)
	defer control.Close()
	for _, kind := range []string{returning, firstTime} {
		var rounds []loginRound
		for round := range m.rounds + 1 {
			c, err := m.crowd(control, s, kind, int(2000*m.round.Seconds()))
			if err != nil {
				return err
			}
			r, err := m.loginRound(ctx, loginsAt(s, kind), c)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			if round > 0 {
				rounds = append(rounds, r)
			}
		}
		m.report.apart(kind+", "+s.name(), rounds)
	}
	return m.rush(ctx, control, s)
}

// rush makes bursts of people who sign in at once while others look at their page.
func (m *measurement) rush(ctx context.Context, control *rig.Conn, s *stored) error {
	requests := m.requests(s, "/", func(p rig.Person) string { return p.OpenID })
	conns := rig.Conns(s.service.Address, lookers)
	defer rig.CloseAll(conns)
	quiet, err := rig.Send(ctx, s.service.Target(), conns, requests, m.round)
	if err != nil {
		return err
	}
	known, err := m.crowd(control, s, returning, 0)
	if err != nil {
		return err
	}
	at, refused := loginsAt(s, returning), atomic.Int64{}
	at.signsIn = patient(at.signsIn, &refused)
	var visits []time.Duration
	var took []float64
	var unfavoured error
	for range m.bursts {
		c := &crowd{}
		for _, i := range rand.Perm(len(known.people))[:min(atOnce, len(known.people))] {
			c.people = append(c.people, known.people[i])
		}
		looking, err := m.startLooking(ctx, s.service.Address, requests)
		if err != nil {
			return err
		}
		r, err := m.signIns(ctx, at, c, len(c.people), time.Minute)
		seen, failed := looking.end()
		if err := errors.Join(err, failed); err != nil {
			return err
		}
		unfavoured = looking.unfavoured
		took, visits = append(took, r.Took.Seconds()), append(visits, seen...)
	}
	if unfavoured != nil {
		m.progress("the visitors had to wait for the phones, too: their process is not preferred: %v", unfavoured)
	}
	m.report.rush(quiet, visits, time.Duration(rig.Median(took)*float64(time.Second)), int(refused.Load()), m.bursts*atOnce)
	return nil
}

// patient repeats a login that the service refuses as busy: its calls to WeChat at one time
// are limited.
func patient(signsIn func(*rig.Phone, time.Time) error, refused *atomic.Int64) func(*rig.Phone, time.Time) error {
	return func(p *rig.Phone, deadline time.Time) error {
		for {
			err := signsIn(p, deadline)
			if err == nil || p.Site.Status != http.StatusServiceUnavailable || len(p.Site.Header("Retry-After")) == 0 {
				return err
			}
			refused.Add(1)
			p.Jar = rig.Jar{}
		}
	}
}
