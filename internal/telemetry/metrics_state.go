package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxlogin/internal/auth"
)

// How often the state of the service is looked at, how long a look may take, and
// when what it found is too old to be shown.
const (
	readyEvery   = 10 * time.Second
	readyBudget  = 5 * time.Second
	countEvery   = time.Minute
	countBudget  = 30 * time.Second
	readyIsOld   = 3 * readyEvery
	countsAreOld = 3 * countEvery
)

var (
	readyDesc = prometheus.NewDesc("wxlogin_ready", "1 when the service can serve, as /readyz tells; else 0.", nil, nil)
	countDesc = prometheus.NewDesc("wxlogin_sessions", "Sessions that have not ended, in the database and so of all processes.", []string{"kind"}, nil)
)

// state is what a look at the database found: whether the service is ready, and
// how many are signed in. The looks are taken in the background, so that a scrape
// costs nothing, however often and by however many it is made, and waits for no
// database. What could not be found out is not shown: a number that was right
// once would be a lie.
type state struct {
	mu       sync.Mutex
	ready    bool
	readyAt  time.Time // zero: not known
	sessions map[auth.SessionKind]int64
	countAt  time.Time
}

// Describe implements prometheus.Collector.
func (s *state) Describe(descs chan<- *prometheus.Desc) {
	descs <- readyDesc
	descs <- countDesc
}

// Collect implements prometheus.Collector.
func (s *state) Collect(metrics chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.readyAt) < readyIsOld {
		value := 0.0
		if s.ready {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value)
	}
	if time.Since(s.countAt) < countsAreOld {
		for kind, n := range s.sessions {
			metrics <- prometheus.MustNewConstMetric(countDesc, prometheus.GaugeValue, float64(n), string(kind))
		}
	}
}

// counter counts the sessions there are.
type counter interface {
	CountSessions(context.Context) (map[auth.SessionKind]int64, error)
}

// WatchState shows whether the service is ready and how many are signed in. It
// looks at once, and then again and again until the returned function is called,
// which waits for the last look to end.
func (m *Metrics) WatchState(ctx context.Context, ready func(context.Context) error, db counter) (stop func()) {
	return m.state.watch(ctx, ready, db)
}

func (s *state) watch(ctx context.Context, ready func(context.Context) error, db counter) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var looks sync.WaitGroup
	looks.Go(func() { repeat(ctx, readyEvery, func() { s.askReady(ctx, ready) }) })
	looks.Go(func() { repeat(ctx, countEvery, func() { s.count(ctx, db) }) })
	return func() {
		cancel()
		looks.Wait()
	}
}

func repeat(ctx context.Context, interval time.Duration, look func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for look(); ; look() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *state) askReady(ctx context.Context, ready func(context.Context) error) {
	look, cancel := context.WithTimeout(ctx, readyBudget)
	defer cancel()
	err := ready(look)
	if ctx.Err() != nil {
		return // stopped in the middle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.readyAt = err == nil, time.Now()
}

func (s *state) count(ctx context.Context, db counter) {
	look, cancel := context.WithTimeout(ctx, countBudget)
	defer cancel()
	sessions, err := db.CountSessions(look)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.sessions = nil // wxlogin_ready and the log have the reason
		return
	}
	s.sessions, s.countAt = sessions, time.Now()
}
