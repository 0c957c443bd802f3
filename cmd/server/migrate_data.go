package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"wxlogin/internal/settings"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

type migrateDataCommand struct {
	settings.Settings
	From string `name:"from" required:"" placeholder:"sqlite:PATH" help:"Database of the service, which has been stopped."`
}

// Help is the text of --help below the list of flags.
func (*migrateDataCommand) Help() string {
	return "The target is WXLOGIN_DATABASE_URL. The source is only read. One that was interrupted is run again and goes on where it ended."
}

// Run copies the database of a SQLite file into PostgreSQL.
func (c *migrateDataCommand) Run(ctx context.Context, env *environment) error {
	path, ok := strings.CutPrefix(c.From, "sqlite:")
	if !ok || path == "" {
		return fmt.Errorf("--from: %q is not of the form sqlite:PATH", c.From)
	}
	if err := c.CheckDatabaseURL(); err != nil {
		return err
	}
	if strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		return settings.Errorf("database-url", "is the target, and has to be of the form postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	// The keys of the source, which may be in a file beside it. A missing file is not made:
	// new keys would open nothing.
	from := c.Settings
	from.DatabaseURL = c.From
	beside, _ := from.KeyFile()
	keys, err := from.Keyring()
	if err == nil && keys == nil {
		err = settings.Errorf("keys", "is required: the keys that this database was written with")
	}
	if err != nil {
		return err
	}
	log, err := env.logs("text", "warn")
	if err != nil {
		return err
	}
	defer log.Flush()
	target, err := store.Open(ctx, store.Config{URL: c.DatabaseURL, Keys: keys, Migrations: migrations.FS, Now: time.Now, Logger: log.Logger})
	if err != nil {
		return err
	}
	defer target.Close()
	began := time.Now()
	sealed, err := target.MoveFrom(ctx, path, func(m store.Moved) {
		env.answer("%-12s %8d rows, %8d new, checksum %s\n", m.Table, m.Rows, m.Added, m.Checksum)
		if m.Repaired > 0 {
			env.remark("%s: %d texts held bytes that are no text; these were replaced\n", m.Table, m.Repaired)
		}
	})
	if err != nil {
		return err
	}
	took := time.Since(began).Round(time.Millisecond)
	if sealed.Foreign > 0 {
		env.answer("All is there, checked row by row, in %v. The keys open %d stored tokens and not %d others.\n", took, sealed.Opened, sealed.Foreign)
	} else {
		env.answer("All is there, checked row by row, in %v. The keys open %d stored tokens.\n", took, sealed.Opened)
	}
	if c.Keys == "" {
		env.answer("Set WXLOGIN_KEYS to what is in %s before you start the service: with PostgreSQL it is required.\n", beside)
	}
	return nil
}
