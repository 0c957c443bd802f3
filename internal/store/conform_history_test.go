package store_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// addEvents adds n events, a minute apart, and returns them newest first.
func (w *world) addEvents(n int, make func(i int) admin.Event) []admin.Event {
	w.t.Helper()
	var all []admin.Event
	for i := range n {
		event := make(i)
		if err := w.AddEvent(w.ctx, event); err != nil {
			w.t.Fatal(err)
		}
		all = append([]admin.Event{event}, all...)
		w.clock.pass(time.Minute)
	}
	return all
}

func bare(named []admin.NamedEvent) (events []admin.Event) {
	for _, e := range named {
		events = append(events, e.Event)
	}
	return events
}

// fails claims a login and ends it as failed.
func (w *world) fails(reason auth.Reason, errcode int64, step auth.Step, userID string) auth.Login {
	w.t.Helper()
	l := pending(w.login("o9", auth.ScopeBase))
	must(w.ClaimLogin(w.ctx, l))(w.t)
	l.Outcome, l.Reason, l.Errcode, l.Step, l.UserID, l.FinishedAt = auth.Failed, reason, errcode, step, userID, w.clock.now()
	if err := w.FinishLogin(w.ctx, l); err != nil {
		w.t.Fatal(err)
	}
	l.SessionHash = "" // there is no session
	return l
}

var historyPromises = map[string]func(*world){
	"a failed login keeps its step, its errcode and who came": func(w *world) {
		user, _ := w.visitor("o1")
		want := w.fails(auth.WeChatRefused, 40125, auth.StepProfile, user.ID)
		if diff := cmp.Diff(read(want), must(w.LoginByState(w.ctx, want.StateHash))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		gone := w.fails(auth.Blocked, 0, auth.StepPerson, "nobody") // erased meanwhile
		if got := must(w.LoginByState(w.ctx, gone.StateHash))(w.t); got.UserID != "" || got.Outcome != auth.Failed {
			w.t.Errorf("got %+v", got)
		}
	},
	"address and browser stay with a person, and for an hour with a failure that is nobody's": func(w *world) {
		user, _ := w.visitor("o1")
		devices := func() int64 { return w.number("SELECT COUNT(*) FROM logins WHERE remote_addr || user_agent <> ''") }
		w.unknown(auth.Device{RemoteAddr: "203.0.113.9", UserAgent: "curl"})
		must(w.ClaimLogin(w.ctx, pending(w.login("o1", auth.ScopeBase))))(w.t) // its process dies
		if n := devices(); n != 1 {
			w.t.Errorf("%d logins have a device, want the one that signed in", n)
		}
		w.fails(auth.Blocked, 0, auth.StepPerson, user.ID)
		w.fails(auth.Blocked, 0, auth.StepPerson, "erased")
		w.fails(auth.CodeSpent, 40029, auth.StepCode, "")
		if n := devices(); n != 3 {
			w.t.Errorf("%d logins have a device, want those of the person and the junk code", n)
		}
		w.clock.pass(time.Hour + time.Minute)
		w.sweeps()
		if n := devices(); n != 2 {
			w.t.Errorf("%d logins have a device after an hour, want those of the person", n)
		}
		if n := w.number("SELECT COUNT(*) FROM logins WHERE outcome IN ('unknown', 'failed') AND finished_at < $1 AND session_hash <> ''", w.clock.ago(time.Hour).UnixMilli()); n != 0 {
			w.t.Errorf("%d logins name a session that never was", n)
		}
	},
	"a login without a profile keeps its errcode": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.Login.Errcode, save.Login.Step = 48001, auth.StepProfile
		w.signsIn(save)
		if l := must(w.LoginByState(w.ctx, save.Login.StateHash))(w.t); l.Errcode != 48001 || l.Step != auth.StepProfile {
			w.t.Errorf("got %+v", l)
		}
	},
	"consent is noted, and kept by later logins that ask for none": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.Consent = "v1"
		at := w.clock.now()
		if user := w.signsIn(save); user.ConsentVersion != "v1" || !user.ConsentAt.Equal(at) {
			w.t.Errorf("got %q at %v", user.ConsentVersion, user.ConsentAt)
		}
		w.clock.pass(time.Hour)
		if user, _ := w.visitor("o1"); user.ConsentVersion != "v1" || !user.ConsentAt.Equal(at) {
			w.t.Errorf("after a silent login: %q at %v", user.ConsentVersion, user.ConsentAt)
		}
		again := w.login("o1", auth.ScopeUserinfo)
		again.Consent = "v2"
		if user := w.signsIn(again); user.ConsentVersion != "v2" || !user.ConsentAt.Equal(w.clock.now()) {
			w.t.Errorf("after another consent: %q at %v", user.ConsentVersion, user.ConsentAt)
		}
		if user, _ := w.visitor("o2"); user.ConsentVersion != "" || !user.ConsentAt.IsZero() {
			w.t.Errorf("never asked: %q at %v", user.ConsentVersion, user.ConsentAt)
		}
	},
	"one session ends, of the right person": func(w *world) {
		user, token := w.visitor("o1")
		_, staying := w.visitor("o1")
		other, otherToken := w.visitor("o2")
		sessions := must(w.UserSessions(w.ctx, user.ID))(w.t)
		id := sessions[0].ID
		if sessions[0].TokenHash != token {
			id = sessions[1].ID
		}
		wantReason(w.t, w.EndSession(w.ctx, other.ID, id, w.event(admin.ActEndSession, other.ID)), auth.NoSuchSession)
		w.wantSignedIn(token)
		event := w.event(admin.ActEndSession, user.ID)
		if err := w.EndSession(w.ctx, user.ID, id, event); err != nil {
			w.t.Fatal(err)
		}
		w.wantSignedOut(token)
		w.wantSignedIn(staying)
		w.wantSignedIn(otherToken)
		wantReason(w.t, w.EndSession(w.ctx, user.ID, id, w.event(admin.ActEndSession, user.ID)), auth.NoSuchSession)
		w.wantEvents(event)
	},
	"an erased person is known to the audit log by our id alone": func(w *world) {
		user, _ := w.visitor("o1-erase-me")
		w.visitor("o2")
		grant, other := w.event(admin.ActGrant, "o1-erase-me"), w.event(admin.ActGrant, "o2")
		must(w.GrantAdmin(w.ctx, appID, "o1-erase-me", grant))(w.t)
		must(w.GrantAdmin(w.ctx, appID, "o2", other))(w.t)
		erase := w.event(admin.ActErase, user.ID)
		if err := w.EraseUser(w.ctx, user.ID, nil, erase); err != nil {
			w.t.Fatal(err)
		}
		grant.Subject, grant.Detail = user.ID, ""
		w.wantEvents(erase, other, grant)
	},
	"erasing somebody takes back what names them an admin, by whichever identity, and no other's": func(w *world) {
		first := w.comes(websiteID, "oFirst", union1)
		further := w.comes(shopID, "oFurther", union1)
		if further.User.ID != first.User.ID {
			w.t.Fatal("these were to be one person")
		}
		for _, who := range [][2]string{{websiteID, "oFirst"}, {shopID, "oFurther"}, {shopID, "oFirst"}} { // the last: somebody else
			must(w.GrantAdmin(w.ctx, who[0], who[1], w.event(admin.ActGrant, who[1])))(w.t)
		}
		if err := w.EraseUser(w.ctx, first.User.ID, nil, w.event(admin.ActErase, first.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		if left := w.rows("admins", "appid || ' ' || openid", "openid"); !slices.Equal(left, []string{shopID + " oFirst"}) {
			w.t.Errorf("left are %q", left)
		}
	},
	"events are filtered by what, who and when, and know names": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.Profile = &lin
		user := w.signsIn(save)
		start := w.clock.now()
		all := w.addEvents(6, func(i int) admin.Event {
			e := w.event([]admin.Action{admin.ActBlock, admin.ActExport}[i%2], user.ID)
			if i >= 3 {
				e.Actor, e.Subject = user.ID, "somebody"
			}
			if i == 5 {
				e.Actor = admin.ActorCommand
			}
			return e
		})
		for name, test := range map[string]struct {
			query admin.EventQuery
			want  []admin.Event
		}{
			"all":             {admin.EventQuery{}, all},
			"action":          {admin.EventQuery{Action: admin.ActBlock}, []admin.Event{all[1], all[3], all[5]}},
			"who":             {admin.EventQuery{Who: user.ID}, all[1:]},
			"subject":         {admin.EventQuery{Who: "somebody"}, all[:3]},
			"who and action":  {admin.EventQuery{Who: user.ID, Action: admin.ActExport}, []admin.Event{all[2], all[4]}},
			"from":            {admin.EventQuery{From: start.Add(4 * time.Minute)}, all[:2]},
			"to":              {admin.EventQuery{To: start.Add(2 * time.Minute)}, all[4:]},
			"nobody's":        {admin.EventQuery{Who: "nobody"}, nil},
			"no such action":  {admin.EventQuery{Action: "dance"}, nil},
			"not a statement": {admin.EventQuery{Who: `' OR 1=1 --`}, nil},
		} {
			if diff := cmp.Diff(test.want, bare(must(w.Events(w.ctx, test.query))(w.t).Events)); diff != "" {
				w.t.Errorf("%s: %s", name, diff)
			}
			var each []admin.NamedEvent
			err := w.EachEvent(w.ctx, test.query, func(e admin.NamedEvent) error {
				each = append(each, e)
				return nil
			})
			if diff := cmp.Diff(test.want, bare(each)); err != nil || diff != "" {
				w.t.Errorf("%s, each: %v, %s", name, err, diff)
			}
		}
		named := must(w.Events(w.ctx, admin.EventQuery{}))(w.t).Events
		if named[0].ActorName != "" || named[1].ActorName != lin.Nickname || named[5].SubjectName != lin.Nickname || named[1].SubjectName != "" {
			w.t.Errorf("names: %+v", named)
		}
	},
	"events turn by cursor, both ways, while more are added": func(w *world) {
		all := w.addEvents(7, func(int) admin.Event { return w.event(admin.ActExport, "") })
		var pages []admin.EventPage
		query := admin.EventQuery{Limit: 3}
		for range 3 {
			page := must(w.Events(w.ctx, query))(w.t)
			pages = append(pages, page)
			query.Cursor = page.Next
			w.addEvents(1, func(int) admin.Event { return w.event(admin.ActExport, "late") })
		}
		var got []admin.Event
		for _, page := range pages {
			got = append(got, bare(page.Events)...)
		}
		if diff := cmp.Diff(all, got); diff != "" || pages[2].Next != "" || pages[0].Prev != "" {
			w.t.Error(diff)
		}
		back := must(w.Events(w.ctx, admin.EventQuery{Limit: 3, Cursor: pages[1].Prev}))(w.t)
		if diff := cmp.Diff(all[:3], bare(back.Events)); diff != "" || back.Next == "" || back.Prev == "" {
			w.t.Errorf("back: %s next %q prev %q", diff, back.Next, back.Prev)
		}
		people := must(w.Users(w.ctx, admin.UserQuery{}))(w.t)
		for _, bad := range []admin.EventQuery{
			{Cursor: "forged"}, {Cursor: pages[0].Next, Action: admin.ActBlock}, {Cursor: people.Next + "x"},
			{Limit: -1}, {Limit: admin.MaxPage + 1}, {Who: strings.Repeat("x", 2000)},
		} {
			_, err := w.Events(w.ctx, bad)
			wantReason(w.t, err, auth.BadRequest)
		}
	},
	"activity counts logins, people and errcodes where they happened": func(w *world) {
		w.visitor("o0")
		w.fails(auth.WeChatRefused, 40125, auth.StepCode, "")
		w.clock.pass(48 * time.Hour)
		since := w.clock.now()
		w.visitor("o1")
		w.visitor("o1")
		good := w.clock.now()
		w.clock.pass(admin.QuarterHour)
		w.fails(auth.CodeSpent, 40163, auth.StepCode, "")
		w.clock.pass(time.Minute)
		bad := w.fails(auth.WeChatTimeout, 0, auth.StepCode, "")
		w.clock.pass(time.Minute)
		last := w.fails(auth.Blocked, 0, auth.StepPerson, "")
		got := must(w.Activity(w.ctx, since))(w.t)
		slot := since.Truncate(admin.QuarterHour)
		want := admin.Activity{
			Logins:    []admin.SlotCount{{At: slot, Count: 2}},
			NewUsers:  []admin.SlotCount{{At: slot, Count: 1}},
			Errcodes:  []admin.SlotCount{{At: slot.Add(admin.QuarterHour), Errcode: 40163, Count: 1}},
			LastGood:  good,
			LastError: read(bad),
		}
		troubles := got.Troubles
		got.Troubles = nil
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Error(diff)
		}
		if len(troubles) != 3 || troubles[0] != read(last) {
			w.t.Errorf("troubles %+v", troubles)
		}
		quiet := must(w.Activity(w.ctx, w.clock.now().Add(time.Hour)))(w.t)
		if len(quiet.Logins) != 0 || !quiet.LastGood.IsZero() || quiet.LastError != (auth.Login{}) {
			w.t.Errorf("got %+v", quiet)
		}
	},
	"tokens that die within a week are counted and found": func(w *world) {
		save := w.login("o1", auth.ScopeUserinfo)
		save.RefreshToken = "REFRESH"
		user := w.signsIn(save)
		ending := func() (int64, []auth.User) {
			return must(w.Activity(w.ctx, w.clock.now()))(w.t).EndingTokens.N,
				must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterTokenEnds}))(w.t).Users
		}
		info := must(w.Token(w.ctx, user.ID))(w.t)
		if info == nil || info.Scope != auth.ScopeUserinfo || info.DueAt.IsZero() || !info.EndsAt.Equal(w.clock.now().Add(720*time.Hour)) {
			w.t.Errorf("token: %+v", info)
		}
		if n, users := ending(); n != 0 || len(users) != 0 {
			w.t.Errorf("on the first day: %d, %v", n, users)
		}
		w.clock.pass(24 * 24 * time.Hour)
		if n, users := ending(); n != 1 || len(users) != 1 {
			w.t.Errorf("six days before: %d, %v", n, users)
		}
		w.clock.pass(7 * 24 * time.Hour)
		if n, users := ending(); n != 0 || len(users) != 0 {
			w.t.Errorf("after its end: %d, %v", n, users)
		}
		if none := must(w.Token(w.ctx, "nobody"))(w.t); none != nil {
			w.t.Errorf("got %+v", none)
		}
	},
	"what is older than it is kept goes, the rest stays": func(w *world) {
		for range 3 {
			user, _ := w.visitor("o1")
			if err := w.AddEvent(w.ctx, w.event(admin.ActExport, user.ID)); err != nil {
				w.t.Fatal(err)
			}
			w.clock.pass(time.Hour)
		}
		if n := must(w.Forget(w.ctx, time.Time{}, time.Time{}))(w.t); n != 0 {
			w.t.Errorf("for ever: %d went", n)
		}
		if n := must(w.Forget(w.ctx, w.clock.ago(90*time.Minute), w.clock.ago(150*time.Minute)))(w.t); n != 3 {
			w.t.Errorf("%d went, want 3", n)
		}
		w.wantRows("logins", 1)
		w.wantRows("events", 2)
		w.wantRows("users", 1)
	},
	"a past is imported once, into an empty database": func(w *world) {
		var h store.History
		for i := range 1200 {
			save := w.login(fmt.Sprintf("o%d", i%40), auth.ScopeUserinfo)
			save.RefreshToken = "REFRESH"
			h.Logins = append(h.Logins, save)
			w.clock.pass(time.Minute)
		}
		l := w.login("o1", auth.ScopeBase).Login
		l.Outcome, l.Reason, l.Errcode = auth.Failed, auth.CodeSpent, 40029
		h.Failed = []auth.Login{l}
		h.Blocked = []string{"o3"}
		h.Events = []admin.Event{w.event(admin.ActBlock, "o3"), w.event(admin.ActGrant, "o1")}
		h.Pictures = []auth.Picture{{UserID: "o1", Source: "s", Type: "image/png", Body: []byte("x"), ETag: "e", CopiedAt: w.clock.now()}}
		if err := w.Import(w.ctx, h); err != nil {
			w.t.Fatal(err)
		}
		w.wantRows("users", 40)
		w.wantRows("logins", 1201)
		w.wantRows("sessions", 1170)
		blocked := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterBlocked}))(w.t).Users
		if len(blocked) != 1 || blocked[0].OpenID != "o3" || blocked[0].LoginCount != 30 {
			w.t.Errorf("blocked: %+v", blocked)
		}
		if due := must(w.NextDue(w.ctx, w.clock.now().Add(100*24*time.Hour), w.clock.now()))(w.t); due != (auth.TokenID{}) {
			w.t.Errorf("%s is due", due)
		}
		events := must(w.Events(w.ctx, admin.EventQuery{Who: blocked[0].ID}))(w.t).Events
		if len(events) != 1 {
			w.t.Errorf("events: %+v", events)
		}
		wantReason(w.t, w.Import(w.ctx, store.History{}), auth.StoreDown)
	},
}
