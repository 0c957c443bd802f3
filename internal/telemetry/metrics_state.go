package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxlogin/internal/auth"
)

// How often LookReady and LookSessions are to be called.
const (
	ReadyEvery = 10 * time.Second
	CountEvery = time.Minute
)

// How long a look may take, and when its result is too old to be shown.
const (
	readyBudget  = 5 * time.Second
	countBudget  = 30 * time.Second
	readyIsOld   = 3 * ReadyEvery
	countsAreOld = 3 * CountEvery
)

var (
	readyDesc = prometheus.NewDesc("wxlogin_ready", "1 when the service can serve, as /readyz tells; else 0.", nil, nil)
	countDesc = prometheus.NewDesc("wxlogin_sessions", "Sessions that have not ended, in the database and so of all processes.", []string{"kind"}, nil)
)

// state is the result of the last looks at the database: whether the service is ready, and
// how many people are signed in. The looks are made in the background, so that a scrape
// costs nothing, however many there are, and never waits for the database. A result that is
// unknown is not shown, as an old number would be wrong.
type state struct {
	mu       sync.Mutex
	ready    bool
	readyAt  time.Time // zero: unknown
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

// counter counts the sessions that exist.
type counter interface {
	CountSessions(context.Context) (map[auth.SessionKind]int64, error)
}

// LookReady updates whether the service is ready. Call it every ReadyEvery.
func (m *Metrics) LookReady(ctx context.Context, ready func(context.Context) error) {
	m.state.askReady(ctx, ready)
}

// LookSessions updates how many people are signed in. Call it every CountEvery.
func (m *Metrics) LookSessions(ctx context.Context, db counter) { m.state.count(ctx, db) }

func (s *state) askReady(ctx context.Context, ready func(context.Context) error) {
	look, cancel := context.WithTimeout(ctx, readyBudget)
	defer cancel()
	err := ready(look)
	if ctx.Err() != nil {
		return // the process is stopping
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
