package telemetry

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxlogin/internal/auth"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
)

// Observers take the reports of the parts. They count each report and, if tracing is on,
// add it to the trace of the request.
type Observers struct {
	Metrics *Metrics
	Tracing *Tracing // nil: no traces
}

// The results of a callback that is handed to a login; all other results are reasons.
const (
	first = "first" // the one that spends its code
	again = "again" // the same trip once more, or a second code for it
)

// Request takes the access record of a request.
func (o Observers) Request(ctx context.Context, record web.AccessRecord) {
	method := record.Method
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}, method) {
		method = "other" // clients can make up methods
	}
	metrics := o.Metrics.metricsOf(requestLabels{method, record.Route, record.Status})
	metrics.count.Inc()
	if metrics.times != nil {
		metrics.times.Observe(record.Took.Seconds())
	}
	o.Tracing.request(ctx, method, record.Route, record.Status)
}

// requestLabels are what requests are counted by. There are few: routes are patterns.
type requestLabels struct {
	method, route string
	status        int
}

// requestMetrics are the metrics of the requests with the same labels.
type requestMetrics struct {
	count prometheus.Counter
	times prometheus.Observer // nil: not measured
}

// metricsOf caches the metrics of each set of labels: the library checks and hashes all
// labels each time, which every request would pay for. Reading the cache takes no lock.
func (m *Metrics) metricsOf(labels requestLabels) requestMetrics {
	cached, ok := (*m.byLabels.Load())[labels]
	if ok {
		return cached
	}
	cached.count = m.requests.WithLabelValues(labels.method, labels.route, strconv.Itoa(labels.status))
	if !strings.HasSuffix(labels.route, "/scan/events") { // lasts 20 s by design
		cached.times = m.times.WithLabelValues(labels.route)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	more := map[requestLabels]requestMetrics{labels: cached}
	maps.Copy(more, *m.byLabels.Load())
	m.byLabels.Store(&more)
	return cached
}

// Started reports a trip to WeChat that begins, and whether the browser is WeChat's.
func (o Observers) Started(scope auth.Scope, inWeChat bool) {
	browser := "other" // gets no further than WeChat's page that asks for WeChat
	if inWeChat {
		browser = "wechat"
	}
	o.Metrics.starts.WithLabelValues(string(scope), browser).Inc()
}

// Arrived reports a callback that is handed to a login, and whether it is the first of its
// trip.
func (o Observers) Arrived(_ context.Context, isFirst bool) {
	result := again
	if isFirst {
		result = first
	}
	o.Metrics.callbacks.WithLabelValues(result).Inc()
}

// Refused reports a callback that is refused with its code unread.
func (o Observers) Refused(reason auth.Reason) {
	o.Metrics.callbacks.WithLabelValues(string(reason)).Inc()
}

// Application reports a request of an application and its result.
func (o Observers) Application(application, step, result string) {
	if application == "" {
		application = "unknown"
	}
	o.Metrics.oidc.WithLabelValues(application, step, result).Inc()
}

// Login reports a login that has ended.
func (o Observers) Login(ctx context.Context, l auth.Login) {
	if l.Outcome == auth.Failed && l.Step == "" {
		o.Metrics.callbacks.WithLabelValues(string(l.Reason)).Inc() // failed before the claim: its code can be tried again
	}
	o.Metrics.logins.WithLabelValues(string(l.Scope), string(l.Outcome), string(l.Reason), string(l.Step)).Inc()
	if l.Reason == auth.Snapshot {
		o.Metrics.snapshots.Inc()
	}
	if l.Scope != auth.ScopeScan { // a scan login does not return from WeChat and has no duration
		o.Metrics.loginTime.Observe(l.FinishedAt.Sub(l.StartedAt).Seconds())
	}
	o.Tracing.login(ctx, l)
}

// Call reports a call to WeChat: reason is why it failed, empty if it did not, and errcode
// WeChat's own number.
func (o Observers) Call(ctx context.Context, endpoint string, reason auth.Reason, errcode int64, took time.Duration) {
	number := strconv.FormatInt(errcode, 10)
	if _, known := wechat.Explain(errcode); errcode != 0 && !known {
		number = "other" // the log has the number; labels must not grow with whatever the other side makes up
	}
	o.Metrics.calls.WithLabelValues(endpoint, string(reason), number).Inc()
	o.Metrics.callTime.WithLabelValues(endpoint).Observe(took.Seconds())
	o.Tracing.call(ctx, endpoint, reason, number, took)
}
