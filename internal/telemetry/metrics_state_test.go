package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxlogin/internal/auth"
	"wxlogin/internal/telemetry"
)

// database answers, fails or hangs as a test has it.
type database struct {
	answers atomic.Bool
	hangs   atomic.Bool
	looks   atomic.Int64
}

func (d *database) CountSessions(ctx context.Context) (map[auth.SessionKind]int64, error) {
	d.looks.Add(1)
	if d.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if !d.answers.Load() {
		return nil, errors.New("no answer")
	}
	return map[auth.SessionKind]int64{auth.VisitorSession: 1_000_000}, nil
}

func (d *database) ready(ctx context.Context) error {
	if d.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if !d.answers.Load() {
		return errors.New("no answer")
	}
	return nil
}

// However often it is scraped, the sessions are counted when somebody looks; and
// while they cannot be, there is no number rather than an old one.
func TestSessionsAreCountedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := new(database)
		db.answers.Store(true)
		var state telemetry.State
		registry := prometheus.NewRegistry()
		registry.MustRegister(&state)
		want := func(want string) {
			t.Helper()
			synctest.Wait()
			got := ""
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				for _, metric := range family.GetMetric() {
					got += fmt.Sprintf("%s %.0f ", family.GetName(), metric.GetGauge().GetValue())
				}
			}
			if got != want {
				t.Errorf("%q is shown, want %q", got, want)
			}
		}
		want("")
		look := func() {
			state.LookReady(t.Context(), db.ready)
			state.LookSessions(t.Context(), db)
		}
		look()
		const all = "wxlogin_ready 1 wxlogin_sessions 1000000 "
		want(all)
		for range 20 {
			time.Sleep(time.Second)
			want(all)
		}
		if n := db.looks.Load(); n != 1 {
			t.Errorf("%d looks for many scrapes", n)
		}
		db.answers.Store(false)
		look()
		want("wxlogin_ready 0 ")
		db.answers.Store(true)
		look()
		want(all)
		db.hangs.Store(true)
		state.LookReady(t.Context(), db.ready)
		want("wxlogin_ready 0 wxlogin_sessions 1000000 ")
		state.LookSessions(t.Context(), db)
		want("") // it has taken too long for the other as well
		db.hangs.Store(false)
		look()
		time.Sleep(telemetry.CountEvery)
		want("wxlogin_sessions 1000000 ") // nobody has looked for a minute
		time.Sleep(3 * telemetry.CountEvery)
		want("")
	})
}
