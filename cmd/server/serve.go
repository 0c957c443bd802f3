package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
	"wxlogin/migrations"
	"wxlogin/templates"
)

// The time that things may take.
const (
	loginBudget   = 8 * time.Second // a whole callback: WeChat's answers and our writes
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second // more than a login's budget
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 15 * time.Second // for what is in flight when the process is asked to stop
	maxHeader     = 32 << 10
)

type serveCommand struct{ settings }

func (c *serveCommand) Run(ctx context.Context, env *environment) error {
	s := &c.settings
	config, err := s.parse()
	if err != nil {
		return err
	}
	log, err := newLogs(env.stderr, s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	defer log.flush()
	if config.publicURL.Scheme == "http" && !loopbackHost(config.publicURL.Hostname()) {
		log.Warn("the public URL is http: sessions travel in the clear, and cookies lack Secure", "public_url", config.publicURL.String())
	}
	listener, err := net.Listen("tcp", config.addr)
	if err != nil {
		return wrong("addr", "%v", err)
	}
	defer listener.Close()
	tracing, err := startTracing(ctx, env.vars, config.proxies, log.Logger)
	if err != nil {
		return err
	}
	defer tracing.close()
	return serve(ctx, s, config, nil, tracing, listener, tracing.logs(log))
}

// serve opens the database, puts the parts together and answers requests on the
// listener until ctx ends; then what is in flight is finished.
func serve(ctx context.Context, s *settings, config config, demo *web.Demo, tracing *tracing, listener net.Listener, logs logs) error {
	startCollector()
	log := logs.Logger
	keys, err := s.keyring()
	if err != nil {
		return err
	}
	db, err := openStore(ctx, config.databaseURL, keys, log)
	if err != nil {
		return err
	}
	defer db.Close()

	metrics := newMetrics()
	if err := metrics.serve(ctx, config.metricsAddr, log); err != nil {
		return err
	}
	told := observers{metrics, tracing}
	client := newClient(config, told.call)
	pictures := auth.NewPictures(client, db, time.Now, log)
	refresher := auth.NewRefresher(client, db, pictures, time.Now, log)
	var draining atomic.Bool
	ready := func(ctx context.Context) error {
		if draining.Load() {
			return auth.Failf(auth.StoreDown, "the process is stopping")
		}
		return db.Ready(ctx)
	}
	server, err := newServer(config, keys, demo, db, client, pictures, refresher, told, ctx.Done(), ready, logs)
	if err != nil {
		return err
	}
	metrics.watchStore(db)
	metrics.watchStreams(server.Streams)
	if config.metricsAddr != "" {
		defer metrics.state.watch(ctx, ready, db)()
	}
	stopJobs := startJobs(ctx, db, refresher, config, log)
	defer stopJobs()

	log.Info("wxlogin is ready", "address", listener.Addr().String(), "public_url", config.publicURL.String(), "version", version())
	go paceCollector(ctx)
	err = listen(ctx, listener, tracing.handler(server), &draining, log)
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	server.Close(closing)
	pictures.Close(closing)
	return err
}

func openStore(ctx context.Context, databaseURL string, keys auth.Keyring, log *slog.Logger) (*store.Store, error) {
	return store.Open(ctx, store.Config{
		URL:        databaseURL,
		Keys:       keys,
		Migrations: migrations.FS,
		Now:        time.Now,
		Logger:     log,
	})
}

func newClient(config config, observe func(context.Context, string, auth.Reason, int64, time.Duration)) *wechat.Client {
	return wechat.New(wechat.Config{
		AppID:     config.appID,
		AppSecret: config.appSecret,
		OpenURL:   config.openURL,
		APIURL:    config.apiURL,
		Lang:      config.lang,
		Observe:   observe,
	})
}

// newServer puts the domain and the pages together.
func newServer(config config, keys auth.Keyring, demo *web.Demo, db *store.Store, client *wechat.Client,
	pictures *auth.Pictures, refresher *auth.Refresher, told observers, stopping <-chan struct{}, ready func(context.Context) error, logs logs,
) (*web.Server, error) {
	rules := auth.Rules{
		AppID:    config.appID,
		Mode:     config.mode,
		Idle:     config.idle,
		Lifetime: config.lifetime,
		Budget:   loginBudget,
		Recheck:  config.recheck,
	}
	observe := told.request
	if config.metricsAddr == "" && told.tracing == nil {
		observe = nil // nobody would see it
	}
	return web.New(web.Config{
		PublicURL:      config.publicURL,
		ReturnHosts:    config.returnHosts,
		CookieDomain:   config.cookieDomain,
		TrustedProxies: config.proxies,
		Lang:           config.lang,
		Zone:           time.Local,
		Keys:           keys,
		RateLimit:      config.rateLimit,
		RootFiles:      config.rootFiles,
		Demo:           demo,
		Auth: auth.New(auth.Config{
			Provider: client, Store: db, Pictures: pictures, Rules: rules, Now: time.Now, Log: logs.Logger,
			Observe: told.login, Arrived: told.arrived,
		}),
		Scans:      auth.NewScans(db, rules, time.Now, told.login),
		Stopping:   stopping,
		Admins:     admin.New(admin.Config{Store: db, AppID: config.appID, Admins: config.admins, Now: time.Now}),
		Refresher:  refresher,
		Pictures:   pictures,
		Sessions:   db,
		People:     db,
		Lists:      db,
		AuditLog:   db,
		Statistics: db,
		Personal:   db,
		Ready:      ready,
		Observe:    observe,
		LogAnswer:  logs.answers,
		Started:    told.started,
		Refused:    told.refused,
		Meaning:    meaning,
		Templates:  templates.FS,
		Now:        time.Now,
		Log:        logs.Logger,
	})
}

// meaning says what one of WeChat's errcodes means.
func meaning(lang string, errcode int64) string {
	e, known := wechat.Explain(errcode)
	if lang == "en" || !known {
		return e.English
	}
	return e.Chinese
}

// listen serves until ctx ends, then turns new visitors away and lets those
// inside finish.
func listen(ctx context.Context, listener net.Listener, handler http.Handler, draining *atomic.Bool, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // noise of broken clients
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	draining.Store(true)
	log.Info("stopping; requests in flight are finished first")
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("requests were still in flight after %v: %w", drainTimeout, err), server.Close())
	}
	log.Info("stopped")
	return nil
}
