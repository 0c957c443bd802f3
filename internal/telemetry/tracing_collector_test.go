package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"wxlogin/internal/telemetry"
)

// traceServer answers batches of spans as a test has it, and keeps them.
type traceServer struct {
	*httptest.Server
	requests []*http.Request
	spans    int
	answer   func(w http.ResponseWriter, nth int)
}

func newTraceServer(t *testing.T, answer func(w http.ResponseWriter, nth int)) *traceServer {
	t.Helper()
	s := &traceServer{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.take(t, r)
		s.answer(w, len(s.requests))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *traceServer) take(t *testing.T, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	var data trace.TracesData
	if err := proto.Unmarshal(content, &data); err != nil {
		t.Error(err)
	}
	for _, of := range data.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			s.spans += len(scope.GetSpans())
		}
	}
	s.requests = append(s.requests, r)
}

// upload sends one span with these variables.
func upload(t *testing.T, vars map[string]string) error {
	t.Helper()
	client, err := telemetry.NewCollector(vars)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Stop(context.Background())
	return client.UploadTraces(t.Context(), []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{{Name: "GET /"}}}}}})
}

func fine(w http.ResponseWriter, _ int) { w.Header().Set("Content-Type", "application/x-protobuf") }

// Spans go where the variables say, as they say.
func TestSpansAreSentAsAsked(t *testing.T) {
	for name, test := range map[string]struct {
		vars   map[string]string
		path   string
		header http.Header
	}{
		"all signals":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL"}, "/v1/traces", nil},
		"below a path":       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL/otlp/"}, "/otlp/v1/traces", nil},
		"traces, as it is":   {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "URL/take", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "/take", nil},
		"traces, no path":    {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "URL"}, "/", nil},
		"packed":             {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}, "/v1/traces", http.Header{"Content-Encoding": {"gzip"}}},
		"headers":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=%20a%3Db , x-tenant=7"}, "/v1/traces", http.Header{"Api-Key": {"a=b"}, "X-Tenant": {"7"}}},
		"headers of traces":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=2"}, "/v1/traces", http.Header{"A": nil, "B": {"2"}}},
		"with a long budget": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_EXPORTER_OTLP_TIMEOUT": "60000"}, "/v1/traces", http.Header{"Content-Type": {"application/x-protobuf"}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTraceServer(t, fine)
			server.Start()
			for variable, value := range test.vars {
				test.vars[variable] = strings.Replace(value, "URL", server.URL, 1)
			}
			if err := upload(t, test.vars); err != nil || server.spans != 1 {
				t.Fatalf("%d spans have come: %v", server.spans, err)
			}
			got := server.requests[0]
			if got.URL.Path != test.path {
				t.Errorf("sent to %s, want %s", got.URL.Path, test.path)
			}
			for name, want := range test.header {
				if strings.Join(got.Header[name], ",") != strings.Join(want, ",") {
					t.Errorf("%s: %q, want %q", name, got.Header[name], want)
				}
			}
		})
	}
}

// What a busy collector cannot take is sent again, what it refuses is not, and no
// error names the collector's address or repeats what it wrote.
func TestSpansThatAreNotTaken(t *testing.T) {
	status := func(first, later int) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, nth int) {
			w.Header().Set("Retry-After", "0")
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(map[bool]int{true: first, false: later}[nth == 1])
			io.WriteString(w, "hush-hush")
		}
	}
	var partial []byte // rejected_spans: 3, error_message: "hush-hush"
	partial = protowire.AppendTag(partial, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, 3)
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, "hush-hush")
	for name, test := range map[string]struct {
		answer   func(http.ResponseWriter, int)
		requests int
		err      string // empty: taken in the end
	}{
		"busy, then not":    {status(503, 200), 2, ""},
		"overrun, then not": {status(429, 200), 2, ""},
		"busy, then broken": {status(502, 500), 2, "500"},
		"unknown":           {status(404, 200), 1, "404"},
		"a redirect":        {status(307, 200), 1, "307"},
		"rejected": {func(w http.ResponseWriter, _ int) {
			fine(w, 0)
			w.Write(append(protowire.AppendTag(nil, 1, protowire.BytesType), protowire.AppendBytes(nil, partial)...))
		}, 1, "rejected 3 spans"},
		"taken, and not in protobuf": {func(w http.ResponseWriter, _ int) { io.WriteString(w, "thanks") }, 1, ""},
		"busy for longer than a batch is kept": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(503)
		}, 1, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTraceServer(t, test.answer)
			server.Start()
			err := upload(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL})
			if len(server.requests) != test.requests {
				t.Errorf("%d requests, want %d", len(server.requests), test.requests)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), server.URL)) {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := upload(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": gone.URL + "/hush-hush"}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("nobody listens: %v", err)
	}
}

// A collector's certificate is checked, by the operator's own authority if so said.
func TestCollectorOverTLS(t *testing.T) {
	server := newTraceServer(t, fine)
	server.StartTLS()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	var file bytes.Buffer
	if err := pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(authority, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}
	if err := upload(t, vars); err == nil || server.spans != 0 {
		t.Errorf("a stranger got %d spans: %v", server.spans, err)
	}
	vars["OTEL_EXPORTER_OTLP_CERTIFICATE"] = authority
	if err := upload(t, vars); err != nil || server.spans != 1 {
		t.Errorf("%d spans: %v", server.spans, err)
	}
	// The certificate of httptest does not have this name.
	vars["OTEL_EXPORTER_OTLP_ENDPOINT"] = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if err := upload(t, vars); err == nil || server.spans != 1 {
		t.Errorf("another host's certificate is taken: %v", err)
	}
}

// A variable that cannot be used is named, and its value is no guess of ours.
func TestCollectorsVariables(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "-1",
		"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such/file", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": empty, "OTEL_EXPORTER_OTLP_CLIENT_KEY": empty,
	} {
		_, err := telemetry.NewCollector(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", variable: value})
		if err == nil || !strings.HasPrefix(err.Error(), variable+": ") {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}
