package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// adminSession lets a browser in by a link and returns its token's hash.
func (w *world) adminSession() string {
	w.t.Helper()
	link, at := auth.Hash(auth.NewToken()), w.clock.now()
	if err := w.AddAdminLink(w.ctx, admin.Link{TokenHash: link, EndsAt: at.Add(time.Minute)}, w.event(admin.ActLinkMade, "")); err != nil {
		w.t.Fatal(err)
	}
	session := auth.Session{
		ID: auth.NewID(), TokenHash: auth.Hash(auth.NewToken()), Kind: auth.AdminSession, CreatedAt: at, LastSeenAt: at,
		EndsAt: at.Add(admin.SessionLifetime), Device: auth.Device{RemoteAddr: "192.0.2.1", UserAgent: "curl"},
	}
	if err := w.SpendAdminLink(w.ctx, link, at, session, w.event(admin.ActLinkUsed, "")); err != nil {
		w.t.Fatal(err)
	}
	return session.TokenHash
}

var sessionPromises = map[string]func(*world){
	"a visit has the session and its person": func(w *world) {
		save := w.login("o1", auth.ScopeBase)
		user := w.signsIn(save)
		w.visitor("o2")
		want := auth.Visit{Session: save.Session, User: user}
		want.Session.UserID = user.ID
		if diff := cmp.Diff(want, w.wantSignedIn(save.Session.TokenHash)); diff != "" {
			w.t.Error(diff)
		}
	},
	"a visit knows whom a grant has made admin": func(w *world) {
		_, token := w.visitor("o1")
		must(w.GrantAdmin(w.ctx, "wxother", "o1", w.event(admin.ActGrant, "o1")))(w.t)
		must(w.GrantAdmin(w.ctx, appID, "o2", w.event(admin.ActGrant, "o2")))(w.t)
		if w.wantSignedIn(token).Granted {
			w.t.Error("a grant to somebody else counts")
		}
		must(w.GrantAdmin(w.ctx, appID, "o1", w.event(admin.ActGrant, "o1")))(w.t)
		if !w.wantSignedIn(token).Granted {
			w.t.Error("the grant does not count")
		}
		must(w.RevokeAdmin(w.ctx, appID, "o1", nil, w.event(admin.ActRevoke, "o1")))(w.t)
		if w.wantSignedIn(token).Granted {
			w.t.Error("the grant counts after it was revoked")
		}
	},
	"one kind of session never passes for the other": func(w *world) {
		_, visitor := w.visitor("o1")
		browser := w.adminSession()
		visit := must(w.Visit(w.ctx, auth.AdminSession, browser))(w.t)
		if visit.User.ID != "" || visit.Session.Kind != auth.AdminSession || visit.Session.UserID != "" {
			w.t.Errorf("got %+v", visit)
		}
		for _, c := range []struct {
			kind  auth.SessionKind
			token string
		}{{auth.AdminSession, visitor}, {auth.VisitorSession, browser}, {"", visitor}, {"other", visitor}, {auth.VisitorSession, ""}, {auth.VisitorSession, auth.Hash("never")}} {
			_, err := w.Visit(w.ctx, c.kind, c.token)
			wantReason(w.t, err, auth.NotSignedIn)
		}
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, browser); err != nil {
			w.t.Error(err)
		}
		must(w.Visit(w.ctx, auth.AdminSession, browser))(w.t)
	},
	"a session ends at its end": func(w *world) {
		_, token := w.visitor("o1")
		w.clock.pass(4320*time.Hour - time.Millisecond)
		w.wantSignedIn(token)
		w.clock.pass(time.Millisecond)
		w.wantSignedOut(token)
	},
	"a blocked person has no visit even where a session was left": func(w *world) {
		user, token := w.visitor("o1")
		w.exec("UPDATE users SET blocked = 1 WHERE id = $1", user.ID)
		w.wantSignedOut(token)
	},
	"logout ends one session, twice is no error": func(w *world) {
		_, here := w.visitor("o1")
		_, there := w.visitor("o1")
		for range 2 {
			if err := w.DeleteSession(w.ctx, auth.VisitorSession, here); err != nil {
				w.t.Error(err)
			}
		}
		w.wantSignedOut(here)
		w.wantSignedIn(there)
	},
	"logout everywhere ends all of one person's": func(w *world) {
		user, here := w.visitor("o1")
		_, there := w.visitor("o1")
		_, other := w.visitor("o2")
		browser := w.adminSession()
		must(w.EndSessions(w.ctx, user.ID, w.event(admin.ActEndSessions, user.ID)))(w.t)
		w.wantSignedOut(here)
		w.wantSignedOut(there)
		w.wantSignedIn(other)
		must(w.Visit(w.ctx, auth.AdminSession, browser))(w.t)
	},
	"a logout acts on every process at once": func(w *world) {
		_, token := w.visitor("o1")
		other := w.another()
		must(other.Visit(w.ctx, auth.VisitorSession, token))(w.t)
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, token); err != nil {
			w.t.Fatal(err)
		}
		_, err := other.Visit(w.ctx, auth.VisitorSession, token)
		wantReason(w.t, err, auth.NotSignedIn)
	},
	"touching writes when a session was seen, and brings none back": func(w *world) {
		_, token := w.visitor("o1")
		_, gone := w.visitor("o2")
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, gone); err != nil {
			w.t.Fatal(err)
		}
		w.clock.pass(time.Hour)
		many := []string{token, gone}
		for range 1200 {
			many = append(many, auth.Hash(auth.NewToken()))
		}
		if err := w.TouchSessions(w.ctx, many, w.clock.now()); err != nil {
			w.t.Fatal(err)
		}
		if got := w.wantSignedIn(token).Session.LastSeenAt; !got.Equal(w.clock.now()) {
			w.t.Errorf("last seen %v", got)
		}
		w.wantSignedOut(gone)
		w.wantRows("sessions", 1)
		if err := w.TouchSessions(w.ctx, many[:1], w.clock.ago(30*time.Minute)); err != nil {
			w.t.Fatal(err)
		}
		if got := w.wantSignedIn(token).Session.LastSeenAt; !got.Equal(w.clock.now()) {
			w.t.Errorf("last seen went back to %v", got)
		}
		if err := w.TouchSessions(w.ctx, nil, w.clock.now()); err != nil {
			w.t.Error(err)
		}
	},
	"a logout among touches stays": func(w *world) {
		other := w.another()
		for range 10 {
			_, token := w.visitor("o1")
			together(9, func(i int) {
				var err error
				if i == 4 {
					err = w.DeleteSession(w.ctx, auth.VisitorSession, token)
				} else {
					err = other.TouchSessions(w.ctx, []string{token}, w.clock.now().Add(time.Duration(i)*time.Second))
				}
				if err != nil {
					w.t.Error(err)
				}
			})
			w.wantSignedOut(token)
		}
		w.wantRows("sessions", 0)
	},
	"the sweep clears away what has ended, and nothing else": func(w *world) {
		const idle = 720 * time.Hour
		_, idler := w.visitor("o1")
		browser := w.adminSession()
		for _, ends := range []time.Duration{time.Minute, idle + time.Hour} {
			link := admin.Link{TokenHash: auth.Hash(auth.NewToken()), EndsAt: w.clock.now().Add(ends)}
			if err := w.AddAdminLink(w.ctx, link, w.event(admin.ActLinkMade, "")); err != nil {
				w.t.Fatal(err)
			}
		}
		lost := pending(w.login("o3", auth.ScopeBase))
		must(w.ClaimLogin(w.ctx, lost))(w.t)
		w.clock.pass(idle - time.Millisecond)
		_, fresh := w.visitor("o2")
		inFlight := pending(w.login("o3", auth.ScopeBase))
		must(w.ClaimLogin(w.ctx, inFlight))(w.t)

		// Gone by now: the session of an admin, one link, what two old logins have spent. The
		// lost login is closed.
		if n := must(w.Sweep(w.ctx, w.clock.now(), idle))(w.t); n != 5 {
			w.t.Errorf("swept %d", n)
		}
		_, err := w.Visit(w.ctx, auth.AdminSession, browser)
		wantReason(w.t, err, auth.NotSignedIn)
		w.wantSignedIn(idler)
		w.wantRows("admin_links", 1)
		if n := w.number("SELECT COUNT(*) FROM logins WHERE id = $1 AND outcome = $2 AND reason = $3 AND finished_at = $4",
			lost.ID, auth.Failed, auth.CodeSpent, w.clock.now().UnixMilli()); n != 1 {
			w.t.Error("the lost login is not closed")
		}
		if l := must(w.LoginByState(w.ctx, inFlight.StateHash))(w.t); l.Outcome != auth.Pending {
			w.t.Errorf("the login in flight: %+v", l)
		}
		w.clock.pass(time.Millisecond)
		if n := must(w.Sweep(w.ctx, w.clock.now(), idle))(w.t); n != 1 {
			w.t.Errorf("swept %d", n)
		}
		w.wantSignedOut(idler)
		w.wantSignedIn(fresh)
	},
	"the sweep gets through many, in small steps": func(w *world) {
		user, live := w.visitor("o1")
		w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700)
			INSERT INTO sessions (id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent)
			SELECT 'id' || i, 'hash' || i, 'visitor', $1, 0, 0, i, '', '' FROM n`, user.ID)
		if n := must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t); n != 1700 {
			w.t.Errorf("swept %d", n)
		}
		w.wantRows("sessions", 1)
		w.wantSignedIn(live)
	},
	"an ended context ends the call, recognisably": func(w *world) {
		_, token := w.visitor("o1")
		w.CacheNoSessions() // what is in memory needs no context
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		_, visit := w.Visit(ctx, auth.VisitorSession, token)
		_, list := w.Users(ctx, admin.UserQuery{})
		_, claim := w.ClaimLogin(ctx, pending(w.login("o1", auth.ScopeBase)))
		for _, err := range []error{visit, list, claim, w.DeleteSession(ctx, auth.VisitorSession, token), w.Ready(ctx)} {
			wantReason(w.t, err, auth.StoreDown)
			if !errors.Is(err, context.Canceled) {
				w.t.Errorf("%v does not say that the context ended", err)
			}
		}
		w.wantSignedIn(token)
	},
	"reads and writes by many at once get along": func(w *world) {
		_, token := w.visitor("o1")
		var visits atomic.Int64
		together(32, func(i int) {
			for range 10 {
				if i%4 == 0 {
					w.visitor("o2")
				} else if _, err := w.Visit(w.ctx, auth.VisitorSession, token); err == nil {
					visits.Add(1)
				} else {
					w.t.Error(err)
				}
			}
		})
		if visits.Load() != 240 {
			w.t.Errorf("%d visits", visits.Load())
		}
	},
}
