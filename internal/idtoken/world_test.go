package idtoken_test

import (
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// world is a real database with keys on it, and a clock that stands still.
type world struct {
	t    *testing.T
	mu   sync.Mutex
	time time.Time
	path string
	ring auth.Keyring
	db   *store.Store
	keys *idtoken.Keys
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	w := &world{t: t, time: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC), path: filepath.Join(t.TempDir(), "wxlogin.db"), ring: ring}
	w.db, w.keys = w.another(ring)
	return w
}

// another is a second process on the same database.
func (w *world) another(ring auth.Keyring) (*store.Store, *idtoken.Keys) {
	w.t.Helper()
	db, err := store.Open(w.t.Context(), store.Config{URL: "sqlite:" + w.path, Keys: ring, Migrations: migrations.FS, Now: w.now})
	check(w.t, err)
	w.t.Cleanup(func() { db.Close() })
	return db, idtoken.NewKeys(db, w.now, slog.New(slog.DiscardHandler))
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// client adds an application that is told of logouts at an address.
func (w *world) client(backchannel string) auth.Client {
	w.t.Helper()
	return w.clientNamed("Wiki", backchannel)
}

func (w *world) clientNamed(name, backchannel string) auth.Client {
	w.t.Helper()
	admins := admin.New(admin.Config{Store: w.db, AppID: "wx", Now: w.now})
	c, _, err := admins.AddClient(w.t.Context(), admin.CommandLine(), auth.Client{
		Name: name, RedirectURIs: []string{"https://wiki.example.com/cb"}, Backchannel: backchannel, Account: auth.MainAccount, Alg: auth.ES256,
	}, false)
	check(w.t, err)
	return c
}

// signedIn is a session that the client knows.
func (w *world) signedIn(c auth.Client, openID string) auth.Visit {
	w.t.Helper()
	at, token := w.now(), auth.NewToken()
	save := auth.SaveLogin{
		Login: auth.Login{
			ID: auth.NewID(), AppID: "wx", StateHash: auth.Hash(auth.NewToken()), CodeHash: auth.Hash(auth.NewToken()), SessionHash: auth.Hash(token),
			Scope: auth.ScopeBase, Outcome: auth.SignedIn, StartedAt: at, FinishedAt: at,
		},
		OpenID: openID, Scope: auth.ScopeBase,
		Session: auth.Session{ID: auth.NewID(), TokenHash: auth.Hash(token), Kind: auth.VisitorSession, CreatedAt: at, LastSeenAt: at, EndsAt: at.Add(1000 * time.Hour)},
	}
	_, err := w.db.SaveLogin(w.t.Context(), save)
	check(w.t, err)
	visit, err := w.db.Visit(w.t.Context(), auth.VisitorSession, save.Session.TokenHash)
	check(w.t, err)
	grants := auth.NewGrants(w.db, w.ring, auth.Rules{Lifetime: time.Hour}, w.now)
	code, err := grants.Code(w.t.Context(), auth.CodeRequest{Client: &c, Visit: visit, RedirectURI: c.RedirectURIs[0], Scopes: []string{"openid"}})
	check(w.t, err)
	_, err = grants.Redeem(w.t.Context(), &c, code, c.RedirectURIs[0], "")
	check(w.t, err)
	return *visit
}
