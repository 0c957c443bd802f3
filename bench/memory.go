package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"wxlogin/bench/rig"
)

// starts starts the service a few times, and leaves the last one running. Its memory then,
// without visitors, is the memory at rest.
func (m *measurement) starts(ctx context.Context, s *stored) error {
	m.progress("starting with %s", s.name())
	times := 1
	if m.wants("memory") {
		times = m.options.starts
	}
	var ready []float64
	for range times {
		if s.service != nil {
			if err := s.service.Stop(); err != nil {
				return err
			}
		}
		var err error
		if s.service, err = m.world.StartService(ctx, s.database); err != nil {
			return err
		}
		ready = append(ready, s.service.Ready.Seconds())
	}
	if !m.wants("memory") {
		return nil
	}
	select {
	case <-time.After(m.round): // until the jobs that every process begins with have ended
	case <-ctx.Done():
		return ctx.Err()
	}
	now, _, ok := rig.Memory(s.service.PID())
	m.report.rest(s, time.Duration(rig.Median(ready)*float64(time.Second)), now, ok)
	return nil
}

// memory measures the memory with very many visits in flight: each connection has sent one,
// or is about to.
func (m *measurement) memory(ctx context.Context) error {
	s := m.most()
	requests := m.requests(s, "/", func(p rig.Person) string { return p.OpenID })
	conns := rig.Conns(s.service.Address, m.flight)
	defer rig.CloseAll(conns)
	// All connections are opened, each with its first answer, before the load begins.
	for i, c := range conns {
		if err := c.Do(rig.NewRequest(http.MethodGet, "/healthz", "", nil), time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if i == 0 && c.Status != http.StatusOK {
			return requests[0].Check(c)
		}
	}
	peakKnown := rig.ForgetPeak(s.service.PID()) == nil
	load, err := rig.Send(ctx, s.service.Target(), conns, requests, 2*m.round)
	if err != nil {
		return err
	}
	now, peak, ok := rig.Memory(s.service.PID())
	if !peakKnown && ok {
		m.progress("the peak of the memory cannot be reset here; it is that of the whole run")
	}
	m.report.flight(s, m.options.flight, load, now, peak, ok)
	return m.afterLoadAlone(ctx)
}

// aimAfterLoad is the memory that a load may leave behind.
const aimAfterLoad = 42e6

// afterLoadAlone measures the memory after a load in a process that has just started.
func (m *measurement) afterLoadAlone(ctx context.Context) error {
	s := m.stores[0]
	service, err := m.world.StartService(ctx, s.database)
	if err != nil {
		return err
	}
	now, ok, err := m.afterLoad(ctx, s, service)
	if err := errors.Join(err, service.Stop()); err != nil {
		return err
	}
	m.report.afterLoad(s, m.loadTime, m.restTime, m.connections, now, ok)
	return nil
}

// afterLoad sends visits for a while, closes the connections and measures the memory some
// time later.
func (m *measurement) afterLoad(ctx context.Context, s *stored, service *rig.Service) (now int64, ok bool, err error) {
	conns := rig.Conns(service.Address, m.connections)
	_, err = rig.Send(ctx, service.Target(), conns, m.requests(s, "/", func(p rig.Person) string { return p.OpenID }), m.loadTime)
	rig.CloseAll(conns)
	if err != nil {
		return 0, false, err
	}
	select {
	case <-time.After(m.restTime):
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
	now, _, ok = rig.Memory(service.PID())
	return now, ok, nil
}
