package store_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Whatever this process, another one or somebody at the command line does, a
// visit is answered as the database has it at that moment.
func TestCachedSessionsAreTheDatabases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	other := w.another()    // as a second process
	uncached := w.another() // caches nothing
	uncached.CacheNoSessions()
	var people []auth.User
	var hashes []string
	for i := range 6 {
		u, hash := w.visitor(fmt.Sprintf("o%d", i))
		people, hashes = append(people, u), append(hashes, hash)
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	event := func() admin.Event { return admin.Event{ID: auth.NewID(), At: w.clock.now()} }
	acts := []struct {
		name string
		act  func(s *store.Store, u auth.User, hash string) error
	}{
		{"login", func(s *store.Store, u auth.User, _ string) error {
			save := w.login(u.OpenID, auth.ScopeBase)
			if _, err := s.ClaimLogin(w.ctx, pending(save)); err != nil {
				return err
			}
			if _, err := s.SaveLogin(w.ctx, save); auth.ReasonOf(err) != auth.Blocked && err != nil {
				return err
			}
			hashes = append(hashes, save.Session.TokenHash)
			return nil
		}},
		{"claim", func(s *store.Store, u auth.User, _ string) error {
			_, err := s.ClaimLogin(w.ctx, pending(w.login(u.OpenID, auth.ScopeBase)))
			return err
		}},
		{"touch", func(s *store.Store, _ auth.User, hash string) error {
			w.clock.pass(time.Minute)
			return s.TouchSessions(w.ctx, []string{hash}, w.clock.now())
		}},
		{"logout", func(s *store.Store, _ auth.User, hash string) error {
			return s.DeleteSession(w.ctx, auth.VisitorSession, hash)
		}},
		{"block", func(s *store.Store, u auth.User, _ string) error {
			return s.SetBlocked(w.ctx, u.ID, random.IntN(2) == 0, nil, event())
		}},
		{"grant", func(s *store.Store, u auth.User, _ string) error {
			_, err := s.GrantAdmin(w.ctx, appID, u.OpenID, event())
			return err
		}},
		{"revoke", func(s *store.Store, u auth.User, _ string) error {
			_, err := s.RevokeAdmin(w.ctx, appID, u.OpenID, nil, event())
			return err
		}},
		{"end sessions", func(s *store.Store, u auth.User, _ string) error {
			_, err := s.EndSessions(w.ctx, u.ID, event())
			return err
		}},
		{"by hand", func(_ *store.Store, u auth.User, _ string) error {
			_, err := w.at.raw.ExecContext(w.ctx, `UPDATE users SET city = $1 WHERE id = $2`, fmt.Sprint(random.Int()), u.ID)
			return err
		}},
		{"checkpoint", func(*store.Store, auth.User, string) error {
			_, err := w.at.raw.ExecContext(w.ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
			return err
		}},
	}
	for range 300 {
		act := acts[random.IntN(len(acts))]
		s := w.Store
		if random.IntN(3) == 0 {
			s = other
		}
		if err := act.act(s, people[random.IntN(len(people))], hashes[random.IntN(len(hashes))]); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, act.name, err)
		}
		for _, i := range random.Perm(len(hashes))[:min(4, len(hashes))] {
			want, wantErr := uncached.Visit(w.ctx, auth.VisitorSession, hashes[i])
			for range 2 { // read, and cached
				got, err := w.Visit(w.ctx, auth.VisitorSession, hashes[i])
				if !reflect.DeepEqual(got, want) || auth.ReasonOf(err) != auth.ReasonOf(wantErr) {
					t.Fatalf("seed %d: after %s: got\n%+v, %v, want\n%+v, %v", seed, act.name, got, err, want, wantErr)
				}
			}
		}
	}
}

// Logins go on all the time; people who have nothing to do with them are not read again.
func TestLoginsOfOthersLeaveSessionsCached(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("sessions are cached where the log's index can be mapped")
	}
	w := newWorld(t, sqliteEngine)
	_, hash := w.visitor("lin")
	w.wantSignedIn(hash)
	wantReads := func(what string, want int64) {
		t.Helper()
		_, before := w.SessionCacheStats()
		w.wantSignedIn(hash)
		if _, after := w.SessionCacheStats(); after-before != want {
			t.Errorf("%s: %d reads, want %d", what, after-before, want)
		}
	}
	wantReads("again", 0)
	_, wang := w.visitor("wang")
	wantReads("after another's login", 0)
	if err := w.DeleteSession(w.ctx, auth.VisitorSession, wang); err != nil {
		t.Fatal(err)
	}
	wantReads("after another's logout", 0)
	w.visitor("lin")
	wantReads("after a login of the same person", 1)
	wantReads("again", 0)
	if err := w.TouchSessions(w.ctx, []string{hash}, w.clock.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantReads("after a touch", 1)
	w.clock.pass(40 * time.Minute)
	if n := must(w.Sweep(w.ctx, w.clock.now(), 24*time.Hour))(t); n != 0 {
		t.Errorf("swept %d", n)
	}
	wantReads("after the logins of quarter hours were counted, and nothing was swept", 0)
	other := w.another()
	w.signsInAt(other, w.login("wang", auth.ScopeBase))
	wantReads("after a login in another process", 1)
}

// Once a logout has returned, no visit that begins passes, in any process, while
// many others come and go.
func TestALogoutHoldsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	stores := []*store.Store{w.Store, w.another()}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 10 {
				save := w.login(fmt.Sprintf("o%d-%d", i, n%3), auth.ScopeBase)
				hash := save.Session.TokenHash
				if _, err := stores[i%2].SaveLogin(w.ctx, save); err != nil {
					t.Error(err)
					return
				}
				for _, s := range []*store.Store{stores[0], stores[1], stores[0], stores[1]} {
					if _, err := s.Visit(w.ctx, auth.VisitorSession, hash); err != nil {
						t.Errorf("signed in, but %v", err)
					}
				}
				if err := stores[n%2].DeleteSession(w.ctx, auth.VisitorSession, hash); err != nil {
					t.Error(err)
				}
				for _, s := range stores {
					if _, err := s.Visit(w.ctx, auth.VisitorSession, hash); auth.ReasonOf(err) != auth.NotSignedIn {
						t.Errorf("signed out, but %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// Once a login has returned, every session of the person shows what it has
// changed, in any process, while many others sign in and all are asked for.
func TestALoginShowsInAllSessionsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	stores := []*store.Store{w.Store, w.another()}
	var everybodys sync.Map
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for _, s := range stores {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				everybodys.Range(func(hash, _ any) bool {
					_, err := s.Visit(w.ctx, auth.VisitorSession, hash.(string))
					if err != nil {
						t.Error(err)
					}
					return err == nil
				})
			}
		})
	}
	for i := range 4 {
		writers.Go(func() {
			var mine []string
			for n := range 12 {
				save := w.login(fmt.Sprint("o", i), auth.ScopeUserinfo)
				save.Profile = &auth.Profile{Nickname: fmt.Sprint("nickname ", n)}
				if _, err := stores[n%2].SaveLogin(w.ctx, save); err != nil {
					t.Error(err)
					return
				}
				mine = append(mine, save.Session.TokenHash)
				everybodys.Store(save.Session.TokenHash, nil)
				for _, s := range stores {
					for _, hash := range mine {
						visit, err := s.Visit(w.ctx, auth.VisitorSession, hash)
						if err != nil || visit.User.Nickname != save.Profile.Nickname {
							t.Errorf("after %s: %+v, %v", save.Profile.Nickname, visit, err)
						}
					}
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// One transaction that fails among many fails alone, and no other is lost or
// done twice.
func TestTransactionsThatShareACommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	blocked, _ := w.visitor("blocked")
	if err := w.SetBlocked(w.ctx, blocked.ID, true, nil, admin.Event{ID: auth.NewID(), At: w.clock.now()}); err != nil {
		t.Fatal(err)
	}
	const many = 60
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			openID, want := fmt.Sprintf("o%d", i%7), auth.Reason("")
			if i%20 == 19 {
				openID, want = "blocked", auth.Blocked
			}
			save := w.login(openID, auth.ScopeBase)
			if claimed, err := w.ClaimLogin(w.ctx, pending(save)); err != nil || !claimed {
				t.Errorf("claim: %v, %v", claimed, err)
			}
			_, err := w.SaveLogin(w.ctx, save)
			if auth.ReasonOf(err) != want {
				t.Errorf("login %d: %v, want %q", i, err, want)
			}
			if _, err := w.Visit(w.ctx, auth.VisitorSession, save.Session.TokenHash); auth.ReasonOf(err) != auth.NotSignedIn && want != "" || err != nil && want == "" {
				t.Errorf("visit of login %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var logins, counted, sessions int
	err := w.at.raw.QueryRowContext(w.ctx, `SELECT (SELECT COUNT(*) FROM logins WHERE outcome = 'signed_in'),
		(SELECT SUM(login_count) FROM users), (SELECT COUNT(*) FROM sessions)`).Scan(&logins, &counted, &sessions)
	want := many - many/20
	if err != nil || logins != want+1 || counted != want+1 || sessions != want {
		t.Errorf("%d logins, counted %d, %d sessions, %v; want %d", logins, counted, sessions, err, want)
	}
}

// The page after a login reads nothing: the login has just written it all.
func TestALoginsOwnVisitIsCached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	other := w.another()
	must(w.GrantAdmin(w.ctx, appID, "o1", w.event(admin.ActGrant, "o1")))(t)
	for i, openID := range []string{"o1", "o2", "o1"} {
		save := w.login(openID, auth.ScopeBase)
		save.Session.CreatedAt = save.Session.CreatedAt.Add(999 * time.Microsecond).Local() // as a clock tells it
		w.signsIn(save)
		_, before := w.SessionCacheStats()
		got := must(w.Visit(w.ctx, auth.VisitorSession, save.Session.TokenHash))(t)
		if _, after := w.SessionCacheStats(); after != before {
			t.Errorf("login %d: the database was asked", i)
		}
		want := must(other.Visit(w.ctx, auth.VisitorSession, save.Session.TokenHash))(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("login %d: %s", i, diff)
		}
		if got.Granted != (openID == "o1") {
			t.Errorf("login %d: granted %v", i, got.Granted)
		}
	}
}
