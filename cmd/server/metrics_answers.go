package main

import (
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// answers counts answered requests. Prometheus hashes the labels of a series each
// time it is asked for one, which took longer than to count; so what has been
// asked for is kept. There are as many as methods, routes and statuses.
type answers struct {
	requests *prometheus.CounterVec
	times    *prometheus.HistogramVec

	mu   sync.RWMutex
	kept map[answerLabels]answerSeries
}

type answerLabels struct {
	method, route string
	status        int
}

type answerSeries struct {
	requests prometheus.Counter
	times    prometheus.Observer // nil: its time says nothing
}

func newAnswers() *answers {
	return &answers{
		requests: counters("wxlogin_http_requests_total", "Requests answered, by route and status.",
			"method", "route", "status"),
		times: histograms("wxlogin_http_request_duration_seconds", "Time to answer, by route; without the streams of waiting desktops, which last by design.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route"),
		kept: make(map[answerLabels]answerSeries),
	}
}

func (a *answers) series(labels answerLabels) answerSeries {
	a.mu.RLock()
	series, ok := a.kept[labels]
	a.mu.RUnlock()
	if ok {
		return series
	}
	series.requests = a.requests.WithLabelValues(labels.method, labels.route, strconv.Itoa(labels.status))
	if !strings.HasSuffix(labels.route, "/scan/events") { // 20 s are what it should take
		series.times = a.times.WithLabelValues(labels.route)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept[labels] = series
	return series
}
