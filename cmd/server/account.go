package main

import (
	"cmp"
	"fmt"
	"slices"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/web"
)

type accountCommands struct {
	List    accountListCommand    `cmd:"" help:"List the accounts: name, kind, AppID, Open Platform account, where people sign in by it, hosts whose logins go by it."`
	Migrate accountMigrateCommand `cmd:"" help:"After an account migration (公众号迁移): give the people of the former account the openids that they have with the new one."`
}

type accountListCommand struct {
	settings.Settings
	JSON bool `name:"json" help:"Print a list of objects."`
}

// accountShown is an account in the list.
type accountShown struct {
	Name   string           `json:"name"`
	Kind   auth.AccountKind `json:"kind"`
	AppID  string           `json:"appid"`
	Group  string           `json:"group"`
	Entry  string           `json:"entry"`    // where people sign in with it
	Return string           `json:"callback"` // where WeChat comes back to; empty for a mini program
	Hosts  []string         `json:"hosts"`
}

func (c *accountListCommand) Run(env *environment) error {
	config, err := c.Parse()
	if err != nil {
		return err
	}
	var shown []accountShown
	for _, account := range config.Accounts {
		a := accountShown{Name: account.Name, Kind: account.Kind, AppID: account.AppID, Group: account.Group, Hosts: []string{}}
		a.Entry = config.Issuer() + "/login?account=" + account.Name
		a.Return = config.Issuer() + web.CallbackPath(account.Name)
		if account.Kind == auth.MiniProgram {
			a.Entry, a.Return = config.Issuer()+"/mini/"+account.Name+"/login", ""
		}
		for host, name := range config.AccountHosts {
			if name == account.Name {
				a.Hosts = append(a.Hosts, host)
			}
		}
		slices.Sort(a.Hosts)
		shown = append(shown, a)
	}
	if c.JSON {
		return printJSON(env.stdout, shown)
	}
	for _, a := range shown {
		fmt.Fprintf(env.stdout, "%s\t%s\t%s\t%s\t%s", a.Name, a.Kind, a.AppID, cmp.Or(a.Group, "-"), a.Entry)
		for _, host := range a.Hosts {
			fmt.Fprintf(env.stdout, "\t%s", host)
		}
		fmt.Fprintln(env.stdout)
	}
	return nil
}
