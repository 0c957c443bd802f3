package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// client is a client that is told of logouts.
func (w *world) client(name string) auth.Client {
	w.t.Helper()
	c := auth.Client{
		ID: auth.NewClientID(), Name: name, SecretHash: auth.Hash(auth.NewToken()), RedirectURIs: []string{"https://app.example.com/cb"},
		Backchannel: "https://app.example.com/logout", Account: auth.MainAccount, Alg: auth.RS256, Email: true, CreatedAt: w.clock.now(),
	}
	if err := w.AddClient(w.ctx, c, w.event(admin.ActClientAdd, "")); err != nil {
		w.t.Fatal(err)
	}
	return must(w.ClientByID(w.ctx, c.ID))(w.t)
}

// code is a code that a client was given for a visit; another one each time.
func (w *world) code(c auth.Client, visit auth.Visit, scopes ...string) (auth.Grant, error) {
	at := w.clock.now()
	g := auth.Grant{
		ID: auth.NewID(), ClientID: c.ID, UserID: visit.User.ID, SessionID: visit.Session.ID, CodeHash: auth.Hash(auth.NewToken()),
		CodeEndsAt: at.Add(auth.CodeLifetime), RedirectURI: c.RedirectURIs[0], Challenge: "challenge", Nonce: "nonce%2F:",
		Scopes: append([]string{auth.ScopeOpenID}, scopes...), Method: auth.ScopeBase, SignedInAt: visit.Session.CreatedAt, CreatedAt: at,
	}
	g.Offline = g.Has(auth.ScopeOffline)
	return g, w.AddCode(w.ctx, g)
}

func (w *world) wantCode(c auth.Client, visit auth.Visit, scopes ...string) auth.Grant {
	w.t.Helper()
	return must(w.code(c, visit, scopes...))(w.t)
}

// comesWith is a client that comes with a code as it should.
func (w *world) comesWith(g auth.Grant) auth.RedeemCode {
	return auth.RedeemCode{
		CodeHash: g.CodeHash, ClientID: g.ClientID, RedirectURI: g.RedirectURI, Challenge: g.Challenge, At: w.clock.now(),
		RefreshHash: "refresh", RefreshEndsAt: w.clock.now().Add(time.Hour),
	}
}

func (w *world) wantRedeemed(g auth.Grant) auth.Granted {
	w.t.Helper()
	return must(w.RedeemCode(w.ctx, w.comesWith(g)))(w.t)
}

func (w *world) wantNoGrant(id string) {
	w.t.Helper()
	_, err := w.GrantByID(w.ctx, id)
	wantReason(w.t, err, auth.NoSuchGrant)
}

// visits signs somebody in.
func (w *world) visits(openID string) auth.Visit {
	w.t.Helper()
	_, hash := w.visitor(openID)
	return w.wantSignedIn(hash)
}

var grantPromises = map[string]func(*world){
	"a list of groups that is broken lets nobody in": func(w *world) {
		c := w.client("Wiki")
		for _, broken := range []string{"", "null", "{", "staff", "[] ", `"staff"`} {
			w.exec("UPDATE clients SET group_names = $1", broken)
			if got := must(w.ClientByID(w.ctx, c.ID))(w.t); got.Admits(&auth.User{}) || got.Admits(&auth.User{Groups: []string{"staff"}}) {
				w.t.Errorf("%q lets in", broken)
			}
		}
	},
	"a client is what was added, and its name is taken": func(w *world) {
		c := w.client("Wiki")
		if c.Number != 1 || w.client("Board").Number != 2 {
			w.t.Errorf("numbers %d …", c.Number)
		}
		err := w.AddClient(w.ctx, c, w.event(admin.ActClientAdd, ""))
		wantReason(w.t, err, auth.BadClient)
		c.Groups, c.Alg, c.Native = []string{"a", "b"}, auth.ES256, true
		if err := w.EditClient(w.ctx, c, w.event(admin.ActClientEdit, "")); err != nil {
			w.t.Error(err)
		}
		if got := must(w.ClientByID(w.ctx, c.ID))(w.t); !slices.Equal(got.Groups, c.Groups) || got.Alg != auth.ES256 || !got.Native || got.Name != "Wiki" {
			w.t.Errorf("got %+v", got)
		}
		if all := must(w.Clients(w.ctx))(w.t); len(all) != 2 || all[0].Name != "Board" {
			w.t.Errorf("got %+v", all)
		}
		if err := w.RemoveClient(w.ctx, c.ID, w.event(admin.ActClientRemove, "")); err != nil {
			w.t.Error(err)
		}
		_, err = w.ClientByID(w.ctx, c.ID)
		wantReason(w.t, err, auth.NoSuchClient)
		wantReason(w.t, w.RemoveClient(w.ctx, c.ID, w.event(admin.ActClientRemove, "")), auth.NoSuchClient)
		wantReason(w.t, w.EditClient(w.ctx, c, w.event(admin.ActClientEdit, "")), auth.NoSuchClient)
		w.wantRows("events", 4)
	},
	"a consent is kept until person or client go": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		for _, scopes := range [][]string{{"openid"}, {"openid", "profile"}} {
			consent := auth.Consent{UserID: visit.User.ID, ClientID: c.ID, Scopes: scopes, AgreedAt: w.clock.now()}
			if err := w.SaveConsent(w.ctx, consent); err != nil {
				w.t.Error(err)
			}
			if got := must(w.Consent(w.ctx, visit.User.ID, c.ID))(w.t); !slices.Equal(got.Scopes, scopes) || !got.AgreedAt.Equal(consent.AgreedAt) {
				w.t.Errorf("got %+v", got)
			}
		}
		if err := w.SaveConsent(w.ctx, auth.Consent{UserID: "nobody", ClientID: c.ID, AgreedAt: w.clock.now()}); err != nil {
			w.t.Error(err)
		}
		w.wantRows("consents", 1)
		if err := w.RemoveClient(w.ctx, c.ID, w.event(admin.ActClientRemove, "")); err != nil {
			w.t.Error(err)
		}
		w.wantRows("consents", 0)
	},
	"a code is redeemed once, by its client, for its address and with its verifier": func(w *world) {
		c, other, visit := w.client("Wiki"), w.client("Board"), w.visits("o1")
		g := w.wantCode(c, visit, auth.ScopeProfile)
		w.wantNoGrant(g.ID) // not before
		for _, wrong := range []func(*auth.RedeemCode){
			func(r *auth.RedeemCode) { r.CodeHash = auth.Hash("another") },
			func(r *auth.RedeemCode) { r.ClientID = other.ID },
			func(r *auth.RedeemCode) { r.RedirectURI += "/" },
			func(r *auth.RedeemCode) { r.Challenge = "another" },
			func(r *auth.RedeemCode) { r.Challenge = "" },
			func(r *auth.RedeemCode) { r.At = r.At.Add(auth.CodeLifetime) },
		} {
			r := w.comesWith(g)
			wrong(&r)
			_, err := w.RedeemCode(w.ctx, r)
			wantReason(w.t, err, auth.NoSuchGrant)
		}
		got := w.wantRedeemed(g)
		if got.Grant.ID != g.ID || got.User.OpenID != "o1" || got.Grant.Nonce != g.Nonce || !got.Grant.Has(auth.ScopeProfile) ||
			got.Grant.SessionID != visit.Session.ID || !got.Grant.InSession || got.Grant.Refresh.Hash != "" || !got.Grant.SignedInAt.Equal(visit.Session.CreatedAt) {
			w.t.Errorf("got %+v", got)
		}
		if granted := must(w.GrantByID(w.ctx, g.ID))(w.t); granted.User.OpenID != "o1" || granted.Client.Name != "Wiki" || !granted.Grant.InSession {
			w.t.Errorf("got %+v", granted)
		}
	},
	"a code that comes again ends what came of it": func(w *world) {
		c, other, visit := w.client("Wiki"), w.client("Board"), w.visits("o1")
		g := w.wantCode(c, visit)
		w.wantRedeemed(g)
		again := w.comesWith(g)
		again.ClientID = other.ID
		_, err := w.RedeemCode(w.ctx, again)
		wantReason(w.t, err, auth.NoSuchGrant)
		must(w.GrantByID(w.ctx, g.ID))(w.t) // another client's word ends nothing
		_, err = w.RedeemCode(w.ctx, w.comesWith(g))
		wantReason(w.t, err, auth.NoSuchGrant)
		w.wantNoGrant(g.ID)
	},
	"of many who redeem at once, in two processes, one does, and then what it got has ended": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		g := w.wantCode(c, visit)
		stores := []*store.Store{w.Store, w.another()}
		var done atomic.Int64
		together(20, func(i int) {
			_, err := stores[i%2].RedeemCode(w.ctx, w.comesWith(g))
			if err == nil {
				done.Add(1)
				return
			}
			wantReason(w.t, err, auth.NoSuchGrant)
		})
		if done.Load() != 1 {
			w.t.Errorf("%d have redeemed", done.Load())
		}
		w.wantNoGrant(g.ID)
	},
	"a session has five codes of a client that were not used, the newest": func(w *world) {
		c, other, visit := w.client("Wiki"), w.client("Board"), w.visits("o1")
		elsewhere := w.wantCode(other, visit)
		var codes []auth.Grant
		for range 8 {
			codes = append(codes, w.wantCode(c, visit))
			w.clock.pass(time.Millisecond)
		}
		w.wantRows("grants", auth.MaxCodes+1)
		for i, g := range codes {
			_, err := w.RedeemCode(w.ctx, w.comesWith(g))
			if (err == nil) != (i >= 3) {
				w.t.Errorf("code %d: %v", i, err)
			}
		}
		w.wantRedeemed(elsewhere)
	},
	"without a session there is no code, nor is one redeemed": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		g := w.wantCode(c, visit)
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, visit.Session.TokenHash); err != nil {
			w.t.Error(err)
		}
		_, err := w.RedeemCode(w.ctx, w.comesWith(g))
		wantReason(w.t, err, auth.NoSuchGrant)
		_, err = w.code(c, visit)
		wantReason(w.t, err, auth.NotSignedIn)
	},
	"a grant says whether its session lives": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		g, offline := w.wantRedeemed(w.wantCode(c, visit)), w.wantRedeemed(w.wantCode(c, visit, auth.ScopeOffline))
		if offline.Grant.Refresh.Hash != "refresh" {
			w.t.Errorf("got %+v", offline.Grant)
		}
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, visit.Session.TokenHash); err != nil {
			w.t.Error(err)
		}
		for _, id := range []string{g.Grant.ID, offline.Grant.ID} {
			if got := must(w.GrantByID(w.ctx, id))(w.t); got.Grant.InSession || got.Grant.SessionID != visit.Session.ID {
				w.t.Errorf("got %+v", got.Grant)
			}
		}
		must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
		w.wantNoGrant(g.Grant.ID)
		must(w.GrantByID(w.ctx, offline.Grant.ID))(w.t)
		w.clock.pass(2 * time.Hour)
		must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
		w.wantNoGrant(offline.Grant.ID)
	},
	"who signs in again in a browser keeps what clients know of it, and another does not": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		g := w.wantCode(c, visit)
		again := w.login("o1", auth.ScopeUserinfo)
		again.Session.Scope, again.Replaces = auth.ScopeUserinfo, visit.Session.TokenHash
		w.clock.pass(time.Minute / 2)
		w.signsIn(again)
		w.wantSignedOut(visit.Session.TokenHash)
		renewed := w.wantSignedIn(again.Session.TokenHash)
		if renewed.Session.ID != visit.Session.ID || renewed.Session.Scope != auth.ScopeUserinfo || !renewed.Session.CreatedAt.Equal(again.Session.CreatedAt) {
			w.t.Errorf("got %+v, want %+v", renewed.Session, again.Session)
		}
		w.wantRows("sessions", 1)
		if granted := w.wantRedeemed(g); !granted.Grant.InSession {
			w.t.Errorf("got %+v", granted)
		}
		w.wantRows("outbox", 0)
		another := w.login("o2", auth.ScopeBase)
		another.Replaces = again.Session.TokenHash
		w.signsIn(another)
		if id := w.wantSignedIn(another.Session.TokenHash).Session.ID; id != another.Session.ID {
			w.t.Errorf("the session of another has the id %s", id)
		}
		w.wantRows("outbox", 1)
	},
	"a refresh token takes the place of the one before, once": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		g := w.wantRedeemed(w.wantCode(c, visit, auth.ScopeOffline)).Grant
		if !must(w.RotateRefresh(w.ctx, g.ID, "refresh", "next", w.clock.now()))(w.t) {
			w.t.Error("not rotated")
		}
		if must(w.RotateRefresh(w.ctx, g.ID, "refresh", "another", w.clock.now()))(w.t) {
			w.t.Error("rotated twice")
		}
		if got := must(w.GrantByID(w.ctx, g.ID))(w.t).Grant.Refresh; got.Hash != "next" || got.RotatedFrom != "refresh" || !got.RotatedAt.Equal(w.clock.now()) {
			w.t.Errorf("got %+v", got)
		}
		if err := w.EndGrant(w.ctx, g.ID); err != nil {
			w.t.Error(err)
		}
		w.wantNoGrant(g.ID)
	},
	"whoever is blocked is signed in nowhere, whatever is left of theirs": func(w *world) {
		// Blocking ends all of it; here it has not, as if something began meanwhile.
		c, visit := w.client("Wiki"), w.visits("o1")
		g, waiting := w.wantRedeemed(w.wantCode(c, visit, auth.ScopeOffline)).Grant, w.wantCode(c, visit)
		w.exec(`UPDATE users SET blocked = 1`)
		w.wantSignedOut(visit.Session.TokenHash)
		w.wantNoGrant(g.ID)
		_, err := w.RedeemCode(w.ctx, w.comesWith(waiting))
		wantReason(w.t, err, auth.NoSuchGrant)
		_, err = w.code(c, visit)
		wantReason(w.t, err, auth.NotSignedIn)
		w.exec(`UPDATE users SET blocked = 0`)
		w.wantSignedIn(visit.Session.TokenHash)
	},
	"block, erasure and signing out everywhere end all grants and tell the clients": func(w *world) {
		for i, end := range []func(userID string) error{
			func(id string) error { return w.SetBlocked(w.ctx, id, true, nil, w.event(admin.ActBlock, id)) },
			func(id string) error { return w.EraseUser(w.ctx, id, nil, w.event(admin.ActErase, id)) },
			func(id string) error {
				_, err := w.EndSessions(w.ctx, id, w.event(admin.ActEndSessions, id))
				return err
			},
		} {
			c, visit := w.client("Wiki"+string(rune('a'+i))), w.visits("o1")
			g, offline := w.wantRedeemed(w.wantCode(c, visit)), w.wantRedeemed(w.wantCode(c, visit, auth.ScopeOffline))
			waiting := w.wantCode(c, visit)
			if err := end(visit.User.ID); err != nil {
				w.t.Error(err)
			}
			w.wantNoGrant(g.Grant.ID)
			w.wantNoGrant(offline.Grant.ID)
			_, err := w.RedeemCode(w.ctx, w.comesWith(waiting))
			wantReason(w.t, err, auth.NoSuchGrant)
			n := must(w.NextNotice(w.ctx, w.clock.now(), w.clock.now().Add(time.Minute)))(w.t)
			if n.ClientID != c.ID || n.SessionID != visit.Session.ID || n.UserID != visit.User.ID || n.Tries != 1 {
				w.t.Errorf("way %d: got %+v", i, n)
			}
			w.exec(`UPDATE users SET blocked = 0`)
		}
	},
	"a notice is taken by one, put off and dropped": func(w *world) {
		c, silent, visit := w.client("Wiki"), w.client("Board"), w.visits("o1")
		silent.Backchannel = ""
		if err := w.EditClient(w.ctx, silent, w.event(admin.ActClientEdit, "")); err != nil {
			w.t.Error(err)
		}
		for _, client := range []auth.Client{c, c, silent} {
			w.wantRedeemed(w.wantCode(client, visit))
		}
		if err := w.EndSession(w.ctx, visit.User.ID, visit.Session.ID, w.event(admin.ActEndSession, visit.User.ID)); err != nil {
			w.t.Error(err)
		}
		w.wantRows("outbox", 1)
		stores := []*store.Store{w.Store, w.another()}
		now := w.clock.now()
		var taken atomic.Int64
		together(10, func(i int) {
			n, err := stores[i%2].NextNotice(w.ctx, now, now.Add(time.Minute))
			if err != nil {
				w.t.Error(err)
			}
			if n.ClientID != "" {
				taken.Add(1)
			}
		})
		if taken.Load() != 1 {
			w.t.Errorf("%d have taken it", taken.Load())
		}
		w.clock.pass(time.Minute)
		if n := must(w.NextNotice(w.ctx, w.clock.now(), w.clock.now().Add(time.Minute), silent.ID, c.ID))(w.t); n.ClientID != "" {
			w.t.Errorf("got %+v of a client to be passed over", n)
		}
		n := must(w.NextNotice(w.ctx, w.clock.now(), w.clock.now().Add(time.Minute), silent.ID))(w.t)
		if n.Tries != 2 || !n.NotedAt.Equal(now) {
			w.t.Errorf("got %+v", n)
		}
		if err := w.PutOffNotice(w.ctx, n, w.clock.now().Add(time.Hour)); err != nil {
			w.t.Error(err)
		}
		w.clock.pass(2 * time.Minute)
		if n := must(w.NextNotice(w.ctx, w.clock.now(), w.clock.now()))(w.t); n.ClientID != "" {
			w.t.Errorf("got %+v", n)
		}
		if err := w.DropNotice(w.ctx, n); err != nil {
			w.t.Error(err)
		}
		w.wantRows("outbox", 0)
	},
	"old codes and old notices are swept, and what an app keeps using is not": func(w *world) {
		c, visit := w.client("Wiki"), w.visits("o1")
		w.wantCode(c, visit)
		first := w.wantRedeemed(w.wantCode(c, visit)).Grant
		w.clock.pass(auth.AccessLifetime + time.Second)
		second := w.wantRedeemed(w.wantCode(c, visit)).Grant
		w.wantNoGrant(first.ID) // nobody can have a token of it that lives
		w.clock.pass(2 * time.Hour)
		must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
		must(w.GrantByID(w.ctx, second.ID))(w.t) // the client is still to be told of a logout
		w.wantRows("grants", 1)
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, visit.Session.TokenHash); err != nil {
			w.t.Error(err)
		}
		w.wantRows("outbox", 1)
		w.clock.pass(3 * auth.NoticeLifetime)
		w.exec(`UPDATE tallied SET slot = $1 WHERE what = 'swept'`, w.clock.now().UnixMilli()/900_000)
		must(w.Sweep(w.ctx, w.clock.now(), 7200*time.Hour))(w.t)
		w.wantRows("outbox", 0)
	},
	"a client holds so many grants of a person for when they are away, and the oldest go": func(w *world) {
		c, other, visit, another := w.client("Wiki"), w.client("Board"), w.visits("o1"), w.visits("o2")
		offline := func(c auth.Client, visit auth.Visit) string {
			w.clock.pass(time.Second)
			return w.wantRedeemed(w.wantCode(c, visit, auth.ScopeOffline)).Grant.ID
		}
		kept := []string{offline(other, visit), offline(c, another), w.wantRedeemed(w.wantCode(c, visit)).Grant.ID}
		var mine []string
		for range auth.MaxOffline + 3 {
			mine = append(mine, offline(c, visit))
			if len(mine)%10 == 0 {
				w.clock.pass(time.Minute)
			}
		}
		waiting := w.wantCode(c, visit, auth.ScopeOffline)
		w.wantRows("grants", 2+auth.MaxOffline+1) // the one without offline_access has ended by itself
		for _, id := range mine[:3] {
			w.wantNoGrant(id)
		}
		for _, id := range append(kept[:2], mine[3:]...) {
			must(w.GrantByID(w.ctx, id))(w.t)
		}
		w.wantRedeemed(waiting)
		w.wantNoGrant(mine[3])
	},
	"signing keys are sealed, added once and resealed": func(w *world) {
		key := auth.SigningKey{Alg: auth.ES256, Generation: 1, ID: "k", Public: `{"kty":"EC"}`, Private: `{"d":"private"}`, CreatedAt: w.clock.now(), SignsAt: w.clock.now()}
		if !must(w.AddSigningKey(w.ctx, key))(w.t) {
			w.t.Error("not added")
		}
		again := key
		again.ID = "another"
		if must(w.AddSigningKey(w.ctx, again))(w.t) {
			w.t.Error("added twice")
		}
		if got := must(w.SigningKeys(w.ctx))(w.t); len(got) != 1 || got[0] != key {
			w.t.Errorf("got %+v", got)
		}
		if sealed := w.text(`SELECT private_key FROM signing_keys`); sealed == "" || sealed == string(key.Private) {
			w.t.Errorf("sealed as %q", sealed)
		}
		both := w.anotherWith(ring(w.t, "k2", "k1"))
		if err := both.ResealSigningKeys(w.ctx); err != nil {
			w.t.Error(err)
		}
		if got := must(w.anotherWith(ring(w.t, "k2")).SigningKeys(w.ctx))(w.t); got[0] != key {
			w.t.Errorf("got %+v", got)
		}
		if got := must(w.SigningKeys(w.ctx))(w.t); got[0].Private != "" || got[0].Retired {
			w.t.Errorf("opens without its key: %+v", got)
		}
		if err := both.RetireSigningKey(w.ctx, "k"); err != nil {
			w.t.Error(err)
		}
		if got := must(both.SigningKeys(w.ctx))(w.t); got[0].Private != "" || !got[0].Retired {
			w.t.Errorf("got %+v", got)
		}
		if err := w.DropSigningKey(w.ctx, "k"); err != nil {
			w.t.Error(err)
		}
		w.wantRows("signing_keys", 0)
	},
	"applications that know a person are listed, and forget them": func(w *world) {
		wiki, board, never := w.client("Wiki"), w.client("Board"), w.client("Never")
		visit, another := w.visits("o1"), w.visits("o2")
		consent := auth.Consent{UserID: visit.User.ID, ClientID: wiki.ID, Scopes: []string{"openid", "profile"}, AgreedAt: w.clock.now()}
		if err := w.SaveConsent(w.ctx, consent); err != nil {
			w.t.Error(err)
		}
		w.clock.pass(time.Second)
		for _, v := range []auth.Visit{visit, another} {
			w.wantRedeemed(w.wantCode(board, v, auth.ScopeOffline))
			w.clock.pass(time.Second)
		}
		w.wantCode(never, visit)
		all := must(w.AccessOf(w.ctx, visit.User.ID))(w.t)
		if len(all) != 2 || all[0].Client.Name != "Board" || !all[0].Offline || all[0].LastAt.IsZero() || !all[0].AgreedAt.IsZero() ||
			!slices.Equal(all[1].Scopes, consent.Scopes) || !all[1].LastAt.IsZero() || all[1].User.ID != visit.User.ID {
			w.t.Errorf("got %+v", all)
		}
		if data := must(w.personalData(visit.User.ID))(w.t); len(data.Access) != 2 {
			w.t.Errorf("personal data: %+v", data.Access)
		}
		for _, c := range []auth.Client{wiki, board} {
			if err := w.EndAccess(w.ctx, visit.User.ID, c.ID, w.event(admin.ActEndAccess, visit.User.ID)); err != nil {
				w.t.Error(err)
			}
			wantReason(w.t, w.EndAccess(w.ctx, visit.User.ID, c.ID, w.event(admin.ActEndAccess, visit.User.ID)), auth.NoSuchClient)
		}
		if all := must(w.AccessOf(w.ctx, visit.User.ID))(w.t); len(all) != 0 {
			w.t.Errorf("got %+v", all)
		}
		w.wantRows("outbox", 1)
		w.wantRows("consents", 0)
		w.wantRows("grants", 2) // another's, and the code that nobody has used
		if detail := w.text(`SELECT detail FROM events WHERE action = 'end_access' ORDER BY id LIMIT 1`); detail != "Wiki" {
			w.t.Errorf("detail %q", detail)
		}
	},
	"an application's people are listed once each, who came last first, page by page": func(w *world) {
		wiki, board, idle := w.client("Wiki"), w.client("Board"), w.client("Idle")
		var visits []auth.Visit
		for i := range 5 {
			visits = append(visits, w.visits(fmt.Sprint("o", i)))
		}
		comes := func(c auth.Client, i int, scopes ...string) {
			w.clock.pass(time.Second)
			w.wantRedeemed(w.wantCode(c, visits[i], scopes...))
		}
		consent := auth.Consent{UserID: visits[2].User.ID, ClientID: wiki.ID, Scopes: []string{"openid", "email"}, AgreedAt: w.clock.now()}
		if err := w.SaveConsent(w.ctx, consent); err != nil {
			w.t.Error(err)
		}
		consent.ClientID = idle.ID
		if err := w.SaveConsent(w.ctx, consent); err != nil {
			w.t.Error(err)
		}
		for _, i := range []int{0, 1, 2, 3, 0, 4, 2, 4} {
			comes(wiki, i)
		}
		comes(wiki, 3, auth.ScopeOffline)
		comes(board, 0)
		last := w.clock.now()
		w.wantCode(wiki, visits[1]) // which nobody has redeemed
		// Of two at the same moment, each is on one page.
		w.exec("UPDATE grants SET created_at = (SELECT MAX(created_at) FROM grants WHERE user_id = $1 AND client_id = $2) WHERE user_id = $3 AND client_id = $2 AND redeemed_at IS NOT NULL",
			visits[3].User.ID, wiki.ID, visits[4].User.ID)
		names := func(people []admin.Access) (all string) {
			for _, a := range people {
				all += a.User.OpenID
				if a.Client.ID != "" {
					w.t.Errorf("it has a client: %+v", a.Client)
				}
			}
			return all
		}
		whole := must(w.AccessTo(w.ctx, admin.AccessQuery{ClientID: wiki.ID}))(w.t)
		want := names(whole.People)
		if want != "o3o4o2o0o1" && want != "o4o3o2o0o1" || whole.Next != "" || whole.Prev != "" {
			w.t.Errorf("got %s, %q, %q", want, whole.Next, whole.Prev)
		}
		for _, a := range whole.People {
			if a.Offline != (a.User.OpenID == "o3") || a.AgreedAt.IsZero() != (a.User.OpenID != "o2") || a.LastAt.IsZero() {
				w.t.Errorf("got %+v", a)
			}
		}
		for limit := 1; limit <= 5; limit++ {
			q, got, pages := admin.AccessQuery{ClientID: wiki.ID, Limit: limit}, "", []string(nil)
			for {
				page := must(w.AccessTo(w.ctx, q))(w.t)
				got += names(page.People)
				pages = append(pages, names(page.People))
				if (page.Prev == "") != (len(pages) == 1) {
					w.t.Errorf("page %d leads back to %q", len(pages), page.Prev)
				}
				if len(pages) > 1 {
					before := must(w.AccessTo(w.ctx, admin.AccessQuery{ClientID: wiki.ID, Limit: limit, Cursor: page.Prev}))(w.t)
					if names(before.People) != pages[len(pages)-2] {
						w.t.Errorf("before %s is %s, want %s", pages[len(pages)-1], names(before.People), pages[len(pages)-2])
					}
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if got != want {
				w.t.Errorf("by %d: %s, want %s", limit, got, want)
			}
		}
		first := must(w.AccessTo(w.ctx, admin.AccessQuery{ClientID: wiki.ID, Limit: 2}))(w.t)
		_, err := w.AccessTo(w.ctx, admin.AccessQuery{ClientID: board.ID, Cursor: first.Next})
		wantReason(w.t, err, auth.BadRequest)
		for limit, more := range map[int]bool{100: false, 10: false, 9: false, 8: true, 1: true} {
			use := must(w.ClientUse(w.ctx, wiki.ID, limit))(w.t)
			if !more && use.People != (admin.Total{N: 5}) || more && (use.People.N >= 5 || !use.People.More) || use.LastAt.IsZero() {
				w.t.Errorf("among %d: %+v", limit, use)
			}
		}
		if use := must(w.ClientUse(w.ctx, board.ID, 10))(w.t); use.People != (admin.Total{N: 1}) || !use.LastAt.Equal(last) {
			w.t.Errorf("got %+v", use)
		}
		if use := must(w.ClientUse(w.ctx, idle.ID, 10))(w.t); use.People != (admin.Total{}) || !use.LastAt.Equal(consent.AgreedAt) {
			w.t.Errorf("got %+v", use)
		}
		// Who has signed out is listed as long as the application may come back.
		for _, i := range []int{0, 3} {
			if err := w.DeleteSession(w.ctx, auth.VisitorSession, visits[i].Session.TokenHash); err != nil {
				w.t.Error(err)
			}
		}
		if got := names(must(w.AccessTo(w.ctx, admin.AccessQuery{ClientID: wiki.ID}))(w.t).People); strings.Contains(got, "o0") || !strings.Contains(got, "o3") {
			w.t.Errorf("got %s", got)
		}
	},
	"groups are a person's, by id or openid, from the next visit on": func(w *world) {
		visit := w.visits("o1")
		join := func(groups []string) []string { return append(groups, "staff") }
		if !must(w.ChangeGroups(w.ctx, appID, "o1", join, w.event(admin.ActGroupAdd, "o1")))(w.t) {
			w.t.Error("not changed")
		}
		if got := w.wantSignedIn(visit.Session.TokenHash).User; !got.InAny([]string{"x", "staff"}) || got.InAny([]string{"x"}) || got.InAny(nil) {
			w.t.Errorf("groups %q", got.Groups)
		}
		same := func(groups []string) []string { return groups }
		if must(w.ChangeGroups(w.ctx, appID, visit.User.ID, same, w.event(admin.ActGroupAdd, "")))(w.t) {
			w.t.Error("changed")
		}
		_, err := w.ChangeGroups(w.ctx, "another", "o1", join, w.event(admin.ActGroupAdd, ""))
		wantReason(w.t, err, auth.NoSuchUser)
		w.wantRows("events", 1)
	},
}
