package main

import (
	"context"
	"log/slog"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
	"wxlogin/internal/telemetry"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
	"wxlogin/migrations"
	"wxlogin/templates"
)

// parts is everything that assemble needs.
type parts struct {
	config    settings.Config
	keys      auth.Keyring
	demo      *web.Demo // nil: for real people
	db        *store.Store
	observers telemetry.Observers
	logs      telemetry.Logs
	stopping  <-chan struct{} // closed when the process is asked to stop
	ready     func(context.Context) error
}

// assembled is the running service: the pages and the jobs behind them.
type assembled struct {
	server    *web.Server
	signing   *idtoken.Keys
	logouts   *idtoken.Backchannel
	pictures  *auth.Pictures
	refresher *auth.Refresher
	central   *auth.Central
	followers *auth.Followers
}

// close stops the background work, and waits for it until ctx ends.
func (a assembled) close(ctx context.Context) {
	a.server.Close(ctx)
	a.pictures.Close(ctx)
	a.followers.Close(ctx)
}

// assemble wires the rules of auth and admin, WeChat's clients and the pages together.
func assemble(p parts) (assembled, error) {
	config, log := p.config, p.logs.Logger
	// Each account has a client of its own, so that no secret, code or token is ever sent
	// with another account's AppID.
	providers, minis, refreshers := make(map[string]auth.Provider), make(map[string]auth.MiniProvider), make(map[string]auth.RefreshProvider)
	officials := make(map[string]auth.FollowerProvider)
	var credentials []auth.CentralAccount
	var fetcher auth.PictureFetcher // any account's client: pictures need no secret
	for _, account := range config.Accounts {
		client := wechatClient(config, account, p.observers.Call)
		fetcher, refreshers[account.AppID] = client, client
		credentials = append(credentials, auth.CentralAccount{Account: account, Provider: client})
		if account.Kind == auth.OfficialAccount {
			officials[account.AppID] = client
		}
		if account.Kind == auth.MiniProgram {
			minis[account.Name] = client
		} else {
			providers[account.Name] = client
		}
	}
	pictures := auth.NewPictures(fetcher, p.db, time.Now, log)
	refresher := auth.NewRefresher(auth.RefresherConfig{Providers: refreshers, Store: p.db, Pictures: pictures, Now: time.Now, Log: log})
	admins := adminService(config, p.db, refresher)
	rules := auth.Rules{
		AppID:    config.AppID,
		Accounts: config.Accounts,
		Mode:     config.Mode,
		Idle:     config.Idle,
		Lifetime: config.Lifetime,
		Budget:   loginBudget,
		Recheck:  config.Recheck,

		RenewProfile: config.RenewProfile,
		Appointed:    admins.Appointed,
		Followers:    config.Followers,
	}
	signing := idtoken.NewKeys(p.db, time.Now, log)
	central := auth.NewCentral(credentials, p.db, time.Now, log)
	var followers *auth.Followers
	var following web.FollowerReader
	if config.Followers {
		followers = auth.NewFollowers(auth.FollowersConfig{Providers: officials, Central: central, Store: p.db, Now: time.Now, Log: log})
		following = p.db
	}
	observe := p.observers.Request
	if config.MetricsAddr == "" && p.observers.Tracing == nil {
		observe = nil // there is nothing to report to
	}
	server, err := web.New(web.Config{
		PublicURL:      config.PublicURL,
		ReturnHosts:    config.ReturnHosts,
		AccountHosts:   config.AccountHosts,
		QRFrame:        config.QRFrame,
		CookieDomain:   config.CookieDomain,
		TrustedProxies: config.Proxies,
		Lang:           config.Lang,
		Zone:           config.Zone,
		Keys:           p.keys,
		RateLimit:      config.RateLimit,
		RootFiles:      config.RootFiles,
		EmailDomain:    config.EmailDomain,
		Demo:           p.demo,
		Branding:       branding(config.Branding),
		Auth: auth.New(auth.Config{
			Providers: providers, Minis: minis, Store: p.db, Pictures: pictures, Followers: followers, Rules: rules, Now: time.Now, Log: log,
			Observe: p.observers.Login, Arrived: p.observers.Arrived,
		}),
		Scans:       auth.NewScans(p.db, rules, time.Now, p.observers.Login),
		Stopping:    p.stopping,
		Admins:      admins,
		Pictures:    pictures,
		Central:     central,
		Followers:   followers,
		Following:   following,
		BackendKeys: config.BackendKeys,
		Grants:      auth.NewGrants(p.db, p.keys, rules, time.Now),
		IDTokens:    signing,
		Sessions:    p.db,
		People:      p.db,
		Lists:       p.db,
		AuditLog:    p.db,
		Statistics:  p.db,
		Personal:    p.db,
		Ready:       p.ready,
		Observe:     observe,
		LogAccess:   p.logs.Access,
		Started:     p.observers.Started,
		Refused:     p.observers.Refused,
		Application: p.observers.Application,
		Meaning:     meaning,
		Templates:   templates.FS,
		Now:         time.Now,
		Log:         log,
	})
	logouts := idtoken.NewBackchannel(idtoken.BackchannelConfig{Store: p.db, Keys: signing, Issuer: config.Issuer(), Now: time.Now, Log: log})
	return assembled{server, signing, logouts, pictures, refresher, central, followers}, err
}

// openStore opens the database with the operator's keys and leaves an older schema alone.
// Missing keys are made only after the database is open, so that a start that is refused
// leaves none behind.
func openStore(ctx context.Context, s *settings.Settings, log *slog.Logger) (*store.Store, auth.Keyring, error) {
	return openWith(ctx, s, store.Config{Logger: log, Keep: true})
}

// openWatched is openStore for the service and the demonstration, which migrate an older
// schema. It reports progress to migrating, which may be nil.
func openWatched(ctx context.Context, s *settings.Settings, log *slog.Logger, migrating func(store.Migration)) (*store.Store, auth.Keyring, error) {
	return openWith(ctx, s, store.Config{Logger: log, Migrating: migrating})
}

func openWith(ctx context.Context, s *settings.Settings, c store.Config) (*store.Store, auth.Keyring, error) {
	keys, err := s.Keyring()
	if err != nil {
		return nil, nil, err
	}
	c.URL, c.Keys, c.Migrations, c.Now = s.DatabaseURL, keys, migrations.FS, time.Now
	c.MakeKeys = func(sealed bool) (auth.Keyring, error) {
		keys, err = s.MakeKeys(sealed)
		return keys, err
	}
	db, err := store.Open(ctx, c)
	return db, keys, err
}

// wechatClient makes the client of one account. observe may be nil.
func wechatClient(c settings.Config, account auth.Account, observe func(context.Context, string, auth.Reason, int64, time.Duration)) *wechat.Client {
	return wechat.New(wechat.Config{
		AppID:     account.AppID,
		AppSecret: c.Secrets[account.Name],
		OpenURL:   c.OpenURL,
		APIURL:    c.APIURL,
		Lang:      c.Lang,
		Observe:   observe,
	})
}

// branding converts the settings of the site's name, logo and links.
func branding(b settings.Branding) web.Branding {
	shown := web.Branding{Name: b.Name, PrivacyURL: b.PrivacyURL, TermsURL: b.TermsURL, Contact: b.Contact}
	if b.Logo != nil {
		shown.Logo = &web.Logo{ContentType: b.Logo.ContentType, Data: b.Logo.Data}
	}
	return shown
}

// adminService makes the service of the admin rules. Only the service has a refresher.
func adminService(c settings.Config, db *store.Store, refresher *auth.Refresher) *admin.Service {
	return admin.New(admin.Config{
		Store: db, Refresher: refresher, AppID: c.AppID, Accounts: c.Accounts, Admins: c.Admins, Followers: c.Followers, Now: time.Now,
	})
}

// meaning explains one of WeChat's errcodes.
func meaning(lang string, errcode int64) string {
	e, known := wechat.Explain(errcode)
	if lang == "en" || !known {
		return e.English
	}
	return e.Chinese
}
