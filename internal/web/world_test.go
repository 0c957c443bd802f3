package web_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/clocktest"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/store"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
)

// world is the whole service, in front of a real database and a simulated
// WeChat, each reached over HTTP as in life.
type world struct {
	t         testing.TB
	sim       *wechatsim.Simulator
	simURL    string
	url       string // of the service
	public    string // its public URL; another's with a replica
	transport http.RoundTripper
	db        *store.Store
	dbPath    string // or the address of a PostgreSQL database
	admins    *admin.Service
	pictures  *auth.Pictures
	followers *auth.Followers // nil: nobody asks
	refresher *auth.Refresher
	clock     *clock
	log       *logBuffer
	secrets   *secrets
	keys      auth.Keyring
	rules     auth.Rules
	idTokens  *idtoken.Keys
	// centralKeeper looks after access tokens and tickets.
	centralKeeper *auth.Central
	server        *web.Server
	stopping      chan struct{} // closed by a test that stops the service
}

// options are what tests change about a world.
type options struct {
	mode        auth.Mode
	returnHosts []string
	admins      []string
	path        string // of the public URL
	rateLimit   int
	recheck     time.Duration
	renew       bool          // ask for consent when a token has died
	quiet       bool          // the log goes nowhere: for benchmarks
	budget      time.Duration // of a login; 0: 8 s
	proxies     []string
	replicaOf   *world       // has its public URL
	dbPath      string       // share another world's database
	keys        auth.Keyring // and its keys
	sim         *wechatsim.Simulator
	apiURL      string         // in place of the simulator
	zone        *time.Location // nil: UTC

	accounts     []auth.Account                         // besides main; AppIDs are made up
	accountHosts map[string]string                      // return host by account
	application  func(application, step, result string) // see web.Config

	followers    bool // WeChat is asked who follows
	qrFrame      bool
	branding     web.Branding
	https        bool
	backendKeys  []auth.BackendKey
	cookieDomain string
	impatient    bool // writes wait for no lock as long as they do in life
}

// newWorld starts a service. Everything ends with the test.
func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(o.replicaOf), log: &logBuffer{}, secrets: &secrets{}, stopping: make(chan struct{}), sim: o.sim, dbPath: o.dbPath}
	if w.sim == nil {
		w.sim = wechatsim.New(wechatsim.Config{Now: w.clock.now, Apps: apps(o.accounts)})
	}
	simServer := httptest.NewServer(w.secrets.overhear(w.sim))
	t.Cleanup(simServer.Close)
	w.simURL = simServer.URL

	// The service has to know its own address before it can be made.
	server := httptest.NewUnstartedServer(nil)
	scheme, start := "http", server.Start
	if o.https {
		scheme, start = "https", server.StartTLS
	}
	w.url = scheme + "://" + server.Listener.Addr().String()
	public, err := url.Parse(w.url + o.path)
	check(t, err)
	w.url += o.path
	if w.public = public.String(); o.replicaOf != nil {
		public, err = url.Parse(o.replicaOf.public)
		check(t, err)
		w.public = o.replicaOf.public
	}

	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.quiet {
		log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	}
	if w.dbPath == "" {
		w.dbPath = newDatabase(t)
	}
	t.Cleanup(w.wantNoLeak)
	keys := o.keys
	if keys == nil {
		keys = newKeys(t)
	}
	w.keys = keys
	database := store.Config{URL: databaseURL(w.dbPath), Keys: keys, Migrations: migrations.FS, Now: w.clock.now, Logger: log}
	if o.impatient {
		database.WriteBudget = 300 * time.Millisecond
	}
	w.db, err = store.Open(t.Context(), database)
	check(t, err)
	t.Cleanup(func() { w.db.Close() })

	apiURL := o.apiURL
	if apiURL == "" {
		apiURL = w.simURL
	}
	accounts := w.meetWeChat(o.accounts, apiURL)
	if o.mode == "" {
		o.mode = auth.ModeAuto
	}
	rules := auth.Rules{AppID: w.sim.AppID(), Accounts: accounts.all, Mode: o.mode, Idle: 720 * time.Hour, Lifetime: 4320 * time.Hour, Budget: cmp.Or(o.budget, 8*time.Second), Recheck: o.recheck, RenewProfile: o.renew, Followers: o.followers}
	w.pictures = auth.NewPictures(accounts.providers[auth.MainAccount].(auth.PictureFetcher), w.db, w.clock.now, log)
	t.Cleanup(func() { w.pictures.Close(t.Context()) }) // cut short: that context has ended
	w.refresher = auth.NewRefresher(auth.RefresherConfig{Providers: accounts.refreshers, Store: w.db, Pictures: w.pictures, Now: w.clock.now, Log: log})
	w.admins = admin.New(admin.Config{
		Store: w.db, Refresher: w.refresher, AppID: rules.AppID, Accounts: rules.Accounts, Admins: o.admins, Followers: o.followers, Now: w.clock.now,
	})
	rules.Appointed = w.admins.Appointed
	w.rules = rules
	w.idTokens = idtoken.NewKeys(w.db, w.clock.now, log)
	w.centralKeeper = auth.NewCentral(accounts.central, w.db, w.clock.now, log)
	var following web.FollowerReader
	if o.followers {
		w.followers = auth.NewFollowers(auth.FollowersConfig{Providers: accounts.followers, Central: w.centralKeeper, Store: w.db, Now: w.clock.now, Log: log})
		following = w.db
		t.Cleanup(func() { w.followers.Close(t.Context()) })
	}
	config := web.Config{
		PublicURL:    public,
		ReturnHosts:  o.returnHosts,
		AccountHosts: o.accountHosts,
		QRFrame:      o.qrFrame,
		CookieDomain: o.cookieDomain,
		Lang:         "zh_CN",
		Zone:         cmp.Or(o.zone, time.UTC),
		Keys:         keys,
		RateLimit:    o.rateLimit,
		Branding:     o.branding,
		Auth:         auth.New(auth.Config{Providers: accounts.providers, Minis: accounts.minis, Store: w.db, Pictures: w.pictures, Followers: w.followers, Rules: rules, Now: w.clock.now, Log: log}),
		Scans:        auth.NewScans(w.db, rules, w.clock.now, nil),
		Stopping:     w.stopping,
		Admins:       w.admins,
		Pictures:     w.pictures,
		Central:      w.centralKeeper,
		Followers:    w.followers,
		Following:    following,
		BackendKeys:  o.backendKeys,
		Grants:       auth.NewGrants(w.db, keys, rules, w.clock.now),
		IDTokens:     w.idTokens,
		EmailDomain:  "wechat.invalid",
		Sessions:     w.db,
		People:       w.db,
		Lists:        w.db,
		AuditLog:     w.db,
		Statistics:   w.db,
		Personal:     w.db,
		Ready:        w.db.Ready,
		Meaning:      meaning,
		Application:  o.application,
		Now:          w.clock.now,
		Log:          log,
	}
	for _, proxy := range o.proxies {
		config.TrustedProxies = append(config.TrustedProxies, prefix(t, proxy))
	}
	handler, err := web.NewQuickly(config)
	check(t, err)
	w.server = handler
	server.Config.Handler = handler
	start()
	w.transport = server.Client().Transport // knows the certificate
	t.Cleanup(func() {
		server.Close()
		handler.Close(context.Background())
	})
	return w
}

func meaning(_ string, errcode int64) string {
	e, _ := wechat.Explain(errcode)
	return e.Chinese
}

func newKeys(t testing.TB) auth.Keyring {
	t.Helper()
	keys, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	return keys
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is the time of a world, moved by the test, so that nothing ends because a machine
// is busy with other things. By itself it goes on by a millisecond whenever somebody looks,
// at it or at that of a replica, so that what comes later is later. It begins at the real
// time, by which browsers keep cookies.
type clock struct {
	began time.Time
	looks *atomic.Int64 // by all replicas

	mu     sync.Mutex
	passed time.Duration
	jump   time.Duration
}

// newClock is a world's clock, or that of a replica, which is moved by itself.
func newClock(replicaOf *world) *clock {
	if replicaOf != nil && replicaOf.clock != nil { // not a public URL alone
		return &clock{began: replicaOf.clock.began, looks: replicaOf.clock.looks}
	}
	return &clock{began: time.Now(), looks: new(atomic.Int64)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clocktest.Jumped(c.began.Add(time.Duration(c.looks.Add(1))*time.Millisecond+c.passed), c.jump)
}

// set has somebody set the clock of the machine, forward or back. The time by which a
// process goes on stays as it is.
func (c *clock) set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jump += by
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}

// logBuffer is a log that the test can read.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// What the browsers of most tests say of themselves; phoneNamed has the others.
var (
	iPhone     = phoneNamed("iphone").UserAgent
	windowsPC  = phoneNamed("windows").UserAgent
	weCom      = phoneNamed("wecom-iphone").UserAgent
	desktopWeb = phoneNamed("desktop").UserAgent
)

func phoneNamed(name string) wechatsim.Phone {
	p, ok := wechatsim.PhoneNamed(name)
	if !ok {
		panic("no phone " + name)
	}
	return p
}

// browser is one cookie jar with somebody in front of it.
type browser struct {
	w      *world
	client *http.Client
	agent  string
	lang   string
	plays  *wechatsim.Phone // sends all that this one sends; nil: agent and lang
}

// page is where a browser has come to.
type page struct {
	t      testing.TB
	Status int
	URL    *url.URL
	Header http.Header
	Body   string
	Hops   []string // addresses of the redirects on the way
}

// phone is a phone with WeChat, held by the person of a key in the simulator,
// who presses 允许 when WeChat asks. An empty key holds nobody.
func (w *world) phone(key string) *browser {
	w.t.Helper()
	b := w.browser(iPhone)
	if key != "" {
		b.setCookie(w.simURL, wechatsim.CookiePerson, key)
	}
	b.setCookie(w.simURL, wechatsim.CookieConsent, wechatsim.AnswerAllow)
	return b
}

func (w *world) browser(agent string) *browser {
	jar, err := cookiejar.New(nil)
	check(w.t, err)
	return &browser{w: w, agent: agent, client: &http.Client{
		Jar:           jar,
		Transport:     w.transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) setCookie(address, name, value string) {
	u, err := url.Parse(address)
	check(b.w.t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: b.w.cookieName(name), Value: value, Path: "/"}})
}

// cookieName is the name of one of the service's cookies: wxlogin, wxlogin_desk …
// The simulator's are called what they are called.
func (w *world) cookieName(name string) string {
	if !strings.HasPrefix(name, "wxlogin") {
		return name
	}
	return web.CookieName(w.public, name)
}

// cookie is the value of a cookie of the service; empty without one.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.w.url)
	check(b.w.t, err)
	for _, cookie := range b.client.Jar.Cookies(u) {
		if cookie.Name == b.w.cookieName(name) {
			return cookie.Value
		}
	}
	return ""
}

// resolve makes an address of the service from a path below its prefix.
func (b *browser) resolve(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.w.url + address
	}
	return address
}

// fetch makes one request and follows nothing. It may run in any goroutine.
func (b *browser) fetch(req *http.Request) (*page, error) {
	req.Header.Set("User-Agent", b.agent)
	if b.plays != nil && req.Header.Get("Accept") == "" {
		b.plays.Opens(req.Header, b.site(req))
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	}
	req.Header.Set("Accept-Encoding", "identity") // for lengths that are the page's own
	if b.lang != "" {
		req.Header.Set("Accept-Language", b.lang)
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	b.w.secrets.answered(b.w.url, req, res.Header, body)
	return &page{t: b.w.t, Status: res.StatusCode, URL: req.URL, Header: res.Header, Body: string(body)}, nil
}

// site is where a request comes from, as Sec-Fetch-Site has it.
func (b *browser) site(req *http.Request) string {
	switch origin := req.Header.Get("Origin"); origin {
	case "":
		return "none"
	case req.URL.Scheme + "://" + req.URL.Host:
		return "same-origin"
	}
	return "cross-site"
}

func (b *browser) request(method, address string, form url.Values) *http.Request {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, b.resolve(address), body)
	check(b.w.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method != http.MethodGet && method != http.MethodHead && strings.HasPrefix(req.URL.String(), b.w.url) {
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host) // as every browser does
	}
	return req
}

// get makes one request and follows nothing.
func (b *browser) get(address string) *page {
	b.w.t.Helper()
	p, err := b.fetch(b.request(http.MethodGet, address, nil))
	check(b.w.t, err)
	return p
}

// post sends a form and follows nothing.
func (b *browser) post(address string, form url.Values) *page {
	b.w.t.Helper()
	p, err := b.fetch(b.request(http.MethodPost, address, form))
	check(b.w.t, err)
	return p
}

// opens opens an address and goes where it leads.
func (b *browser) opens(address string) *page {
	b.w.t.Helper()
	return b.follow(b.get(address))
}

// submits sends a form and goes where it leads.
func (b *browser) submits(address string, form url.Values) *page {
	b.w.t.Helper()
	return b.follow(b.post(address, form))
}

func (b *browser) follow(p *page) *page {
	b.w.t.Helper()
	var hops []string
	for p.Status >= 300 && p.Status < 400 && p.Status != http.StatusNotModified {
		if len(hops) > 20 {
			b.w.t.Fatalf("redirects without end: %q", hops)
		}
		hops = append(hops, p.location())
		next, err := p.URL.Parse(p.Header.Get("Location"))
		check(b.w.t, err)
		p = b.get(next.String())
	}
	p.Hops = hops
	return p
}

// stops begins to follow an address and stops before a redirect whose target
// holds the text; it returns that target.
func (b *browser) stops(address, before string) string {
	b.w.t.Helper()
	for range 20 {
		p := b.get(address)
		location := p.Header.Get("Location")
		if location == "" {
			b.w.t.Fatalf("no redirect to %q; ended at %s with status %d", before, p.URL.Path, p.Status)
		}
		next, err := p.URL.Parse(location)
		check(b.w.t, err)
		if address = next.String(); strings.Contains(address, before) {
			return address
		}
	}
	b.w.t.Fatalf("no redirect to %q", before)
	return ""
}

// signsIn walks the whole way of a first visit and returns the profile page.
func (b *browser) signsIn() *page {
	b.w.t.Helper()
	p := b.opens("/login?consent=1")
	p.wantPage(http.StatusOK, "OpenID")
	return p
}

// me is what /api/me says; nil when nobody is signed in.
func (b *browser) me() map[string]any {
	b.w.t.Helper()
	p := b.get("/api/me")
	if p.Status == http.StatusUnauthorized {
		return nil
	}
	if p.Status != http.StatusOK {
		b.w.t.Fatalf("/api/me: status %d: %s", p.Status, p.Body)
	}
	var me map[string]any
	check(b.w.t, json.Unmarshal([]byte(p.Body), &me))
	return me
}

// wantMe fails unless the person of the simulator's key is signed in.
func (b *browser) wantMe(key string) {
	b.w.t.Helper()
	me := b.me()
	if me == nil {
		b.w.t.Fatalf("nobody is signed in, want %s", key)
	}
	if me["openid"] != b.w.person(key).OpenID {
		b.w.t.Fatalf("signed in as %v, want %s", me["openid"], key)
	}
}

// wantNobody fails if anybody is signed in.
func (b *browser) wantNobody() {
	b.w.t.Helper()
	if me := b.me(); me != nil {
		b.w.t.Fatalf("signed in as %v, want nobody", me["openid"])
	}
}

// admin is a browser that an admin link has let in.
func (w *world) admin() *browser {
	w.t.Helper()
	token, _, err := w.admins.NewLink(w.t.Context(), admin.CommandLine())
	check(w.t, err)
	b := w.browser(desktopWeb)
	b.submits("/admin/link", url.Values{"token": {string(token)}}).wantPage(http.StatusOK, "")
	return b
}

// person is somebody of the simulator.
func (w *world) person(key string) wechatsim.Person {
	w.t.Helper()
	for _, person := range w.sim.People() {
		if person.Key == key {
			return person
		}
	}
	w.t.Fatalf("the simulator knows no %q", key)
	return wechatsim.Person{}
}

// routes are the service's, as "METHOD /path".
func (w *world) routes() []string { return w.server.Routes() }

// users counts the people stored.
func (w *world) users() int64 {
	w.t.Helper()
	n, err := w.db.CountUsers(w.t.Context(), admin.UserQuery{})
	check(w.t, err)
	return n
}

// wantExchanges fails unless WeChat has been sent that many codes.
func (w *world) wantExchanges(n int) {
	w.t.Helper()
	if got := w.sim.Exchanges(); got != n {
		w.t.Fatalf("WeChat was sent %d codes, want %d", got, n)
	}
}

// wantPage fails unless the page has the status and the text.
func (p *page) wantPage(status int, text string) *page {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("%s: status %d, want %d\nhops %q\n%s", p.URL.Path, p.Status, status, p.Hops, excerpt(p.Body))
	}
	if !strings.Contains(p.Body, text) {
		p.t.Fatalf("%s: no %q on the page\n%s", p.URL.Path, text, excerpt(p.Body))
	}
	return p
}

// location is where an answer sends the browser, without the empty fragment that
// keeps WeChat's away; TestFragments looks at that.
func (p *page) location() string { return strings.TrimSuffix(p.Header.Get("Location"), "#") }

// wantRedirect fails unless the answer sends the browser to the address.
func (p *page) wantRedirect(location string) *page {
	p.t.Helper()
	if p.Status != http.StatusFound && p.Status != http.StatusSeeOther || p.location() != location {
		p.t.Fatalf("%s: status %d to %q, want a redirect to %q\n%s", p.URL.Path, p.Status, p.Header.Get("Location"), location, excerpt(p.Body))
	}
	return p
}

var tags = regexp.MustCompile(`(?s)<(style|svg).*?</(style|svg)>|<[^>]*>|\s+`)

// excerpt is what a page says, for the message of a failed test.
func excerpt(body string) string {
	text := tags.ReplaceAllString(body, " ")
	return text[:min(len(text), 600)]
}
