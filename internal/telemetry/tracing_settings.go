package telemetry

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// otelSettings are the variables of OpenTelemetry's specification. They have no flags and
// no WXLOGIN_ form: operators who run a collector set them for all their services, and the
// library reads them by itself.
type otelSettings map[string]string

const otelPrefix = "OTEL_"

// of returns the variable for traces, or else the one for all signals.
func (s otelSettings) of(name string) (variable, value string) {
	variable = "OTEL_EXPORTER_OTLP_TRACES_" + name
	if s[variable] == "" {
		variable = "OTEL_EXPORTER_OTLP_" + name
	}
	return variable, s[variable]
}

// check reports whether traces are asked for. A value that the library would ignore, or
// print, is an error.
func (s otelSettings) check() (on bool, err error) {
	variable, endpoint := s.of("ENDPOINT")
	exporter := cmp.Or(s["OTEL_TRACES_EXPORTER"], "otlp")
	if endpoint == "" && s["OTEL_TRACES_EXPORTER"] == "" || exporter == "none" || strings.EqualFold(s["OTEL_SDK_DISABLED"], "true") {
		return false, nil
	}
	if exporter != "otlp" {
		return false, badVariable("OTEL_TRACES_EXPORTER", "%q is neither otlp nor none", exporter)
	}
	if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return false, badVariable(variable, "is not an address like http://127.0.0.1:4318")
	}
	if variable, protocol := s.of("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return false, badVariable(variable, "%q is not spoken here, only http/protobuf is, at port 4318 of most collectors; or set OTEL_TRACES_EXPORTER=none", protocol)
	}
	if variable, headers := s.of("HEADERS"); headers != "" {
		for header := range strings.SplitSeq(headers, ",") {
			name, value, ok := strings.Cut(header, "=")
			if _, err := url.PathUnescape(value); !ok || err != nil || strings.TrimSpace(name) == "" {
				return false, badVariable(variable, "is not of the form name=value,name=value with percent-encoded values")
			}
		}
	}
	return true, s.checkSampler()
}

func (s otelSettings) checkSampler() error {
	sampler := strings.ToLower(strings.TrimSpace(s["OTEL_TRACES_SAMPLER"]))
	known := []string{"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	if !slices.Contains(known, sampler) {
		return badVariable("OTEL_TRACES_SAMPLER", "%q is not one of %s", sampler, strings.Join(known[1:], ", "))
	}
	if arg := strings.TrimSpace(s["OTEL_TRACES_SAMPLER_ARG"]); arg != "" && strings.HasSuffix(sampler, "ratio") {
		if ratio, err := strconv.ParseFloat(arg, 64); err != nil || ratio < 0 || ratio > 1 {
			return badVariable("OTEL_TRACES_SAMPLER_ARG", "%q is no share between 0 and 1", arg)
		}
	}
	return nil
}

// publish sets the variables from .env in the process, where the library reads them.
func (s otelSettings) publish() error {
	for name, value := range s {
		if _, set := os.LookupEnv(name); !set && strings.HasPrefix(name, otelPrefix) {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// propagatorsOff reports whether no traceparent is to be accepted.
func (s otelSettings) propagatorsOff() bool {
	for item := range strings.SplitSeq(s["OTEL_PROPAGATORS"], ",") {
		if strings.TrimSpace(item) == "none" {
			return true
		}
	}
	return false
}

// host returns the host to which traces go, for the log: the rest of the address may
// contain a key.
func (s otelSettings) host() string {
	_, endpoint := s.of("ENDPOINT")
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return "localhost:4318" // the specification's
}

func badVariable(variable, format string, args ...any) error {
	return fmt.Errorf("%s: %s", variable, fmt.Sprintf(format, args...))
}
