package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"wxlogin/bench/rig"
)

// visits compares a page of somebody who is signed in with the bare handler, and with the
// same page on a larger database.
func (m *measurement) visits(ctx context.Context, part string) error {
	path, holds := "/", func(p rig.Person) string { return p.OpenID }
	if part == "verify" {
		path, holds = "/verify", func(p rig.Person) string { return "X-Wechat-Openid: " + p.OpenID }
	}
	var sides []rig.Side
	for _, s := range m.visitedStores() {
		conns := rig.Conns(s.service.Address, m.connections)
		defer rig.CloseAll(conns)
		sides = append(sides, rig.Side{Name: s.name(), Target: s.service.Target(), Conns: conns, Requests: m.requests(s, path, holds)})
	}
	// Everybody's page is opened once, so that only what does not fit into caches is cold.
	for _, side := range sides {
		if err := onceEach(side); err != nil {
			return fmt.Errorf("%s with %s: %w", path, side.Name, err)
		}
	}
	return m.besideBare(ctx, part, path, sides)
}

// besideBare compares the sides' answers to a path with the bare handler, which gives the
// first answer of the first side.
func (m *measurement) besideBare(ctx context.Context, part, path string, sides []rig.Side) error {
	first := sides[0]
	if err := first.Conns[0].Do(first.Requests[0].Bytes, time.Now().Add(time.Minute)); err != nil {
		return err
	}
	bare, target, err := startBare(ctx, m.world.Folder, map[string]sample{path: takeSample(first.Conns[0])})
	if err != nil {
		return err
	}
	defer bare.Kill()
	conns := rig.Conns(target.Address, m.connections)
	defer rig.CloseAll(conns)
	requests := make([]rig.Request, len(first.Requests))
	for i, r := range first.Requests { // the same requests; the answer is always the sample
		r.Holds = first.Requests[0].Holds
		requests[i] = r
	}
	sides = append([]rig.Side{{Name: "bare net/http", Target: target, Conns: conns, Requests: requests}}, sides...)
	loads, err := rig.Compare(ctx, sides, m.rounds, m.round)
	if err != nil {
		return err
	}
	m.report.visits(part, sides, loads)
	return nil
}

// visitedStores returns the databases of a figure.
func (m *measurement) visitedStores() []*stored {
	if m.wants("growth") {
		return m.stores
	}
	return m.stores[:1]
}

// requests returns the requests of many visitors, each with a session of their own.
func (m *measurement) requests(s *stored, path string, holds func(rig.Person) string) []rig.Request {
	var requests []rig.Request
	for _, n := range rig.Visitors(s.people, m.visitors) {
		p := rig.PersonNumber(n)
		requests = append(requests, rig.Request{
			Bytes:  rig.NewRequest(http.MethodGet, path, cmp.Or(s.cookie, rig.SessionCookie)+"="+p.Token, nil),
			Status: http.StatusOK,
			Holds:  []byte(holds(p)),
			InHead: path == "/verify",
		})
	}
	return requests
}

// onceEach sends each request once.
func onceEach(side rig.Side) error {
	c := side.Conns[0]
	for i := range side.Requests {
		if err := c.Do(side.Requests[i].Bytes, time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if err := side.Requests[i].Check(c); err != nil {
			return err
		}
	}
	return nil
}
