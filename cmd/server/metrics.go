package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxlogin/internal/auth"
)

// metrics counts what the parts tell of. Labels are routes, reasons and
// errcodes, of which there are few, and never a person or an address.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	requestTime *prometheus.HistogramVec
	logins      *prometheus.CounterVec
	loginTime   prometheus.Histogram
	calls       *prometheus.CounterVec
	callTime    *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxlogin_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"method", "route", "status"}),
		requestTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxlogin_http_request_duration_seconds", Help: "Time to answer, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxlogin_logins_total",
			Help: "Returns from WeChat, by the scope asked for, what came of them and why they failed. Less than the starts (route /login): people whom WeChat's own page did not let on.",
		}, []string{"scope", "outcome", "reason"}),
		loginTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "wxlogin_login_duration_seconds", Help: "From WeChat's return to the end of the login.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 4, 8},
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxlogin_wechat_calls_total", Help: "Calls to WeChat, by endpoint, reason of failure (empty when well) and WeChat's errcode.",
		}, []string{"endpoint", "reason", "errcode"}),
		callTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxlogin_wechat_call_duration_seconds", Help: "Time of calls to WeChat.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 4, 8},
		}, []string{"endpoint"}),
	}
	m.registry.MustRegister(m.requests, m.requestTime, m.logins, m.loginTime, m.calls, m.callTime,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(method, route string, status int, took time.Duration) {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}, method) {
		method = "other" // a client can make up any
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.requestTime.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) login(l auth.Login) {
	m.logins.WithLabelValues(string(l.Scope), string(l.Outcome), string(l.Reason)).Inc()
	m.loginTime.Observe(l.FinishedAt.Sub(l.StartedAt).Seconds())
}

func (m *metrics) call(endpoint string, reason auth.Reason, errcode int64, took time.Duration) {
	m.calls.WithLabelValues(endpoint, string(reason), strconv.FormatInt(errcode, 10)).Inc()
	m.callTime.WithLabelValues(endpoint).Observe(took.Seconds())
}

// serve answers /metrics on an address of its own, which visitors do not reach,
// until ctx ends. Without an address it does nothing.
func (m *metrics) serve(ctx context.Context, address string, log *slog.Logger) error {
	if address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return wrong("metrics-addr", "%v", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "error", err)
		}
	}()
	log.Info("metrics", "address", fmt.Sprintf("http://%s/metrics", listener.Addr()))
	return nil
}
