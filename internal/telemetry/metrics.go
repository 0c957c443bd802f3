package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Metrics counts what the parts report. Labels are routes, reasons and errcodes, of which
// there are few, and never a person or an address.
//
// docs/metrics.md lists all metrics, and a test compares the two.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	times     *prometheus.HistogramVec
	starts    *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	logins    *prometheus.CounterVec
	loginTime prometheus.Histogram
	snapshots prometheus.Counter
	calls     *prometheus.CounterVec
	callTime  *prometheus.HistogramVec
	oidc      *prometheus.CounterVec
	state     state

	mu       sync.Mutex                                       // to replace byLabels
	byLabels atomic.Pointer[map[requestLabels]requestMetrics] // cache of metricsOf; a map is replaced, never changed
}

// NewMetrics makes metrics whose counters begin at 0. version is the program's.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("wxlogin_http_requests_total", "Requests answered, by route and status.",
			"method", "route", "status"),
		times: histograms("wxlogin_http_request_duration_seconds", "Time to answer, by route; without the streams of waiting desktops, which last by design.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route"),
		starts: counters("wxlogin_login_starts_total", "Trips to WeChat begun, by the scope asked for and the browser.",
			"scope", "browser"),
		callbacks: counters("wxlogin_login_callbacks_total", "Returns from WeChat: first once for each trip, over all processes; again for its repetitions; else why no login came of it.",
			"result"),
		logins: counters("wxlogin_logins_total", "Logins that ended, by scope, what came of them, why and at which step they failed.",
			"scope", "outcome", "reason", "step"),
		loginTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "wxlogin_login_duration_seconds", Help: "From WeChat's return to the end of the login.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 4, 8},
		}),
		snapshots: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "wxlogin_snapshot_visitors_total", Help: "Logins refused because WeChat shows the page as a snapshot, to nobody in particular.",
		}),
		calls: counters("wxlogin_wechat_calls_total", "Calls to WeChat, by endpoint, reason of failure (empty when well) and WeChat's errcode.",
			"endpoint", "reason", "errcode"),
		callTime: histograms("wxlogin_wechat_call_duration_seconds", "Time of calls to WeChat.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2, 4, 8}, "endpoint"),
		oidc: counters("wxlogin_oidc_total", "What applications asked for, by application and step: given, or the error that it was told.",
			"application", "step", "result"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "wxlogin_build_info", Help: "1, with the version in its labels.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.times, m.starts, m.callbacks, m.logins, m.loginTime, m.snapshots,
		m.calls, m.callTime, m.oidc, &m.state, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.byLabels.Store(new(map[requestLabels]requestMetrics))
	m.begin()
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// begin initializes the counters that alerts watch to 0: rate() and increase() miss the
// first increment of a counter that did not exist before.
func (m *Metrics) begin() {
	for _, scope := range []auth.Scope{auth.ScopeBase, auth.ScopeUserinfo} {
		m.starts.WithLabelValues(string(scope), "wechat")
		m.starts.WithLabelValues(string(scope), "other")
		m.logins.WithLabelValues(string(scope), string(auth.SignedIn), "", "")
	}
	m.logins.WithLabelValues(string(auth.ScopeScan), string(auth.SignedIn), "", "")
	m.logins.WithLabelValues(string(auth.ScopeBase), string(auth.Failed), string(auth.StoreDown), "")
	for _, result := range []string{first, again, string(auth.Cancelled), string(auth.StateMismatch), string(auth.StoreDown)} {
		m.callbacks.WithLabelValues(result)
	}
	for _, endpoint := range []string{"token", "userinfo", "refresh", "picture", "code2session", "stable_token", "getticket", "user_info", "changeopenid"} {
		m.calls.WithLabelValues(endpoint, "", "0")
		m.callTime.WithLabelValues(endpoint)
	}
	m.oidc.WithLabelValues("unknown", "token", "invalid_client")
	for _, errcode := range []string{"40013", "40125", "40164", "40243", "48001"} { // follow from a changed setting
		m.calls.WithLabelValues("token", string(auth.WeChatRefused), errcode)
	}
}

// WatchStore registers metrics of the database's load and of the session cache.
func (m *Metrics) WatchStore(db *store.Store) {
	for name, pool := range db.Pools() {
		m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wxlogin_writes_waiting", Help: "Transactions that wait for SQLite's one writer.",
	}, func() float64 { return float64(db.WritesWaiting()) }))
	for result, count := range map[string]func() int64{
		"hit":  func() int64 { hits, _ := db.SessionCacheStats(); return hits },
		"miss": func() int64 { _, misses := db.SessionCacheStats(); return misses },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "wxlogin_session_cache_total", Help: "Sessions looked up, by whether memory knew them or the database was asked.",
			ConstLabels: prometheus.Labels{"result": result},
		}, func() float64 { return float64(count()) }))
	}
}

// WatchLog registers the number of dropped lines of the log.
func (m *Metrics) WatchLog(dropped func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "wxlogin_log_lines_dropped_total", Help: "Lines of the log that were dropped because nobody read it or it could not be written.",
	}, func() float64 { return float64(dropped()) }))
}

// WatchStreams registers the number of desktops that wait by a stream.
func (m *Metrics) WatchStreams(open func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wxlogin_scan_streams", Help: "Desktops that wait for their phones by a stream.",
	}, func() float64 { return float64(open()) }))
}

// Time limits of a scrape.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute // longer than the usual interval of scrapes
)

// Serve answers /metrics on an address of its own, which visitors do not reach, until ctx
// ends. Without an address it does nothing. It fails if it cannot listen there.
func (m *Metrics) Serve(ctx context.Context, address string, log *slog.Logger) error {
	if address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := m.newServer()
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics server failed", "error", err)
		}
	}()
	log.Info("metrics", "address", fmt.Sprintf("http://%s/metrics", listener.Addr()))
	return nil
}

func (m *Metrics) newServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}
}
