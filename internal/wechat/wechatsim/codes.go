package wechatsim

import (
	"crypto/rand"
	"fmt"
	"time"
)

// Lifetimes of WeChat's codes and tokens (official).
const (
	CodeLifetime    = 5 * time.Minute
	LoginLifetime   = 10 * time.Minute // of a website's code
	TokenLifetime   = 7200 * time.Second
	RefreshLifetime = 30 * 24 * time.Hour
	consentLifetime = 30 * 24 * time.Hour // staff replies: "about"
)

// The scopes of a web authorization, and of a website's login (official).
const (
	ScopeBase     = "snsapi_base"
	ScopeUserinfo = "snsapi_userinfo"
	ScopeLogin    = "snsapi_login"
)

func isScope(scope string) bool {
	return scope == ScopeBase || scope == ScopeUserinfo || scope == ScopeLogin
}

// code is the one-time code of a callback. It stays on its shelf after its end, so that
// "used", "expired" and "never seen" can be told apart.
type code struct {
	value    string
	app      *app
	person   string
	openid   string
	unionid  string
	scope    string
	snapshot bool
	mini     bool // of wx.login, which has no scope
	issued   time.Time
	spent    bool
}

// IssueCode makes a code as the authorize page would for this person and the official
// account, without a browser, so that a test can build any callback. For a person with
// Snapshot and snsapi_userinfo it is a snapshot's code. It panics for an unknown key or
// scope, which is a mistake of the caller.
func (s *Simulator) IssueCode(personKey, scope string) string {
	return s.IssueCodeFor(s.cfg.AppID, personKey, scope)
}

// IssueCodeFor is IssueCode for an app by its AppID. For a mini program use
// [Simulator.WXLogin].
func (s *Simulator) IssueCodeFor(appID, personKey, scope string) string {
	p, a := s.mustPerson(personKey), s.mustApp(appID)
	if !isScope(scope) || a.Kind == MiniProgram {
		panic(fmt.Sprintf("wechatsim: no scope %q for %s", scope, appID))
	}
	return s.issue(a, p, scope, p.Snapshot && scope == ScopeUserinfo, s.cfg.Now())
}

func (s *Simulator) mustPerson(key string) Person {
	p, ok := s.person(key)
	if !ok {
		panic(fmt.Sprintf("wechatsim: nobody has the key %q", key))
	}
	return p
}

func (s *Simulator) mustApp(appID string) *app {
	a, ok := s.app(appID)
	if !ok {
		panic(fmt.Sprintf("wechatsim: no app has the AppID %q", appID))
	}
	return a
}

func (s *Simulator) issue(a *app, p Person, scope string, snapshot bool, at time.Time) string {
	c := &code{
		value: randomCode(), app: a, person: p.Key, openid: a.openID(p), unionid: a.unionID(p),
		scope: scope, snapshot: snapshot, issued: at,
	}
	if snapshot {
		// A virtual account, deleted when the visitor leaves (official): each visit has
		// another one.
		c.openid = derivedID(randomHex(16))
		if c.unionid != "" {
			c.unionid = derivedID(randomHex(16))
		}
	}
	return s.shelve(c)
}

func (s *Simulator) shelve(c *code) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes.put(c.value, c)
	return c.value
}

func (c *code) lifetime() time.Duration {
	if c.scope == ScopeLogin {
		return LoginLifetime
	}
	return CodeLifetime
}

// spend spends a code of an account, or returns the errcode of the refusal. Another
// account's code is unknown here, and stays valid there (inferred).
func (s *Simulator) spend(a *app, value string, mini bool) (code, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes.get(value)
	switch {
	case !ok, c.app != a, c.mini != mini:
		return code{}, 40029
	case c.spent:
		return *c, 40163
	case s.cfg.Now().Sub(c.issued) >= c.lifetime():
		return *c, s.switches.ExpiredCode
	}
	c.spent = true
	return *c, 0
}

// The alphabets of a code and of a token (samples).
const (
	alnum   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	urlSafe = alnum + "-_"
)

// randomCode makes a code in today's shape: 0, a digit, 30 letters and digits.
func randomCode() string { return "0" + randomText("0123456789", 1) + randomText(alnum, 30) }

// randomToken makes a token in today's shape: a number, _, and about 85 characters.
func randomToken() string { return "86_" + randomText(urlSafe, 85) }

func randomText(alphabet string, n int) string {
	text := make([]byte, 0, n)
	fair := 256 - 256%len(alphabet) // larger bytes would favour some letters
	pool := make([]byte, 2*n)
	for {
		rand.Read(pool) // never fails
		for _, b := range pool {
			if int(b) < fair {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
			if len(text) == n {
				return string(text)
			}
		}
	}
}
