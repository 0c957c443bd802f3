package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"wxlogin/bench/rig"
)

// pause waits, and returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}

// weChatFaults are faults of WeChat, in the form of the simulator's control API.
var weChatFaults = []string{
	`{"preset":"busy","times":5}`,
	`{"preset":"busy-spent","times":3}`,
	`{"preset":"40029","times":2}`,
	`{"preset":"45011","times":3}`,
	`{"preset":"html-502","times":3}`,
	`{"preset":"cut","times":3}`,
	`{"preset":"cut-body","times":3}`,
	`{"preset":"hang","times":4}`,
	`{"preset":"hang","times":-1}`,
	`{"endpoint":"token","delay":"1500ms","times":10}`,
	`{"endpoint":"userinfo","delay":"2s","times":10}`,
	`{"endpoint":"userinfo","hang":true,"times":3}`,
	`{"preset":"42001","times":3}`,
	`{"preset":"bad-json","times":3}`,
	`{"preset":"snapshot","times":2}`,
	`{"preset":"double-same","times":3}`,
	`{"preset":"stale","times":3}`,
	`{"preset":"10009","times":3}`,
}

// longLock is longer than the program lets a login wait for the database.
const longLock = 10 * time.Second

// breakSurroundings breaks WeChat and the database, one fault at a time, until ctx ends.
func (s *soak) breakSurroundings(ctx context.Context, r *rand.Rand) error {
	control := rig.NewConn(s.world.WeChat.Address)
	defer control.Close()
	for pause(ctx, between(r, 300*time.Millisecond, 1500*time.Millisecond)) {
		length := between(r, 300*time.Millisecond, 3*time.Second)
		if r.IntN(3) == 0 {
			if r.IntN(5) == 0 {
				length = longLock
			}
			s.ledger.count("chaos: database locked")
			if err := s.lockDatabase(ctx, []string{"users", "sessions", "logins"}[r.IntN(3)], length); err != nil {
				return err
			}
			continue
		}
		fault := weChatFaults[r.IntN(len(weChatFaults))]
		s.ledger.count("chaos: WeChat " + fault)
		if err := s.world.WeChat.Control(control, http.MethodPost, "/_sim/faults", []byte(fault)); err != nil {
			return err
		}
		pause(ctx, length)
		if err := s.world.WeChat.Control(control, http.MethodDelete, "/_sim/faults", nil); err != nil {
			return err
		}
	}
	return nil
}

// checking are the parameters for opening the database beside the program.
const checking = "_pragma=busy_timeout(20000)"

// lockDatabase holds the writers' lock for a while. On PostgreSQL it locks one table only, as
// locking several would be in another order than the program's.
func (s *soak) lockDatabase(ctx context.Context, table string, length time.Duration) error {
	db, isSQLite, err := rig.Open(s.database, checking)
	if err != nil {
		return err
	}
	defer db.Close()
	// The lock is always released properly, even if the run ends meanwhile.
	ctx = context.WithoutCancel(ctx)
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	lock := []string{"BEGIN", "LOCK TABLE " + table + " IN EXCLUSIVE MODE"}
	if isSQLite {
		lock = []string{"BEGIN EXCLUSIVE"}
	}
	for _, statement := range lock {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	pause(ctx, length)
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// breakProcesses kills, stops and pauses the processes, one at a time, until ctx ends. In the
// second half one of them is only paused, so that what it uses at the end shows leaks.
func (s *soak) breakProcesses(ctx context.Context, r *rand.Rand) error {
	half := time.Now().Add(s.length / 2)
	for pause(ctx, between(r, 500*time.Millisecond, 2500*time.Millisecond)) {
		seat := s.fleet.seats[r.IntN(len(s.fleet.seats))]
		act := r.IntN(3)
		if seat == s.fleet.spared() && time.Now().After(half) {
			act = 2
			if l, err := seat.levels(); err == nil && seat.rss == 0 && time.Now().After(half.Add(s.length/8)) {
				seat.rss = l.rss
			}
		}
		if err := s.hit(ctx, seat, act, between(r, 200*time.Millisecond, 3*time.Second)); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) hit(ctx context.Context, seat *seat, act int, length time.Duration) error {
	// Not cancelled by ctx, so that both processes run at the end.
	whole := context.WithoutCancel(ctx)
	switch act {
	case 0:
		s.ledger.count("chaos: kill -9 of process " + seat.name)
		seat.trouble.Add(1)
		service := seat.current()
		service.Kill()
		s.fleet.readLog(seat, service)
	case 1:
		s.ledger.count("chaos: SIGTERM of process " + seat.name)
		seat.trouble.Add(1)
		s.fleet.endsWell(seat)
	default:
		s.ledger.count("chaos: SIGSTOP of process " + seat.name)
		if err := halt(seat.current().Process); err != nil {
			return err
		}
		pause(ctx, length)
		return resume(seat.current().Process)
	}
	err := s.fleet.sit(whole, seat)
	seat.trouble.Add(1)
	return err
}

// watchWeChat reads the simulator's log of calls and checks that no code comes twice.
func (s *soak) watchWeChat(ctx context.Context) {
	control := rig.NewConn(s.world.WeChat.Address)
	defer control.Close()
	seen := make(map[string]bool)
	after := 0
	for last := false; ; {
		if err := s.world.WeChat.Control(control, http.MethodGet, fmt.Sprintf("/_sim/calls?after=%d", after), nil); err != nil {
			s.ledger.breaks("the simulator's record cannot be read: %v", err)
			return
		}
		var record struct {
			Calls []struct {
				N               int
				Endpoint, Label string
				Errcode         int
				Fault, Person   string
			}
		}
		if err := json.Unmarshal(control.Body, &record); err != nil {
			s.ledger.breaks("the simulator's record: %v", err)
			return
		}
		for _, call := range record.Calls {
			if call.N != after+1 {
				s.ledger.breaks("the simulator's record lacks the calls %d to %d", after+1, call.N-1)
			}
			after = call.N
			if call.Endpoint != "token" {
				continue
			}
			s.ledger.count("codes exchanged")
			// A label is a short digest. Two may be equal by chance, but hardly two of one
			// person.
			code := call.Person + " " + call.Label
			if seen[code] {
				s.ledger.breaks("a code was sent to WeChat twice (errcode %d)", call.Errcode)
			}
			seen[code] = true
			if call.Errcode == 40163 && call.Fault == "" {
				s.ledger.breaks("WeChat answered 40163: the code has been used")
			}
		}
		if last {
			return
		}
		last = !pause(ctx, 200*time.Millisecond)
	}
}
