package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
)

type keygenCommand struct{}

func (*keygenCommand) Run(env *environment) error {
	fmt.Fprintln(env.stdout, auth.NewKey())
	return nil
}

type backupCommand struct {
	settings.Settings
	File string `arg:"" help:"New file to write; one that exists is not overwritten."`
}

func (c *backupCommand) Run(ctx context.Context, env *environment) error {
	if !strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		return settings.Errorf("database-url", "is not of the form sqlite:PATH; for PostgreSQL use pg_dump, or what your provider has")
	}
	// Opening makes a database that is not there, and the copy of that would be
	// found to be empty on the day it is needed.
	if path, ok := strings.CutPrefix(c.DatabaseURL, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return settings.Errorf("database-url", "%v", err)
		}
	}
	db, _, err := openStore(ctx, &c.Settings, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Backup(ctx, c.File); err != nil {
		return err
	}
	env.answer("%s is a checked copy of the database. Keep the keys with it: without them the stored tokens do not open.\n", c.File)
	return nil
}

type healthcheckCommand struct{ settings.Settings }

func (c *healthcheckCommand) Run(ctx context.Context, env *environment) error {
	public, err := c.ParsePublicURL()
	if err != nil {
		return err
	}
	door, err := localAddress(c.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	address := door + strings.TrimRight(public.Path, "/") + "/readyz"
	// Asked at its own door, whatever proxy the variables name.
	r, err := ask(ctx, address, nil)
	if err != nil {
		return fmt.Errorf("not ready: %s: %s", address, diagnose(err).text)
	}
	if r.status != http.StatusOK {
		return fmt.Errorf("not ready: %d %s %s", r.status, http.StatusText(r.status), strings.TrimSpace(string(r.body)))
	}
	env.answer("ready\n")
	return nil
}

// localAddress is where the service listens, as somebody on this machine calls
// it.
func localAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", settings.Errorf("addr", "%q is not host:port", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

type versionCommand struct{}

func (*versionCommand) Run(env *environment) error {
	fmt.Fprintf(env.stdout, "wxlogin %s %s\n", version(), runtime.Version())
	return nil
}

// version is the module's version and the commit that was built, as the Go
// tool wrote them into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			text += " commit " + setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				text += " modified"
			}
		}
	}
	return text
}
