package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"

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
