package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	oidcapp "wxlogin/examples/oidc-app"
	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/demo"
	"wxlogin/internal/settings"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat/wechatsim"
)

type demoCommand struct {
	settings.Settings
	Data          string `help:"Keep the database and the keys in this folder. Default: a temporary one, gone at the end." placeholder:"DIR"`
	Empty         bool   `help:"Begin with nobody, instead of some hundred made-up people and their logins."`
	SimulatorAddr string `name:"simulator-addr" help:"Where the simulated WeChat listens. Default: 127.0.0.1:8008, or any free port if that is taken."`
	AppAddr       string `name:"app-addr" help:"Where the sample application listens. Default: 127.0.0.1:8009, or any free port if that is taken."`
}

const (
	defaultSimulatorAddr = "127.0.0.1:8008"
	defaultAppAddr       = "127.0.0.1:8009"
	sampleName           = "示例应用 Sample app"
)

// Run starts a service with a simulated WeChat, on this machine only: the simulator lets
// anybody sign in as anyone, so real people must never meet it.
func (c *demoCommand) Run(ctx context.Context, env *environment) error {
	s := &c.Settings
	if s.AppID != "" {
		return settings.Errorf("appid", "is set, and the demonstration is for no real account; use `server serve`, or unset it")
	}
	if s.Accounts != "" {
		return settings.Errorf("accounts", "is set, and the demonstration has accounts of its own; use `server serve`, or unset it")
	}
	if !settings.OnLoopback(s.Addr) {
		return settings.Errorf("addr", reachable, s.Addr)
	}
	ctx, log, end, err := env.foreground(ctx, s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	defer end()
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
	simListener, err := listenBeside("simulator-addr", c.SimulatorAddr, defaultSimulatorAddr)
	if err != nil {
		return err
	}
	defer simListener.Close()
	appListener, err := listenBeside("app-addr", c.AppAddr, defaultAppAddr)
	if err != nil {
		return err
	}
	defer appListener.Close()
	public, simURL := "http://"+listener.Addr().String(), "http://"+simListener.Addr().String()
	sim := wechatsim.New(wechatsim.Config{
		AnyBrowser: true, CallbackHosts: []string{listener.Addr().String()}, Logger: log.Logger,
		Apps: []wechatsim.App{{Kind: wechatsim.Website}, {Kind: wechatsim.MiniProgram}},
	})

	s.PublicURL, s.WeChatOpenURL, s.WeChatAPIURL = public, simURL, simURL
	s.AppID, s.AppSecret = sim.AppID(), sim.Secret()
	demoAccounts(s, sim.Apps())
	s.DatabaseURL = "sqlite:" + filepath.Join(data, "wxlogin.db")
	config, err := s.Parse()
	if err != nil {
		return err
	}
	app, err := c.prepare(ctx, env, config, simURL, "http://"+appListener.Addr().String(), log.Logger)
	if err != nil {
		return err
	}
	tracing, err := env.tracing(ctx, config, log.Logger)
	if err != nil {
		return err
	}
	defer tracing.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside := make(chan error, 2)
	go func() { beside <- serveBeside(ctx, simListener, sim, log.Logger) }()
	go func() { beside <- serveBeside(ctx, appListener, app, log.Logger) }()
	err = serve(ctx, service{
		settings: s, config: config, demo: &web.Demo{SimulatorURL: simURL}, tracing: tracing, listener: listener, logs: tracing.Logs(log),
	})
	cancel()
	return errors.Join(err, <-beside, <-beside)
}

// demoAccounts adds the other accounts of the simulator to the settings: a website and a
// mini program, in one Open Platform account with main.
func demoAccounts(s *settings.Settings, apps []wechatsim.App) {
	s.Group = "demo"
	secrets := make(map[string]string)
	var accounts []string
	for _, app := range apps {
		if name := map[wechatsim.Kind]string{wechatsim.Website: "pc", wechatsim.MiniProgram: "mini"}[app.Kind]; name != "" {
			accounts = append(accounts, name+":"+string(app.Kind)+":"+app.AppID+"@"+s.Group)
			secrets[settings.SecretVariable(name)] = app.Secret
		}
	}
	s.Accounts = strings.Join(accounts, ",")
	s.TakeSecrets(secrets)
}

// folder returns the folder of the demonstration's data, and a function that removes it if
// it is a temporary one.
func (c *demoCommand) folder() (path string, remove func(), err error) {
	if c.Data != "" {
		return c.Data, func() {}, os.MkdirAll(c.Data, 0o700)
	}
	path, err = os.MkdirTemp("", "wxlogin-demo-")
	return path, func() { os.RemoveAll(path) }, err
}

const reachable = "%q can be reached from other machines; the demonstration listens on 127.0.0.1 only"

// listenBeside opens a listener on this machine for a server beside the service. If no
// address was given and the usual one is taken, it picks a free port.
func listenBeside(flag, addr, usual string) (net.Listener, error) {
	if addr == "" {
		if listener, err := net.Listen("tcp", usual); err == nil {
			return listener, nil
		}
		addr = "127.0.0.1:0"
	}
	if !settings.OnLoopback(addr) {
		return nil, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(reachable, addr))
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--%s: %s", flag, whyNot(addr, err))
	}
	return listener, nil
}

// prepare fills the database, prints the addresses to open, and makes the sample application.
func (c *demoCommand) prepare(ctx context.Context, env *environment, config settings.Config, simURL, appURL string, log *slog.Logger) (*oidcapp.App, error) {
	db, keys, err := openWatched(ctx, &c.Settings, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if !c.Empty {
		if err := demo.Seed(ctx, db, auth.Rules{AppID: config.AppID, Accounts: config.Accounts}); err != nil {
			return nil, fmt.Errorf("make up people: %w", err)
		}
	}
	admins := adminService(config, db, nil)
	id, secret, err := addSample(ctx, admins, keys, config, appURL+"/")
	if err != nil {
		return nil, err
	}
	adminLink, ends, err := newAdminLink(ctx, admins, config.PublicURL)
	if err != nil {
		return nil, err
	}
	env.answer(`wxlogin 演示 / demonstration: a simulated WeChat, nothing leaves this machine.

  访客 visitor      %s/
  管理员 admin      %s   (one use, until %s)
  模拟器 simulator  %s/
  示例应用 app      %s/

OpenID Connect, for an application of yours:
  issuer            %s
  client_id         %s
  client_secret     %s
  redirect_uri      %s   (any port)

Ctrl+C stops it.
`, config.PublicURL, adminLink, ends.In(config.Zone).Format("15:04 MST"), simURL, appURL,
		config.Issuer(), id, string(secret), strings.Join(sampleClient().RedirectURIs, "  "))
	return oidcapp.New(oidcapp.Config{Issuer: config.Issuer(), ClientID: id, ClientSecret: string(secret), URL: appURL, Log: log})
}

// sampleClient is the client of the sample, and of applications that somebody develops
// against the demonstration. It is native, so that redirect URIs match with any port.
func sampleClient() auth.Client {
	return auth.Client{
		Name: sampleName, Account: auth.MainAccount, Alg: auth.RS256, Native: true,
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://localhost/callback"},
	}
}

// addSample stores the sample's client, unless the folder of --data already has it: there
// id and secret stay the same, so that applications developed against it keep working.
func addSample(ctx context.Context, admins *admin.Service, keys auth.Keyring, config settings.Config, home string) (id string, secret auth.Secret, err error) {
	secret = auth.Secret(base64.RawURLEncoding.EncodeToString(keys[0].Subkey("demo/client")))
	client, err := admins.Client(ctx, sampleName)
	if auth.ReasonOf(err) == auth.NoSuchClient {
		client, _, err = admins.AddClient(ctx, admin.CommandLine(), sampleClient(), false)
	}
	if err != nil {
		return "", "", err
	}
	issuer := config.Issuer()
	if client.Issuer == issuer && client.HasSecret(secret) && slices.Contains(client.LogoutURIs, home) {
		return client.ID, secret, nil
	}
	client.Issuer, client.SecretHash = issuer, auth.Hash(secret)
	if !slices.Contains(client.LogoutURIs, home) {
		client.LogoutURIs = append(client.LogoutURIs, home)
	}
	return client.ID, secret, admins.EditClient(ctx, admin.CommandLine(), client)
}
