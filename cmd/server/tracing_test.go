package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"wxlogin/internal/wechat/wechatsim"
)

// overheard gathers what passes between the service and WeChat and must never be
// in a trace.
type overheard struct {
	mu     sync.Mutex
	values map[string]string // what each is
}

func (o *overheard) add(what, value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(value) > 8 {
		o.values[value] = what
	}
}

var secretsInAnswer = regexp.MustCompile(`"((?:access|refresh)_token|openid|unionid|nickname)":"([^"]+)"`)

func (o *overheard) between(wechat http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.URL.Query() {
			if slices.Contains([]string{"secret", "code", "state", "access_token", "refresh_token", "openid"}, name) {
				o.add(name, values[0])
			}
		}
		if r.Header.Get("traceparent") != "" {
			http.Error(w, "WeChat is told of our traces", http.StatusTeapot)
			return
		}
		answer := httptest.NewRecorder()
		wechat.ServeHTTP(answer, r)
		for _, found := range secretsInAnswer.FindAllStringSubmatch(answer.Body.String(), -1) {
			o.add(found[1], found[2])
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// A login's trace tells how it went, step by step, and holds nothing that is
// anybody's: not in a name, not in an attribute, not in an error.
func TestTraces(t *testing.T) {
	spans := newTraceCollector(t)
	heard := &overheard{values: make(map[string]string)}
	sim := wechatsim.New(wechatsim.Config{})
	wechat := httptest.NewServer(heard.between(sim))
	defer wechat.Close()
	service, address := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+spans.URL, "OTEL_EXPORTER_OTLP_HEADERS=api-key=%20of%20the%20collector",
		"OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test")

	lin := newPhone(t, address, wechat.URL, "lin")
	lin.signsIn(publicURL)
	lin.ask(http.MethodGet, publicURL+"/api/me?probe=SoSecretAQuery", nil)
	for _, cookie := range lin.Jar.Cookies(must(url.Parse(publicURL))) {
		heard.add("cookie "+cookie.Name, cookie.Value)
	}
	heard.add("a query", "SoSecretAQuery")
	heard.add("a path", "SoSecretAPath")
	lin.ask(http.MethodGet, publicURL+"/SoSecretAPath", nil)
	failing := newPhone(t, address, wechat.URL, "wang")
	for _, fault := range []wechatsim.Fault{{Errcode: 40125}, {CutBefore: true}, {Status: 500}} {
		sim.Plan(wechatsim.Token, fault)
		failing.follow(publicURL+"/login?return_to=/", "")
	}
	service.terminate()
	service.wantExit(0) // with all that was waiting sent

	find := func(name, key, value string) *trace.Span {
		t.Helper()
		for _, span := range spans.named(name) {
			if attribute(span, key) == value {
				return span
			}
		}
		t.Fatalf("no span %q with %s=%q; there are %q", name, key, value, spans.names())
		return nil
	}
	callback := find("GET /callback", "wxlogin.login.outcome", "signed_in")
	if callback.GetKind() != trace.Span_SPAN_KIND_SERVER || attribute(callback, "http.response.status_code") != "303" || attribute(callback, "wxlogin.login.scope") != "snsapi_userinfo" {
		t.Errorf("the callback: %v", callback)
	}
	children := 0
	for _, name := range []string{"wechat token", "wechat userinfo"} {
		for _, call := range spans.named(name) {
			if bytes.Equal(call.GetParentSpanId(), callback.GetSpanId()) && bytes.Equal(call.GetTraceId(), callback.GetTraceId()) &&
				call.GetKind() == trace.Span_SPAN_KIND_CLIENT && call.GetStartTimeUnixNano() >= callback.GetStartTimeUnixNano() {
				children++
			}
		}
	}
	if children != 2 {
		t.Errorf("%d calls to WeChat belong to the callback, want 2", children)
	}
	find("GET /login", "http.response.status_code", "302")
	find("GET /api/me", "http.response.status_code", "200")
	find("GET none", "http.response.status_code", "404")
	find("wechat token", "wxlogin.wechat.errcode", "40125")
	refused := find("GET /callback", "wxlogin.login.reason", "wechat_refused")
	if refused.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR || attribute(refused, "wxlogin.login.step") != "code" {
		t.Errorf("the failed callback: %v", refused)
	}
	for _, want := range []string{"service.name=wxlogin", "deployment.environment.name=test"} {
		if !slices.Contains(spans.attrs, want) {
			t.Errorf("the resource has %q, and not %s", spans.attrs, want)
		}
	}
	if log := service.stderr.text(); !strings.Contains(log, hex.EncodeToString(callback.GetTraceId())) || !strings.Contains(log, attribute(callback, "wxlogin.request_id")) {
		t.Error("the log does not name the trace, or the trace not the request")
	}
	if len(heard.values) < 12 {
		t.Fatalf("only %d secrets were overheard: %v", len(heard.values), heard.values)
	}
	for value, what := range heard.values {
		for form, text := range map[string]string{"as it is": value, "in hex": hex.EncodeToString([]byte(value)),
			"in base64": base64.StdEncoding.EncodeToString([]byte(value)), "quoted": url.QueryEscape(value)} {
			if bytes.Contains(spans.bytes.Bytes(), []byte(text)) {
				t.Errorf("the traces hold the %s %s", what, form)
			}
		}
	}
	for _, address := range []string{wechat.URL, "/sns/", "callback?", "login?"} {
		if bytes.Contains(spans.bytes.Bytes(), []byte(address)) {
			t.Errorf("the traces hold an address: %q", address)
		}
	}
	if log := service.stderr.text(); strings.Contains(log, "of the collector") || strings.Contains(log, "of%20the") {
		t.Error("the log holds the collector's key")
	}
}

// The variables may stand in the file .env, as the settings may.
func TestTracesByEnvFile(t *testing.T) {
	spans := newTraceCollector(t)
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, ".env"), "OTEL_EXPORTER_OTLP_ENDPOINT="+spans.URL+"\nOTEL_SERVICE_NAME=shop-login\n")
	service := startIn(t, folder, nil, "demo", "--empty", "--addr", "127.0.0.1:0", "--simulator-addr", "127.0.0.1:0", "--app-addr", "127.0.0.1:0", "--log-format", "json")
	var ready struct{ Address string }
	if err := json.Unmarshal([]byte(service.stderr.wait(t, `"msg":"wxlogin is ready"`)), &ready); err != nil {
		t.Fatal(err)
	}
	newPhone(t, ready.Address, "", "").ask(http.MethodGet, publicURL+"/healthz", nil)
	service.terminate()
	service.wantExit(0)
	if len(spans.named("GET /healthz")) != 1 || !slices.Contains(spans.attrs, "service.name=shop-login") {
		t.Errorf("spans %q of %q", spans.names(), spans.attrs)
	}
}

// A client's traceparent neither has its requests recorded nor joins a trace; that
// of a trusted proxy does.
func TestTraceparent(t *testing.T) {
	const traceID, parent = "0af7651916cd43dd8448eb211c80319c", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		variables []string
		joined    bool
		recorded  bool
	}{
		"client":                           {nil, false, true},
		"client of a service that samples": {[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, false, false},
		"proxy":                            {[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0", "WXLOGIN_TRUSTED_PROXIES=127.0.0.1/32"}, true, true},
		"proxy that passes everything on":  {[]string{"OTEL_PROPAGATORS=none", "WXLOGIN_TRUSTED_PROXIES=127.0.0.1/32"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := newTraceCollector(t)
			sim := wechatsim.New(wechatsim.Config{})
			wechat := httptest.NewServer(sim)
			defer wechat.Close()
			service, address := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"),
				append(test.variables, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+spans.URL+"/v1/traces")...)
			req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, publicURL+"/healthz", nil))
			req.Header.Set("traceparent", parent)
			req.Header.Set("tracestate", "client=hello")
			res, err := newPhone(t, address, "", "").Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			service.terminate()
			service.wantExit(0)
			got := spans.named("GET /healthz")
			if (len(got) == 1) != test.recorded {
				t.Fatalf("%d spans, want recorded: %v", len(got), test.recorded)
			}
			for _, span := range got {
				if joined := hex.EncodeToString(span.GetTraceId()) == traceID; joined != test.joined || span.GetTraceState() != "" {
					t.Errorf("joined: %v, want %v; state %q", joined, test.joined, span.GetTraceState())
				}
			}
		})
	}
}

// A collector that is gone, or never answers, costs a visit nothing, a stop little,
// and the log one line.
func TestTracesThatNobodyTakes(t *testing.T) {
	silent := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	t.Cleanup(func() {
		close(silent)
		hanging.Close()
	})
	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	for name, endpoint := range map[string]string{"gone": "http://127.0.0.1:1", "hanging": hanging.URL, "refusing": refusing.URL + "/hush-hush"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := wechatsim.New(wechatsim.Config{})
			wechat := httptest.NewServer(sim)
			defer wechat.Close()
			service, address := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"),
				"OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_BSP_EXPORT_TIMEOUT=200", "OTEL_BSP_MAX_QUEUE_SIZE=16", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4")
			lin := newPhone(t, address, wechat.URL, "lin")
			lin.signsIn(publicURL)
			for range 100 { // more than the queue holds
				began := time.Now()
				if got := lin.ask(http.MethodGet, publicURL+"/", nil); got.status != http.StatusOK || time.Since(began) > 5*time.Second {
					t.Fatalf("a visit gets %d after %v", got.status, time.Since(began))
				}
			}
			service.stderr.wait(t, `"msg":"trace export failed`)
			began := time.Now()
			service.terminate()
			service.wantExit(0)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the stop took %v", took)
			}
			log := service.stderr.text()
			if n := strings.Count(log, `"msg":"trace export failed`); n != 1 {
				t.Errorf("%d lines say so", n)
			}
			if strings.Contains(log, "hush-hush") {
				t.Error("the log holds the collector's path")
			}
		})
	}
}
