package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// collector sends spans over OTLP/HTTP with protobuf
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp). OpenTelemetry's own client,
// otlptracehttp, links gRPC without using it: 98 packages with its dependencies
// (https://github.com/open-telemetry/opentelemetry-go/issues/2579). When that is fixed,
// this file can go.
type collector struct {
	address string
	headers http.Header
	gzip    bool
	client  *http.Client
}

// Retries of a batch that the collector cannot take now. The figures are otlptracehttp's;
// the specification leaves them open.
const (
	firstPause   = 5 * time.Second
	longestPause = 30 * time.Second
	giveUpAfter  = time.Minute
)

const maxCollectorReply = 64 << 10

// newCollector makes a collector from the variables of OTLP.
func newCollector(s otelSettings) (*collector, error) {
	c := &collector{address: s.address(), headers: http.Header{"Content-Type": {"application/x-protobuf"}}}
	_, headers := s.of("HEADERS")
	for header := range strings.SplitSeq(headers, ",") {
		if name, value, ok := strings.Cut(header, "="); ok {
			value, _ := url.PathUnescape(value) // check has validated it
			c.headers.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	switch variable, compression := s.of("COMPRESSION"); compression {
	case "", "none":
	case "gzip":
		c.gzip = true
		c.headers.Set("Content-Encoding", "gzip")
	default:
		return nil, badVariable(variable, "%q is neither gzip nor none", compression)
	}
	timeout := 10 * time.Second // the specification's
	if variable, text := s.of("TIMEOUT"); text != "" {
		ms, err := strconv.ParseUint(text, 10, 31)
		if err != nil || ms == 0 {
			return nil, badVariable(variable, "%q is not a number of milliseconds", text)
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	var err error
	if transport.TLSClientConfig, err = s.tls(); err != nil {
		return nil, err
	}
	c.client = &http.Client{
		Transport: transport, Timeout: timeout,
		// The headers, of which one may be a key, would go to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// address returns where spans are sent: the endpoint for traces as it is, or the endpoint
// for all signals with the path of traces appended.
func (s otelSettings) address() string {
	variable, endpoint := s.of("ENDPOINT")
	if endpoint == "" {
		endpoint = "http://localhost:4318" // the specification's
	}
	if strings.Contains(variable, "_TRACES_") {
		return endpoint
	}
	address, err := url.JoinPath(endpoint, "v1", "traces")
	if err != nil {
		return endpoint // check has validated it
	}
	return address
}

// tls reads the certificates that the variables name; nil if they name none.
func (s otelSettings) tls() (*tls.Config, error) {
	read := func(name string) (variable string, content []byte, err error) {
		variable, file := s.of(name)
		if file == "" {
			return variable, nil, nil
		}
		content, err = os.ReadFile(file)
		if err != nil {
			err = badVariable(variable, "%v", err)
		}
		return variable, content, err
	}
	variable, authorities, err1 := read("CERTIFICATE")
	_, certificate, err2 := read("CLIENT_CERTIFICATE")
	pairVariable, key, err3 := read("CLIENT_KEY")
	if err := errors.Join(err1, err2, err3); err != nil || authorities == nil && certificate == nil && key == nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, badVariable(variable, "the file holds no certificate")
		}
	}
	if certificate != nil || key != nil {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, badVariable(pairVariable, "the key and the client certificate are no pair of PEM files")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It retries while the collector says that it
// cannot take the batch now.
func (c *collector) UploadTraces(ctx context.Context, spans []*trace.ResourceSpans) error {
	// On the wire this message is the same as ExportTraceServiceRequest, whose package
	// imports gRPC.
	body, err := proto.Marshal(&trace.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	if c.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(body) // writing to memory does not fail
		w.Close()
		body = packed.Bytes()
	}
	ctx, cancel := context.WithTimeout(ctx, giveUpAfter)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := c.send(ctx, body)
		busy, ok := errors.AsType[busyError](err)
		if !ok {
			return err
		}
		wait := pause/2 + rand.N(pause)
		if busy.after >= 0 {
			wait = busy.after
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// busyError is an answer of the collector that asks for a retry.
type busyError struct {
	status string
	after  time.Duration // negative: the collector does not say
}

func (e busyError) Error() string { return "the collector answers " + e.status }

// send sends a batch once. Its errors contain neither the address nor the collector's text.
func (c *collector) send(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address of the collector cannot be used")
	}
	req.Header = c.headers.Clone()
	res, err := c.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxCollectorReply))
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return busyError{res.Status, retryAfter(res.Header.Get("Retry-After"))}
	}
	if res.StatusCode/100 != 2 {
		return errors.New("the collector answers " + res.Status)
	}
	if n := rejected(reply); err == nil && n > 0 && res.Header.Get("Content-Type") == "application/x-protobuf" {
		return fmt.Errorf("the collector rejected %d spans", n)
	}
	return err
}

// retryAfter returns how long a Retry-After header asks to wait; negative if it does not.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return -1
}

// rejected reads ExportTraceServiceResponse.partial_success.rejected_spans, which
// are field 1 of field 1.
func rejected(reply []byte) int64 {
	partial, _ := protoField(reply, protowire.BytesType)
	_, n := protoField(partial, protowire.VarintType)
	return int64(n)
}

// protoField returns field 1 of a message, if it has this type.
func protoField(message []byte, want protowire.Type) (content []byte, number uint64) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, 0
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(field, kind, message)
		if size < 0 {
			return nil, 0
		}
		if field == 1 && kind == want {
			if kind == protowire.BytesType {
				content, _ = protowire.ConsumeBytes(message)
			} else {
				number, _ = protowire.ConsumeVarint(message)
			}
			return content, number
		}
		message = message[size:]
	}
	return nil, 0
}
