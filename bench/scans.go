package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

const scansCommand = "scans"

// scans opens thousands of desktop pages that show a code, each of which waits as scan.js
// does. It measures what they cost and how long visits take meanwhile, and checks that
// everybody whose phone confirms is signed in.
type scans struct {
	world    *rig.World
	service  *rig.Service
	pages    int
	progress func(format string, args ...any)

	shown, streams, polls, renewed atomic.Int64
	unanswered, failed             atomic.Int64

	mu       sync.Mutex
	failures []error          // the first of them
	silences map[string]int   // unanswered requests by cause
	waiting  map[string]*code // by ticket
}

func runScans(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench scans", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pages := flags.Int("pages", 10_000, "how many desktops show a code and wait; two open files each")
	length := flags.Duration("for", 3*time.Minute, "how long they wait; a code is good for two minutes")
	confirmed := flags.Int("confirmed", 200, "how many of them a phone confirms in the end")
	program := flags.String("server", "", "the built `program`; built when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return inWorld(ctx, scansCommand, *program, func(world *rig.World) (err error) {
		s := &scans{world: world, pages: *pages, waiting: make(map[string]*code), silences: make(map[string]int), progress: func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }}
		database := "sqlite:" + world.Folder + "/scans.db"
		if err := world.Migrate(ctx, database); err != nil {
			return err
		}
		if err := rig.Fill(ctx, database, scanVisitors, scanVisitors, 1); err != nil {
			return err
		}
		if s.service, err = world.StartService(ctx, database); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.service.Stop()) }()
		return s.run(ctx, *length, min(*confirmed, *pages))
	})
}

// scanVisitors are people who are signed in, and look at a page now and then.
const scanVisitors = 1000

func (s *scans) run(ctx context.Context, length time.Duration, confirmed int) error {
	if err := s.visits(ctx, "without them", min(length, 10*time.Second)); err != nil {
		return err
	}
	before, err := levelsOf(s.service)
	if err != nil {
		return err
	}
	open, leave := context.WithCancel(ctx)
	var desktops sync.WaitGroup
	defer desktops.Wait()
	defer leave()
	began := time.Now()
	for i := range s.pages {
		desktops.Go(func() { s.desktop(open, i) })
		if i%100 == 99 { // spread over seconds, not all at one moment
			if !pause(ctx, 50*time.Millisecond) {
				return ctx.Err()
			}
		}
	}
	for s.shown.Load() < int64(s.pages) && s.failed.Load() == 0 {
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	s.progress("%d pages are open after %.0f s", s.pages, time.Since(began).Seconds())
	if err := s.visits(ctx, "meanwhile", length); err != nil {
		return err
	}
	s.progress("%d streams had ended, %d questions been answered and %d not, %d codes renewed", s.streams.Load(), s.polls.Load(), s.unanswered.Load(), s.renewed.Load())
	err = s.confirm(ctx, confirmed)
	leave()
	desktops.Wait()
	if err := errors.Join(err, s.pagesFailed(), s.nothingLeft(ctx, before)); err != nil {
		return err
	}
	return s.visits(ctx, "when they have gone", min(length, 10*time.Second))
}

// mostStreams is how many desktops a process serves by a stream; the others poll.
const mostStreams = 1000

// nothingLeft fails if the service uses more than before although all desktops have left, or
// if too few desktops waited by a stream.
func (s *scans) nothingLeft(ctx context.Context, before levels) error {
	if n := int(s.streams.Load()); n < min(s.pages, mostStreams)/10 {
		return fmt.Errorf("only %d streams had ended: the others asked again and again", n)
	}
	now, err := levelsOf(s.service)
	for since := time.Now(); err == nil && (now.goroutines > before.goroutines+goroutineSlack || now.files > before.files+fileSlack); now, err = levelsOf(s.service) {
		if time.Since(since) > settleTime {
			return fmt.Errorf("the service held %v, and holds %v %.0f s after all have left", before, now, time.Since(since).Seconds())
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return err
}

// pagesFailed returns the failures, and why requests were not answered.
func (s *scans) pagesFailed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for why, n := range s.silences {
		s.progress("%d questions were not answered: %s", n, why)
	}
	if n := s.failed.Load(); n > 0 {
		return fmt.Errorf("%d pages did not go well; the first: %w", n, errors.Join(s.failures...))
	}
	if n, all := s.unanswered.Load(), s.unanswered.Load()+s.polls.Load()+s.streams.Load(); n > all/mostUnanswered {
		return fmt.Errorf("%d of %d questions were not answered", n, all)
	}
	return nil
}

// mostUnanswered is how many requests there must be for each unanswered one: on a machine
// with busy processors a connection may not be accepted in time.
const mostUnanswered = 100

// visits has four people look at pages, a hundred a second, and prints how long that takes
// and what the service uses.
func (s *scans) visits(ctx context.Context, when string, length time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	before, _ := rig.CPU(s.service.PID())
	began := time.Now()
	taken, failed := make([][]time.Duration, 4), make([]error, 4)
	var all sync.WaitGroup
	for i := range taken {
		all.Go(func() {
			c := rig.NewConn(s.service.Address)
			defer c.Close()
			for n := i; pause(ctx, 40*time.Millisecond); n += len(taken) {
				person := rig.PersonNumber(n % scanVisitors)
				request := rig.Request{Bytes: rig.NewRequest(http.MethodGet, "/", rig.SessionCookie+"="+person.Token, nil), Status: http.StatusOK, Holds: []byte(person.OpenID)}
				start := time.Now()
				if failed[i] = c.Do(request.Bytes, start.Add(time.Minute)); failed[i] == nil {
					failed[i] = request.Check(c)
				}
				if failed[i] != nil {
					return
				}
				taken[i] = append(taken[i], time.Since(start))
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	after, _ := rig.CPU(s.service.PID())
	var every []time.Duration
	for _, some := range taken {
		every = append(every, some...)
	}
	held, err := levelsOf(s.service)
	s.progress("%-20s a visit takes %.1f ms (p50), %.1f ms (p99); the service holds %v and uses %.0f %% of a processor", when,
		milliseconds(rig.Quantile(every, .5)), milliseconds(rig.Quantile(every, .99)), held, 100*(after-before).Seconds()/time.Since(began).Seconds())
	return err
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
