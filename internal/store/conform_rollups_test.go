package store_test

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// ever is longer than any session is idle here.
const ever = 100 * year

func (w *world) sweeps() {
	w.t.Helper()
	if _, err := w.Sweep(w.ctx, w.clock.now(), ever); err != nil {
		w.t.Fatal(err)
	}
}

// dashboard is what it tells since each of some moments.
func (w *world) dashboard(since ...time.Time) (all []any) {
	w.t.Helper()
	for _, at := range since {
		activity := must(w.Activity(w.ctx, at))(w.t)
		for i := range activity.Troubles {
			activity.Troubles[i].Device = auth.Device{} // which a sweep forgets
		}
		activity.LastError.Device = auth.Device{}
		all = append(all, must(w.Counts(w.ctx, at))(w.t), activity)
	}
	return all
}

var rollupPromises = map[string]func(*world){
	"the dashboard tells the same before quarter hours are counted and after": func(w *world) {
		first := w.clock.now().Add(-7 * time.Minute)
		for i := range 150 {
			w.visitor(fmt.Sprintf("o%d", i%60))
			if i%5 == 0 {
				w.fails(auth.Snapshot, 0, auth.StepPerson, "")
			}
			if i%7 == 0 {
				w.fails(auth.WeChatRefused, 40125, auth.StepCode, "")
			}
			w.clock.pass(37 * time.Minute) // four days
		}
		moments := []time.Time{first, first.Add(25 * time.Hour), w.clock.ago(10 * time.Hour).Add(11 * time.Millisecond), w.clock.ago(20 * time.Minute), w.clock.now()}
		before := w.dashboard(moments...)
		w.sweeps()
		if n := w.number("SELECT COUNT(*) FROM tallies"); n < 100 {
			w.t.Errorf("%d quarter hours are counted", n)
		}
		if diff := cmp.Diff(before, w.dashboard(moments...)); diff != "" {
			w.t.Error(diff)
		}
		// And with what comes then.
		w.visitor("late")
		w.fails(auth.CodeSpent, 40163, auth.StepCode, "")
		uncounted := w.dashboard(moments...)
		w.clock.pass(time.Hour)
		w.sweeps()
		w.clock.pass(-time.Hour) // what ends soon goes by the clock
		if diff := cmp.Diff(uncounted, w.dashboard(moments...)); diff != "" {
			w.t.Error(diff)
		}
		if diff := cmp.Diff(before, uncounted); diff == "" {
			w.t.Error("what came late is not counted")
		}
	},
	"a login that is under way is counted when it has ended": func(w *world) {
		since := w.clock.now()
		save := w.login("o1", auth.ScopeBase)
		must(w.ClaimLogin(w.ctx, pending(save)))(w.t)
		w.clock.pass(40 * time.Minute)
		w.sweeps()
		must(w.SaveLogin(w.ctx, save))(w.t)
		w.clock.pass(time.Hour)
		w.sweeps()
		if n := must(w.Counts(w.ctx, since))(w.t).Logins; n != 1 {
			w.t.Errorf("%d logins", n)
		}
	},
	"what was counted by a wrong clock is counted again": func(w *world) {
		since := w.clock.now()
		w.visitor("o1")
		w.clock.pass(400 * 24 * time.Hour)
		w.sweeps()
		w.clock.pass(-400 * 24 * time.Hour)
		w.sweeps()
		w.visitor("o2")
		w.clock.pass(time.Hour)
		w.sweeps()
		w.visitor("o3")
		if counts := must(w.Counts(w.ctx, since))(w.t); counts.Logins != 3 || counts.NewUsers != 3 {
			w.t.Errorf("%+v", counts)
		}
	},
	"an import is counted though its quarter hours had been counted before": func(w *world) {
		since := w.clock.now()
		save := w.login("o1", auth.ScopeBase)
		w.fails(auth.WeChatBusy, 0, auth.StepCode, "")
		w.clock.pass(24 * time.Hour)
		w.sweeps()
		if err := w.Import(w.ctx, store.History{Logins: []auth.SaveLogin{save}}); err != nil {
			w.t.Fatal(err)
		}
		w.sweeps()
		if counts := must(w.Counts(w.ctx, since))(w.t); counts.Logins != 1 || counts.Users != 1 {
			w.t.Errorf("%+v", counts)
		}
	},
	"rollups go with the logins that they count": func(w *world) {
		w.visitor("o1")
		w.clock.pass(time.Hour)
		w.visitor("o1")
		w.clock.pass(time.Hour)
		w.sweeps()
		w.wantRows("tallies", 2)
		must(w.Forget(w.ctx, w.clock.ago(90*time.Minute), time.Time{}))(w.t)
		w.wantRows("tallies", 1)
	},
	"sessions are counted as they come and go": func(w *world) {
		for i := range 5 {
			w.visitor(fmt.Sprintf("o%d", i))
		}
		user, token := w.visitor("o1")
		w.adminSession()
		alive := func(want int64) {
			w.t.Helper()
			if n := must(w.Counts(w.ctx, w.clock.now()))(w.t).Sessions; n != want {
				w.t.Errorf("%d sessions, want %d", n, want)
			}
		}
		alive(6)
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, token); err != nil {
			w.t.Fatal(err)
		}
		alive(5)
		if err := w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
			w.t.Fatal(err)
		}
		alive(4)
		w.clock.pass(4321 * time.Hour)
		alive(0)
		w.sweeps()
		alive(0)
	},
}
