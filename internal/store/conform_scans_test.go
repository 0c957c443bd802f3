package store_test

import (
	"sync/atomic"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// opened is a scan as a person opens it.
func (w *world) opened(ticket, userID string) auth.Scan {
	at := w.clock.now()
	return auth.Scan{TicketHash: ticket, UserID: userID, Status: auth.ScanOpened, OpenedAt: at, EndsAt: at.Add(auth.ScanLifetime)}
}

// confirmed is a ticket that a person has said yes to.
func (w *world) confirmed(ticket, userID string) {
	w.t.Helper()
	must(w.OpenScan(w.ctx, w.opened(ticket, userID)))(w.t)
	if !must(w.AnswerScan(w.ctx, ticket, userID, auth.ScanConfirmed, w.clock.now()))(w.t) {
		w.t.Error("not answered")
	}
}

// collection is a desktop that comes for what a ticket opens.
func (w *world) collection(ticket string) auth.CollectScan {
	save := w.login("", auth.ScopeScan)
	save.Login.StateHash, save.Login.CodeHash = ticket, ticket
	return auth.CollectScan{TicketHash: ticket, Login: save.Login, Session: save.Session}
}

func (w *world) wantScan(ticket string, want auth.ScanStatus) {
	w.t.Helper()
	if got := must(w.ScanByTicket(w.ctx, ticket))(w.t); got.Status != want {
		w.t.Errorf("scan is %q, want %q", got.Status, want)
	}
}

var scanPromises = map[string]func(*world){
	"a ticket belongs to the first person who opens it": func(w *world) {
		lin, _ := w.visitor("o1")
		wang, _ := w.visitor("o2")
		w.wantScan("t", "")
		first := w.opened("t", lin.ID)
		if got := must(w.OpenScan(w.ctx, first))(w.t); got != first {
			w.t.Errorf("got %+v, want %+v", got, first)
		}
		w.clock.pass(time.Second)
		for _, user := range []auth.User{lin, wang} {
			if got := must(w.OpenScan(w.ctx, w.opened("t", user.ID)))(w.t); got != first {
				w.t.Errorf("got %+v, want %+v", got, first)
			}
		}
		if must(w.AnswerScan(w.ctx, "t", wang.ID, auth.ScanConfirmed, w.clock.now()))(w.t) {
			w.t.Error("another person has answered")
		}
		w.wantScan("t", auth.ScanOpened)
		w.wantRows("scans", 1)
	},
	"a scan of nobody is not opened": func(w *world) {
		_, err := w.OpenScan(w.ctx, w.opened("t", "nobody"))
		wantReason(w.t, err, auth.NoSuchUser)
		w.wantRows("scans", 0)
	},
	"a scan is answered once": func(w *world) {
		user, _ := w.visitor("o1")
		must(w.OpenScan(w.ctx, w.opened("t", user.ID)))(w.t)
		if !must(w.AnswerScan(w.ctx, "t", user.ID, auth.ScanRefused, w.clock.now()))(w.t) {
			w.t.Error("not answered")
		}
		if must(w.AnswerScan(w.ctx, "t", user.ID, auth.ScanConfirmed, w.clock.now()))(w.t) {
			w.t.Error("answered twice")
		}
		w.wantScan("t", auth.ScanRefused)
		_, err := w.CollectScan(w.ctx, w.collection("t"))
		wantReason(w.t, err, auth.ScanSpent)
		w.wantRows("sessions", 1)
	},
	"a confirmed scan signs in, and is counted as a login": func(w *world) {
		user, _ := w.visitor("o1")
		_, held := w.visitor("o2")
		w.clock.pass(time.Minute)
		w.confirmed("t", user.ID)
		c := w.collection("t")
		c.Replaces = held
		got := must(w.CollectScan(w.ctx, c))(w.t)
		if got.ID != user.ID || got.LoginCount != 2 || !got.LastLoginAt.Equal(w.clock.now()) {
			w.t.Errorf("got %+v", got)
		}
		if visit := w.wantSignedIn(c.Session.TokenHash); visit.User.ID != user.ID {
			w.t.Errorf("signed in as %+v", visit.User)
		}
		w.wantSignedOut(held)
		logins := must(w.UserLogins(w.ctx, user.ID, 10))(w.t)
		if len(logins) != 2 || logins[0].Scope != auth.ScopeScan || logins[0].Outcome != auth.SignedIn {
			w.t.Errorf("history %+v", logins)
		}
		w.wantScan("t", auth.ScanUsed)
	},
	"of many who collect at once, in two processes, one does": func(w *world) {
		user, _ := w.visitor("o1")
		w.confirmed("t", user.ID)
		stores := []*store.Store{w.Store, w.another()}
		var done atomic.Int64
		together(20, func(i int) {
			_, err := stores[i%2].CollectScan(w.ctx, w.collection("t"))
			if err == nil {
				done.Add(1)
				return
			}
			wantReason(w.t, err, auth.ScanSpent)
		})
		if done.Load() != 1 {
			w.t.Errorf("%d have collected", done.Load())
		}
		w.wantRows("sessions", 2)
		w.wantRows("logins", 2)
	},
	"a ticket that has signed in once does not again, whatever becomes of its row": func(w *world) {
		user, _ := w.visitor("o1")
		w.confirmed("t", user.ID)
		must(w.CollectScan(w.ctx, w.collection("t")))(w.t)
		w.exec(`DELETE FROM scans`)
		w.confirmed("t", user.ID)
		_, err := w.CollectScan(w.ctx, w.collection("t"))
		wantReason(w.t, err, auth.ScanSpent)
		w.wantRows("sessions", 2)
		w.wantScan("t", auth.ScanConfirmed)
	},
	"being blocked, or signing out everywhere, takes the answers back": func(w *world) {
		blocked, _ := w.visitor("o1")
		left, _ := w.visitor("o2")
		ended, _ := w.visitor("o3")
		for ticket, user := range map[string]auth.User{"t1": blocked, "t2": left, "t3": ended} {
			w.confirmed(ticket, user.ID)
		}
		if err := w.SetBlocked(w.ctx, blocked.ID, true, nil, w.event(admin.ActBlock, blocked.ID)); err != nil {
			w.t.Error(err)
		}
		must(w.EndSessions(w.ctx, left.ID, w.event(admin.ActEndSessions, left.ID)))(w.t)
		must(w.EndSessions(w.ctx, ended.ID, w.event(admin.ActEndSessions, ended.ID)))(w.t)
		for _, ticket := range []string{"t1", "t2", "t3"} {
			w.wantScan(ticket, auth.ScanRefused)
		}
	},
	"a blocked person's scan signs nobody in and stays as it is": func(w *world) {
		user, _ := w.visitor("o1")
		w.confirmed("t", user.ID)
		w.exec(`UPDATE users SET blocked = 1`)
		_, err := w.CollectScan(w.ctx, w.collection("t"))
		wantReason(w.t, err, auth.Blocked)
		w.wantScan("t", auth.ScanConfirmed)
		w.wantRows("sessions", 1)
		w.wantRows("logins", 1)
	},
	"scans go with the person, and with time": func(w *world) {
		gone, _ := w.visitor("o1")
		stays, _ := w.visitor("o2")
		w.confirmed("t1", gone.ID)
		w.confirmed("t2", stays.ID)
		if err := w.EraseUser(w.ctx, gone.ID, nil, w.event(admin.ActErase, gone.ID)); err != nil {
			w.t.Error(err)
		}
		w.wantScan("t1", "")
		must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
		w.wantScan("t2", auth.ScanConfirmed)
		w.clock.pass(2 * time.Hour)
		must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
		w.wantRows("scans", 0)
	},
}
