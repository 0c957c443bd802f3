package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
)

type adminCommands struct {
	Link   adminLinkCommand   `cmd:"" help:"Print a one-time address (10 minutes, one use) that signs a browser in to the admin pages."`
	Grant  adminGrantCommand  `cmd:"" help:"Let a person open the admin pages by their own WeChat login."`
	Revoke adminRevokeCommand `cmd:"" help:"Take that back."`
	List   adminListCommand   `cmd:"" help:"List who may open the admin pages by their own WeChat login."`

	Sessions adminSessionsCommand `cmd:"" help:"List the browsers that an admin link has let in: session, let in, last seen, ends, address, browser."`
	End      adminEndCommand      `cmd:"" help:"Put one of these browsers out; its next request is refused."`
}

type adminLinkCommand struct{ settings.Settings }

func (c *adminLinkCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, config settings.Config) error {
		address, ends, err := newAdminLink(ctx, admins, config.PublicURL)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, address)
		env.remark("Open it in a browser before %s; it works once.\n", ends.In(config.Zone).Format("15:04:05 MST"))
		return nil
	})
}

// newAdminLink makes an admin link and returns its address.
func newAdminLink(ctx context.Context, admins *admin.Service, public *url.URL) (address string, ends time.Time, err error) {
	token, ends, err := admins.NewLink(ctx, admin.CommandLine())
	if err != nil {
		return "", time.Time{}, err
	}
	return strings.TrimRight(public.String(), "/") + "/admin/link?token=" + string(token), ends, nil
}

type adminGrantCommand struct {
	settings.Settings
	OpenID  string `arg:"" name:"openid" help:"Openid of the person; they need not have come yet."`
	Account string `name:"account" default:"main" placeholder:"NAME" help:"The account that the openid is of."`
}

func (c *adminGrantCommand) Run(ctx context.Context, env *environment) error {
	return withAdminName(ctx, &c.Settings, c.Account, c.OpenID, func(admins *admin.Service, name string) error {
		changed, err := admins.Grant(ctx, admin.CommandLine(), name)
		return env.report(err, changed, "%s may open the admin pages now\n", "%s could open the admin pages already\n", c.OpenID)
	})
}

type adminRevokeCommand struct {
	settings.Settings
	OpenID  string `arg:"" name:"openid" help:"Openid of the person."`
	Account string `name:"account" default:"main" placeholder:"NAME" help:"The account that the openid is of."`
}

func (c *adminRevokeCommand) Run(ctx context.Context, env *environment) error {
	return withAdminName(ctx, &c.Settings, c.Account, c.OpenID, func(admins *admin.Service, name string) error {
		changed, err := admins.Revoke(ctx, admin.CommandLine(), name)
		if admins.Configured(name) {
			env.remark("WXLOGIN_ADMINS names this openid too; take it out there.\n")
		}
		return env.report(err, changed, "%s may not open the admin pages any more\n", "%s had not been granted anything\n", c.OpenID)
	})
}

type adminListCommand struct{ settings.Settings }

func (c *adminListCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, config settings.Config) error {
		all, err := admins.Admins(ctx)
		if err != nil {
			return err
		}
		env.remarkIf(len(all) == 0, "nobody may open the admin pages by their own login yet: server admin grant OPENID, or server admin link for one browser")
		for _, a := range all {
			since := "from WXLOGIN_ADMINS"
			if !a.GrantedAt.IsZero() {
				since = "granted " + a.GrantedAt.In(config.Zone).Format("2006-01-02 15:04")
			}
			who := a.OpenID
			if a.Account != auth.MainAccount {
				who = a.Account + ":" + who
			}
			fmt.Fprintf(env.stdout, "%s\t%s\t%s\n", who, env.words.Translate(since), a.Nickname)
		}
		return nil
	})
}

// withAdminName runs f with the name of the admin that an openid of an account stands for.
func withAdminName(ctx context.Context, s *settings.Settings, account, openID string, f func(admins *admin.Service, name string) error) error {
	if err := settings.CheckOpenID(openID); err != nil {
		return err
	}
	return withAdmins(ctx, s, func(admins *admin.Service, config settings.Config) error {
		name, err := adminName(config, account, openID)
		if err != nil {
			return err
		}
		return f(admins, name)
	})
}

// adminName is the name under which admins are configured and stored: the openid, with
// its account unless that is main.
func adminName(config settings.Config, account, openID string) (string, error) {
	switch {
	case account == auth.MainAccount:
		return openID, nil
	case !slices.ContainsFunc(config.Accounts, func(a auth.Account) bool { return a.Name == account }):
		return "", fmt.Errorf("--account: WXLOGIN_ACCOUNTS names no account %q", account)
	}
	return account + ":" + openID, nil
}

// withAdmins runs f on the database of a service that may be running.
func withAdmins(ctx context.Context, s *settings.Settings, f func(*admin.Service, settings.Config) error) error {
	config, err := s.Parse()
	if err != nil {
		return err
	}
	db, _, err := openStore(ctx, s, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	return f(adminService(config, db, nil), config)
}

func (e *environment) report(err error, changed bool, done, already string, args ...any) error {
	if err != nil {
		return err
	}
	if !changed {
		done = already
	}
	e.answer(done, args...)
	return nil
}

type adminSessionsCommand struct{ settings.Settings }

func (c *adminSessionsCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, config settings.Config) error {
		sessions, err := admins.Sessions(ctx)
		if err != nil {
			return err
		}
		env.remarkIf(len(sessions) == 0, "no browser has been let in by an admin link, or each has ended: server admin link")
		at := func(t time.Time) string { return t.In(config.Zone).Format("2006-01-02 15:04") }
		for _, s := range sessions {
			// A User-Agent is free text from the client, and stdout may be a terminal.
			agent := auth.CleanText(s.Device.UserAgent, maxAgent)
			env.answer("%s\tlet in %s\tseen %s\tends %s\t%s\t%s\n", s.ID, at(s.CreatedAt), at(s.LastSeenAt), at(s.EndsAt), s.Device.RemoteAddr, agent)
		}
		return nil
	})
}

// maxAgent bounds what is printed of a User-Agent, in characters.
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
