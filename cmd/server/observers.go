package main

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
)

// observers are told by the parts what happens. They count it and, where traces
// are wanted, write it to the trace of the request.
type observers struct {
	*metrics
	tracing *tracing
}

// The results of a callback that is handed to a login; others are reasons.
const (
	first = "first" // the one that spends its code
	again = "again" // the same trip once more, or a second code for it
)

func (o observers) request(ctx context.Context, a web.AccessRecord) {
	method := a.Method
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}, method) {
		method = "other" // a client can make up any
	}
	o.requests.WithLabelValues(method, a.Route, strconv.Itoa(a.Status)).Inc()
	if !strings.HasSuffix(a.Route, "/scan/events") { // lasts 20 s by design
		o.times.WithLabelValues(a.Route).Observe(a.Took.Seconds())
	}
	o.tracing.request(ctx, method, a.Route, a.Status)
}

func (o observers) started(scope auth.Scope, inWeChat bool) {
	browser := "other" // sees WeChat's page that says so, and goes no further
	if inWeChat {
		browser = "wechat"
	}
	o.starts.WithLabelValues(string(scope), browser).Inc()
}

func (o observers) arrived(_ context.Context, isFirst bool) {
	result := again
	if isFirst {
		result = first
	}
	o.callbacks.WithLabelValues(result).Inc()
}

func (o observers) refused(reason auth.Reason) {
	o.callbacks.WithLabelValues(string(reason)).Inc()
}

func (o observers) login(ctx context.Context, l auth.Login) {
	if l.Outcome == auth.Failed && l.Step == "" {
		o.callbacks.WithLabelValues(string(l.Reason)).Inc() // not even claimed; its code is good for another try
	}
	o.logins.WithLabelValues(string(l.Scope), string(l.Outcome), string(l.Reason), string(l.Step)).Inc()
	if l.Reason == auth.Snapshot {
		o.snapshots.Inc()
	}
	if l.Scope != auth.ScopeScan { // which is no return from WeChat, and has no length
		o.loginTime.Observe(l.FinishedAt.Sub(l.StartedAt).Seconds())
	}
	o.tracing.login(ctx, l)
}

func (o observers) call(ctx context.Context, endpoint string, reason auth.Reason, errcode int64, took time.Duration) {
	number := strconv.FormatInt(errcode, 10)
	if _, known := wechat.Explain(errcode); errcode != 0 && !known {
		number = "other" // the log has it; a label must not grow with what WeChat, or who plays it, makes up
	}
	o.calls.WithLabelValues(endpoint, string(reason), number).Inc()
	o.callTime.WithLabelValues(endpoint).Observe(took.Seconds())
	o.tracing.call(ctx, endpoint, reason, number, took)
}
