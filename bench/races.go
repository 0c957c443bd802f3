package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

const racesCommand = "races"

// races revokes sessions in every possible way while two processes on one SQLite file are
// busy, and checks that each revocation takes effect with the next request, at either.
type races struct {
	world    *rig.World
	services [2]*rig.Service // the first is the one that is asked and paused
	db       *sql.DB         // of a third program on the file
	times    int
	workers  int
	progress func(format string, args ...any)
}

// revocation is one way to end what a session opens.
type revocation struct {
	name string
	// prepare makes what is to be revoked; nil: only the session is.
	prepare func(ctx context.Context, r *races, p rig.Person) error
	path    string // answers 200 before the revocation and refused afterwards
	refused int
	revoke  func(ctx context.Context, r *races, p rig.Person) error
}

func revocations() []revocation {
	sqlOf := func(statement string) func(context.Context, *races, rig.Person) error {
		return func(ctx context.Context, r *races, p rig.Person) error {
			_, err := r.db.ExecContext(ctx, statement, p.OpenID)
			return err
		}
	}
	return []revocation{
		{"deleted by another program", nil, "/verify", http.StatusUnauthorized,
			sqlOf(`DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE openid = $1)`)},
		{"signed out at the other process", nil, "/verify", http.StatusUnauthorized, func(_ context.Context, r *races, p rig.Person) error {
			c := rig.NewConn(r.services[1].Address)
			defer c.Close()
			err := c.Do(rig.NewRequest(http.MethodPost, "/logout", rig.SessionCookie+"="+p.Token, []byte{}), soon())
			if err == nil && c.Status >= 400 {
				err = fmt.Errorf("/logout: %d", c.Status)
			}
			return err
		}},
		{"blocked by another program", nil, "/verify", http.StatusUnauthorized,
			sqlOf(`UPDATE users SET blocked = 1 WHERE openid = $1`)},
		{"admin grant taken back", func(ctx context.Context, r *races, p rig.Person) error {
			return errors.Join(
				// An admin's login must be recent.
				sqlOf(`UPDATE sessions SET created_at = unixepoch() * 1000 WHERE user_id = (SELECT id FROM users WHERE openid = $1)`)(ctx, r, p),
				sqlOf(`INSERT INTO admins (appid, openid, granted_at) SELECT appid, openid, last_login_at FROM users WHERE openid = $1`)(ctx, r, p))
		}, "/api/admin/users?limit=1", http.StatusForbidden, sqlOf(`DELETE FROM admins WHERE openid = $1`)},
	}
}

func soon() time.Time { return time.Now().Add(30 * time.Second) }

func runRaces(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench races", flag.ContinueOnError)
	flags.SetOutput(stderr)
	times := flags.Int("times", 1000, "how often each kind of revocation is tried")
	workers := flags.Int("workers", 6, "how many are tried at once")
	program := flags.String("server", "", "the built `program`; built when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return inWorld(ctx, racesCommand, *program, func(world *rig.World) error {
		r := &races{world: world, times: *times, workers: *workers, progress: func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }}
		return r.run(ctx, "sqlite:"+world.Folder+"/races.db")
	})
}

func (r *races) run(ctx context.Context, database string) (err error) {
	if err := r.world.Migrate(ctx, database); err != nil {
		return err
	}
	kinds := revocations()
	people := r.times*len(kinds)*201/200 + len(kinds) + load // some are blocked from the beginning
	if err := rig.Fill(ctx, database, people, people, 1); err != nil {
		return err
	}
	for i := range r.services {
		if r.services[i], err = r.world.StartService(ctx, database); err != nil {
			return err
		}
		defer r.services[i].Stop()
	}
	if r.db, _, err = rig.Open(database, "_pragma=busy_timeout(30000)&_pragma=synchronous(OFF)"); err != nil {
		return err
	}
	defer r.db.Close()

	busy, stop := context.WithCancel(ctx)
	var around sync.WaitGroup
	defer around.Wait()
	defer stop()
	for n := range load {
		around.Go(func() { r.signsInAgainAndAgain(busy, rig.PersonNumber(people-1-n), r.services[0]) })
	}
	var stale int64
	next := 0
	for _, kind := range kinds {
		for _, pausing := range []bool{false, true} {
			n := r.times / 2
			bad, err := r.try(ctx, kind, pausing, &next, n)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			how := "under load"
			if pausing {
				how = "with the process stopped at random moments, half of the time"
			}
			r.progress("%-34s %6d tries %s: %d answered as before", kind.name, n, how, bad)
			stale += bad
		}
	}
	if stale > 0 {
		return errBroken
	}
	return nil
}

// load is the number of phones that sign in all the time.
const load = 8

// try revokes for n people, several at once, and counts those whose session was still
// answered.
func (r *races) try(ctx context.Context, kind revocation, pausing bool, next *int, n int) (stale int64, err error) {
	var mu sync.Mutex
	var errs []error
	left := n
	take := func() (rig.Person, bool) {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 || len(errs) > 0 {
			return rig.Person{}, false
		}
		left--
		for rig.IsBlocked(*next) {
			*next++
		}
		*next++
		return rig.PersonNumber(*next - 1), true
	}
	ctx, stop := context.WithCancel(ctx)
	var holding, workers sync.WaitGroup
	if pausing {
		holding.Go(func() { r.holdsBack(ctx) })
	}
	var count atomic.Int64
	for range r.workers {
		workers.Go(func() {
			c := rig.NewConn(r.services[0].Address)
			defer c.Close()
			for {
				p, ok := take()
				if !ok {
					return
				}
				bad, err := r.once(ctx, kind, p, c)
				if err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
				if bad {
					count.Add(1)
				}
			}
		})
	}
	workers.Wait()
	stop()
	holding.Wait()
	return count.Load(), errors.Join(errs...)
}

// once has a session cached, revokes it, and asks three times: at once, and while others log
// in.
func (r *races) once(ctx context.Context, kind revocation, p rig.Person, c *rig.Conn) (stale bool, err error) {
	if kind.prepare != nil {
		if err := kind.prepare(ctx, r, p); err != nil {
			return false, err
		}
	}
	ask := rig.NewRequest(http.MethodGet, kind.path, rig.SessionCookie+"="+p.Token, nil)
	for range 2 {
		if err := c.Do(ask, soon()); err != nil {
			return false, err
		}
		if c.Status != http.StatusOK {
			return false, fmt.Errorf("before: %d %.200s", c.Status, c.Body)
		}
	}
	if err := kind.revoke(ctx, r, p); err != nil {
		return false, err
	}
	for i := range 3 {
		time.Sleep(time.Duration(i) * time.Duration(rand.Int64N(int64(5*time.Millisecond))))
		if err := c.Do(ask, soon()); err != nil {
			return false, err
		}
		switch c.Status {
		case kind.refused:
		case http.StatusOK:
			return true, nil
		default:
			return false, fmt.Errorf("afterwards: %d %.200s", c.Status, c.Body)
		}
	}
	return false, nil
}

// holdsBack pauses the asked process half of the time, at random moments.
func (r *races) holdsBack(ctx context.Context) {
	p := r.services[0].Process
	defer resume(p)
	for ctx.Err() == nil {
		_ = halt(p)
		time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
		_ = resume(p)
		time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
	}
}

// signsInAgainAndAgain plays a phone that signs in, which changes rows, and repeats each
// callback, which commits nothing.
func (r *races) signsInAgainAndAgain(ctx context.Context, holder rig.Person, at *rig.Service) {
	phone := &rig.Phone{Holder: holder, Site: rig.NewConn(at.Address), WeChat: rig.NewConn(r.world.WeChat.Address)}
	defer phone.Site.Close()
	defer phone.WeChat.Close()
	_ = r.world.WeChat.Add(phone.WeChat, holder)
	for ctx.Err() == nil {
		if err := phone.Ask(http.MethodGet, "/login?return_to=%2F", nil, soon()); err != nil || phone.Site.Status != http.StatusFound {
			continue
		}
		path, err := phone.Authorize(rig.Location(phone.Site), soon())
		if err != nil {
			continue
		}
		for range 3 {
			_ = phone.Ask(http.MethodGet, path, nil, soon())
		}
	}
}
