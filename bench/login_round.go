package main

import (
	"context"
	"os"
	"runtime"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

// loginRound is the result of a round of logins.
type loginRound struct {
	rig.Load
	shares map[string]float64 // of the machine's processors
}

// loginSide is where people sign in, and how.
type loginSide struct {
	address string
	pids    []int // of all its processes
	cookie  string
	signsIn func(phone *rig.Phone, deadline time.Time) error
}

// loginsAt makes the side of the service.
func loginsAt(s *stored, kind string) loginSide {
	return loginSide{address: s.service.Address, pids: []int{s.service.PID()}, cookie: s.cookie, signsIn: func(phone *rig.Phone, deadline time.Time) error {
		return phone.SignsIn(kind == firstTime, deadline)
	}}
}

// loginRound has phones sign in for the length of a round, each with one person of the crowd
// after the other.
func (m *measurement) loginRound(ctx context.Context, at loginSide, c *crowd) (loginRound, error) {
	return m.signIns(ctx, at, c, m.phones, m.round)
}

// signIns is loginRound with this number of phones and this length; a crowd that comes once
// ends it when everybody has signed in.
func (m *measurement) signIns(ctx context.Context, at loginSide, c *crowd, phones int, d time.Duration) (loginRound, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	processes := map[string][]int{"server": at.pids, "WeChat": {m.world.WeChat.PID()}, "phones": {os.Getpid()}}
	before := make(map[string]time.Duration)
	for name, pids := range processes {
		before[name], _ = cpuOf(pids)
	}
	taken, failed := make([][]time.Duration, phones), make([]error, phones)
	began := time.Now()
	deadline := began.Add(d + time.Minute)
	var all sync.WaitGroup
	for i := range phones {
		all.Go(func() {
			phone := &rig.Phone{Site: rig.NewConn(at.address), WeChat: rig.NewConn(m.world.WeChat.Address), Cookie: at.cookie}
			defer phone.Site.Close()
			defer phone.WeChat.Close()
			for ctx.Err() == nil {
				person, ok := c.take()
				if !ok {
					return
				}
				phone.Holder, phone.Jar = person, rig.Jar{}
				start := time.Now()
				if failed[i] = at.signsIn(phone, deadline); failed[i] != nil {
					cancel()
					return
				}
				taken[i] = append(taken[i], time.Since(start))
			}
		})
	}
	all.Wait()
	r := loginRound{Load: rig.Load{Took: time.Since(began)}, shares: make(map[string]float64)}
	for name, pids := range processes {
		after, ok := cpuOf(pids)
		if !ok {
			continue
		}
		r.shares[name] = (after - before[name]).Seconds() / r.Took.Seconds() / float64(runtime.NumCPU())
		if name == "server" {
			r.CPU = after - before[name]
		}
	}
	var every []time.Duration
	for i := range taken {
		if failed[i] != nil {
			return r, failed[i]
		}
		every = append(every, taken[i]...)
	}
	r.Requests, r.P50, r.P99 = len(every), rig.Quantile(every, .5), rig.Quantile(every, .99)
	return r, nil
}

// cpuOf returns the processor time of several processes.
func cpuOf(pids []int) (all time.Duration, ok bool) {
	for _, pid := range pids {
		one, known := rig.CPU(pid)
		if !known {
			return 0, false
		}
		all += one
	}
	return all, true
}
