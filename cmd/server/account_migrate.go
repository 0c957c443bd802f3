package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
)

type accountMigrateCommand struct {
	settings.Settings
	Name   string `arg:"" help:"Account that people have now; its AppID is in the settings."`
	From   string `required:"" placeholder:"APPID" help:"AppID of the account before the migration, which is in the settings no more."`
	DryRun bool   `name:"dry-run" help:"Ask WeChat and say what would become of each openid; write nothing."`
}

func (c *accountMigrateCommand) Run(ctx context.Context, env *environment) error {
	config, err := c.Parse()
	if err != nil {
		return err
	}
	account, err := c.account(config)
	if err != nil {
		return err
	}
	db, _, err := openStore(ctx, &c.Settings, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	client := wechatClient(config, account, nil)
	central := auth.NewCentral([]auth.CentralAccount{{Account: account, Provider: client}}, db, time.Now, slog.New(slog.DiscardHandler))
	run := migrationRun{
		migration: auth.AccountMigration{Account: account, FromAppID: c.From, Central: central, WeChat: client, Store: db, Now: time.Now, Dry: c.DryRun},
		env:       env, admins: config.Admins, db: db, audit: adminService(config, db, nil),
	}
	run.migration.Progress = run.progress
	return run.do(ctx)
}

// account returns the new account, after checking that openids of the former one can
// become its own.
func (c *accountMigrateCommand) account(config settings.Config) (auth.Account, error) {
	i := slices.IndexFunc(config.Accounts, func(a auth.Account) bool { return a.Name == c.Name })
	if i < 0 {
		return auth.Account{}, fmt.Errorf("there is no account %q; see: server account list", c.Name)
	}
	account := config.Accounts[i]
	if account.Kind == auth.WebsiteAccount {
		return account, fmt.Errorf("%q is a website application: WeChat migrates official accounts and mini programs", c.Name)
	}
	if !settings.IsAppID(c.From) {
		return account, fmt.Errorf("--from: %q is not an AppID; it looks like wx0123456789abcdef: wx and 16 letters or digits", c.From)
	}
	for _, other := range config.Accounts {
		if other.AppID == c.From {
			return account, fmt.Errorf("--from: %s is the AppID of the account %s in the settings; put the new AppID and its AppSecret there first", c.From, other.Name)
		}
	}
	return account, nil
}

// migrationRun is one run of the command.
type migrationRun struct {
	migration auth.AccountMigration
	env       *environment
	admins    []string // of the settings
	db        *store.Store
	audit     *admin.Service
}

// progressEvery is the number of openids between two lines of progress.
const progressEvery = 5000

func (r *migrationRun) do(ctx context.Context) error {
	from, to := r.migration.FromAppID, r.migration.Account
	way := from + " → " + to.AppID
	if !r.migration.Dry {
		if err := r.audit.RecordMigration(ctx, admin.CommandLine(), admin.ActMigrateBegun, way); err != nil {
			return err
		}
	}
	done, err := r.migration.Run(ctx)
	if err != nil {
		return r.stopped(done, err)
	}
	if r.migration.Dry {
		r.env.answer("%d openids of %s are stored; of these\n", done.Found, from)
		r.env.answer("%d would become openids of %s (%s)\n", done.Moved, to.Name, to.AppID)
	} else {
		r.env.answer("%d openids of %s were stored; of these\n", done.Found, from)
		r.env.answer("%d are openids of %s (%s) now\n", done.Moved, to.Name, to.AppID)
	}
	r.env.answer("%d belong to people who have come by the new account already, and stay; two people are proposed as one: server person list\n", done.Taken)
	r.env.answer("%d are unknown to WeChat, and stay\n", done.Unknown)
	if r.migration.Dry {
		return nil
	}
	if err := r.check(ctx, done); err != nil {
		return err
	}
	return r.audit.RecordMigration(ctx, admin.CommandLine(), admin.ActMigrateEnded, fmt.Sprintf("%s: %d/%d", way, done.Moved, done.Found))
}

// check counts the openids of the former account that are left.
func (r *migrationRun) check(ctx context.Context, done auth.Migrated) error {
	from := r.migration.FromAppID
	left, err := r.db.CountOpenIDs(ctx, from)
	if err != nil {
		return err
	}
	if want := done.Taken + done.Unknown; left != want {
		return fmt.Errorf("%d openids of %s are left, and %d should be: does a service still sign people in by it? Stop it, and run the same command again", left, from, want)
	}
	r.env.answer("checked: %d openids of %s are left\n", left, from)
	return nil
}

// progress prints how far the run is, and which admins of the settings have a new openid.
func (r *migrationRun) progress(done auth.Migrated, changed map[string]string) {
	for _, who := range r.admins {
		openID := strings.TrimPrefix(who, r.migration.Account.Name+":") // an admin of another account stays "account:openid" and matches nothing
		if after := changed[openID]; after != "" {
			r.env.remark("WXLOGIN_ADMINS: %s is %s now\n", openID, after)
		}
	}
	if n := done.Asked(); n%progressEvery == 0 {
		r.env.remark("%d of %d\n", n, done.Found)
	}
}

// stopped makes the error of a run that could not go on: how far it came, and why it ended.
func (r *migrationRun) stopped(done auth.Migrated, err error) error {
	why := err
	if errcode := auth.ErrcodeOf(err); errcode != 0 {
		why = fmt.Errorf("WeChat answers errcode %d; `server doctor %d` explains it", errcode, errcode)
		if from := auth.SeenFrom(err); from != "" {
			why = fmt.Errorf("WeChat answers errcode %d: put the address %s on the account's IP list (`server doctor %d` explains it)", errcode, from, errcode)
		}
	} else if named, ok := errors.AsType[*auth.Error](err); ok && named.Cause != nil {
		why = named.Cause
	}
	if r.migration.Dry {
		return why
	}
	return fmt.Errorf("stopped after %d of %d openids; what is done stays, and the same command goes on: %w", done.Asked(), done.Found, why)
}
