package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxlogin/bench/rig"
)

const soakCommand = "soak"

// soak is a run that breaks everything around the program and checks that the program keeps
// its promises.
type soak struct {
	world    *rig.World
	database string
	length   time.Duration
	seed     uint64
	visitors int
	fleet    *fleet
	ledger   *ledger
	admin    string // cookie of an admin's browser
	newcome  atomic.Int64
	progress func(format string, args ...any)

	breaks []string // names of breakers
	clock  *rig.Clock
	moves  atomic.Int64 // of the clock
	disk   *rig.Disk
}

// breaker breaks something again and again until ctx ends.
type breaker func(context.Context, *rand.Rand) error

// breakers are what a soak can break.
func (s *soak) breakers() map[string]breaker {
	return map[string]breaker{
		"surroundings": s.breakSurroundings, "processes": s.breakProcesses, "clock": s.breakClock, "disk": s.breakDisk,
	}
}

// withAdmin reports whether an admin is at work. With a moving clock there is none, as an
// admin needs a new login after a day.
func (s *soak) withAdmin() bool { return !slices.Contains(s.breaks, "clock") }

// mostPeople is fewer than the simulator keeps.
const mostPeople = 8000

// errBroken is the error of a run in which a promise was broken; the output says which.
var errBroken = errors.New("promises were broken")

func runSoak(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	length := flags.Duration("for", 5*time.Minute, "how long things break; the checks come on top")
	seed := flags.Uint64("seed", 0, "`number` that decides what breaks when, and what visitors do; 0: another at each run")
	visitors := flags.Int("visitors", 24, "phones that are busy at once")
	program := flags.String("server", "", "the built `program`; built when empty")
	breaks := flags.String("break", "surroundings,processes", "what `breaks`: surroundings (WeChat, the database's lock), processes, clock (the machine's, an hour or a day to and fro), disk (full and empty again; SQLite)")
	disk := flags.String("disk", "", "with --break disk: an empty `folder` on a small file system of its own. Empty: one in memory is mounted, which takes root on Linux")
	database := flags.String("database-url", "", "an empty PostgreSQL database to use instead of a SQLite file, postgres://…; what is written stays in it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seed == 0 {
		*seed = rand.Uint64()>>1 + 1
	}
	folder, err := os.MkdirTemp("", "wxlogin-soak-")
	if err != nil {
		return err
	}
	began := time.Now()
	s := &soak{database: *database, length: *length, seed: *seed, visitors: *visitors, ledger: newLedger()}
	s.progress = func(format string, args ...any) {
		fmt.Fprintf(stderr, "soak: %5.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	s.breaks = strings.Split(*breaks, ",")
	if s.database == "" {
		s.database = "sqlite:" + folder + "/soak.db"
	}
	for _, name := range s.breaks {
		if s.breakers()[name] == nil {
			return fmt.Errorf("--break: %q is not one of clock, disk, processes, surroundings", name)
		}
	}
	fmt.Fprintf(stdout, "soak: --seed %d --for %v\n", s.seed, s.length)
	path, err := built(ctx, *program, folder)
	if err != nil {
		return err
	}
	if s.world, err = rig.NewWorld(ctx, folder, path); err != nil {
		return err
	}
	if err := s.prepare(ctx, folder, *disk); err != nil {
		return errors.Join(err, s.world.Close())
	}
	err = errors.Join(s.run(ctx), s.world.Close(), s.disk.Close())
	s.ledger.report(stdout)
	switch {
	case err != nil:
	case s.ledger.broken():
		err = errBroken
	default:
		fmt.Fprintln(stdout, "Every promise was kept.")
	}
	if err != nil {
		fmt.Fprintf(stdout, "The logs are in %s. To break the same things in the same order again: --seed %d\n", folder, s.seed)
		return err
	}
	return os.RemoveAll(folder)
}

// prepare sets up the clock and the disk, if they are to be broken.
func (s *soak) prepare(ctx context.Context, folder, disk string) (err error) {
	if slices.Contains(s.breaks, "clock") {
		if s.clock, err = rig.NewClock(ctx, folder); err != nil {
			return err
		}
		s.world.Clock = s.clock
	}
	if slices.Contains(s.breaks, "disk") {
		if s.disk, err = rig.NewDisk(folder, disk); err != nil {
			return err
		}
		s.database = "sqlite:" + s.disk.Folder + "/soak.db"
	}
	return nil
}

// run is everything between the first process and the last check.
func (s *soak) run(ctx context.Context) (err error) {
	if s.fleet, err = newFleet(ctx, s.world, s.database, s.ledger); err != nil {
		return err
	}
	defer s.fleet.kill()
	if err := s.empty(ctx); err != nil {
		return err
	}
	if err := s.enterAdmin(ctx); err != nil {
		return err
	}
	before, err := s.fleet.warmLevels(ctx, s)
	if err != nil {
		return err
	}
	s.progress("before: %v", before)
	if err := s.traffic(ctx); err != nil {
		return err
	}
	if err := s.sessionsHold(ctx); err != nil {
		return err
	}
	if err := s.fleet.levelsHold(ctx, before, s.length); err != nil {
		return err
	}
	s.progress("after: %v", s.fleet.last)
	s.fleet.stop()
	return s.rowsHold(ctx)
}

// traffic has visitors and an admin at work while things break, and then for a while with
// nothing broken.
func (s *soak) traffic(ctx context.Context) error {
	working, done := context.WithCancel(ctx)
	defer done()
	var visitors, chaos sync.WaitGroup
	for i := range s.visitors {
		visitors.Go(func() { s.newVisitor(i).live(working) })
	}
	if s.withAdmin() {
		visitors.Go(func() { s.newAdmin().work(working) })
	}
	watching, watched := context.WithCancel(ctx)
	chaos.Go(func() { s.watchWeChat(watching) })

	breaking, calm := context.WithTimeout(ctx, s.length)
	defer calm()
	var breakers sync.WaitGroup
	for i, name := range s.breaks {
		breakers.Go(func() {
			if err := s.breakers()[name](breaking, rand.New(rand.NewPCG(s.seed, uint64(i)+1))); err != nil {
				s.ledger.breaks("chaos itself failed: %v", err)
				calm()
			}
		})
	}
	breakers.Wait()
	s.progress("nothing is broken any more; %s", s.ledger.summary())
	select {
	case <-time.After(calmTime(s.length)):
	case <-ctx.Done():
	}
	done()
	visitors.Wait()
	watched()
	chaos.Wait()
	return ctx.Err()
}

// empty makes sure that a database given by the user has no people.
func (s *soak) empty(ctx context.Context) error {
	db, _, err := rig.Open(s.database, checking)
	if err != nil {
		return err
	}
	defer db.Close()
	var people int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&people); err != nil {
		return err
	}
	if people > 0 {
		return fmt.Errorf("the database has %d people; give an empty one", people)
	}
	return nil
}

// newPerson makes up a person who is known to WeChat and new to the program.
func (s *soak) newPerson(control *rig.Conn) (rig.Person, bool, error) {
	n := s.newcome.Add(1)
	if n > mostPeople {
		return rig.Person{}, false, nil
	}
	p := rig.PersonNumber(int(n))
	// A unique name, so that a page of somebody else is noticed.
	p.Nickname = strings.TrimSpace(p.Nickname) + fmt.Sprintf("·%d", n)
	return p, true, s.world.WeChat.Add(control, p)
}
