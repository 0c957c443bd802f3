package main

import (
	"context"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/store"
	"wxlogin/internal/telemetry"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
	"wxlogin/templates"
)

// parts are what the service is put together from.
type parts struct {
	config    config
	keys      auth.Keyring
	demo      *web.Demo // nil: for real people
	db        *store.Store
	observers telemetry.Observers
	logs      telemetry.Logs
	stopping  <-chan struct{} // closed when the process is asked to stop
	ready     func(context.Context) error
}

// assembled is the domain and the pages, put together.
type assembled struct {
	server    *web.Server
	signing   *idtoken.Keys
	logouts   *idtoken.Backchannel
	pictures  *auth.Pictures
	refresher *auth.Refresher
	central   *auth.Central
	followers *auth.Followers
}

// close ends what goes on in the background, until ctx ends.
func (a assembled) close(ctx context.Context) {
	a.server.Close(ctx)
	a.pictures.Close(ctx)
	a.followers.Close(ctx)
}

// assemble puts the domain and the pages together.
func assemble(p parts) (assembled, error) {
	config, log := p.config, p.logs.Logger
	// A client for each account, so that no secret, code or token is ever sent with
	// another's AppID.
	providers, minis, refreshers := make(map[string]auth.Provider), make(map[string]auth.MiniProvider), make(map[string]auth.RefreshProvider)
	officials := make(map[string]auth.FollowerProvider)
	var credentials []auth.CentralAccount
	var fetcher auth.PictureFetcher // any of them: pictures need no secret
	for _, account := range config.accounts {
		client := config.client(account, p.observers.Call)
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
	refresher := auth.NewRefresher(refreshers, p.db, pictures, time.Now, log)
	admins := config.adminService(p.db)
	rules := auth.Rules{
		AppID:    config.appID,
		Accounts: config.accounts,
		Mode:     config.mode,
		Idle:     config.idle,
		Lifetime: config.lifetime,
		Budget:   loginBudget,
		Recheck:  config.recheck,

		RenewProfile: config.renewProfile,
		Appointed:    admins.Appointed,
		Followers:    config.followers,
	}
	signing := idtoken.NewKeys(p.db, time.Now, log)
	central := auth.NewCentral(credentials, p.db, time.Now, log)
	var followers *auth.Followers
	var following web.FollowerReader
	if config.followers {
		followers, following = auth.NewFollowers(officials, central, p.db, time.Now, log), p.db
	}
	observe := p.observers.Request
	if config.metricsAddr == "" && p.observers.Tracing == nil {
		observe = nil // nobody would see it
	}
	server, err := web.New(web.Config{
		PublicURL:      config.publicURL,
		ReturnHosts:    config.returnHosts,
		AccountHosts:   config.accountHosts,
		QRFrame:        config.qrFrame,
		CookieDomain:   config.cookieDomain,
		TrustedProxies: config.proxies,
		Lang:           config.lang,
		Zone:           config.zone,
		Keys:           p.keys,
		RateLimit:      config.rateLimit,
		RootFiles:      config.rootFiles,
		EmailDomain:    config.emailDomain,
		Demo:           p.demo,
		Branding:       config.branding,
		Auth: auth.New(auth.Config{
			Providers: providers, Minis: minis, Store: p.db, Pictures: pictures, Followers: followers, Rules: rules, Now: time.Now, Log: log,
			Observe: p.observers.Login, Arrived: p.observers.Arrived,
		}),
		Scans:       auth.NewScans(p.db, rules, time.Now, p.observers.Login),
		Stopping:    p.stopping,
		Admins:      admins,
		Refresher:   refresher,
		Pictures:    pictures,
		Central:     central,
		Followers:   followers,
		Following:   following,
		BackendKeys: config.backendKeys,
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
	logouts := idtoken.NewBackchannel(p.db, signing, issuerOf(config), time.Now, log)
	return assembled{server, signing, logouts, pictures, refresher, central, followers}, err
}

// client is WeChat as one of the accounts sees it. observe may be nil.
func (c *config) client(account auth.Account, observe func(context.Context, string, auth.Reason, int64, time.Duration)) *wechat.Client {
	return wechat.New(wechat.Config{
		AppID:     account.AppID,
		AppSecret: c.secrets[account.Name],
		OpenURL:   c.openURL,
		APIURL:    c.apiURL,
		Lang:      c.lang,
		Observe:   observe,
	})
}

// adminService is the rules of who is an admin.
func (c *config) adminService(db *store.Store) *admin.Service {
	return admin.New(admin.Config{Store: db, AppID: c.appID, Accounts: c.accounts, Admins: c.admins, Followers: c.followers, Now: time.Now})
}

// meaning says what one of WeChat's errcodes means.
func meaning(lang string, errcode int64) string {
	e, known := wechat.Explain(errcode)
	if lang == "en" || !known {
		return e.English
	}
	return e.Chinese
}
