package main

import (
	"context"
	"fmt"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
)

type adminSessionsCommand struct{ settings.Settings }

func (c *adminSessionsCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, config settings.Config) error {
		sessions, err := admins.Sessions(ctx)
		if err != nil {
			return err
		}
		at := func(t time.Time) string { return t.In(config.Zone).Format("2006-01-02 15:04") }
		for _, s := range sessions {
			// What a browser calls itself is anybody's words, and this may be a terminal.
			agent := auth.CleanText(s.Device.UserAgent, maxAgent)
			env.answer("%s\tlet in %s\tseen %s\tends %s\t%s\t%s\n", s.ID, at(s.CreatedAt), at(s.LastSeenAt), at(s.EndsAt), s.Device.RemoteAddr, agent)
		}
		return nil
	})
}

// maxAgent bounds what is printed of a browser's name, in characters.
const maxAgent = 120

type adminEndCommand struct {
	settings.Settings
	Session string `arg:"" name:"session" help:"Session of the browser, the first word of its line in the list."`
}

func (c *adminEndCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, _ settings.Config) error {
		err := admins.EndAdminSession(ctx, admin.CommandLine(), c.Session)
		if auth.ReasonOf(err) == auth.NoSuchSession {
			return fmt.Errorf("no browser is in by the session %q; it may have ended a moment ago. See: server admin sessions", c.Session)
		}
		if err != nil {
			return err
		}
		env.answer("%s has ended\n", c.Session)
		return nil
	})
}
