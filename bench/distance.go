package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxlogin/bench/rig"
)

// roundTrip is the simulated round-trip time to WeChat.
const roundTrip = 40 * time.Millisecond

// aimCallback is how long a callback may take in addition to its round trips.
const aimCallback = 15 * time.Millisecond

// calls are the calls to WeChat of a login: for the openid, and for a new person's profile.
var calls = map[string]int{returning: 1, firstTime: 2}

// distance measures how long a callback takes when WeChat is far away.
func (m *measurement) distance(ctx context.Context) error {
	took, err := m.farCallbacks(ctx, m.world, m.stores[0])
	if err == nil {
		m.report.distance(took)
	}
	return err
}

// farCallbacks has one phone sign in again and again, at a process of its own. The first
// login of each kind opens the connections and is not counted.
func (m *measurement) farCallbacks(ctx context.Context, world *rig.World, s *stored) (took map[string][]time.Duration, err error) {
	far, err := rig.NewDistant(world.Folder, world.WeChat.Address, roundTrip)
	if err != nil {
		return nil, err
	}
	service, err := world.StartServiceAt(ctx, s.database, far)
	if err != nil {
		return nil, errors.Join(err, far.Close())
	}
	defer func() { err = errors.Join(err, service.Stop(), far.Close()) }()
	control := rig.NewConn(world.WeChat.Address)
	defer control.Close()
	phone := &rig.Phone{Site: rig.NewConn(service.Address), WeChat: rig.NewConn(world.WeChat.Address), Cookie: s.cookie}
	defer phone.Site.Close()
	defer phone.WeChat.Close()
	took = make(map[string][]time.Duration)
	for _, kind := range []string{returning, firstTime} {
		n := max(5, int(time.Duration(m.rounds)*m.round/(2*roundTrip))/calls[kind])
		c, err := m.crowd(control, s, kind, n+1)
		if err != nil {
			return nil, err
		}
		for i := range n + 1 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			phone.Holder, phone.Jar = c.people[i%len(c.people)], rig.Jar{}
			if err := phone.SignsIn(kind == firstTime, time.Now().Add(time.Minute)); err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			if i > 0 {
				took[kind] = append(took[kind], phone.Callback)
			}
		}
	}
	return took, nil
}
