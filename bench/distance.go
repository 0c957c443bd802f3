package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxlogin/bench/rig"
)

// roundTrip is how far away WeChat is.
const roundTrip = 40 * time.Millisecond

// calls are how often WeChat has to be asked in a login: for the openid, and for the
// profile of somebody new.
var calls = map[string]int{returning: 1, firstTime: 2}

// distance asks how long a callback takes when WeChat is not next door: one phone, one
// login after the other, in a process of its own. The first login of each kind opens
// the connections and is not counted.
func (m *measurement) distance(ctx context.Context) (err error) {
	s := m.stores[0]
	far, err := rig.NewDistant(m.world.Folder, m.world.WeChat.Address, roundTrip)
	if err != nil {
		return err
	}
	service, err := m.world.StartServiceAt(ctx, s.database, far)
	if err != nil {
		return errors.Join(err, far.Close())
	}
	defer func() { err = errors.Join(err, service.Stop(), far.Close()) }()
	control := rig.NewConn(m.world.WeChat.Address)
	defer control.Close()
	phone := &rig.Phone{Site: rig.NewConn(service.Address), WeChat: rig.NewConn(m.world.WeChat.Address)}
	defer phone.Site.Close()
	defer phone.WeChat.Close()
	took := make(map[string][]time.Duration)
	for _, kind := range []string{returning, firstTime} {
		n := max(5, int(time.Duration(m.rounds)*m.round/(2*roundTrip))/calls[kind])
		c, err := m.crowd(control, s, kind, n+1)
		if err != nil {
			return err
		}
		for i := range n + 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			phone.Holder, phone.Jar = c.people[i%len(c.people)], rig.Jar{}
			if err := phone.SignsIn(kind == firstTime, time.Now().Add(time.Minute)); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			if i > 0 {
				took[kind] = append(took[kind], phone.Callback)
			}
		}
	}
	m.report.distance(took)
	return nil
}
