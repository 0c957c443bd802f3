package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"wxlogin/internal/auth"
)

// Tracing makes a span for each request and each call to WeChat and sends the spans to a
// collector. A nil Tracing makes none and costs nothing.
//
// A span holds a route and never an address, a reason and never an error's text, as our
// secrets are in queries. Everything that goes into a span is named in this file.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	parents  []netip.Prefix // whose traceparent is taken
}

// traceFlush bounds how long a process that stops waits for the collector.
const traceFlush = 2 * time.Second

// TracingConfig configures the traces of a process.
type TracingConfig struct {
	Vars    map[string]string // of the process and of .env; those that begin with OTEL_ are used
	Version string            // of the program
	Parents []netip.Prefix    // proxies whose traceparent is taken
	Log     *slog.Logger
}

// StartTracing starts tracing, or returns nil unless the standard variables of OpenTelemetry
// ask for traces; see otelSettings. It fails if a variable has an unusable value.
func StartTracing(ctx context.Context, config TracingConfig) (*Tracing, error) {
	settings, log := otelSettings(config.Vars), config.Log
	if on, err := settings.check(); err != nil || !on {
		return nil, err
	}
	if err := settings.publish(); err != nil {
		return nil, err
	}
	// The library would print unreadable variables to standard error with their values, and
	// the value of a header may be a key.
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("tracing error", "error", anyAddress.ReplaceAllString(err.Error(), "the collector"))
	}))
	client, err := newCollector(settings)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "wxlogin"), attribute.String("service.version", config.Version)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // the operator's names take precedence
	)
	if err != nil {
		return nil, badVariable("OTEL_RESOURCE_ATTRIBUTES", "%v", err)
	}
	// Spans wait in a queue of bounded length; those that do not fit are dropped.
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(described),
		sdktrace.WithBatcher(&exporting{SpanExporter: exporter, log: log}))
	t := &Tracing{provider: provider, tracer: provider.Tracer("wxlogin")}
	if !settings.propagatorsOff() {
		t.parents = config.Parents
	}
	log.Info("trace export started", "to", settings.host())
	return t, nil
}

// Close sends the waiting spans, for at most traceFlush.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), traceFlush)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // spans that cannot be sent are lost
}

// Handler begins the span of a request. It accepts the traceparent of a proxy, but not of a
// client, which could force all of its requests to be recorded or add them to somebody
// else's trace.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if parent := r.Header.Get("traceparent"); parent != "" && t.trusts(r.RemoteAddr) {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent}) // and no tracestate
		}
		ctx, span := t.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
		defer func() {
			span.SetAttributes(attribute.String("wxlogin.request_id", w.Header().Get("X-Request-Id")))
			span.End()
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (t *Tracing) trusts(peer string) bool {
	addr, err := netip.ParseAddrPort(peer)
	return err == nil && slices.ContainsFunc(t.parents, func(p netip.Prefix) bool { return p.Contains(addr.Addr().Unmap()) })
}

// request names the span of a request by its route.
func (t *Tracing) request(ctx context.Context, method, route string, status int) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// login adds the outcome of a login to the span of its callback.
func (t *Tracing) login(ctx context.Context, l auth.Login) {
	if t == nil {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(
		attribute.String("wxlogin.login.scope", string(l.Scope)), attribute.String("wxlogin.login.outcome", string(l.Outcome)),
		attribute.String("wxlogin.login.reason", string(l.Reason)), attribute.String("wxlogin.login.step", string(l.Step)))
}

// call makes the span of a call to WeChat that has ended. WeChat gets no trace headers.
func (t *Tracing) call(ctx context.Context, endpoint string, reason auth.Reason, errcode string, took time.Duration) {
	if t == nil {
		return
	}
	ended := time.Now()
	_, span := t.tracer.Start(ctx, "wechat "+endpoint, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(ended.Add(-took)),
		trace.WithAttributes(attribute.String("wxlogin.wechat.endpoint", endpoint), attribute.String("wxlogin.wechat.errcode", errcode)))
	if reason != "" {
		span.SetAttributes(attribute.String("error.type", string(reason)))
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(ended))
}

// Logs returns a log that adds the trace to each line.
func (t *Tracing) Logs(l Logs) Logs {
	if t != nil {
		l.Logger, l.Access = slog.New(tracedLines{l.Handler()}), nil
	}
	return l
}

type tracedLines struct{ slog.Handler }

func (h tracedLines) Handle(ctx context.Context, line slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		line.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, line)
}

func (h tracedLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedLines{h.Handler.WithAttrs(attrs)}
}

func (h tracedLines) WithGroup(name string) slog.Handler {
	return tracedLines{h.Handler.WithGroup(name)}
}

// anyAddress matches addresses in an error's text. The collector's may contain a key.
var anyAddress = regexp.MustCompile(`https?://[^\s"]+`)

// exporting sends spans. It logs once when export begins to fail and once when it works
// again.
type exporting struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

func (e *exporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err == nil && e.failed.Swap(false):
		e.log.Info("trace export recovered")
	case err != nil && !e.failed.Swap(true):
		e.log.Warn("trace export failed; spans are dropped until it recovers",
			"error", anyAddress.ReplaceAllString(err.Error(), "the collector"))
	}
	return nil // reported above
}
