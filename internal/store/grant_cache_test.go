package store_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Whatever this process, another one or somebody at the command line does, a grant and
// a client are answered as the database has them at that moment.
func TestCachedGrantsAreTheDatabases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	other := w.another()    // as a second process
	uncached := w.another() // caches nothing
	uncached.CacheNoSessions()
	clients := []auth.Client{w.client("Wiki"), w.client("Shop")}
	var visits []auth.Visit
	for i := range 4 {
		visits = append(visits, w.visits(fmt.Sprintf("o%d", i)))
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	event := func() admin.Event { return admin.Event{ID: auth.NewID(), At: w.clock.now()} }
	var grants []auth.Grant
	// a login to a client, by this process or the other.
	redeem := func(s *store.Store, v auth.Visit) error {
		scopes := []string{auth.ScopeOffline}[:random.IntN(2)]
		g, err := w.code(clients[random.IntN(2)], v, scopes...)
		if auth.ReasonOf(err) == auth.NotSignedIn {
			return nil
		}
		if err != nil {
			return err
		}
		grants = append(grants, g)
		_, err = s.RedeemCode(w.ctx, w.comesWith(g))
		return err
	}
	for _, v := range visits {
		if err := redeem(w.Store, v); err != nil {
			t.Fatal(err)
		}
	}
	acts := []struct {
		name string
		act  func(s *store.Store, v *auth.Visit, g auth.Grant) error
	}{
		{"redeem", func(s *store.Store, v *auth.Visit, _ auth.Grant) error { return redeem(s, *v) }},
		{"redeem", func(s *store.Store, v *auth.Visit, _ auth.Grant) error { return redeem(s, *v) }},
		{"use a code again", func(s *store.Store, _ *auth.Visit, g auth.Grant) error {
			_, err := s.RedeemCode(w.ctx, w.comesWith(g))
			return err
		}},
		{"rotate", func(s *store.Store, _ *auth.Visit, g auth.Grant) error {
			_, err := s.RotateRefresh(w.ctx, g.ID, "refresh", "next", w.clock.now())
			return err
		}},
		{"end", func(s *store.Store, _ *auth.Visit, g auth.Grant) error { return s.EndGrant(w.ctx, g.ID) }},
		{"end access", func(s *store.Store, v *auth.Visit, g auth.Grant) error {
			return s.EndAccess(w.ctx, v.User.ID, g.ClientID, event())
		}},
		{"edit client", func(s *store.Store, _ *auth.Visit, _ auth.Grant) error {
			c := clients[random.IntN(2)]
			c.Groups = []string{fmt.Sprintf("g%d", random.IntN(9))}
			return s.EditClient(w.ctx, c, event())
		}},
		{"login", func(s *store.Store, v *auth.Visit, _ auth.Grant) error {
			save := w.login(v.User.OpenID, auth.ScopeBase)
			if random.IntN(2) == 0 {
				save.Replaces = v.Session.TokenHash
			}
			if _, err := s.ClaimLogin(w.ctx, pending(save)); err != nil {
				return err
			}
			visit, err := s.SaveLogin(w.ctx, save)
			if err == nil {
				*v = *visit
			}
			return err
		}},
		{"logout", func(s *store.Store, v *auth.Visit, _ auth.Grant) error {
			return s.DeleteSession(w.ctx, auth.VisitorSession, v.Session.TokenHash)
		}},
		{"block", func(s *store.Store, v *auth.Visit, _ auth.Grant) error {
			return s.SetBlocked(w.ctx, v.User.ID, random.IntN(3) == 0, nil, event())
		}},
		{"by hand", func(_ *store.Store, v *auth.Visit, _ auth.Grant) error {
			_, err := w.at.raw.ExecContext(w.ctx, `UPDATE users SET city = $1 WHERE id = $2`, fmt.Sprint(random.Int()), v.User.ID)
			return err
		}},
		{"time", func(*store.Store, *auth.Visit, auth.Grant) error {
			w.clock.pass(auth.AccessLifetime / 2)
			return nil
		}},
	}
	expected := map[auth.Reason]bool{"": true, auth.NoSuchGrant: true, auth.NoSuchClient: true, auth.Blocked: true}
	for range 400 {
		act := acts[random.IntN(len(acts))]
		s := w.Store
		if random.IntN(3) == 0 {
			s = other
		}
		if err := act.act(s, &visits[random.IntN(len(visits))], grants[random.IntN(len(grants))]); err != nil && !expected[auth.ReasonOf(err)] {
			t.Fatalf("seed %d: %s: %v", seed, act.name, err)
		}
		// Mostly the newest, which were cached when they were redeemed.
		for _, g := range append(grants[max(0, len(grants)-3):], grants[random.IntN(len(grants))]) {
			want, wantErr := uncached.GrantByID(w.ctx, g.ID)
			for range 2 { // read, and cached
				got, err := w.GrantByID(w.ctx, g.ID)
				if !reflect.DeepEqual(got, want) || auth.ReasonOf(err) != auth.ReasonOf(wantErr) {
					t.Fatalf("seed %d: after %s: got\n%+v, %v, want\n%+v, %v", seed, act.name, got, err, want, wantErr)
				}
			}
		}
		for _, c := range clients {
			want := must(uncached.ClientByID(w.ctx, c.ID))(t)
			if got := must(w.ClientByID(w.ctx, c.ID))(t); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: after %s: got\n%+v, want\n%+v", seed, act.name, got, want)
			}
		}
	}
}
