package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"wxlogin/bench/rig"
)

// crowd is people who sign in, each once or again and again.
type crowd struct {
	people []rig.Person
	next   atomic.Int64
	again  bool
}

func (c *crowd) take() (rig.Person, bool) {
	n := int(c.next.Add(1)) - 1
	if n >= len(c.people) {
		if !c.again {
			return rig.Person{}, false
		}
		n %= len(c.people)
	}
	return c.people[n], true
}

// The simulator keeps at most 10,000 people and drops the oldest.
const (
	mostReturning = 4000
	mostNewcomers = 9000
)

// logins compares whole logins, of known people and of new ones, with the rows that the disk
// takes in the same time.
func (m *measurement) logins(ctx context.Context) error {
	control := rig.NewConn(m.world.WeChat.Address)
	defer control.Close()
	rowsFile := m.databaseURL
	if rowsFile == "" {
		rowsFile = "sqlite:" + filepath.Join(m.world.Folder, "rows.db")
	}
	stores := m.visitedStores()
	rounds := make(map[string][]loginRound)
	var rows []written
	expected := 800 // logins a second, so that there are enough people
	for round := range m.rounds + 1 {
		w, err := rowsFor(ctx, m.world.Folder, rowsFile, m.round)
		if err != nil {
			return err
		}
		if round > 0 {
			rows = append(rows, w)
		}
		for _, kind := range []string{returning, firstTime} {
			for _, s := range stores {
				c, err := m.crowd(control, s, kind, int(float64(expected)*m.round.Seconds()*1.5))
				if err != nil {
					return err
				}
				r, err := m.loginRound(ctx, loginsAt(s, kind), c)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", kind, s.name(), err)
				}
				expected = max(expected, int(r.Rate()))
				if round > 0 {
					rounds[kind+s.name()] = append(rounds[kind+s.name()], r)
				}
			}
		}
	}
	m.report.logins(stores, rows, rounds)
	return nil
}

const (
	returning = "returning"
	firstTime = "first time"
)

// crowd adds the people who are going to sign in to the simulator.
func (m *measurement) crowd(control *rig.Conn, s *stored, kind string, n int) (*crowd, error) {
	c := &crowd{again: kind == returning}
	if kind == returning {
		for _, n := range rig.Visitors(s.people, mostReturning) {
			if rig.Consents(n) && !rig.IsBlocked(n) {
				c.people = append(c.people, rig.PersonNumber(n))
			}
		}
	} else {
		for range min(n, mostNewcomers) {
			m.newcome++
			c.people = append(c.people, rig.PersonNumber(m.newcome))
		}
	}
	for _, p := range c.people {
		if err := m.world.WeChat.Add(control, p); err != nil {
			return nil, err
		}
	}
	return c, nil
}
