package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"wxlogin/internal/auth"
	"wxlogin/internal/doctor"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
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
	path, ok := strings.CutPrefix(c.DatabaseURL, "sqlite:")
	if !ok {
		return settings.Errorf("database-url", "is not of the form sqlite:PATH; for PostgreSQL use pg_dump, or what your provider has")
	}
	if _, err := os.Stat(path); err != nil {
		return settings.Errorf("database-url", "%v", err)
	}
	if err := store.Backup(ctx, c.DatabaseURL, c.File); err != nil {
		return err
	}
	env.answer("%s is a checked copy of the database. Keep the keys with it: without them the stored tokens do not open.\n", c.File)
	return nil
}

type healthcheckCommand struct{ settings.Settings }

func (c *healthcheckCommand) Run(ctx context.Context, env *environment) error {
	if err := doctor.Ready(ctx, &c.Settings); err != nil {
		return err
	}
	env.answer("ready\n")
	return nil
}

type versionCommand struct{}

func (*versionCommand) Run(env *environment) error {
	fmt.Fprintf(env.stdout, "wxlogin %s %s\n", version(), runtime.Version())
	return nil
}

// version is the module's version and the commit, as the Go tool recorded them in the
// binary.
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
