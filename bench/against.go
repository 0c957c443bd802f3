package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"wxlogin/bench/rig"
)

// The program of another build, on a database of its own with the same people, takes turns
// with this one.

// The processor time that this build may take, as a share of the other's, if the other is
// e659e4b.
const (
	aimOfFirst     = .40
	aimOfReturning = .45
	aimOfOthers    = 1 / .95 // visits, /verify, memory: no worse than 0.95
)

// buildSide is a build and its database.
type buildSide struct {
	world *rig.World
	of    *stored
}

// besideBuild compares the two builds.
func (m *measurement) besideBuild(ctx context.Context) (err error) {
	program, err := filepath.Abs(m.against)
	if err != nil {
		return err
	}
	world := *m.world
	world.Program = program
	// In the database that was used until now, everybody has signed in many times.
	ours, err := m.untouched(ctx, m.world, "ours")
	if err != nil {
		return err
	}
	theirs, err := m.untouched(ctx, &world, "against")
	if err != nil {
		return err
	}
	// Memory comes first, as it is measured in processes that have just started.
	sides := [2]buildSide{{m.world, ours}, {&world, theirs}}
	if err := m.afterLoadBeside(ctx, sides); err != nil {
		return err
	}
	for _, side := range sides {
		if side.of.service, err = side.world.StartService(ctx, side.of.database); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, side.of.service.Stop()) }()
	}
	for _, path := range []string{"/", "/verify"} {
		if err := m.visitsBeside(ctx, path, ours, theirs); err != nil {
			return err
		}
	}
	control := rig.NewConn(world.WeChat.Address)
	defer control.Close()
	for _, kind := range []string{returning, firstTime} {
		a, b, err := m.inTurn(ctx, control, ours, theirs, kind, loginsAt(ours, kind), loginsAt(theirs, kind))
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		m.report.loginsBeside(kind, a, b)
	}
	here, err := m.farCallbacks(ctx, m.world, ours)
	if err != nil {
		return err
	}
	there, err := m.farCallbacks(ctx, &world, theirs)
	if err == nil {
		m.report.distanceBeside(here, there)
	}
	return err
}

// cookieOf finds the name of a service's session cookie, which differs in older builds.
func cookieOf(s *rig.Service) (string, error) {
	c := rig.NewConn(s.Address)
	defer c.Close()
	for _, name := range []string{rig.SessionCookie, "wxlogin"} {
		if err := c.Do(rig.NewRequest(http.MethodGet, "/verify", name+"="+rig.PersonNumber(0).Token, nil), time.Now().Add(time.Minute)); err != nil {
			return "", err
		}
		if c.Status == http.StatusOK {
			return name, nil
		}
	}
	return "", fmt.Errorf("the other build knows no session by a name of ours: %d", c.Status)
}

// afterLoadBeside compares the memory after a load, in a new process of each build.
func (m *measurement) afterLoadBeside(ctx context.Context, sides [2]buildSide) error {
	var now [2]int64
	for i, side := range sides {
		service, err := side.world.StartService(ctx, side.of.database)
		if err != nil {
			return err
		}
		if side.of.cookie, err = cookieOf(service); err == nil {
			now[i], _, err = m.afterLoad(ctx, side.of, service)
		}
		if err := errors.Join(err, service.Stop()); err != nil {
			return err
		}
	}
	m.report.memoryBeside(now[0], now[1])
	return nil
}

// visitsBeside compares the requests for one path.
func (m *measurement) visitsBeside(ctx context.Context, path string, ours, theirs *stored) error {
	holds := func(p rig.Person) string { return p.OpenID }
	var sides []rig.Side
	for _, s := range []*stored{theirs, ours} {
		conns := rig.Conns(s.service.Address, m.connections)
		defer rig.CloseAll(conns)
		side := rig.Side{Name: s.name(), Target: s.service.Target(), Conns: conns, Requests: m.requests(s, path, holds)}
		if err := onceEach(side); err != nil {
			return err
		}
		sides = append(sides, side)
	}
	loads, err := rig.Compare(ctx, sides, m.rounds, m.round)
	if err == nil {
		m.report.visitsBeside(path, loads[1], loads[0])
	}
	return err
}

// inTurn has people sign in at two sides in turn, round after round. Each side has the crowd
// of its own database.
func (m *measurement) inTurn(ctx context.Context, control *rig.Conn, ours, theirs *stored, kind string, at, other loginSide) (a, b []loginRound, err error) {
	expected := 1000
	for round := range m.rounds + 1 {
		for _, side := range []struct {
			of   *stored
			at   loginSide
			into *[]loginRound
		}{{theirs, other, &b}, {ours, at, &a}} {
			c, err := m.crowd(control, side.of, kind, int(float64(expected)*m.round.Seconds()*1.5))
			if err != nil {
				return nil, nil, err
			}
			r, err := m.loginRound(ctx, side.at, c)
			if err != nil {
				return nil, nil, err
			}
			expected = max(expected, int(r.Rate()))
			if round > 0 {
				*side.into = append(*side.into, r)
			}
		}
	}
	return a, b, nil
}

// limited writes an aim that is an upper limit, and whether it is met.
func limited(measured float64, aim string, most float64) string {
	if measured <= most {
		return aim + ": met"
	}
	return aim + ": missed"
}
