package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxlogin/internal/store"
)

// sweepEvery is how often what has ended is cleared away.
const sweepEvery = 10 * time.Minute

// startJobs runs what is due in the background. The returned function stops it
// and waits.
func startJobs(ctx context.Context, db *store.Store, running assembled, config config, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	jobs.Go(func() { every(ctx, sweepEvery, func() { sweep(ctx, db, config, log) }) })
	jobs.Go(func() { running.refresher.Run(ctx) })
	jobs.Go(func() { running.signing.Run(ctx) })
	jobs.Go(func() { running.logouts.Run(ctx) })
	return func() {
		cancel()
		jobs.Wait()
	}
}

func sweep(ctx context.Context, db *store.Store, config config, log *slog.Logger) {
	now := time.Now()
	if _, err := db.Sweep(ctx, now, config.idle); err != nil && ctx.Err() == nil {
		log.Warn("what has ended was not cleared away", "error", err)
	}
	if _, err := db.Forget(ctx, oldest(now, config.keepLogins), oldest(now, config.keepEvents)); err != nil && ctx.Err() == nil {
		log.Warn("what is older than it is kept was not cleared away", "error", err)
	}
}

// every does something at once, and then again and again until ctx ends.
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

// oldest is when a history begins that is kept for so long; zero for one that is
// kept for ever.
func oldest(now time.Time, keep time.Duration) time.Time {
	if keep == 0 {
		return time.Time{}
	}
	return now.Add(-keep)
}
