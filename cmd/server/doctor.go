package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

type doctorCommand struct{ settings }

// finding is what a check has to say. An empty advice is good news.
type finding struct {
	subject string
	text    string
	advice  string
}

func (c *doctorCommand) Run(ctx context.Context, env *environment) error {
	failed := 0
	show := func(f finding) {
		if f.advice == "" {
			fmt.Fprintf(env.stdout, "ok    %-10s %s\n", f.subject, f.text)
			return
		}
		failed++
		fmt.Fprintf(env.stdout, "FAIL  %-10s %s\n      → %s\n", f.subject, f.text, f.advice)
	}
	for _, check := range []func(context.Context, *settings) finding{checkSettings, checkKeys, checkDatabase} {
		show(check(ctx, &c.settings))
	}
	if failed > 0 {
		return fmt.Errorf("%d of the checks failed", failed)
	}
	return nil
}

func checkSettings(_ context.Context, s *settings) finding {
	if _, err := s.parse(); err != nil {
		return finding{"settings", err.Error(), "correct the settings named above; `server serve --help` lists them all"}
	}
	return finding{"settings", "complete and well-formed", ""}
}

func checkKeys(_ context.Context, s *settings) finding {
	keys, err := s.keyring()
	if err != nil {
		return finding{"keys", err.Error(), "`server keygen` prints a key for WXLOGIN_KEYS; without the old keys people sign in once more, and nothing else is lost"}
	}
	return finding{"keys", fmt.Sprintf("%d, new cookies and tokens use %s", len(keys), keys[0].ID), ""}
}

func checkDatabase(ctx context.Context, s *settings) finding {
	keys, err := s.keyring()
	if err != nil {
		return finding{"database", "not looked at without keys", "set the keys first"}
	}
	db, err := openStore(ctx, s.DatabaseURL, keys, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return finding{"database", err.Error(), "check WXLOGIN_DATABASE_URL, the folder's permissions and the disk; a damaged file is replaced from a backup with the service stopped"}
	}
	defer db.Close()
	if err := db.Ready(ctx); err != nil {
		return finding{"database", err.Error(), "check the disk and its free space"}
	}
	return finding{"database", "answers, schema current", ""}
}
