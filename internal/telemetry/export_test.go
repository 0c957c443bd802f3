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

// Watch begins to look.
func (s *State) Watch(ctx context.Context, ready func(context.Context) error, db counter) (stop func()) {
	return s.watch(ctx, ready, db)
}

// NewCollector is what sends spans with these variables.
func NewCollector(vars map[string]string) (otlptrace.Client, error) {
	if _, err := otelSettings(vars).check(); err != nil {
		return nil, err
	}
	return newCollector(otelSettings(vars))
}

var _ prometheus.Collector = (*State)(nil)
