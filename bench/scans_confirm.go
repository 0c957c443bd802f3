package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

// code is a code that a desktop shows.
type code struct {
	since  time.Time
	answer chan time.Time // when the desktop was signed in
}

// take returns a code to one phone, if it is valid for long enough.
func (s *scans) take() (ticket string, c *code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ticket, c := range s.waiting {
		if time.Since(c.since) < time.Minute {
			delete(s.waiting, ticket)
			return ticket, c
		}
	}
	return "", nil
}

// confirm has phones confirm some of the desktops, sixteen at a time, and waits until each
// is signed in.
func (s *scans) confirm(ctx context.Context, n int) error {
	taken, failed := make([]time.Duration, n), make([]error, n)
	turns := make(chan struct{}, 16)
	var all sync.WaitGroup
	for i := range n {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			taken[i], failed[i] = s.confirmOne(ctx, rig.PersonNumber(i%scanVisitors))
		})
	}
	all.Wait()
	s.progress("%d desktops were confirmed by a phone and signed in, %.1f s (p50) and %.1f s (at most) later", n, rig.Quantile(taken, .5).Seconds(), rig.Quantile(taken, 1).Seconds())
	return errors.Join(failed...)
}

func (s *scans) confirmOne(ctx context.Context, person rig.Person) (time.Duration, error) {
	ticket, c := s.take()
	for c == nil {
		if !pause(ctx, 100*time.Millisecond) {
			return 0, ctx.Err()
		}
		ticket, c = s.take()
	}
	phone := rig.NewConn(s.service.Address)
	defer phone.Close()
	for _, step := range []struct {
		method string
		form   []byte
	}{{http.MethodGet, nil}, {http.MethodPost, []byte("answer=confirm")}} {
		if err := phone.Do(rig.NewRequest(step.method, "/scan/"+ticket, rig.SessionCookie+"="+person.Token, step.form), time.Now().Add(time.Minute)); err != nil {
			return 0, err
		}
		if phone.Status != http.StatusOK {
			return 0, fmt.Errorf("the phone's answer: %d %.300s", phone.Status, phone.Body)
		}
	}
	confirmed := time.Now()
	select {
	case at := <-c.answer:
		return at.Sub(confirmed), nil
	case <-time.After(2 * time.Minute): // longer than a code is valid
		return 0, errors.New("a desktop whose phone has confirmed is not signed in after two minutes")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
