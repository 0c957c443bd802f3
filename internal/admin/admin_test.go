package admin_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

const appID = "wx0123456789abcdef"

// world is a database with people in it, and the admins of an account.
type world struct {
	t      *testing.T
	db     *store.Store
	now    time.Time
	admins *admin.Service
}

func newWorld(t *testing.T, configured ...string) *world {
	t.Helper()
	keys, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	w := &world{t: t, now: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.db, err = store.Open(t.Context(), store.Config{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "wxlogin.db"), Keys: keys, Migrations: migrations.FS, Now: clock,
	})
	check(t, err)
	t.Cleanup(func() { w.db.Close() })
	refresher := auth.NewRefresher(auth.RefresherConfig{Store: w.db, Now: clock, Log: slog.New(slog.DiscardHandler)})
	w.admins = admin.New(admin.Config{Store: w.db, Refresher: refresher, AppID: appID, Admins: configured, Now: clock})
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// visits signs a person in.
func (w *world) visits(openID string) *auth.Visit {
	w.t.Helper()
	token := auth.Hash(auth.NewToken())
	login := auth.Login{
		ID: auth.NewID(), AppID: appID, StateHash: auth.Hash(auth.NewToken()), CodeHash: auth.Hash(auth.NewToken()),
		SessionHash: token, Scope: auth.ScopeBase, Outcome: auth.Pending, StartedAt: w.now,
	}
	_, err := w.db.ClaimLogin(w.t.Context(), login)
	check(w.t, err)
	login.Outcome, login.FinishedAt = auth.SignedIn, w.now
	_, err = w.db.SaveLogin(w.t.Context(), auth.SaveLogin{
		Login: login, OpenID: openID, Scope: auth.ScopeBase,
		Session: auth.Session{
			ID: auth.NewID(), TokenHash: token, Kind: auth.VisitorSession,
			CreatedAt: w.now, LastSeenAt: w.now, EndsAt: w.now.Add(4320 * time.Hour),
		},
	})
	check(w.t, err)
	visit, err := w.db.Visit(w.t.Context(), auth.VisitorSession, token)
	check(w.t, err)
	return visit
}

// enters lets somebody in by a visit.
func (w *world) enters(v *auth.Visit) admin.Actor {
	w.t.Helper()
	by, err := w.admins.Enter(v)
	check(w.t, err)
	return by
}

// byLink is a browser let in by a link.
func (w *world) byLink() admin.Actor {
	w.t.Helper()
	link, _, err := w.admins.NewLink(w.t.Context(), admin.CommandLine())
	check(w.t, err)
	token, err := w.admins.UseLink(w.t.Context(), link, auth.Device{})
	check(w.t, err)
	visit, err := w.db.Visit(w.t.Context(), auth.AdminSession, auth.Hash(token))
	check(w.t, err)
	return w.enters(visit)
}

// Every act judges who acts, whatever its caller has looked at.
func TestWhoMayDoWhat(t *testing.T) {
	const (
		yes         = auth.Reason("")
		notAdmin    = auth.NotAdmin
		again       = auth.SignInAgain
		unconfirmed = auth.BadRequest
	)
	w := newWorld(t, "oConfiguredAdmin", "oAnotherAdmin")
	w.visits("oAnotherAdmin")
	old := w.enters(w.visits("oConfiguredAdmin"))
	w.now = w.now.Add(admin.FreshFor)
	fresh, link := w.enters(w.visits("oConfiguredAdmin")), w.byLink()

	type subject struct {
		user    auth.User
		session string
	}
	acts := []struct {
		name string
		do   func(by admin.Actor, on subject) error
	}{
		{"block", func(by admin.Actor, on subject) error { return w.admins.Block(t.Context(), by, on.user.ID, "") }},
		{"unblock", func(by admin.Actor, on subject) error { return w.admins.Unblock(t.Context(), by, on.user.ID) }},
		{"end sessions", func(by admin.Actor, on subject) error {
			_, err := w.admins.EndSessions(t.Context(), by, on.user.ID)
			return err
		}},
		{"end session", func(by admin.Actor, on subject) error {
			return w.admins.EndSession(t.Context(), by, on.user.ID, on.session)
		}},
		{"end admin session", func(by admin.Actor, _ subject) error {
			w.byLink()
			sessions, err := w.admins.Sessions(t.Context())
			check(t, err)
			if sessions[0].TokenHash != "" {
				t.Error("the list has a token's hash")
			}
			return w.admins.EndAdminSession(t.Context(), by, sessions[0].ID)
		}},
		{"erase", func(by admin.Actor, on subject) error { return w.admins.Erase(t.Context(), by, on.user.ID) }},
		{"grant", func(by admin.Actor, on subject) error {
			_, err := w.admins.Grant(t.Context(), by, on.user.OpenID)
			return err
		}},
		{"revoke", func(by admin.Actor, on subject) error {
			_, err := w.admins.Revoke(t.Context(), by, on.user.OpenID)
			return err
		}},
		{"refresh", func(by admin.Actor, on subject) error {
			err := w.admins.Refresh(t.Context(), by, on.user.ID)
			if auth.ReasonOf(err) == auth.NeedsLogin {
				return nil // they may: it was found that no token is stored
			}
			return err
		}},
		{"export", func(by admin.Actor, on subject) error { return w.admins.RecordExport(t.Context(), by, on.user.ID, "") }},
		{"make a link", func(by admin.Actor, _ subject) error {
			_, _, err := w.admins.NewLink(t.Context(), by)
			return err
		}},
	}
	for _, test := range []struct {
		who  string
		by   func(on *auth.Visit) admin.Actor
		want [11]auth.Reason // of the acts, in their order
	}{
		{"nobody", func(*auth.Visit) admin.Actor { return admin.Actor{} },
			[...]auth.Reason{notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin}},
		{"nobody who types", func(*auth.Visit) admin.Actor { return admin.Actor{}.Confirming("isitor") },
			[...]auth.Reason{notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin}},
		{"somebody else", func(*auth.Visit) admin.Actor { return admin.Self(w.visits("oSomebodyElse")).Confirming("isitor") },
			[...]auth.Reason{notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin}},
		{"nobody's visit", func(*auth.Visit) admin.Actor { return admin.Self(&auth.Visit{}) },
			[...]auth.Reason{notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin}},
		{"the person", func(on *auth.Visit) admin.Actor { return admin.Self(on).Confirming("isitor") },
			[...]auth.Reason{notAdmin, notAdmin, yes, yes, notAdmin, yes, notAdmin, notAdmin, notAdmin, notAdmin, notAdmin}},
		{"an admin", func(*auth.Visit) admin.Actor { return fresh },
			[...]auth.Reason{yes, yes, yes, yes, yes, unconfirmed, unconfirmed, unconfirmed, yes, yes, notAdmin}},
		{"an admin who types", func(*auth.Visit) admin.Actor { return fresh.Confirming("isitor") },
			[...]auth.Reason{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes, notAdmin}},
		{"an admin who types another's", func(*auth.Visit) admin.Actor { return fresh.Confirming("dAdmin") },
			[...]auth.Reason{yes, yes, yes, yes, yes, unconfirmed, unconfirmed, unconfirmed, yes, yes, notAdmin}},
		{"an admin of long ago who types", func(*auth.Visit) admin.Actor { return old.Confirming("isitor") },
			[...]auth.Reason{yes, yes, yes, yes, yes, again, again, again, yes, yes, notAdmin}},
		{"a browser let in by a link", func(*auth.Visit) admin.Actor { return link },
			[...]auth.Reason{yes, yes, yes, yes, yes, unconfirmed, unconfirmed, unconfirmed, yes, yes, notAdmin}},
		{"a browser let in by a link that types", func(*auth.Visit) admin.Actor { return link.Confirming("isitor") },
			[...]auth.Reason{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes, notAdmin}},
		{"a program that names the id", func(on *auth.Visit) admin.Actor { return link.Confirming(on.User.ID) },
			[...]auth.Reason{yes, yes, yes, yes, yes, yes, unconfirmed, unconfirmed, yes, yes, notAdmin}},
		{"the operator", func(*auth.Visit) admin.Actor { return admin.CommandLine() },
			[...]auth.Reason{yes, yes, yes, yes, yes, yes, yes, yes, yes, yes, yes}},
	} {
		for i, act := range acts {
			visit := w.visits("oVisitor")
			err := act.do(test.by(visit), subject{visit.User, visit.Session.ID})
			if got := auth.ReasonOf(err); got != test.want[i] {
				t.Errorf("%s, %s: %v, want %q", test.who, act.name, err, test.want[i])
			}
			if errors.Is(err, admin.ErrNotConfirmed) != (test.want[i] == unconfirmed) {
				t.Errorf("%s, %s: %v has the wrong cause", test.who, act.name, err)
			}
			err = w.admins.Unblock(t.Context(), admin.CommandLine(), visit.User.ID)
			if err != nil && auth.ReasonOf(err) != auth.NoSuchUser {
				t.Fatal(err)
			}
		}
	}
}

// An admin by their own login locks out neither themselves nor everybody; who can
// let somebody in again may, and on their own pages admins are people like any other.
func TestSomebodyCanEnter(t *testing.T) {
	for _, test := range []struct {
		name       string
		configured string
		by         func(w *world, own *auth.Visit) admin.Actor
		want       auth.Reason
	}{
		{"by their own login", "", func(w *world, own *auth.Visit) admin.Actor { return w.enters(own) }, auth.LastAdmin},
		{"by a link", "", func(w *world, _ *auth.Visit) admin.Actor { return w.byLink() }, ""},
		{"by the operator", "", func(*world, *auth.Visit) admin.Actor { return admin.CommandLine() }, ""},
		{"when another can enter", "oAnother", func(w *world, own *auth.Visit) admin.Actor {
			w.visits("oAnother")
			return w.enters(own)
		}, ""},
		{"when another has never come", "oAnother", func(w *world, own *auth.Visit) admin.Actor { return w.enters(own) }, auth.LastAdmin},
	} {
		for name, act := range map[string]func(w *world, by admin.Actor, user auth.User) error{
			"block": func(w *world, by admin.Actor, user auth.User) error {
				return w.admins.Block(t.Context(), by.Confirming(user.ID), user.ID, "")
			},
			"erase": func(w *world, by admin.Actor, user auth.User) error {
				return w.admins.Erase(t.Context(), by.Confirming(user.ID), user.ID)
			},
			"revoke": func(w *world, by admin.Actor, user auth.User) error {
				_, err := w.admins.Revoke(t.Context(), by.Confirming("eAdmin"), user.OpenID)
				return err
			},
		} {
			w := newWorld(t, test.configured)
			_, err := w.admins.Grant(t.Context(), admin.CommandLine(), "oTheAdmin")
			check(t, err)
			own := w.visits("oTheAdmin")
			if err := act(w, test.by(w, own), own.User); auth.ReasonOf(err) != test.want {
				t.Errorf("%s %s: %v, want %q", name, test.name, err, test.want)
			}
		}
	}

	w := newWorld(t)
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), "oTheAdmin")
	check(t, err)
	own := w.visits("oTheAdmin")
	check(t, w.admins.Erase(t.Context(), admin.Self(own), own.User.ID))

	// Whom the configuration names stays an admin without a grant.
	w = newWorld(t, "oTheAdmin")
	_, err = w.admins.Grant(t.Context(), admin.CommandLine(), "oTheAdmin")
	check(t, err)
	_, err = w.admins.Revoke(t.Context(), w.enters(w.visits("oTheAdmin")).Confirming("eAdmin"), "oTheAdmin")
	check(t, err)
}

// Who signed in under a clock that was ahead is not for ever somebody who has just
// signed in, and a link of that time does not count.
func TestAWrongClockMakesNobodyFresh(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, 400 * 24 * time.Hour} {
		w := newWorld(t, "oAdmin")
		right := w.now
		w.now = right.Add(ahead)
		visit := w.visits("oAdmin")
		link, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
		check(t, err)
		spent, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
		check(t, err)
		token, err := w.admins.UseLink(t.Context(), spent, auth.Device{})
		check(t, err)
		w.now = right
		if _, err := w.admins.Enter(visit); auth.ReasonOf(err) != auth.SignInAgain {
			t.Errorf("%v ahead: an admin of the future enters: %v", ahead, err)
		}
		if _, err := w.admins.UseLink(t.Context(), link, auth.Device{}); auth.ReasonOf(err) != auth.LinkSpent {
			t.Errorf("%v ahead: a link of the future opens: %v", ahead, err)
		}
		linked, err := w.db.Visit(t.Context(), auth.AdminSession, auth.Hash(token))
		check(t, err)
		if _, err := w.admins.Enter(linked); auth.ReasonOf(err) != auth.NotAdmin {
			t.Errorf("%v ahead: a browser of the future enters: %v", ahead, err)
		}
		w.now = right.Add(ahead - auth.ClockSkew)
		if w.admins.NeedsSignIn(w.enters(visit)) {
			t.Error("clocks of two machines that differ a little keep an admin from acting")
		}
	}
}

// Whoever is put into a group is named as in a join: by the id, by an openid of main, or
// by account:openid.
func TestAPersonInAGroupIsNamedAsEverywhere(t *testing.T) {
	w := newWorld(t)
	v := w.visits("oLin")
	for i, name := range []string{v.User.ID, "oLin", "main:oLin"} {
		changed, err := w.admins.JoinGroup(t.Context(), admin.CommandLine(), name, "staff")
		if err != nil || changed != (i == 0) {
			t.Errorf("by %q: changed %v, %v", name, changed, err)
		}
	}
	for name, want := range map[string]auth.Reason{"main:oNobody": auth.NoSuchUser, "shop:oLin": auth.NoSuchAccount} {
		if _, err := w.admins.LeaveGroup(t.Context(), admin.CommandLine(), name, "staff"); auth.ReasonOf(err) != want {
			t.Errorf("by %q: %v, want %s", name, err, want)
		}
	}
}

// A secret is pasted into the command line of an application, where a hyphen at its
// beginning would make it a flag.
func TestSecretsAreNoFlags(t *testing.T) {
	w := newWorld(t)
	c, secret, err := w.admins.AddClient(t.Context(), admin.CommandLine(), auth.Client{
		Name: "Wiki", RedirectURIs: []string{"https://wiki.example.com/callback"}, Account: auth.MainAccount, Alg: auth.RS256,
	}, false)
	check(t, err)
	for range 600 { // of 64 characters each may be the first
		if secret[0] == '-' {
			t.Fatalf("the secret is %q", string(secret))
		}
		secret, err = w.admins.NewClientSecret(t.Context(), admin.CommandLine(), c)
		check(t, err)
	}
}
