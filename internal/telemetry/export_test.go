package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
)

const (
	BufferFor   = bufferFor
	MaxBuffered = maxBuffered
)

// State is what is shown of the database without asking it at each scrape.
type State struct{ state }

// LookReady is Metrics.LookReady.
func (s *State) LookReady(ctx context.Context, ready func(context.Context) error) {
	s.askReady(ctx, ready)
}

// LookSessions is Metrics.LookSessions.
func (s *State) LookSessions(ctx context.Context, db counter) { s.count(ctx, db) }

// NewCollector is what sends spans with these variables.
func NewCollector(vars map[string]string) (otlptrace.Client, error) {
	if _, err := otelSettings(vars).check(); err != nil {
		return nil, err
	}
	return newCollector(otelSettings(vars))
}

var _ prometheus.Collector = (*State)(nil)
