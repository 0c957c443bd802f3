package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

const scansCommand = "scans"

// scans opens very many pages that show a code on desktops, and leaves them open: each
// waits as scan.js does. It looks at what they cost, at what visits take meanwhile, and
// that everybody whose phone confirms is signed in.
type scans struct {
	world    *rig.World
	service  *rig.Service
	pages    int
	progress func(format string, args ...any)

	shown, streams, polls, renewed atomic.Int64
	unanswered, failed             atomic.Int64

	mu       sync.Mutex
	failures []error          // the first of them
	waiting  map[string]*code // by ticket
}

func runScans(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench scans", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pages := flags.Int("pages", 10_000, "how many desktops show a code and wait; two open files each")
	length := flags.Duration("for", 3*time.Minute, "how long they wait; a code is good for two minutes")
	confirmed := flags.Int("confirmed", 200, "how many of them a phone confirms in the end")
	program := flags.String("server", "", "the built `program`; built when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "wxlogin-scans-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path, err := built(ctx, *program, folder)
	if err != nil {
		return err
	}
	s := &scans{pages: *pages, waiting: make(map[string]*code), progress: func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }}
	if s.world, err = rig.NewWorld(ctx, folder, path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
	database := "sqlite:" + folder + "/scans.db"
	if err := s.world.Migrate(ctx, database); err != nil {
		return err
	}
	if err := rig.Fill(ctx, database, scanVisitors, scanVisitors, 1); err != nil {
		return err
	}
	if s.service, err = s.world.StartService(ctx, database); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.service.Stop()) }()
	return s.run(ctx, *length, min(*confirmed, *pages))
}

// scanVisitors are people who are signed in, and look at a page now and then.
const scanVisitors = 1000

func (s *scans) run(ctx context.Context, length time.Duration, confirmed int) error {
	if err := s.visits(ctx, "without them", min(length, 10*time.Second)); err != nil {
		return err
	}
	open, leave := context.WithCancel(ctx)
	var desktops sync.WaitGroup
	defer desktops.Wait()
	defer leave()
	began := time.Now()
	for i := range s.pages {
		desktops.Go(func() { s.desktop(open, i) })
		if i%100 == 99 { // in the order of a minute, not of one moment
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
	if err := s.confirm(ctx, confirmed); err != nil {
		return err
	}
	leave()
	desktops.Wait()
	if n := s.failed.Load(); n > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("%d pages did not go well; the first: %w", n, errors.Join(s.failures...))
	}
	return s.visits(ctx, "when they have gone", min(length, 10*time.Second))
}

// visits has four people look at pages, a hundred a second, and tells how long that
// takes and what the service holds.
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

// desktop shows a code and waits, and shows another when that has expired, until it is
// signed in or ctx ends.
func (s *scans) desktop(ctx context.Context, i int) {
	c := rig.NewConn(s.service.Address)
	defer c.Close()
	defer context.AfterFunc(ctx, c.Abort)()
	for first := true; ctx.Err() == nil; first = false {
		again, err := s.shows(ctx, c, first, i)
		if err != nil && ctx.Err() == nil {
			s.mu.Lock()
			if s.failed.Add(1) <= 3 {
				s.failures = append(s.failures, err)
			}
			s.mu.Unlock()
		}
		if err != nil || !again {
			return
		}
		s.renewed.Add(1)
	}
}

// shows opens one page, and says whether its code expired.
func (s *scans) shows(ctx context.Context, c *rig.Conn, first bool, i int) (expired bool, err error) {
	var jar rig.Jar
	ask := func(path string) error {
		err := c.Do(rig.NewRequestBy(desktop, http.MethodGet, path, jar.Header(), nil), time.Now().Add(time.Minute))
		if err == nil {
			jar.Take(c)
		}
		return err
	}
	if err := ask("/scan?return_to=%2F"); err != nil {
		return false, err
	}
	found := ticketInPage.FindSubmatch(c.Body)
	if c.Status != http.StatusOK || found == nil {
		return false, fmt.Errorf("/scan: %d %.300s", c.Status, c.Body)
	}
	ticket := string(found[1])
	query := "?ticket=" + url.QueryEscape(ticket)
	answer := make(chan time.Time, 1)
	s.mu.Lock()
	s.waiting[ticket] = &code{time.Now(), answer}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, ticket)
		s.mu.Unlock()
	}()
	if first {
		s.shown.Add(1)
	}
	// As scan.js: events, and where there are none the status every two seconds.
	for listens := true; ; {
		path, wait := "/scan/status"+query, 2*time.Second
		if listens {
			path, wait = "/scan/events"+query, time.Second
		}
		if err := ask(path); err != nil {
			s.unanswered.Add(1) // it asks again
			if !pause(ctx, wait) {
				return false, nil
			}
			continue
		}
		switch {
		case listens && c.Status == http.StatusNoContent:
			listens, wait = false, 0
		case c.Status != http.StatusOK:
			return false, fmt.Errorf("%s: %d %.300s", pathOnly(path), c.Status, c.Body)
		case listens:
			s.streams.Add(1)
		default:
			s.polls.Add(1)
		}
		switch {
		case bytes.Contains(c.Body, []byte("confirmed")):
			if err := ask("/scan/done" + query + "&return_to=%2F"); err != nil {
				return false, err
			}
			if c.Status != http.StatusSeeOther || jar.Get(rig.SessionCookie) == "" {
				return false, fmt.Errorf("/scan/done: %d without a session", c.Status)
			}
			answer <- time.Now()
			return false, nil
		case bytes.Contains(c.Body, []byte("expired")):
			return true, nil
		}
		if !pause(ctx, wait) {
			return false, nil
		}
	}
}
