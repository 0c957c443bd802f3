// Package web is wxlogin over HTTP: every route, the cookies, the check of the state, the
// pages and the JSON.
//
// It does not know SQL or WeChat's wire format, and it does not decide who may sign in or be
// an admin: packages auth and admin do. What it reads from the database it declares as
// interfaces.
package web

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/sessions"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// SessionStore stores sessions. Its errors are *auth.Error, StoreDown unless said otherwise.
type SessionStore interface {
	// Visit returns the session of a token, with its person, with at most one read.
	// NotSignedIn when there is none.
	Visit(ctx context.Context, kind auth.SessionKind, tokenHash string) (*auth.Visit, error)
	// DeleteSession ends one session. It is no error if it has ended already.
	DeleteSession(ctx context.Context, kind auth.SessionKind, tokenHash string) error
	// TouchSessions saves when sessions were last seen. Ended sessions stay ended.
	TouchSessions(ctx context.Context, tokenHashes []string, at time.Time) error
}

// Config is what a Server needs.
type Config struct {
	PublicURL    *url.URL // its path is the prefix of every route
	ReturnHosts  []string // exact host or host:port, besides the public URL's
	CookieDomain string   // of the session cookie; empty: this host alone
	QRFrame      bool     // show a website account's QR code in a page of ours
	// AccountHosts is the account of logins that return to a host; hosts are as in
	// ReturnHosts. For any other host it is main.
	AccountHosts   map[string]string
	TrustedProxies []netip.Prefix
	Lang           string // for browsers that ask for no language of ours
	Zone           *time.Location
	Keys           auth.Keyring
	RateLimit      int               // requests a minute and client address; 0: no limit
	RootFiles      map[string][]byte // MP_verify_*.txt by name, served at the root of the host
	EmailDomain    string            // of the made-up addresses that applications get
	BackendKeys    []auth.BackendKey // of programs that may read access tokens; nil: none may
	Demo           *Demo             // not nil: every browser counts as WeChat's
	Branding       Branding

	Auth       *auth.Service
	Scans      *auth.Scans
	Admins     *admin.Service
	Pictures   *auth.Pictures // nil: none are copied
	Central    *auth.Central
	Followers  *auth.Followers // nil: WeChat is not asked
	Following  FollowerReader  // nil: followers are not shown
	Grants     *auth.Grants
	IDTokens   IDTokens
	Sessions   SessionStore
	People     People
	Lists      Lists
	AuditLog   AuditLog
	Statistics Statistics
	Personal   PersonalStore
	Ready      func(context.Context) error
	// Stopping is closed when long responses should end. nil: never.
	Stopping <-chan struct{}

	// Observe, if set, is called with the record of every request.
	Observe func(context.Context, AccessRecord)
	// LogAccess writes a record to the access log. nil: it is written to Log.
	LogAccess func(context.Context, AccessRecord)
	// Started, if set, is called for every trip to WeChat that begins. inWeChat is false if
	// the scope needs WeChat's browser and this is another one, which gets no further.
	Started func(scope auth.Scope, inWeChat bool)
	// Refused, if set, is called with the reason for every callback that is refused before
	// its code is used.
	Refused func(auth.Reason)

	// Application, if set, is called with what an application asked for (authorize, token,
	// userinfo, revoke) and the result: given, or the error's code. The name of an unknown
	// application is empty.
	Application func(application, step, result string)

	// Meaning returns what one of WeChat's errcodes means, in one of our languages. nil: no
	// meanings are shown.
	Meaning func(lang string, errcode int64) string

	Templates fs.FS
	words     map[string]words // see rendererConfig
	Now       func() time.Time
	Log       *slog.Logger
}

// Server answers requests.
type Server struct {
	config     Config
	rules      auth.Rules
	auth       *auth.Service
	scans      *auth.Scans
	admins     *admin.Service
	people     People
	lists      Lists
	auditLog   AuditLog
	statistics Statistics
	personal   PersonalStore
	central    *auth.Central
	grants     *auth.Grants
	idTokens   IDTokens
	now        func() time.Time
	log        *slog.Logger

	site     site
	cookies  *sessionCookies
	flows    *flows
	tickets  *tickets
	streams  streams
	failures failures
	guesses  guesses
	lastSeen *lastSeenWriter
	patience patience
	notices  notices
	website  auth.Account // the desktops' website account; the zero Account: there is none
	// accountHosts is Config.AccountHosts, with the hosts as browsers send them.
	accountHosts map[string]string
	// elsewherePolicy is the content policy of pages under another site's address.
	elsewherePolicy string
	renderer        *renderer
	assets          *assets
	router          chi.Routes
	handler         http.Handler // the router and its middleware
}

// New makes a Server. It fails when a page cannot be parsed.
func New(config Config) (*Server, error) {
	s := &Server{
		config:     config,
		rules:      config.Auth.Rules(),
		auth:       config.Auth,
		scans:      config.Scans,
		admins:     config.Admins,
		people:     config.People,
		lists:      config.Lists,
		auditLog:   config.AuditLog,
		statistics: config.Statistics,
		personal:   config.Personal,
		central:    config.Central,
		grants:     config.Grants,
		idTokens:   config.IDTokens,
		now:        config.Now,
		log:        config.Log,
		site:       newSite(config.PublicURL, config.ReturnHosts),
		patience:   patience{chunk: time.Minute, export: 10 * time.Minute},
		website:    firstWebsite(config.Auth.Rules().Accounts),
	}
	s.accountHosts = make(map[string]string, len(config.AccountHosts))
	for host, account := range config.AccountHosts {
		s.accountHosts[usualPort("https", strings.ToLower(host))] = account
	}
	s.elsewherePolicy = newElsewherePolicy(s.site, config.ReturnHosts)
	idle := s.rules.Idle
	s.lastSeen = newLastSeenWriter(config.Sessions, config.Log, min(time.Hour, idle/4))
	s.cookies = newSessionCookies(s.site, config)
	s.flows = newFlows(s.site, config.Keys, config.Now)
	if s.config.Observe == nil {
		s.config.Observe = func(context.Context, AccessRecord) {}
	}
	if s.config.LogAccess == nil {
		s.config.LogAccess = func(ctx context.Context, record AccessRecord) {
			attrs := record.Attrs()
			s.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs[:]...)
		}
	}
	if s.config.Started == nil {
		s.config.Started = func(auth.Scope, bool) {}
	}
	if s.config.Application == nil {
		s.config.Application = func(string, string, string) {}
	}
	if s.config.Refused == nil {
		s.config.Refused = func(auth.Reason) {}
	}
	var err error
	if s.tickets, err = newTickets(s.site, config.Keys, config.Now); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if s.assets, err = assetsWith(config.Branding.Logo); err != nil {
		return nil, err
	}
	s.renderer, err = newRenderer(rendererConfig{
		files: config.Templates, words: config.words, assets: s.assets, prefix: s.site.prefix, fallback: config.Lang, zone: config.Zone,
	})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	s.guesses = s.newGuesses()
	s.handler = s.routes()
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Streams returns how many desktops wait for their phones by a stream at present.
func (s *Server) Streams() int64 { return s.streams.open.Load() }

// Close saves what the server still has in memory: when sessions were last seen.
func (s *Server) Close(ctx context.Context) { s.lastSeen.close(ctx) }

var _ sessions.Store = (*sessionCookies)(nil)

// site is the parsed public address.
type site struct {
	origin string // scheme://host[:port]
	sent   string // the origin as browsers send it
	prefix string // path without the slash at its end; empty at the root
	secure bool
	tag    string          // of our cookies' names
	hosts  map[string]bool // to which return_to may lead, in lower case
}

func newSite(public *url.URL, returnHosts []string) site {
	s := site{
		origin: public.Scheme + "://" + public.Host,
		sent:   public.Scheme + "://" + sentHost(public),
		prefix: strings.TrimRight(public.Path, "/"),
		secure: public.Scheme == "https",
		hosts:  map[string]bool{usualPort(public.Scheme, strings.ToLower(public.Host)): true},
	}
	s.tag = cookieTag(public, s.prefix)
	for _, host := range returnHosts {
		s.hosts[usualPort("https", strings.ToLower(host))] = true
	}
	return s
}

// sentHost returns the host of an address as browsers send it: in lower case, and without the
// scheme's default port.
func sentHost(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		return strings.TrimSuffix(host, ":80")
	}
	return usualPort(u.Scheme, host)
}

// home returns the path of the visitor's own page, to which return_to falls back.
func (s site) home() string { return s.prefix + "/" }

// absolute returns the public address of a path below the prefix.
func (s site) absolute(path string) string { return s.origin + s.prefix + path }
