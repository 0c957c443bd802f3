package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// sweepEvery is how often what has ended is cleared away.
const sweepEvery = 10 * time.Minute

// startJobs runs what is due in the background. The returned function stops it
// and waits.
func startJobs(ctx context.Context, db *store.Store, refresher *auth.Refresher, idle time.Duration, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	jobs.Go(func() { sweep(ctx, db, idle, log) })
	jobs.Go(func() { refresher.Run(ctx) })
	return func() {
		cancel()
		jobs.Wait()
	}
}

func sweep(ctx context.Context, db *store.Store, idle time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if _, err := db.Sweep(ctx, time.Now(), idle); err != nil && ctx.Err() == nil {
			log.Warn("what has ended was not cleared away", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
