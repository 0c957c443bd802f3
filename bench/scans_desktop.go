package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"wxlogin/bench/rig"
)

// desktop shows a code and waits, and shows another when that one has expired, until it is
// signed in or ctx ends.
func (s *scans) desktop(ctx context.Context, i int) {
	c := rig.NewConn(s.service.Address)
	defer c.Close()
	defer context.AfterFunc(ctx, c.Abort)()
	for first := true; ctx.Err() == nil; first = false {
		again, err := s.shows(ctx, c, first, i)
		if err != nil && ctx.Err() == nil {
			s.mu.Lock()
			if s.failed.Add(1) <= 3 {
				s.failures = append(s.failures, err)
			}
			s.mu.Unlock()
		}
		if err != nil || !again {
			return
		}
		s.renewed.Add(1)
	}
}

// shows opens one page and waits. It returns whether the code expired.
func (s *scans) shows(ctx context.Context, c *rig.Conn, first bool, i int) (expired bool, err error) {
	var jar rig.Jar
	ask := func(path string) error {
		err := c.Do(rig.NewRequestBy(desktop, http.MethodGet, path, jar.Header(), nil), time.Now().Add(time.Minute))
		if err == nil {
			jar.Take(c)
		}
		return err
	}
	if !s.patiently(ctx, ask, "/scan?return_to=%2F") {
		return false, nil
	}
	found := ticketInPage.FindSubmatch(c.Body)
	if c.Status != http.StatusOK || found == nil {
		return false, fmt.Errorf("/scan: %d %.300s", c.Status, c.Body)
	}
	ticket := string(found[1])
	query := "?ticket=" + url.QueryEscape(ticket)
	answer := make(chan time.Time, 1)
	s.mu.Lock()
	s.waiting[ticket] = &code{time.Now(), answer}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, ticket)
		s.mu.Unlock()
	}()
	if first {
		s.shown.Add(1)
	}
	// As scan.js does: events, or without them the status every two seconds.
	for listens := true; ; {
		path, wait := "/scan/status"+query, 2*time.Second
		if listens {
			path, wait = "/scan/events"+query, time.Second
		}
		if err := ask(path); err != nil {
			if ctx.Err() == nil {
				s.silent(path, err)
			}
			if !pause(ctx, wait) {
				return false, nil
			}
			continue
		}
		switch {
		case listens && c.Status == http.StatusNoContent:
			listens, wait = false, 0
		case c.Status != http.StatusOK:
			return false, fmt.Errorf("%s: %d %.300s", pathOnly(path), c.Status, c.Body)
		case listens:
			s.streams.Add(1)
		default:
			s.polls.Add(1)
		}
		switch {
		case bytes.Contains(c.Body, []byte("confirmed")):
			if !s.patiently(ctx, ask, "/scan/done"+query+"&return_to=%2F") {
				return false, nil
			}
			if c.Status != http.StatusSeeOther || jar.Get(rig.SessionCookie) == "" {
				return false, fmt.Errorf("/scan/done: %d without a session", c.Status)
			}
			answer <- time.Now()
			return false, nil
		case bytes.Contains(c.Body, []byte("expired")):
			return true, nil
		}
		if !pause(ctx, wait) {
			return false, nil
		}
	}
}

// patiently reloads a page until it is answered, as people do when it cannot be reached. It
// returns false if ctx ends first.
func (s *scans) patiently(ctx context.Context, ask func(string) error, path string) bool {
	for ctx.Err() == nil {
		err := ask(path)
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			s.silent(path, err)
		}
		pause(ctx, time.Second)
	}
	return false
}

// silent notes why a request was not answered; the page repeats it.
func (s *scans) silent(path string, err error) {
	s.unanswered.Add(1)
	if inner, ok := errors.AsType[*net.OpError](err); ok {
		err = inner.Err // without the ports
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silences[fmt.Sprintf("%s: %v", pathOnly(path), err)]++
}
