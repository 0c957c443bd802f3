package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/telemetry"
	"wxlogin/internal/web"
)

// Time limits.
const (
	loginBudget   = 8 * time.Second // a whole callback: WeChat's answers and our writes
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second // more than a login's budget
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 15 * time.Second // for requests in flight when the process is asked to stop
	maxHeader     = 32 << 10
)

type serveCommand struct{ settings.Settings }

func (c *serveCommand) Run(ctx context.Context, env *environment) error {
	s := &c.Settings
	config, err := s.Parse()
	if err != nil {
		return err
	}
	log, err := env.logs(s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	defer log.Flush()
	outliveReaders()
	defer outliveTerminal(log.Logger)()
	if config.PublicURL.Scheme == "http" && !auth.IsLoopback(config.PublicURL.Hostname()) {
		log.Warn("the public URL is http: sessions travel in the clear, and cookies lack Secure", "public_url", config.PublicURL.String())
	}
	listener, err := listenOn("addr", config.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	tracing, err := env.tracing(ctx, config, log.Logger)
	if err != nil {
		return err
	}
	defer tracing.Close()
	return serve(ctx, service{settings: s, config: config, tracing: tracing, listener: listener, logs: tracing.Logs(log)})
}

// tracing starts tracing if the variables ask for it.
func (e *environment) tracing(ctx context.Context, config settings.Config, log *slog.Logger) (*telemetry.Tracing, error) {
	return telemetry.StartTracing(ctx, telemetry.TracingConfig{Vars: e.vars, Version: version(), Parents: config.Proxies, Log: log})
}

// service is what serve needs.
type service struct {
	settings *settings.Settings
	config   settings.Config
	demo     *web.Demo          // nil: for real people
	tracing  *telemetry.Tracing // nil: no traces
	listener net.Listener
	logs     telemetry.Logs
}

// serve answers requests on the listener until ctx ends, and then finishes those in flight.
// It opens the database and assembles the service while it is already listening.
func serve(ctx context.Context, s service) error {
	tuneGCForStart()
	config, log := s.config, s.logs.Logger
	if _, err := s.settings.Keyring(); err != nil {
		return err // before any request is answered
	}
	var draining atomic.Bool
	front := &door{prefix: strings.TrimRight(config.PublicURL.Path, "/"), opened: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- listen(ctx, s.listener, front, &draining, log) }()
	log.Info("listening; the database is being opened", "address", s.listener.Addr().String())
	db, keys, err := openWatched(ctx, s.settings, log, front.migrates)
	if err != nil && ctx.Err() != nil {
		return <-served // asked to stop before it was ready: not an error
	}
	if err != nil {
		return err
	}
	defer db.Close()

	metrics := telemetry.NewMetrics(version())
	metrics.WatchLog(s.logs.Dropped)
	if err := metrics.Serve(ctx, config.MetricsAddr, log); err != nil {
		return settings.Errorf("metrics-addr", "%s", whyNot(config.MetricsAddr, err))
	}
	ready := func(ctx context.Context) error {
		if draining.Load() {
			return auth.Failf(auth.StoreDown, "the process is stopping")
		}
		return db.Ready(ctx)
	}
	running, err := assemble(parts{
		config: config, keys: keys, demo: s.demo, db: db, logs: s.logs, stopping: ctx.Done(), ready: ready,
		observers: telemetry.Observers{Metrics: metrics, Tracing: s.tracing},
	})
	if err != nil {
		return err
	}
	metrics.WatchStore(db)
	metrics.WatchStreams(running.server.Streams)
	admins := adminService(config, db, nil)
	jobs := []job{
		{sweepEvery, func(ctx context.Context) { sweep(ctx, db, config, log) }},
		{refreshEvery, func(ctx context.Context) { refresh(ctx, running.refresher, log) }},
		{rotateCheck, func(ctx context.Context) { rotate(ctx, running.signing, log) }},
		{renewEvery, func(ctx context.Context) { renewCentral(ctx, running.central, log) }},
		{proposeEvery, func(ctx context.Context) { propose(ctx, admins, log) }},
		{logoutsEvery, func(ctx context.Context) { sendLogouts(ctx, running.logouts, log) }},
	}
	if config.MetricsAddr != "" {
		jobs = append(jobs,
			job{telemetry.ReadyEvery, func(ctx context.Context) { metrics.LookReady(ctx, ready) }},
			job{telemetry.CountEvery, func(ctx context.Context) { metrics.LookSessions(ctx, db) }})
	}
	defer startJobs(ctx, jobs)()

	front.open(s.tracing.Handler(running.server))
	log.Info("wxlogin is ready", "address", s.listener.Addr().String(), "public_url", config.PublicURL.String(), "version", version())
	go tuneGC(ctx)
	err = <-served
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	running.close(closing)
	return err
}

// listen serves until ctx ends, then refuses new requests and lets those in flight finish.
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

// listenOn listens on the address of a setting. Its error names the setting and the cause.
func listenOn(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, settings.Errorf(flag, "%s", whyNot(address, err))
	}
	return listener, nil
}

func whyNot(address string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return address + " is taken: a program listens there already, perhaps another wxlogin; stop it, or choose another address"
	case errors.Is(err, os.ErrPermission):
		return address + " is not for this user: ports below 1024 need rights; listen on a higher one, behind a proxy"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return address + " is no address of this machine; 0.0.0.0 is all of them"
	}
	return err.Error()
}
