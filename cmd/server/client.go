package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/settings"
)

type clientCommands struct {
	Add    clientAddCommand    `cmd:"" help:"Add an application and print its client_id and client_secret; the secret is shown this once."`
	Edit   clientEditCommand   `cmd:"" help:"Change an application: what is given replaces what was, its id and what people have agreed to stay."`
	List   clientListCommand   `cmd:"" help:"List the applications."`
	Show   clientShowCommand   `cmd:"" help:"Print what is set for an application, or with --for the lines to paste into it."`
	Secret clientSecretCommand `cmd:"" help:"Print a new client_secret; the old one is no good from then on."`
	Remove clientRemoveCommand `cmd:"" help:"Remove an application, and end all that it holds."`
}

// clientFlags are the settings of an application. With edit, a flag that is not given
// changes nothing.
type clientFlags struct {
	RedirectURI []string  `name:"redirect-uri" sep:"none" placeholder:"URI" help:"Where codes may go, letter by letter. Give it once for each address."`
	LogoutURI   *[]string `name:"logout-uri" sep:"none" placeholder:"URI" help:"Where a browser may go after a logout that the application began. Give it once for each address."`
	Backchannel *string   `name:"backchannel" placeholder:"URI" help:"Tell this address when somebody signs out; https, or http on this machine or in a private network."`
	Email       *bool     `name:"email" negatable:"" help:"Give a made-up e-mail address to applications that cannot do without one (scope email)."`
	WeChat      *bool     `name:"wechat" negatable:"" help:"Tell AppID, openid and unionid (claim wechat)."`
	Trusted     *bool     `name:"trusted" negatable:"" help:"Do not ask people for consent."`
	Native      *bool     `name:"native" negatable:"" help:"For programs on people's own machines: http redirect URIs on 127.0.0.1 match with any port, and a scheme like com.example.app is allowed."`
	Account     *string   `name:"account" placeholder:"NAME" help:"The account by which people sign in to it (default main). It keeps nobody out who is signed in by another; see --groups."`
	Alg         *string   `name:"alg" placeholder:"ALG" help:"How ID tokens are signed: RS256 (the default) or ES256."`
	Groups      *string   `name:"groups" placeholder:"A,B" help:"Let only members of these groups in; an empty text lets everybody in."`
}

// apply sets the fields whose flags were given.
func (f *clientFlags) apply(c *auth.Client) {
	if len(f.RedirectURI) > 0 {
		c.RedirectURIs = f.RedirectURI
	}
	if f.LogoutURI != nil {
		c.LogoutURIs = nil
		for _, uri := range *f.LogoutURI {
			if uri != "" {
				c.LogoutURIs = append(c.LogoutURIs, uri)
			}
		}
	}
	set(&c.Backchannel, f.Backchannel)
	set(&c.Email, f.Email)
	set(&c.WeChat, f.WeChat)
	set(&c.Trusted, f.Trusted)
	set(&c.Native, f.Native)
	set(&c.Account, f.Account)
	if f.Alg != nil {
		c.Alg = auth.Alg(*f.Alg)
	}
	if f.Groups != nil {
		c.Groups = settings.List(*f.Groups)
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

type clientAddCommand struct {
	settings.Settings
	clientFlags
	Name   string `arg:"" help:"Its name, which people are shown."`
	Public bool   `name:"public" help:"It runs where no secret can be kept, like a page or an app: it gets none, and has to use PKCE."`
	JSON   bool   `name:"json" help:"Print an object."`
}

func (c *clientAddCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, keys *idtoken.Keys, config settings.Config) error {
		client := auth.Client{Name: c.Name, Issuer: config.Issuer(), Account: auth.MainAccount, Alg: auth.RS256}
		c.clientFlags.apply(&client)
		added, secret, err := admins.AddClient(ctx, admin.CommandLine(), client, c.Public)
		if err != nil {
			return clientError(err)
		}
		if err := keys.Ensure(ctx, added.Alg); err != nil {
			return err
		}
		return printSecret(env.stdout, c.JSON, added.ID, secret)
	})
}

type clientEditCommand struct {
	settings.Settings
	clientFlags
	Name   string `arg:"" help:"Its name."`
	Public *bool  `name:"public" negatable:"" help:"It runs where no secret can be kept: it has none from then on, and has to use PKCE."`
}

func (c *clientEditCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, keys *idtoken.Keys, config settings.Config) error {
		client, err := admins.Client(ctx, c.Name)
		if err != nil {
			return clientError(err)
		}
		c.clientFlags.apply(&client)
		client.Issuer = config.Issuer()
		switch {
		case c.Public != nil && *c.Public:
			client.SecretHash = ""
		case c.Public != nil && client.Public():
			return fmt.Errorf("`server client secret %s` gives it a secret, and with that it is no public client any more", client.Name)
		}
		if err := admins.EditClient(ctx, admin.CommandLine(), client); err != nil {
			return clientError(err)
		}
		if err := keys.Ensure(ctx, client.Alg); err != nil {
			return err
		}
		env.answer("%s is changed\n", client.Name)
		return nil
	})
}

type clientListCommand struct {
	settings.Settings
	JSON bool `name:"json" help:"Print a list of objects."`
}

func (c *clientListCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, _ *idtoken.Keys, config settings.Config) error {
		clients, err := admins.Clients(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			shown := make([]clientShown, len(clients))
			for i, client := range clients {
				shown[i] = show(client, config)
			}
			return printJSON(env.stdout, shown)
		}
		env.remarkIf(len(clients) == 0, "no application is registered yet: server client add NAME --redirect-uri ADDRESS")
		for _, client := range clients {
			fmt.Fprintf(env.stdout, "%s\t%s\t%s\n", client.Name, client.ID, strings.Join(client.RedirectURIs, " "))
		}
		return nil
	})
}

type clientSecretCommand struct {
	settings.Settings
	Name string `arg:"" help:"Its name."`
	JSON bool   `name:"json" help:"Print an object."`
}

func (c *clientSecretCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, _ *idtoken.Keys, _ settings.Config) error {
		client, err := admins.Client(ctx, c.Name)
		if err != nil {
			return clientError(err)
		}
		secret, err := admins.NewClientSecret(ctx, admin.CommandLine(), client)
		if err != nil {
			return clientError(err)
		}
		return printSecret(env.stdout, c.JSON, client.ID, secret)
	})
}

type clientRemoveCommand struct {
	settings.Settings
	Name string `arg:"" help:"Its name."`
}

func (c *clientRemoveCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, _ *idtoken.Keys, _ settings.Config) error {
		client, err := admins.Client(ctx, c.Name)
		if err == nil {
			err = admins.RemoveClient(ctx, admin.CommandLine(), client)
		}
		if err != nil {
			return clientError(err)
		}
		env.answer("%s is removed\n", client.Name)
		return nil
	})
}

// withClients runs f on the database of a service that may be running.
func withClients(ctx context.Context, s *settings.Settings, f func(*admin.Service, *idtoken.Keys, settings.Config) error) error {
	config, err := s.Parse()
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, _, err := openStore(ctx, s, log)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(adminService(config, db, nil), idtoken.NewKeys(db, time.Now, log), config)
}

// clientError drops the reason's name from an error, which tells an operator nothing.
func clientError(err error) error {
	switch auth.ReasonOf(err) {
	case auth.BadClient, auth.NoSuchClient:
		_, text, _ := strings.Cut(err.Error(), ": ")
		return fmt.Errorf("%s", text)
	}
	return err
}

// printSecret prints a client's id and secret. The secret is never shown again.
func printSecret(w io.Writer, asJSON bool, id string, secret auth.Secret) error {
	if asJSON {
		return printJSON(w, struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret,omitempty"`
		}{id, string(secret)})
	}
	fmt.Fprintln(w, "client_id:", id)
	if secret != "" {
		fmt.Fprintln(w, "client_secret:", string(secret))
	}
	return nil
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
