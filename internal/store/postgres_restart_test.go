package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/pgtest"
)

func TestARestartedServerHeals(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	for name, down := range map[string]func(){"stopped": server.Stop, "killed": server.Kill} {
		t.Run(name, func(t *testing.T) {
			w := postgresWorld(t, server)
			_, token := w.visitor("o1")
			stop := make(chan struct{})
			var served, refused atomic.Int64
			traffic := make(chan struct{})
			go func() {
				defer close(traffic)
				together(8, func(i int) {
					for {
						select {
						case <-stop:
							return
						default:
						}
						_, err := w.Visit(w.ctx, auth.VisitorSession, token)
						if err == nil {
							_, err = w.SaveLogin(w.ctx, w.login(fmt.Sprint("p", i), auth.ScopeBase))
						}
						if err != nil {
							refused.Add(1)
							wantReason(t, err, auth.StoreDown) // and nobody is signed out
						} else {
							served.Add(1)
						}
					}
				})
			}()
			waitUntil(t, func() bool { return served.Load() > 50 })
			down()
			wantReason(t, w.Ready(w.ctx), auth.StoreDown)
			waitUntil(t, func() bool { return refused.Load() > 50 })
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			if err := w.Ready(w.ctx); err != nil {
				t.Errorf("the first call after the restart: %v", err)
			}
			before := served.Load()
			waitUntil(t, func() bool { return served.Load() > before+50 })
			close(stop)
			<-traffic
			// What was dead is thrown away, so that from now on nothing fails.
			for range 100 {
				w.wantSignedIn(token)
				if _, err := w.SaveLogin(w.ctx, w.login("after", auth.ScopeBase)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// waitUntil looks again and again whether something has come true.
func waitUntil(t *testing.T, is func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatal("it has not come true")
		case <-ticker.C:
		}
	}
}

// A restart between two calls: nothing is running meanwhile, and the first call
// of each kind goes well.
func TestTheFirstCallsAfterARestartGoWell(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	w := postgresWorld(t, server)
	_, token := w.visitor("o1")
	for _, down := range []func(){server.Kill, server.Stop} {
		down()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		w.wantSignedIn(token)
		if _, err := w.SaveLogin(w.ctx, w.login("o2", auth.ScopeBase)); err != nil {
			t.Error(err)
		}
		if err := w.Ready(w.ctx); err != nil {
			t.Error(err)
		}
	}
}
