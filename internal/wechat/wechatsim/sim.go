package wechatsim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config configures a simulator. The zero value works.
type Config struct {
	// AppID and Secret of the official account played. Empty: made up, in
	// WeChat's shape (wx and 16 hex digits; 32 hex digits).
	AppID, Secret string

	// AccountName is the official account's name on the consent popup.
	// Empty: 示例服务号.
	AccountName string

	// Apps are other accounts, of any kind. With a website application among them,
	// /connect/qrconnect accepts website applications only; without one it accepts the
	// official account's AppID, as if that were both.
	Apps []App

	// CallbackHosts are the exact hosts (or host:port) that a redirect_uri may have, like
	// the 网页授权域名 of the console. An entry without a port allows only the ports 80 and
	// 443 (official). Empty: any loopback host, any port.
	CallbackHosts []string

	// AnyBrowser makes every browser count as WeChat's.
	AnyBrowser bool

	// Phone is the Name of the [Phone] that a browser plays if it has chosen no other
	// (CookiePhone). Empty: the browser's own User-Agent counts.
	Phone string

	// BaseURL is the beginning of the headimgurl of drawn pictures, for clients that reach
	// the simulator by another address than the caller of the API. Empty: the address at
	// which userinfo was called.
	BaseURL string

	// Notice is a sentence for the top of the control page. Empty: none.
	Notice string

	// Switches are the switches at the start.
	Switches Switches

	// Remember is how many people, codes, tokens and calls are kept; the oldest are dropped
	// first. 0: 10,000. A simulator may run for weeks and must not grow.
	Remember int

	// Quotas limit the calls. Zero fields: WeChat's quotas.
	Quotas Quotas

	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: silent. Secrets, codes and tokens are never logged

	// Wait waits for d or until ctx ends, whichever comes first; Delay and Drip use it.
	// Nil: real time.
	Wait func(ctx context.Context, d time.Duration)

	// OnCall, if set, is called with every call after its answer is decided and before it
	// is sent, so that a test can act in between. It runs on the request's goroutine.
	OnCall func(Call)
}

const (
	remembered = 10_000
	maxFaults  = 1_000
)

// Simulator plays WeChat. It is an http.Handler, safe for concurrent use. Make
// it with [New].
type Simulator struct {
	cfg     Config
	handler http.Handler

	apps []*app // the official account first

	mu        sync.Mutex
	switches  Switches
	people    shelf[*Person]
	codes     shelf[*code]
	tokens    shelf[*grant]   // by access token
	refreshes shelf[*grant]   // by refresh token
	centrals  shelf[*central] // by access token
	scans     shelf[*scan]    // by uuid
	consents  map[consent]time.Time
	calls     []Call // ring: the call number n is at (n-1) % Remember
	callCount int
	faults    []*planned
	released  chan struct{} // closed by ClearFaults, which releases hanging requests
}

// New makes a simulator with the ready people.
func New(cfg Config) *Simulator {
	if cfg.AppID == "" {
		cfg.AppID = "wx" + randomHex(8)
	}
	if cfg.Secret == "" {
		cfg.Secret = randomHex(16)
	}
	if cfg.AccountName == "" {
		cfg.AccountName = "示例服务号"
	}
	if cfg.Remember <= 0 {
		cfg.Remember = remembered
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Wait == nil {
		cfg.Wait = waitReal
	}
	cfg.Quotas = cfg.Quotas.normal()
	s := &Simulator{
		cfg:       cfg,
		apps:      newApps(cfg),
		switches:  cfg.Switches.normal(),
		people:    newShelf[*Person](cfg.Remember),
		codes:     newShelf[*code](cfg.Remember),
		tokens:    newShelf[*grant](cfg.Remember),
		refreshes: newShelf[*grant](cfg.Remember),
		centrals:  newShelf[*central](cfg.Remember),
		scans:     newShelf[*scan](cfg.Remember),
		consents:  make(map[consent]time.Time),
		released:  make(chan struct{}),
	}
	for _, p := range readyPeople() {
		s.AddPerson(p)
	}
	s.Follow(cfg.AppID, "lin", "ADD_SCENE_QR_CODE")
	s.Follow(cfg.AppID, "wang", "ADD_SCENE_SEARCH")
	s.handler = s.routes()
	return s
}

// AppID returns the official account's AppID.
func (s *Simulator) AppID() string { return s.cfg.AppID }

// Secret returns the official account's AppSecret.
func (s *Simulator) Secret() string { return s.cfg.Secret }

// ServeHTTP answers for both of WeChat's hosts and for the control page.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// routes lists every address of the simulator.
func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()

	// open.weixin.qq.com
	mux.Handle("GET /connect/oauth2/authorize", s.endpoint(Authorize, s.authorize))
	mux.Handle("POST /connect/oauth2/allow", s.button(s.allow))
	mux.Handle("POST /connect/oauth2/deny", s.button(s.deny))
	s.qrconnectRoutes(mux)

	// api.weixin.qq.com: all methods, as WeChat has an answer of its own to a POST
	mux.Handle("/sns/oauth2/access_token", s.endpoint(Token, s.exchange))
	mux.Handle("/sns/oauth2/refresh_token", s.endpoint(Refresh, s.refresh))
	mux.Handle("/sns/auth", s.endpoint(Auth, s.auth))
	mux.Handle("/sns/userinfo", s.endpoint(Userinfo, s.userinfo))
	mux.Handle("/sns/jscode2session", s.endpoint(CodeToSession, s.codeToSession))
	mux.Handle("/cgi-bin/token", s.endpoint(CentralToken, s.centralToken))
	mux.Handle("/cgi-bin/stable_token", s.endpoint(StableToken, s.stableToken))
	mux.Handle("/cgi-bin/ticket/getticket", s.endpoint(Ticket, s.ticket))
	mux.Handle("/cgi-bin/user/info", s.endpoint(Follower, s.follower))
	mux.Handle("/cgi-bin/changeopenid", s.endpoint(ChangeOpenID, s.changeOpenID))

	// thirdwx.qlogo.cn
	mux.Handle("GET /mmopen/vi_32/{key}/{size}", s.endpoint(Picture, s.picture))

	// the simulator's own
	s.pageRoutes(mux)
	s.apiRoutes(mux)

	// A page elsewhere on the web must not be able to plan faults or to press
	// 允许 in a developer's browser.
	return http.NewCrossOriginProtection().Handler(mux)
}

func waitReal(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
