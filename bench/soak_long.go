package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// clockMoves are the amounts by which a clock is wrong for a while.
var clockMoves = []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 25 * time.Hour, 10 * time.Minute, -10 * time.Minute}

// breakClock moves the clock of both processes back and forth until ctx ends. At the end it
// is right.
func (s *soak) breakClock(ctx context.Context, r *rand.Rand) error {
	for pause(ctx, between(r, 300*time.Millisecond, 4*time.Second)) {
		by := clockMoves[r.IntN(len(clockMoves))]
		s.ledger.count("chaos: the clock moves by " + by.String())
		if err := s.moveClock(by); err != nil {
			return err
		}
		pause(ctx, between(r, 300*time.Millisecond, 6*time.Second))
		if err := s.moveClock(0); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) moveClock(ahead time.Duration) error {
	s.moves.Add(1)
	defer s.moves.Add(1) // what happens in between may see either time
	return s.clock.Set(ahead)
}

// recoverTime is how soon a login must succeed after a full disk has space again.
const recoverTime = 15 * time.Second

// breakDisk fills the disk of the database and empties it again until ctx ends. As soon as
// there is space, logins must succeed again without anybody's help.
func (s *soak) breakDisk(ctx context.Context, r *rand.Rand) error {
	for pause(ctx, between(r, time.Second, 5*time.Second)) {
		s.ledger.count("chaos: the disk is full")
		full, over := context.WithTimeout(ctx, between(r, time.Second, 8*time.Second))
		for more := true; more; more = pause(full, 20*time.Millisecond) {
			if err := s.disk.Fill(); err != nil {
				over()
				return err
			}
		}
		over()
		before := s.ledger.counted("logins answered")
		if err := s.disk.Empty(); err != nil {
			return err
		}
		began := time.Now()
		for s.ledger.counted("logins answered") == before {
			if time.Since(began) > recoverTime {
				s.ledger.breaks("nobody is signed in %v after the disk has space again", recoverTime)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		s.ledger.most("ms from space on the disk to the next login, at most", int(time.Since(began).Milliseconds()))
	}
	return nil
}
