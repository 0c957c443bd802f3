package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

type keygenCommand struct{}

func (*keygenCommand) Run(env *environment) error {
	fmt.Fprintln(env.stdout, auth.NewKey())
	return nil
}

type backupCommand struct {
	settings
	File string `arg:"" help:"New file to write; one that exists is not overwritten."`
}

func (c *backupCommand) Run(ctx context.Context, env *environment) error {
	db, err := c.openStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Backup(ctx, c.File); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%s is a checked copy of the database. Keep the keys with it: without them the stored tokens do not open.\n", c.File)
	return nil
}

type healthcheckCommand struct{ settings }

func (c *healthcheckCommand) Run(ctx context.Context, env *environment) error {
	public, err := c.parsePublicURL()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return wrong("addr", "%q is not host:port", c.Addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	address := "http://" + net.JoinHostPort(host, port) + strings.TrimRight(public.Path, "/") + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// Asked at its own door, whatever proxy the variables name.
	client := http.Client{Transport: &http.Transport{Proxy: nil}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1024)) // as much as can be had
		return fmt.Errorf("not ready: %s %s", res.Status, strings.TrimSpace(string(body)))
	}
	fmt.Fprintln(env.stdout, "ready")
	return nil
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
