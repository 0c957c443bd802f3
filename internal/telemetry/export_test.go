package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
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

var _ prometheus.Collector = (*State)(nil)
