package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
)

// sweepEvery is how often expired rows are deleted.
const sweepEvery = 10 * time.Minute

// refreshEvery is how often due profiles are refreshed.
const refreshEvery = time.Minute

// rotateCheck is how often signing keys are checked for rotation.
const rotateCheck = time.Hour

// renewEvery is how often access tokens and tickets that are about to end are renewed.
const renewEvery = 30 * time.Second

// logoutsEvery is how often pending logout notices to applications are sent.
const logoutsEvery = 2 * time.Second

// proposeEvery is how often duplicate people are searched for, in case accounts were put
// into one Open Platform account.
const proposeEvery = time.Hour

// job is background work, done at once and then at intervals.
type job struct {
	every time.Duration
	do    func(context.Context)
}

// startJobs runs jobs. The returned function stops them and waits for them to end.
func startJobs(ctx context.Context, jobs []job) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, j := range jobs {
		running.Go(func() { every(ctx, j.every, func() { j.do(ctx) }) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// every calls do at once, and then at intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func refresh(ctx context.Context, refresher *auth.Refresher, log *slog.Logger) {
	if err := refresher.RunOnce(ctx); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "profile refresh failed", "reason", auth.ReasonOf(err), "error", err)
	}
}

func rotate(ctx context.Context, keys *idtoken.Keys, log *slog.Logger) {
	if err := keys.Rotate(ctx); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "signing key rotation failed", "error", err)
	}
}

func renewCentral(ctx context.Context, central *auth.Central, log *slog.Logger) {
	if err := central.Renew(ctx); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "renewal of access tokens or tickets failed", "reason", auth.ReasonOf(err), "error", err)
	}
}

func sendLogouts(ctx context.Context, logouts *idtoken.Backchannel, log *slog.Logger) {
	if err := logouts.Deliver(ctx); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "delivery of logout notices failed", "reason", auth.ReasonOf(err), "error", err)
	}
}

func propose(ctx context.Context, admins *admin.Service, log *slog.Logger) {
	n, err := admins.FindProposals(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.WarnContext(ctx, "search for duplicate people failed", "reason", auth.ReasonOf(err), "error", err)
	case n > 0:
		log.InfoContext(ctx, "possible duplicate people found, for an admin to decide", "pairs", n)
	}
}

func sweep(ctx context.Context, db *store.Store, config settings.Config, log *slog.Logger) {
	now := time.Now()
	if _, err := db.Sweep(ctx, now, config.Idle); err != nil && ctx.Err() == nil {
		log.Warn("expired rows not deleted", "error", err)
	}
	if _, err := db.Forget(ctx, oldest(now, config.KeepLogins), oldest(now, config.KeepEvents)); err != nil && ctx.Err() == nil {
		log.Warn("retention cleanup failed", "error", err)
	}
}

// oldest is the time before which history is deleted; zero: it is kept for ever.
func oldest(now time.Time, keep time.Duration) time.Time {
	if keep == 0 {
		return time.Time{}
	}
	return now.Add(-keep)
}
