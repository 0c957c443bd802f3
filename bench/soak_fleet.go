package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

// fleet is two processes on one database, each restarted when it has ended.
type fleet struct {
	world    *rig.World
	database string
	ledger   *ledger
	seats    []*seat
	last     levels
}

// seat is a slot for one process at a time.
type seat struct {
	name    string
	trouble atomic.Int64 // grows when the process is hit and when it is back; a request during which it grows may fail
	mu      sync.Mutex
	service *rig.Service
	rss     int64 // of the current process, a while after its start
}

func (s *seat) current() *rig.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.service
}

func newFleet(ctx context.Context, world *rig.World, database string, l *ledger) (*fleet, error) {
	f := &fleet{world: world, database: database, ledger: l}
	for _, name := range []string{"A", "B"} {
		s := &seat{name: name}
		if err := f.sit(ctx, s); err != nil {
			f.kill()
			return nil, err
		}
		f.seats = append(f.seats, s)
	}
	return f, nil
}

// sit starts a process in a seat.
func (f *fleet) sit(ctx context.Context, s *seat) error {
	service, err := f.world.StartService(ctx, f.database)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.service = service
	s.mu.Unlock()
	return nil
}

// kill kills the processes that still run.
func (f *fleet) kill() {
	for _, s := range f.seats {
		s.current().Kill()
	}
}

// stop stops all processes and checks that they exit cleanly.
func (f *fleet) stop() {
	for _, s := range f.seats {
		f.endsWell(s)
	}
}

// endsWell stops a process and checks its exit and its log.
func (f *fleet) endsWell(s *seat) {
	service := s.current()
	if err := service.Stop(); err != nil {
		f.ledger.breaks("process %s did not end well: %v", s.name, err)
	}
	f.readLog(s, service)
}

// readLog checks the log for lines that must not be in it.
func (f *fleet) readLog(s *seat, service *rig.Service) {
	err := service.Lines(func(line []byte) {
		switch {
		case bytes.Contains(line, []byte(`"level":"ERROR"`)):
			f.ledger.breaks("process %s logs an error: %.600s", s.name, line)
		case bytes.HasPrefix(line, []byte("panic:")) || bytes.HasPrefix(line, []byte("fatal error:")):
			f.ledger.breaks("process %s: %.600s", s.name, line)
		case bytes.Contains(line, []byte(rig.Secret)):
			f.ledger.breaks("process %s writes the AppSecret into its log: %.600s", s.name, line)
		}
	})
	if err != nil {
		f.ledger.breaks("the log of process %s cannot be read: %v", s.name, err)
	}
}

// levels are the resources that a process uses.
type levels struct {
	goroutines, files int
	rss               int64
}

func (l levels) String() string {
	return fmt.Sprintf("%d goroutines, %d open files, %d MB", l.goroutines, l.files, l.rss/1e6)
}

// What a process may use in addition after the load: idle connections to WeChat, and readers
// of the database that are kept.
const (
	goroutineSlack = 40
	fileSlack      = 40
	settleTime     = 40 * time.Second // longer than idle connections to WeChat are kept
)

func (s *seat) levels() (levels, error) { return levelsOf(s.current()) }

func levelsOf(service *rig.Service) (levels, error) {
	var l levels
	c := rig.NewConn(service.Metrics)
	defer c.Close()
	if err := c.Do(rig.NewRequest(http.MethodGet, "/metrics", "", nil), time.Now().Add(time.Minute)); err != nil {
		return l, err
	}
	for line := range bytes.Lines(c.Body) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		n, err := strconv.ParseFloat(string(value), 64)
		if err != nil {
			continue // a comment
		}
		switch string(name) {
		case "go_goroutines":
			l.goroutines = int(n)
		case "process_open_fds":
			l.files = int(n)
		}
	}
	if l.goroutines == 0 {
		return l, fmt.Errorf("/metrics has no go_goroutines: %.300s", c.Body)
	}
	l.rss, _, _ = rig.Memory(service.PID())
	return l, nil
}

// spared returns the seat whose process lives through the second half.
func (f *fleet) spared() *seat { return f.seats[len(f.seats)-1] }

// warmLevels makes a few visits, so that what is allocated once exists, and returns the
// levels.
func (f *fleet) warmLevels(ctx context.Context, s *soak) (levels, error) {
	seat := f.spared()
	conns := rig.Conns(seat.current().Address, 32)
	requests := []rig.Request{{Bytes: rig.NewRequest(http.MethodGet, "/api/me", rig.SessionCookie+"=nobody", nil), Status: http.StatusUnauthorized}}
	_, err := rig.Send(ctx, seat.current().Target(), conns, requests, 500*time.Millisecond)
	rig.CloseAll(conns)
	if err != nil {
		return levels{}, err
	}
	// The service notices the ends of those connections one by one.
	least, err := seat.levels()
	for same := 0; same < 5 && err == nil; same++ {
		if !pause(ctx, 50*time.Millisecond) {
			return least, ctx.Err()
		}
		var l levels
		if l, err = seat.levels(); l.goroutines < least.goroutines {
			least, same = l, 0
		}
	}
	return least, err
}

// levelsHold waits until the spared process uses no more than before.
func (f *fleet) levelsHold(ctx context.Context, before levels, length time.Duration) error {
	s := f.spared()
	settled := time.Now().Add(settleTime)
	for {
		var err error
		if f.last, err = s.levels(); err != nil {
			return err
		}
		fits := f.last.goroutines <= before.goroutines+goroutineSlack && f.last.files <= before.files+fileSlack
		if fits {
			break
		}
		if time.Now().After(settled) {
			f.ledger.breaks("process %s holds %v, and before the load %v", s.name, f.last, before)
			break
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// A short run says nothing about memory, which grows until the garbage collector has
	// adapted to the load.
	if length >= 2*time.Minute && s.rss > 0 && f.last.rss > s.rss*3/2+50e6 {
		f.ledger.breaks("process %s grew from %d MB to %d MB", s.name, s.rss/1e6, f.last.rss/1e6)
	}
	return nil
}
