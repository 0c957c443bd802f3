package wechatsim

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Kind is what WeChat calls the type of an account.
type Kind string

// The kinds.
const (
	OfficialAccount Kind = "oa"      // 公众号
	Website         Kind = "website" // 开放平台网站应用
	MiniProgram     Kind = "mini"    // 小程序
)

// App is one account with WeChat.
type App struct {
	// AppID and Secret. Empty: derived from those of the official account and the kind, so
	// that they change only with those.
	AppID, Secret string
	Kind          Kind
	Name          string // shown to people; empty: by its kind

	// Group names the Open Platform account (开放平台账号) that the app is bound to: people
	// have one unionid with all apps of a group. Empty: the official account's group.
	// Unbound: the app is in none, so that it has no unionids.
	Group   string
	Unbound bool

	// CallbackHosts are as in Config; nil: those of Config.
	CallbackHosts []string

	// Addresses are the app's IP whitelist: requests for a central access token from other
	// addresses get 40164 (official). Nil: every address is allowed.
	Addresses []string

	// FormerAppID is the account whose followers came to this one (公众号迁移), at
	// MovedAt; changeopenid maps their openids for fifteen days (official).
	FormerAppID string
	MovedAt     time.Time
}

// app is an App with its state, which Simulator.mu guards.
type app struct {
	App
	first bool // the official account of Config

	people  map[string]string   // key of a person, by openid
	follows map[string]follower // by key of a person

	addresses      []string
	central        *central // the newest of /cgi-bin/token
	stable         *central // the newest of /cgi-bin/stable_token
	forcedAt       time.Time
	tickets        []jsTicket
	sessionCounts  map[string]*counter // code2Session, by key of a person
	tokenDay       counter
	stableMinute   counter
	stableDay      counter
	forceDay       counter
	ticketDay      counter
	followerQuotas counter
}

// newApps makes the apps of a simulator, the official account first.
func newApps(cfg Config) []*app {
	list := []App{{AppID: cfg.AppID, Secret: cfg.Secret, Kind: OfficialAccount, Name: cfg.AccountName}}
	names := map[Kind]string{OfficialAccount: "示例服务号", Website: "示例网站", MiniProgram: "示例小程序"}
	for i, a := range cfg.Apps {
		if names[a.Kind] == "" {
			panic("wechatsim: an app without a kind")
		}
		from := []string{string(a.Kind), cfg.AppID, cfg.Secret}
		if i > 0 && a.AppID == "" {
			from = append(from, strings.Repeat("+", countKind(cfg.Apps[:i], a.Kind)))
		}
		a.AppID = cmp.Or(a.AppID, "wx"+derivedHex(8, from...))
		a.Secret = cmp.Or(a.Secret, derivedHex(16, append(from, a.AppID, "secret")...))
		a.Name = cmp.Or(a.Name, names[a.Kind])
		list = append(list, a)
	}
	var apps []*app
	for i, a := range list {
		if a.CallbackHosts == nil {
			a.CallbackHosts = cfg.CallbackHosts
		}
		if a.FormerAppID != "" && a.MovedAt.IsZero() {
			a.MovedAt = cfg.Now()
		}
		if slices.ContainsFunc(apps, func(other *app) bool { return other.AppID == a.AppID }) {
			panic("wechatsim: two apps have the AppID " + a.AppID)
		}
		apps = append(apps, &app{
			App: a, first: i == 0, addresses: slices.Clone(a.Addresses),
			people: make(map[string]string), follows: make(map[string]follower), sessionCounts: make(map[string]*counter),
		})
	}
	return apps
}

func countKind(apps []App, kind Kind) (n int) {
	for _, a := range apps {
		if a.Kind == kind && a.AppID == "" {
			n++
		}
	}
	return n
}

func derivedHex(bytes int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:bytes])
}

// Apps returns all accounts that are played, the official account of Config first.
func (s *Simulator) Apps() []App {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []App
	for _, a := range s.apps {
		shown := a.App
		shown.Addresses = slices.Clone(a.addresses)
		list = append(list, shown)
	}
	return list
}

// OpenID returns a person's openid with an app. It panics for an unknown key or AppID, which
// is a mistake of the caller.
func (s *Simulator) OpenID(appID, personKey string) string {
	return s.mustApp(appID).openID(s.mustPerson(personKey))
}

// UnionID returns a person's unionid with an app, "" without one. It panics as OpenID does.
func (s *Simulator) UnionID(appID, personKey string) string {
	return s.mustApp(appID).unionID(s.mustPerson(personKey))
}

// SetAddresses sets the IP whitelist of an app; nil allows every address. It panics for an
// unknown AppID.
func (s *Simulator) SetAddresses(appID string, addresses []string) {
	a := s.mustApp(appID)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.addresses = slices.Clone(addresses)
}

func (s *Simulator) app(appID string) (*app, bool) {
	for _, a := range s.apps {
		if a.AppID == appID {
			return a, true
		}
	}
	return nil, false
}

func (s *Simulator) appIDs() string {
	var list []string
	for _, a := range s.apps {
		list = append(list, a.AppID)
	}
	return strings.Join(list, ", ")
}

// hasWebsite reports whether there is a website application, which qrconnect then belongs to.
func (s *Simulator) hasWebsite() bool {
	_, ok := s.firstOf(Website)
	return ok
}

// siteApp returns the app whose AppID a website's login has.
func (s *Simulator) siteApp() *app {
	if a, ok := s.firstOf(Website); ok {
		return a
	}
	return s.apps[0]
}

func (s *Simulator) firstOf(kind Kind) (*app, bool) {
	for _, a := range s.apps {
		if a.Kind == kind {
			return a, true
		}
	}
	return nil, false
}

// appID returns the AppID for the log of calls, "" for an unknown account.
func (a *app) appID() string {
	if a == nil {
		return ""
	}
	return a.AppID
}

func (a *app) opens(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(a.Secret)) == 1
}

// openID returns a person's openid, which differs for each account (official).
func (a *app) openID(p Person) string {
	if a.first {
		return p.OpenID
	}
	if id := p.OpenIDs[a.AppID]; id != "" {
		return id
	}
	return derivedID(a.AppID, p.Key)
}

// unionID returns a person's unionid, one for each Open Platform account (official).
func (a *app) unionID(p Person) string {
	switch {
	case p.UnionID == "" || a.Unbound:
		return ""
	case a.Group != "":
		return derivedID("unionid", a.Group, p.Key)
	}
	return p.UnionID
}

// dropPerson deletes what is stored of a person who fell off the shelf. The caller holds the
// lock.
func (a *app) dropPerson(key string) {
	if key == "" {
		return
	}
	delete(a.follows, key)
	delete(a.sessionCounts, key)
	for openID, of := range a.people {
		if of == key {
			delete(a.people, openID)
		}
	}
}

// personWith finds the person with an openid of the app.
func (s *Simulator) personWith(a *app, openID string) (Person, bool) {
	s.mu.Lock()
	key, ok := a.people[openID]
	s.mu.Unlock()
	if !ok {
		return Person{}, false
	}
	p, ok := s.person(key)
	return p, ok && a.openID(p) == openID
}

// admits reports whether the app's IP whitelist contains the address of a request. The
// caller holds the lock.
func (a *app) admits(r *http.Request) bool {
	if a.addresses == nil {
		return true
	}
	return slices.Contains(a.addresses, addressOf(r))
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
