package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"wxlogin/internal/settings"
	"wxlogin/internal/telemetry"
)

// Doctor runs `server doctor` in this process, with these variables and no
// others. It returns what was printed and the exit code.
func Doctor(ctx context.Context, vars map[string]string, args ...string) (printed string, code int) {
	var environ []string
	for name, value := range vars {
		environ = append(environ, name+"="+value)
	}
	var out bytes.Buffer
	code = run(ctx, append([]string{"doctor"}, args...), environ, &out, &out)
	return out.String(), code
}

// ServeOn runs the service on a listener until ctx ends.
func ServeOn(ctx context.Context, listener net.Listener, vars map[string]string) error {
	var c serveCommand
	parser, err := kong.New(&c, kong.Resolvers(settings.Resolver(vars)))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(nil); err != nil {
		return err
	}
	c.TakeSecrets(vars)
	config, err := c.Parse()
	if err != nil {
		return err
	}
	return serve(ctx, service{settings: &c.Settings, config: config, listener: listener, logs: telemetry.Logs{Logger: slog.New(slog.DiscardHandler)}})
}

func printed(findings ...finding) string {
	var out bytes.Buffer
	d := doctor{secrets: strings.NewReplacer()}
	for _, f := range findings {
		d.print(&out, f)
	}
	return out.String()
}

// DiskLine is what doctor says of a file system.
func DiskLine(free uint64, network string) string {
	return printed(judgeDisk("/data", disk{free: free, network: network})...)
}

// CertificateLine is what doctor says of a certificate.
func CertificateLine(ends, now time.Time) string {
	return printed(judgeCertificate(&x509.Certificate{NotAfter: ends}, now))
}

// Diagnosis is what doctor says of a failed request.
func Diagnosis(err error) string { return diagnose(err).text }
