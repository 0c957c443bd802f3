package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

const upgradeCommand = "upgrade"

// upgrade has an older build make a SQLite database, fills it, and has this build migrate
// it; then it starts the service again and backs the database up while people visit and sign
// in.
type upgrade struct {
	world    *rig.World
	database string
	file     string
	people   []rig.Person // who look at pages and sign in
	progress func(format string, args ...any)
}

// upgradePatience is how long a migration may take: ten million people on busy cores.
const upgradePatience = 3 * time.Hour

func runUpgrade(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench upgrade", flag.ContinueOnError)
	flags.SetOutput(stderr)
	from := flags.String("from", "", "the built `program` of an older build, which makes the schema")
	program := flags.String("server", "", "the built `program` that migrates; built when empty")
	people := flags.Int("people", 1_000_000, "how many are filled in")
	folder := flags.String("folder", "", "`folder` on the disk that is meant. Empty: a temporary one")
	filled := flags.String("filled", "", "a `file` of an older build with people of Fill's in it, which is migrated as it stands, in place of --from")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if (*from == "") == (*filled == "") {
		return errors.New("upgrade: give one of --from and --filled")
	}
	if *folder == "" {
		if *folder, err = os.MkdirTemp("", "wxlogin-upgrade-"); err != nil {
			return err
		}
		defer os.RemoveAll(*folder)
	}
	if *folder, err = filepath.Abs(*folder); err != nil {
		return err
	}
	path, err := built(ctx, *program, *folder)
	if err != nil {
		return err
	}
	u := &upgrade{progress: func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }}
	if u.world, err = rig.NewWorld(ctx, *folder, path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.world.Close()) }()
	u.world.Patience = upgradePatience
	if *filled != "" {
		if u.file, err = filepath.Abs(*filled); err != nil {
			return err
		}
	} else {
		u.file = filepath.Join(*folder, "upgrade.db")
		old := *u.world
		if old.Program, err = filepath.Abs(*from); err != nil {
			return err
		}
		if err := errors.Join(old.Migrate(ctx, "sqlite:"+u.file), rig.Fill(ctx, "sqlite:"+u.file, *people, upgradeVisitors, 1)); err != nil {
			return err
		}
	}
	u.database = "sqlite:" + u.file
	return u.run(ctx)
}

// upgradeVisitors is the number of people of whom some look at pages and sign in.
const upgradeVisitors = 1000

func (u *upgrade) run(ctx context.Context) (err error) {
	u.progress("the file is %s", u.size())
	service, err := u.starts(ctx, "the upgrade")
	if err != nil {
		return err
	}
	if err := service.Stop(); err != nil {
		return err
	}
	u.progress("the file is %s", u.size())
	if service, err = u.starts(ctx, "a start"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Stop()) }()
	if err := u.meet(); err != nil {
		return err
	}
	if err := u.meanwhile(ctx, service, "nothing else", func(ctx context.Context) error {
		pause(ctx, 5*time.Second)
		return nil
	}); err != nil {
		return err
	}
	return u.meanwhile(ctx, service, "a backup", u.backup)
}

func (u *upgrade) size() string { return fmt.Sprintf("%.2f GB", float64(sizeOf(u.file))/1e9) }

// sizeOf returns the size of a file; 0 if it does not exist.
func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// starts starts the service and prints how long that took.
func (u *upgrade) starts(ctx context.Context, what string) (*rig.Service, error) {
	wal := u.largestLog()
	service, err := u.world.StartService(ctx, u.database)
	largest := wal()
	if err != nil {
		return nil, err
	}
	cpu, _ := rig.CPU(service.PID())
	now, peak, _ := rig.Memory(service.PID())
	u.progress("%s: ready after %.1f s, with %.1f s of a processor; the log had up to %d MB, the memory %d MB, now %d", what, service.Ready.Seconds(), cpu.Seconds(), largest>>20, peak>>20, now>>20)
	return service, nil
}

// largestLog watches SQLite's log. stop returns the largest size that it had.
func (u *upgrade) largestLog() (stop func() int64) {
	done, answer := make(chan struct{}), make(chan int64)
	go func() {
		largest := int64(0)
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for {
			largest = max(largest, sizeOf(u.file+"-wal"))
			select {
			case <-look.C:
			case <-done:
				answer <- largest
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-answer
	}
}

// meet adds the people who sign in to the simulator.
func (u *upgrade) meet() error {
	c := rig.NewConn(u.world.WeChat.Address)
	defer c.Close()
	for n := range upgradeVisitors {
		if !rig.Consents(n) || rig.IsBlocked(n) {
			continue
		}
		u.people = append(u.people, rig.PersonNumber(n))
		if err := u.world.WeChat.Add(c, rig.PersonNumber(n)); err != nil {
			return err
		}
	}
	return nil
}

// meanwhile has people visit and sign in, some ten a second, while do runs, and prints how
// long they waited.
func (u *upgrade) meanwhile(ctx context.Context, service *rig.Service, what string, do func(context.Context) error) error {
	busy, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	taken, failed := make([][]time.Duration, 4), make([]error, 4)
	for i := range taken {
		all.Go(func() {
			phone := &rig.Phone{Site: rig.NewConn(service.Address), WeChat: rig.NewConn(u.world.WeChat.Address)}
			defer phone.Site.Close()
			defer phone.WeChat.Close()
			for n := i; failed[i] == nil && pause(busy, 50*time.Millisecond); n += len(taken) {
				start := time.Now()
				failed[i] = u.comes(phone, u.people[n%len(u.people)], i%2 == 0)
				taken[i] = append(taken[i], time.Since(start))
			}
		})
	}
	wal, began := u.largestLog(), time.Now()
	err := do(ctx)
	took := time.Since(began)
	largest := wal()
	stop()
	all.Wait()
	if err := errors.Join(append(failed, err)...); err != nil {
		return err
	}
	visits, logins := append(taken[0], taken[2]...), append(taken[1], taken[3]...)
	u.progress("beside %s, %.0f s: a visit takes %.1f ms (p50), %.0f ms (p99), %.0f ms (at most), %d of them; a login %.1f, %.0f and %.0f ms, %d of them; the log had up to %d MB", what, took.Seconds(),
		milliseconds(rig.Quantile(visits, .5)), milliseconds(rig.Quantile(visits, .99)), milliseconds(rig.Quantile(visits, 1)), len(visits),
		milliseconds(rig.Quantile(logins, .5)), milliseconds(rig.Quantile(logins, .99)), milliseconds(rig.Quantile(logins, 1)), len(logins), largest>>20)
	return nil
}

// comes has a person look at their page, or sign in again.
func (u *upgrade) comes(phone *rig.Phone, person rig.Person, visits bool) error {
	deadline := time.Now().Add(time.Minute)
	if !visits {
		phone.Holder, phone.Jar = person, rig.Jar{}
		return phone.SignsIn(false, deadline)
	}
	page := rig.Request{Status: http.StatusOK, Holds: []byte(person.OpenID)}
	if err := phone.Site.Do(rig.NewRequest(http.MethodGet, "/", rig.SessionCookie+"="+person.Token, nil), deadline); err != nil {
		return err
	}
	return page.Check(phone.Site)
}

// backup copies the database with the program, and deletes the copy.
func (u *upgrade) backup(ctx context.Context) error {
	file := u.file + ".backup"
	defer os.Remove(file)
	cmd := u.world.Command(ctx, u.database, "backup", file)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("server backup: %w\n%s", err, out)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	u.progress("server backup: %.2f GB after %.1f s, with %.1f s of a processor", float64(sizeOf(file))/1e9, time.Since(began).Seconds(), used.Seconds())
	return nil
}
