package store_test

import (
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"
	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// wantEvents checks the audit log, newest first.
func (w *world) wantEvents(want ...admin.Event) {
	w.t.Helper()
	var got []admin.Event
	for _, e := range must(w.Events(w.ctx, admin.EventQuery{Limit: admin.MaxPage}))(w.t).Events {
		got = append(got, e.Event)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Error(diff)
	}
}

var adminPromises = map[string]func(*world){
	"blocking ends a person's sessions, twice is no error": func(w *world) {
		user, token := w.visitor("o1")
		_, other := w.visitor("o2")
		first, second := w.event(admin.ActBlock, user.ID), w.event(admin.ActBlock, user.ID)
		for _, event := range []admin.Event{first, second} {
			if err := w.SetBlocked(w.ctx, user.ID, true, nil, event); err != nil {
				w.t.Error(err)
			}
		}
		if !must(w.User(w.ctx, user.ID))(w.t).Blocked {
			w.t.Error("not blocked")
		}
		w.wantSignedOut(token)
		w.wantSignedIn(other)
		w.wantRows("sessions", 1)
		w.wantEvents(second, first)
	},
	"unblocking lets a person sign in again": func(w *world) {
		user, token := w.visitor("o1")
		for _, blocked := range []bool{true, false} {
			if err := w.SetBlocked(w.ctx, user.ID, blocked, nil, w.event(admin.ActUnblock, user.ID)); err != nil {
				w.t.Error(err)
			}
		}
		w.wantSignedOut(token)
		again, fresh := w.visitor("o1")
		w.wantSignedIn(fresh)
		if again.ID != user.ID || again.Blocked {
			w.t.Errorf("got %+v", again)
		}
	},
	"other admins are all who may enter, and each is one": func(w *world) {
		ids := map[string]string{}
		for _, openID := range []string{"granted", "configured", "both", "blocked", "nobody", "me"} {
			user, _ := w.visitor(openID)
			ids[openID] = user.ID
		}
		foreign := w.login("configured", auth.ScopeBase) // of another account
		foreign.Login.AppID = "wx-another"
		w.signsIn(foreign)
		for _, openID := range []string{"granted", "both", "blocked", "me", "has never come"} {
			must(w.GrantAdmin(w.ctx, appID, openID, w.event(admin.ActGrant, openID)))(w.t)
		}
		must(w.GrantAdmin(w.ctx, "wx-another", "nobody", w.event(admin.ActGrant, "nobody")))(w.t)
		if err := w.SetBlocked(w.ctx, ids["blocked"], true, nil, w.event(admin.ActBlock, ids["blocked"])); err != nil {
			w.t.Fatal(err)
		}
		for _, c := range []struct {
			configured []string
			except     string
			want       int64
		}{
			{nil, ids["me"], 2},
			{nil, "", 3},
			{[]string{"configured", "both", "blocked", "will come", ""}, ids["me"], 3},
			{[]string{"me", "granted"}, ids["me"], 2},
			{[]string{"configured"}, ids["configured"], 3},
		} {
			count := store.CountAdminsStatement(admin.Guard{Configured: map[string][]string{appID: c.configured}}, c.except)
			if n := w.number(count.Text, count.Args...); n != c.want {
				w.t.Errorf("%q but %q: %d, want %d", c.configured, c.except, n, c.want)
			}
		}
	},
	"what is done to nobody is not recorded": func(w *world) {
		wantReason(w.t, w.SetBlocked(w.ctx, "nobody", true, nil, w.event(admin.ActBlock, "nobody")), auth.NoSuchUser)
		wantReason(w.t, w.SetBlocked(w.ctx, "nobody", false, nil, w.event(admin.ActUnblock, "nobody")), auth.NoSuchUser)
		wantReason(w.t, w.EraseUser(w.ctx, "nobody", nil, w.event(admin.ActErase, "nobody")), auth.NoSuchUser)
		w.wantRows("events", 0)
	},
	"ending sessions says how many": func(w *world) {
		user, token := w.visitor("o1")
		w.visitor("o1")
		_, other := w.visitor("o2")
		for _, want := range []int64{2, 0} {
			if got := must(w.EndSessions(w.ctx, user.ID, w.event(admin.ActEndSessions, user.ID)))(w.t); got != want {
				w.t.Errorf("ended %d, want %d", got, want)
			}
		}
		w.wantSignedOut(token)
		w.wantSignedIn(other)
		w.wantRows("events", 2)
	},
	"erasing leaves nothing that names the person": func(w *world) {
		save := w.login("o1-erase-me", auth.ScopeUserinfo)
		save.Profile, save.RefreshToken, save.UnionID = &lin, "REFRESH", "u1-erase-me"
		save.Login.Device = auth.Device{RemoteAddr: "203.0.113.99", UserAgent: "erase-me"}
		save.Session.Device = save.Login.Device
		user := w.signsIn(save)
		_, other := w.visitor("o2")
		event := w.event(admin.ActErase, user.ID)
		if err := w.EraseUser(w.ctx, user.ID, nil, event); err != nil {
			w.t.Fatal(err)
		}
		w.wantSignedOut(save.Session.TokenHash)
		w.wantSignedIn(other)
		w.wantRows("users", 1)
		w.wantRows("tokens", 0)
		w.wantRows("sessions", 1)
		w.wantRows("logins", 2) // still counted
		l := must(w.LoginByState(w.ctx, save.Login.StateHash))(w.t)
		if l.UserID != "" || l.Device != (auth.Device{}) || l.Outcome != auth.SignedIn {
			w.t.Errorf("the history says %+v", l)
		}
		w.wantEvents(event)
		wantReason(w.t, w.EraseUser(w.ctx, user.ID, nil, event), auth.NoSuchUser)
		if again, _ := w.visitor("o1-erase-me"); again.ID == user.ID || again.LoginCount != 1 || again.Nickname != "" {
			w.t.Errorf("came back as %+v", again)
		}
	},
	"an act and its event are written together or not at all": func(w *world) {
		user, token := w.visitor("o1")
		event := w.event(admin.ActBlock, user.ID)
		if err := w.AddEvent(w.ctx, event); err != nil {
			w.t.Fatal(err)
		}
		link := admin.Link{TokenHash: auth.Hash("link"), EndsAt: w.clock.now()}
		_, end := w.EndSessions(w.ctx, user.ID, event) // the event's id is taken
		_, grant := w.GrantAdmin(w.ctx, appID, "o1", event)
		for _, err := range []error{end, grant, w.SetBlocked(w.ctx, user.ID, true, nil, event), w.EraseUser(w.ctx, user.ID, nil, event), w.AddAdminLink(w.ctx, link, event)} {
			wantReason(w.t, err, auth.StoreDown)
		}
		w.wantSignedIn(token)
		w.wantRows("admins", 0)
		w.wantRows("admin_links", 0)
		w.wantEvents(event)
	},
	"granting and revoking say whether they did anything": func(w *world) {
		grant, again := w.event(admin.ActGrant, "o1"), w.event(admin.ActGrant, "o1")
		revoke := w.event(admin.ActRevoke, "o1")
		for _, step := range []struct {
			do   func() (bool, error)
			want bool
		}{
			{func() (bool, error) { return w.RevokeAdmin(w.ctx, appID, "o1", nil, w.event(admin.ActRevoke, "o1")) }, false},
			{func() (bool, error) { return w.GrantAdmin(w.ctx, appID, "o1", grant) }, true},
			{func() (bool, error) { return w.GrantAdmin(w.ctx, appID, "o1", again) }, false},
			{func() (bool, error) { return w.RevokeAdmin(w.ctx, "wxother", "o1", nil, again) }, false},
			{func() (bool, error) { return w.RevokeAdmin(w.ctx, appID, "o1", nil, revoke) }, true},
		} {
			if got := must(step.do())(w.t); got != step.want {
				w.t.Errorf("changed %v, want %v", got, step.want)
			}
		}
		w.wantEvents(revoke, grant)
	},
	"admins come oldest first, with their nickname where it is known": func(w *world) {
		at := w.clock.now()
		for _, openID := range []string{"o9", "o1", "o5"} {
			must(w.GrantAdmin(w.ctx, appID, openID, w.event(admin.ActGrant, openID)))(w.t)
			w.clock.pass(time.Minute)
		}
		must(w.GrantAdmin(w.ctx, "wxother", "o7", w.event(admin.ActGrant, "o7")))(w.t)
		save := w.login("o1", auth.ScopeUserinfo)
		save.Profile = &lin
		w.signsIn(save)
		want := []admin.Admin{
			{OpenID: "o9", GrantedAt: at},
			{OpenID: "o1", GrantedAt: at.Add(time.Minute), Nickname: lin.Nickname},
			{OpenID: "o5", GrantedAt: at.Add(2 * time.Minute)},
		}
		if diff := cmp.Diff(want, must(w.Admins(w.ctx, appID))(w.t)); diff != "" {
			w.t.Error(diff)
		}
	},
	"a link is used once, in time": func(w *world) {
		link := admin.Link{TokenHash: auth.Hash("link"), EndsAt: w.clock.now().Add(admin.LinkLifetime)}
		if err := w.AddAdminLink(w.ctx, link, w.event(admin.ActLinkMade, "")); err != nil {
			w.t.Fatal(err)
		}
		use := func(hash string, now time.Time) error {
			session := auth.Session{ID: auth.NewID(), TokenHash: auth.Hash(auth.NewToken()), Kind: auth.AdminSession, CreatedAt: now, LastSeenAt: now, EndsAt: now.Add(time.Hour)}
			return w.SpendAdminLink(w.ctx, hash, now, session, w.event(admin.ActLinkUsed, ""))
		}
		wantReason(w.t, use(auth.Hash("never"), w.clock.now()), auth.LinkSpent)
		wantReason(w.t, use(link.TokenHash, link.EndsAt.Add(time.Millisecond)), auth.LinkSpent)
		w.wantRows("sessions", 0)
		var used atomic.Int64
		together(20, func(int) {
			if err := use(link.TokenHash, w.clock.now()); err == nil {
				used.Add(1)
			} else if auth.ReasonOf(err) != auth.LinkSpent {
				w.t.Error(err)
			}
		})
		if used.Load() != 1 {
			w.t.Errorf("used %d times", used.Load())
		}
		w.wantRows("sessions", 1)
		w.wantRows("events", 2)
	},
	"browsers let in by a link are listed, and each is ended by its id": func(w *world) {
		user, visitor := w.visitor("o1")
		ended := w.adminSession()
		w.clock.pass(admin.SessionLifetime - time.Minute)
		first := w.adminSession()
		w.clock.pass(time.Minute) // and the end of one
		second := w.adminSession()
		var hashes []string
		list := must(w.AdminSessions(w.ctx))(w.t)
		for _, s := range list {
			hashes = append(hashes, s.TokenHash)
		}
		if diff := cmp.Diff([]string{second, first}, hashes); diff != "" {
			w.t.Fatal(diff)
		}
		if s := list[0]; !s.CreatedAt.Equal(w.clock.now()) || !s.EndsAt.Equal(w.clock.now().Add(admin.SessionLifetime)) || s.Device.RemoteAddr != "192.0.2.1" {
			w.t.Errorf("got %+v", s)
		}
		end := func(id string) error { return w.EndAdminSession(w.ctx, id, w.event(admin.ActEndAdmin, "")) }
		events := w.number("SELECT COUNT(*) FROM events")
		for _, id := range []string{"", "nobody's", second, must(w.UserSessions(w.ctx, user.ID))(w.t)[0].ID} {
			wantReason(w.t, end(id), auth.NoSuchSession)
		}
		if n := w.number("SELECT COUNT(*) FROM events"); n != events {
			w.t.Errorf("%d entries about nothing", n-events)
		}
		event := w.event(admin.ActEndAdmin, "")
		if err := w.EndAdminSession(w.ctx, list[1].ID, event); err != nil {
			w.t.Fatal(err)
		}
		event.Detail = "192.0.2.1"
		if diff := cmp.Diff(event, must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActEndAdmin}))(w.t).Events[0].Event); diff != "" {
			w.t.Error(diff)
		}
		for hash, want := range map[string]auth.Reason{first: auth.NotSignedIn, ended: auth.NotSignedIn, second: ""} {
			_, err := w.Visit(w.ctx, auth.AdminSession, hash)
			wantReason(w.t, err, want)
		}
		wantReason(w.t, end(list[1].ID), auth.NoSuchSession)
		w.wantSignedIn(visitor)
	},
	"the dashboard counts": func(w *world) {
		old, _ := w.visitor("o1")
		w.clock.pass(48 * time.Hour)
		since := w.clock.now()
		w.visitor("o1")
		w.visitor("o2")
		w.adminSession()
		if err := w.SetBlocked(w.ctx, old.ID, true, nil, w.event(admin.ActBlock, old.ID)); err != nil {
			w.t.Fatal(err)
		}
		for _, end := range []struct {
			outcome auth.Outcome
			reason  auth.Reason
		}{{auth.Failed, auth.Snapshot}, {auth.Failed, auth.WeChatBusy}, {auth.Failed, auth.Blocked}, {auth.Unknown, ""}, {auth.Pending, ""}} {
			l := pending(w.login("o3", auth.ScopeBase))
			must(w.ClaimLogin(w.ctx, l))(w.t)
			if end.outcome != auth.Pending {
				l.Outcome, l.Reason, l.FinishedAt = end.outcome, end.reason, w.clock.now()
				if err := w.FinishLogin(w.ctx, l); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		want := admin.Counts{Users: 2, NewUsers: 1, Logins: 2, Sessions: 1, Snapshots: 1, Failures: 2, BlockedUser: 1, Since: since}
		if diff := cmp.Diff(want, must(w.Counts(w.ctx, since))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		w.clock.pass(4320 * time.Hour)
		if got := must(w.Counts(w.ctx, since))(w.t); got.Sessions != 0 {
			w.t.Errorf("%d sessions are alive past their end", got.Sessions)
		}
	},
	"personal data is all that is stored on the person, and opens nothing": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.Profile, save.RefreshToken = &lin, "REFRESH"
		user := w.signsIn(save)
		w.visitor("o2")
		about, by, other := w.event(admin.ActBlock, user.ID), w.event(admin.ActExport, ""), w.event(admin.ActBlock, "somebody")
		by.Actor = user.ID
		for _, event := range []admin.Event{about, by, other} {
			if err := w.AddEvent(w.ctx, event); err != nil {
				w.t.Fatal(err)
			}
		}
		granted := w.event(admin.ActGrant, "o1")
		must(w.GrantAdmin(w.ctx, appID, "o1", granted))(w.t)
		got := must(w.personalData(user.ID))(w.t)
		if diff := cmp.Diff(user, got.User); diff != "" {
			w.t.Error(diff)
		}
		session, login := save.Session, save.Login
		session.UserID, session.TokenHash = user.ID, ""
		login = read(login)
		login.UserID, login.SessionHash = user.ID, ""
		if diff := cmp.Diff([]auth.Session{session}, got.Sessions); diff != "" {
			w.t.Error(diff)
		}
		if diff := cmp.Diff([]auth.Login{login}, got.Logins); diff != "" {
			w.t.Error(diff)
		}
		if diff := cmp.Diff([]admin.Event{granted, by, about}, got.Events); diff != "" {
			w.t.Error(diff)
		}
		if got.Token == nil || got.Token.Scope != auth.ScopeUserinfo || !got.Token.IssuedAt.Equal(w.clock.now()) || got.Token.DeadReason != "" {
			w.t.Errorf("token: %+v", got.Token)
		}
		bare, _ := w.visitor("o3")
		if got := must(w.personalData(bare.ID))(w.t); got.Token != nil || len(got.Events) != 0 {
			w.t.Errorf("got %+v", got)
		}
		_, err := w.personalData("nobody")
		wantReason(w.t, err, auth.NoSuchUser)
	},
}
