package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"wxlogin/bench/rig"
)

// measurement is one run of the driver.
type measurement struct {
	options
	world    *rig.World
	stores   []*stored // the smallest first
	report   report
	progress func(format string, args ...any)
	newcome  int // number of the next new person
}

// stored is a database with people, and the service on it.
type stored struct {
	people   int
	database string // as WXLOGIN_DATABASE_URL has it
	service  *rig.Service
	cookie   string // name of the session cookie; empty: that of this build
}

func (s *stored) name() string { return count(s.people) + " people" }

// measure measures all requested figures and shows them.
func measure(ctx context.Context, o *options, stdout, stderr io.Writer) (err error) {
	folder := o.folder
	if folder == "" {
		if folder, err = os.MkdirTemp("", "wxlogin-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	began := time.Now()
	m := &measurement{options: *o, newcome: 100_000_000, progress: func(format string, args ...any) {
		fmt.Fprintf(stderr, "bench: %4.0fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}}
	m.progress("building")
	program, err := built(ctx, o.program, folder)
	if err != nil {
		return err
	}
	if m.world, err = rig.NewWorld(ctx, folder, program); err != nil {
		return err
	}
	m.world.Identities = o.identities
	defer func() { err = errors.Join(err, m.world.Close()) }()
	defer func() { err = errors.Join(err, m.stop()) }()
	for _, people := range o.people {
		s := &stored{people: people}
		m.stores = append(m.stores, s)
		if s.database, err = m.filled(ctx, people); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
	}
	if err := m.all(ctx); err != nil {
		return err
	}
	m.report.arrange()
	m.report.machine = thisMachine(ctx, folder)
	m.report.took = time.Since(began)
	m.report.writeText(stdout)
	if o.docs != "" {
		return m.report.writeDocs(o.docs)
	}
	return nil
}

// all measures the figures. Memory comes first, as it is measured in processes that have just
// started.
func (m *measurement) all(ctx context.Context) error {
	for _, s := range m.stores {
		if err := m.starts(ctx, s); err != nil {
			return fmt.Errorf("start with %s: %w", s.name(), err)
		}
	}
	for _, part := range []struct {
		name string
		make func(context.Context) error
	}{
		{"visit", func(ctx context.Context) error { return m.visits(ctx, "visit") }},
		{"verify", func(ctx context.Context) error { return m.visits(ctx, "verify") }},
		{"logins", m.logins},
		{"distance", m.distance},
		{"admin", m.admin},
		{"oidc", m.oidc},
		{"memory", m.memory},
		{"apart", m.apart},
		{"flask", m.besideFlask},
		{"against", m.besideBuild},
	} {
		if m.wants(part.name) {
			m.progress("%s", part.name)
			if err := part.make(ctx); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return nil
}

// stop stops the services; if one does not exit cleanly, the run fails.
func (m *measurement) stop() error {
	var errs []error
	for _, s := range m.stores {
		if s.service != nil {
			errs = append(errs, s.service.Stop())
		}
	}
	return errors.Join(errs...)
}

// most returns the database with the most people.
func (m *measurement) most() *stored { return m.stores[len(m.stores)-1] }

// count writes a number of people in a short form.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}
