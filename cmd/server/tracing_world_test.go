package main_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// traceCollector takes spans over OTLP/HTTP and keeps every byte.
type traceCollector struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	bytes bytes.Buffer // of bodies, unpacked, and of headers
	spans []*trace.Span
	attrs []string // of the resources
}

func newTraceCollector(t *testing.T) *traceCollector {
	t.Helper()
	c := &traceCollector{t: t}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *traceCollector) take(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body = must(gzip.NewReader(r.Body))
	}
	content := must(io.ReadAll(body))
	var request trace.TracesData // as ExportTraceServiceRequest on the wire; the package of that one needs gRPC
	if err := proto.Unmarshal(content, &request); err != nil || len(request.ProtoReflect().GetUnknown()) > 0 || r.URL.Path != "/v1/traces" {
		c.t.Errorf("%s with what is no spans: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes.Write(content)
	r.Header.Write(&c.bytes)
	c.bytes.WriteString(prototext.Format(&request)) // and as text, whatever the encoding
	for _, of := range request.GetResourceSpans() {
		for _, attribute := range of.GetResource().GetAttributes() {
			c.attrs = append(c.attrs, attribute.GetKey()+"="+attribute.GetValue().GetStringValue())
		}
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// named are the spans of this name so far.
func (c *traceCollector) named(name string) []*trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*trace.Span
	for _, span := range c.spans {
		if span.GetName() == name {
			found = append(found, span)
		}
	}
	return found
}

func (c *traceCollector) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, span := range c.spans {
		names = append(names, span.GetName())
	}
	slices.Sort(names)
	return names
}

// attribute is the value of an attribute, as text.
func attribute(span *trace.Span, key string) string {
	for _, a := range span.GetAttributes() {
		if a.GetKey() == key {
			return strings.Trim(strings.TrimPrefix(strings.TrimPrefix(prototext.MarshalOptions{}.Format(a.GetValue()), "string_value:"), "int_value:"), `"`)
		}
	}
	return ""
}
