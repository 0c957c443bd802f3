package store_test

import (
	"reflect"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

var lin = auth.Profile{
	Nickname: "林 🌸 \\ ' \" -- %_", Sex: 2, Language: "zh_CN", Country: "CN", Province: "广东", City: "深圳",
	AvatarURL: "https://thirdwx.qlogo.cn/mmopen/x/132", Privilege: []string{"chinaunicom"},
}

var loginPromises = map[string]func(*world){
	"a login is claimed once for a state and once for a code": func(w *world) {
		first := pending(w.login("o1", auth.ScopeBase))
		sameState, sameCode := pending(w.login("o1", auth.ScopeBase)), pending(w.login("o1", auth.ScopeBase))
		sameState.StateHash, sameCode.CodeHash = first.StateHash, first.CodeHash
		for _, c := range []struct {
			login auth.Login
			want  bool
		}{{first, true}, {first, false}, {sameState, false}, {sameCode, false}, {pending(w.login("o1", auth.ScopeBase)), true}} {
			if got := must(w.ClaimLogin(w.ctx, c.login))(w.t); got != c.want {
				w.t.Errorf("claimed %v, want %v", got, c.want)
			}
		}
		w.wantRows("logins", 2)
	},
	"a claim is won once by 50 at a time in two processes": func(w *world) {
		stores := []*store.Store{w.Store, w.another()}
		save := w.login("o1", auth.ScopeBase)
		var won atomic.Int64
		together(50, func(i int) {
			mine := pending(save)
			mine.ID = auth.NewID()
			if i%3 == 0 {
				mine.StateHash = auth.Hash(auth.NewToken()) // the same code alone
			}
			claimed, err := stores[i%2].ClaimLogin(w.ctx, mine)
			if err != nil {
				w.t.Error(err)
			}
			if claimed {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			w.t.Errorf("%d have won the claim", won.Load())
		}
	},
	"a state and a code are spent for an hour, and forgotten by the next sweep": func(w *world) {
		first, lost := w.login("o1", auth.ScopeBase), pending(w.login("o2", auth.ScopeBase))
		w.signsIn(first)
		must(w.ClaimLogin(w.ctx, lost))(w.t)
		again := func() (claimed int) {
			for _, l := range []auth.Login{first.Login, lost} {
				state, code := pending(w.login("o3", auth.ScopeBase)), pending(w.login("o3", auth.ScopeBase))
				state.StateHash, code.CodeHash = l.StateHash, l.CodeHash
				for _, one := range []auth.Login{state, code} {
					if must(w.ClaimLogin(w.ctx, one))(w.t) {
						claimed++
					}
				}
			}
			return claimed
		}
		w.clock.pass(time.Hour)
		w.sweeps()
		if n := again(); n != 0 {
			w.t.Errorf("%d of 4 were good again within the hour", n)
		}
		if l := must(w.LoginByState(w.ctx, first.Login.StateHash))(w.t); l.ID != first.Login.ID {
			w.t.Errorf("found %+v by the state", l)
		}
		w.clock.pass(time.Millisecond)
		w.sweeps()
		if n := w.number("SELECT COUNT(*) FROM logins WHERE state_hash IS NOT NULL OR code_hash IS NOT NULL"); n != 0 {
			w.t.Errorf("%d logins still have their hashes", n)
		}
		w.wantRows("logins", 2) // the history stays
		if n := again(); n != 4 {
			w.t.Errorf("%d of 4 can be claimed, which proves nothing of the hour before", n)
		}
	},
	"a login is found by its state": func(w *world) {
		want := pending(w.login("o1", auth.ScopeUserinfo))
		must(w.ClaimLogin(w.ctx, want))(w.t)
		want.Device = auth.Device{} // nobody's yet
		if diff := cmp.Diff(read(want), must(w.LoginByState(w.ctx, want.StateHash))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		if got := must(w.LoginByState(w.ctx, auth.Hash("another")))(w.t); got != (auth.Login{}) {
			w.t.Errorf("got %+v for a state that never was", got)
		}
	},
	"a login ends once": func(w *world) {
		l := pending(w.login("o1", auth.ScopeBase))
		must(w.ClaimLogin(w.ctx, l))(w.t)
		for _, reason := range []auth.Reason{auth.WeChatBusy, auth.Snapshot} {
			l.Outcome, l.Reason, l.FinishedAt = auth.Failed, reason, w.clock.now()
			if err := w.FinishLogin(w.ctx, l); err != nil {
				w.t.Error(err)
			}
			w.clock.pass(time.Second)
		}
		got := must(w.LoginByState(w.ctx, l.StateHash))(w.t)
		if got.Outcome != auth.Failed || got.Reason != auth.WeChatBusy || !got.FinishedAt.Equal(w.clock.ago(2*time.Second)) {
			w.t.Errorf("got %+v", got)
		}
	},
	"a login with all that can be known is written down as it came": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.UnionID, save.Profile, save.RefreshToken = "u1", &lin, "REFRESH-1"
		user := w.signsIn(save)
		want := auth.User{
			ID: user.ID, AppID: appID, OpenID: "o1", UnionID: "u1", Profile: lin, Scope: auth.ScopeUserinfo,
			FirstLoginAt: w.clock.now(), LastLoginAt: w.clock.now(), ProfileUpdatedAt: w.clock.now(), LoginCount: 1,
		}
		if diff := cmp.Diff(want, user); diff != "" {
			w.t.Error(diff)
		}
		for _, got := range []auth.User{
			must(w.User(w.ctx, user.ID))(w.t),
			must(w.UserByOpenID(w.ctx, appID, "o1"))(w.t),
			w.wantSignedIn(save.Session.TokenHash).User,
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				w.t.Error(diff)
			}
		}
		wantLogin := read(save.Login)
		wantLogin.UserID = user.ID
		if diff := cmp.Diff([]auth.Login{wantLogin}, must(w.UserLogins(w.ctx, user.ID, 10))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		wantSession := save.Session
		wantSession.UserID = user.ID
		if diff := cmp.Diff([]auth.Session{wantSession}, must(w.UserSessions(w.ctx, user.ID))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		if got := must(w.RefreshToken(w.ctx, firstToken(user.ID)))(w.t); string(got) != "REFRESH-1" {
			w.t.Errorf("refresh token came back as something else, of %d bytes", len(got))
		}
	},
	"a later login keeps what it does not bring": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.UnionID, save.Profile = "u1", &lin
		first := w.signsIn(save)
		w.clock.pass(time.Hour)
		want := first
		want.LastLoginAt, want.LoginCount = w.clock.now(), 2
		if diff := cmp.Diff(want, w.signsIn(w.login("o1", auth.ScopeBase))); diff != "" {
			w.t.Error(diff)
		}
	},
	"a silent login brings a unionid too, and one is not lost by the next": func(w *world) {
		for i, unionID := range []string{"", "u1", "u1", "", "u2"} {
			save := w.login("o1", auth.ScopeBase)
			save.UnionID = unionID
			want := []string{"", "u1", "u1", "u1", "u2"}[i]
			if got := w.signsIn(save); got.UnionID != want || got.LoginCount != int64(i+1) {
				w.t.Errorf("login %d: unionid %q, %d logins; want %q", i+1, got.UnionID, got.LoginCount, want)
			}
		}
	},
	"a later login widens the scope, and replaces profile and unionid": func(w *world) {
		first, _ := w.visitor("o1")
		if !first.ProfileUpdatedAt.IsZero() || first.Scope != auth.ScopeBase || first.UnionID != "" {
			w.t.Errorf("got %+v", first)
		}
		w.clock.pass(time.Hour)
		save := w.login("o1", auth.ScopeUserinfo)
		save.UnionID, save.Profile = "u1", &lin
		w.signsIn(save)
		w.clock.pass(time.Hour)
		save = w.login("o1", auth.ScopeUserinfo)
		save.UnionID, save.Profile = "u2", &auth.Profile{Nickname: "New", Privilege: []string{}}
		want := auth.User{
			ID: first.ID, AppID: appID, OpenID: "o1", UnionID: "u2", Profile: *save.Profile, Scope: auth.ScopeUserinfo,
			FirstLoginAt: first.FirstLoginAt, LastLoginAt: w.clock.now(), ProfileUpdatedAt: w.clock.now(), LoginCount: 3,
		}
		if diff := cmp.Diff(want, w.signsIn(save)); diff != "" {
			w.t.Error(diff)
		}
	},
	"50 first logins at once make one person, in one process and in two": func(w *world) {
		for openID, stores := range map[string][]*store.Store{"o1": {w.Store, w.Store}, "o2": {w.another(), w.another()}} {
			ids := make([]string, 50)
			together(50, func(i int) {
				ids[i] = w.signsInAt(stores[i%2], w.login(openID, auth.ScopeBase)).ID
			})
			for _, id := range ids {
				if id == "" || id != ids[0] {
					w.t.Fatalf("%s is %s and %s", openID, ids[0], id)
				}
			}
			user := must(w.UserByOpenID(w.ctx, appID, openID))(w.t)
			if user.LoginCount != 50 {
				w.t.Errorf("%d logins counted", user.LoginCount)
			}
			if n := len(must(w.UserSessions(w.ctx, user.ID))(w.t)); n != 50 {
				w.t.Errorf("%d sessions", n)
			}
		}
		w.wantRows("users", 2)
	},
	"people are told apart by account and openid, never by unionid": func(w *world) {
		var ids []string
		for _, who := range []struct{ app, open, union string }{
			{appID, "o1", "u"}, {appID, "o2", "u"}, {"wxother", "o1", "u"}, {appID, "u", ""}, {appID, "O1", ""},
		} {
			save := w.login(who.open, auth.ScopeBase)
			save.Login.AppID, save.UnionID = who.app, who.union
			ids = append(ids, w.signsIn(save).ID)
		}
		w.wantRows("users", int64(len(ids)))
		_, err := w.UserByOpenID(w.ctx, "wxother", "o2")
		wantReason(w.t, err, auth.NoSuchUser)
		_, err = w.User(w.ctx, "o1")
		wantReason(w.t, err, auth.NoSuchUser)
	},
	"an empty openid makes nobody": func(w *world) {
		_, err := w.SaveLogin(w.ctx, w.login("", auth.ScopeBase))
		wantReason(w.t, err, auth.StoreDown)
		w.wantRows("users", 0)
	},
	"a blocked person gets no session, and nothing is written": func(w *world) {
		user, _ := w.visitor("o1")
		if err := w.SetBlocked(w.ctx, user.ID, true, nil, w.event(admin.ActBlock, user.ID)); err != nil {
			w.t.Fatal(err)
		}
		save := w.login("o1", auth.ScopeUserinfo)
		save.Profile, save.UnionID, save.RefreshToken = &lin, "u1", "REFRESH"
		must(w.ClaimLogin(w.ctx, pending(save)))(w.t)
		got, err := w.SaveLogin(w.ctx, save)
		wantReason(w.t, err, auth.Blocked)
		if got != nil {
			w.t.Errorf("a person came back with the refusal: %+v", got)
		}
		want := user
		want.Blocked = true
		if diff := cmp.Diff(want, must(w.User(w.ctx, user.ID))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		w.wantRows("sessions", 0)
		w.wantRows("tokens", 0)
		if l := must(w.LoginByState(w.ctx, save.Login.StateHash))(w.t); l.Outcome != auth.Pending {
			w.t.Errorf("the login is %s", l.Outcome)
		}
	},
	"a block in the midst of logins leaves no session behind": func(w *world) {
		other := w.another()
		user, _ := w.visitor("o1")
		together(40, func(i int) {
			if i == 20 {
				if err := other.SetBlocked(w.ctx, user.ID, true, nil, w.event(admin.ActBlock, user.ID)); err != nil {
					w.t.Error(err)
				}
				return
			}
			_, err := w.SaveLogin(w.ctx, w.login("o1", auth.ScopeBase))
			if reason := auth.ReasonOf(err); err != nil && reason != auth.Blocked {
				w.t.Error(err)
			}
		})
		w.wantRows("sessions", 0)
	},
	"the session that the browser held before ends with the login": func(w *world) {
		_, old := w.visitor("o1")
		_, stranger := w.visitor("o2")
		save := w.login("o1", auth.ScopeBase)
		save.Replaces = old
		w.signsIn(save)
		w.wantSignedOut(old)
		w.wantSignedIn(save.Session.TokenHash)
		w.wantSignedIn(stranger)
	},
	"a login does not end the admin session of its browser": func(w *world) {
		browser := w.adminSession()
		save := w.login("o1", auth.ScopeBase)
		save.Replaces = browser
		w.signsIn(save)
		if _, err := w.Visit(w.ctx, auth.AdminSession, browser); err != nil {
			w.t.Error(err)
		}
	},
	"a login whose claim is gone is written down all the same": func(w *world) {
		save := w.login("o1", auth.ScopeBase)
		user := must(w.SaveLogin(w.ctx, save))(w.t).User
		if l := must(w.LoginByState(w.ctx, save.Login.StateHash))(w.t); l.Outcome != auth.SignedIn || l.UserID != user.ID {
			w.t.Errorf("got %+v", l)
		}
	},
	"a login that has ended signs nobody in": func(w *world) {
		save := w.login("o1", auth.ScopeBase)
		must(w.ClaimLogin(w.ctx, pending(save)))(w.t)
		l := pending(save)
		l.Outcome, l.Reason, l.FinishedAt = auth.Failed, auth.WeChatTimeout, w.clock.now()
		if err := w.FinishLogin(w.ctx, l); err != nil {
			w.t.Fatal(err)
		}
		_, err := w.SaveLogin(w.ctx, save)
		wantReason(w.t, err, auth.CodeSpent)
		w.wantRows("users", 0)
		w.wantRows("sessions", 0)
	},
	"a login fails whole": func(w *world) {
		_, token := w.visitor("o1")
		save := w.login("o2", auth.ScopeUserinfo)
		save.RefreshToken, save.Session.TokenHash = "REFRESH", token // the session cannot be written
		must(w.ClaimLogin(w.ctx, pending(save)))(w.t)
		_, err := w.SaveLogin(w.ctx, save)
		wantReason(w.t, err, auth.StoreDown)
		w.wantRows("users", 1)
		w.wantRows("tokens", 0)
		w.wantRows("sessions", 1)
	},
	"logins come newest first, and not too many": func(w *world) {
		var want []string
		var user auth.User
		for range 5 {
			save := w.login("o1", auth.ScopeBase)
			user = w.signsIn(save)
			want = append([]string{save.Login.ID}, want...)
			w.clock.pass(time.Minute)
		}
		w.visitor("o2")
		var got []string
		for _, l := range must(w.UserLogins(w.ctx, user.ID, 3))(w.t) {
			got = append(got, l.ID)
		}
		if !reflect.DeepEqual(got, want[:3]) {
			w.t.Errorf("got %v, want %v", got, want[:3])
		}
	},
}
