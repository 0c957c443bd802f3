package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"wxlogin/internal/demo"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat/wechatsim"
)

type demoCommand struct {
	settings
	Data          string `help:"Keep the database and the keys in this folder. Default: a temporary one, gone at the end." placeholder:"DIR"`
	Empty         bool   `help:"Begin with nobody, instead of some hundred made-up people and their logins."`
	SimulatorAddr string `name:"simulator-addr" help:"Where the simulated WeChat listens. Default: 127.0.0.1:8008, or any free port if that is taken."`
}

const defaultSimulatorAddr = "127.0.0.1:8008"

// Run puts a service and a simulated WeChat together, on this machine only: a
// simulator lets anybody be anyone, so it must never stand before real people.
func (c *demoCommand) Run(ctx context.Context, env *environment) error {
	s := &c.settings
	if s.AppID != "" {
		return badSetting("appid", "is set, and the demonstration is for no real account; use `server serve`, or unset it")
	}
	if !onLoopback(s.Addr) {
		return badSetting("addr", "%q can be reached from other machines; the demonstration listens on 127.0.0.1 only", s.Addr)
	}
	if c.SimulatorAddr != "" && !onLoopback(c.SimulatorAddr) {
		return fmt.Errorf("--simulator-addr: %q can be reached from other machines; the demonstration listens on 127.0.0.1 only", c.SimulatorAddr)
	}
	log, err := env.logs(s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	defer log.Flush()
	outliveReaders()
	ctx, hangup := untilHangup(ctx)
	defer hangup()
	data, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()

	listener, err := listenOn("addr", s.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	simListener, err := c.listenSimulator()
	if err != nil {
		return err
	}
	public, simURL := "http://"+listener.Addr().String(), "http://"+simListener.Addr().String()
	sim := wechatsim.New(wechatsim.Config{AnyBrowser: true, CallbackHosts: []string{listener.Addr().String()}, Logger: log.Logger})

	s.PublicURL, s.WeChatOpenURL, s.WeChatAPIURL = public, simURL, simURL
	s.AppID, s.AppSecret = sim.AppID(), sim.Secret()
	s.DatabaseURL = "sqlite:" + filepath.Join(data, "wxlogin.db")
	config, err := s.parse()
	if err != nil {
		return err
	}
	if err := c.announce(ctx, env, s, config, simURL); err != nil {
		return err
	}
	tracing, err := env.tracing(ctx, config, log.Logger)
	if err != nil {
		return err
	}
	defer tracing.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	simDone := make(chan error, 1)
	go func() { simDone <- serveSimulator(ctx, simListener, sim, log.Logger) }()
	err = serve(ctx, service{
		settings: s, config: config, demo: &web.Demo{SimulatorURL: simURL}, tracing: tracing, listener: listener, logs: tracing.Logs(log),
	})
	cancel()
	return errors.Join(err, <-simDone)
}

// folder is where the demonstration keeps its data, and what to do with it in
// the end.
func (c *demoCommand) folder() (path string, remove func(), err error) {
	if c.Data != "" {
		return c.Data, func() {}, os.MkdirAll(c.Data, 0o700)
	}
	path, err = os.MkdirTemp("", "wxlogin-demo-")
	return path, func() { os.RemoveAll(path) }, err
}

func (c *demoCommand) listenSimulator() (net.Listener, error) {
	if c.SimulatorAddr != "" {
		listener, err := net.Listen("tcp", c.SimulatorAddr)
		if err != nil {
			return nil, fmt.Errorf("--simulator-addr: %s", whyNot(c.SimulatorAddr, err))
		}
		return listener, nil
	}
	listener, err := net.Listen("tcp", defaultSimulatorAddr)
	if err != nil {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return listener, nil
}

// announce prints the addresses to open.
func (c *demoCommand) announce(ctx context.Context, env *environment, s *settings, config config, simURL string) error {
	db, _, err := s.openStore(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	if !c.Empty {
		if err := demo.Seed(ctx, db, config.appID); err != nil {
			return fmt.Errorf("make up people: %w", err)
		}
	}
	adminLink, ends, err := newAdminLink(ctx, config.adminService(db), config.publicURL)
	if err != nil {
		return err
	}
	env.answer(`wxlogin 演示 / demonstration: a simulated WeChat, nothing leaves this machine.

  访客 visitor      %s/
  管理员 admin      %s   (one use, until %s)
  模拟器 simulator  %s/

Ctrl+C stops it.
`, config.publicURL, adminLink, ends.In(config.zone).Format("15:04"), simURL)
	return nil
}
