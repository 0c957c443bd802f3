package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxlogin/internal/auth"
)

// How often the state of the service is to be looked at.
const (
	ReadyEvery = 10 * time.Second
	CountEvery = time.Minute
)

// How long a look may take, and when what it found is too old to be shown.
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

// LookReady shows whether the service is ready. Call it every ReadyEvery.
func (m *Metrics) LookReady(ctx context.Context, ready func(context.Context) error) {
	m.state.askReady(ctx, ready)
}

// LookSessions shows how many are signed in. Call it every CountEvery.
func (m *Metrics) LookSessions(ctx context.Context, db counter) { m.state.count(ctx, db) }

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
