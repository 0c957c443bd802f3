package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"wxlogin/internal/settings"
	"wxlogin/internal/wechat/wechatsim"
)

type simulatorCommand struct {
	Addr       string `default:"127.0.0.1:8008" help:"Listen here."`
	AppID      string `name:"appid" help:"AppID of the official account to play; those of the website application and the mini program beside it follow from it. Default: made up."`
	AppSecret  string `name:"appsecret" help:"AppSecret of the official account to play; the others' follow from it. Default: made up."`
	Hosts      string `name:"callback-hosts" help:"Exact host or host:port values that a callback may have, comma-separated. Default: any of this machine."`
	AnyBrowser bool   `name:"any-browser" help:"Let every browser count as WeChat's."`
	Phone      string `help:"Take every browser for this phone, if it has chosen no other on the simulator's page: android, iphone, windows, mac, harmony, wecom-iphone … A wrong name lists all." placeholder:"NAME"`
	Lenient    bool   `help:"Let pass what WeChat may refuse and libraries send: parameters in any order, an empty state, POST."`
	TLS        bool   `name:"tls" help:"Answer under WeChat's own names by https too, for programs that have its addresses built in: with a CA of its own, and a line for the hosts file that is printed."`
	TLSAddr    string `name:"tls-addr" default:"127.0.0.1:443" help:"With --tls: listen here."`
	TLSCA      string `name:"tls-ca" default:"wechatsim-ca.pem" help:"With --tls: write the CA's certificate into this file, for programs to trust. It is a new one at every start."`
	LogFormat  string `name:"log-format" setting:"" help:"text or json. Default: text on a terminal, else json."`
	LogLevel   string `name:"log-level" setting:"" default:"info" help:"debug, info, warn or error."`
}

func (c *simulatorCommand) Run(ctx context.Context, env *environment) error {
	ctx, log, end, err := env.foreground(ctx, c.LogFormat, c.LogLevel)
	if err != nil {
		return err
	}
	defer end()
	if _, ok := wechatsim.PhoneNamed(c.Phone); c.Phone != "" && !ok {
		var names []string
		for _, p := range wechatsim.Phones() {
			names = append(names, p.Name)
		}
		return fmt.Errorf("--phone: there is no %q; there are %s", c.Phone, strings.Join(names, ", "))
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %s", whyNot(c.Addr, err))
	}
	defer listener.Close()
	config := wechatsim.Config{
		AppID:         c.AppID,
		Secret:        c.AppSecret,
		CallbackHosts: settings.List(c.Hosts),
		AnyBrowser:    c.AnyBrowser,
		Phone:         c.Phone,
		Apps:          []wechatsim.App{{Kind: wechatsim.Website}, {Kind: wechatsim.MiniProgram}},
		Logger:        log.Logger,
	}
	if c.Lenient {
		config.Switches = config.Switches.Lenient()
	}
	sim := wechatsim.New(config)
	base := "http://" + listener.Addr().String()
	text := fmt.Sprintf(`A simulated WeChat is running. Its control page: %s/

Set these for the service you develop:
  AppID                    %s
  AppSecret                %s
  authorize pages          %s   (WXLOGIN_WECHAT_OPEN_URL)
  API                      %s   (WXLOGIN_WECHAT_API_URL)
`, base, sim.AppID(), sim.Secret(), base, base)
	site, mini := sim.Apps()[1], sim.Apps()[2]
	text += fmt.Sprintf(`
Beside this official account there are, in one Open Platform account with it:
  website application      %s  %s
  mini program             %s  %s
Set these for a wxlogin that signs people in by all three:
  WXLOGIN_APPID=%s
  WXLOGIN_APPSECRET=%s
  WXLOGIN_WECHAT_OPEN_URL=%s
  WXLOGIN_WECHAT_API_URL=%s
  WXLOGIN_GROUP=sim
  WXLOGIN_ACCOUNTS=pc:website:%s@sim,app:mini:%s@sim
  WXLOGIN_APPSECRET_PC=%s
  WXLOGIN_APPSECRET_APP=%s
`, site.AppID, site.Secret, mini.AppID, mini.Secret, sim.AppID(), sim.Secret(), base, base, site.AppID, mini.AppID, site.Secret, mini.Secret)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tlsDone := make(chan error, 1)
	if c.TLS {
		secured, how, err := c.listenTLS()
		if err != nil {
			return err
		}
		text += how
		go func() {
			tlsDone <- serveBeside(ctx, secured, sim, log.Logger)
			cancel()
		}()
	} else {
		tlsDone <- nil
	}
	env.answer("%s", text)
	err = serveBeside(ctx, listener, sim, log.Logger)
	cancel()
	return errors.Join(err, <-tlsDone)
}

// serveBeside runs the simulator, or another server beside a service, until ctx ends. It
// does not wait for answers that the simulator holds back on purpose.
func serveBeside(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(drain) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", listener.Addr(), err)
	}
	return nil
}
