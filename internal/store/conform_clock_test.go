package store_test

import (
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/clocktest"
)

const farAhead = 400 * 24 * time.Hour

// cleans does what the service does every few minutes.
func (w *world) cleans() (gone int64) {
	w.t.Helper()
	swept := must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
	return swept + must(w.Forget(w.ctx, w.clock.ago(4416*time.Hour), w.clock.ago(26304*time.Hour/2)))(w.t)
}

var clockPromises = map[string]func(*world){
	"a lease of a clock that was wrong keeps nobody off": func(w *world) {
		const length = 3 * time.Minute
		take := func(owner string) bool {
			return must(w.TakeLease(w.ctx, "refresh", owner, w.clock.now(), w.clock.now().Add(length)))(w.t)
		}
		w.clock.pass(10 * farAhead)
		if !take("a clock ten years ahead") {
			w.t.Fatal("no lease")
		}
		w.clock.pass(-10 * farAhead)
		if !take("b") {
			w.t.Error("a lease that ends in ten years is believed")
		}
		if !strings.Contains(w.log.String(), "lease in the future taken over") {
			w.t.Error("nobody was told")
		}
		w.clock.pass(-auth.ClockSkew + time.Second) // of another machine
		if take("c") {
			w.t.Error("a lease of a clock a little ahead is not believed")
		}
		w.clock.pass(auth.ClockSkew + length)
		if !take("c") {
			w.t.Error("a lease has no end")
		}
	},
	"a clock that jumps a year ahead clears nothing away, and is believed after a day": func(w *world) {
		_, token := w.visitor("o1")
		if err := w.AddEvent(w.ctx, w.event(admin.ActBlock, "x")); err != nil {
			w.t.Fatal(err)
		}
		w.cleans()
		w.clock.pass(2 * farAhead)
		for range 2 * 23 {
			if n := w.cleans(); n != 0 {
				w.t.Fatalf("%d rows gone under a clock that has jumped", n)
			}
			w.clock.pass(30 * time.Minute)
		}
		if n := strings.Count(w.log.String(), "THE CLOCK IS FAR"); n != 1 {
			w.t.Errorf("told %d times", n)
		}
		w.clock.pass(-2*farAhead - 23*time.Hour)
		w.wantSignedIn(token)
		w.cleans()
		w.clock.pass(2 * farAhead) // nothing ran for so long
		for range 2*24 + 1 {
			w.cleans()
			w.clock.pass(30 * time.Minute)
		}
		w.wantRows("sessions", 0)
		w.wantRows("logins", 0)
		w.wantRows("events", 0)
	},
	"a clock that jumps again and again is not believed, nor one against another's": func(w *world) {
		w.visitor("o1")
		w.cleans()
		right := w.another()
		w.clock.pass(farAhead)
		for range 60 {
			if n := w.cleans(); n != 0 {
				w.t.Fatalf("%d rows gone", n)
			}
			w.clock.pass(2 * time.Hour)
		}
		for range 2 * 25 { // while another process sweeps with the right time
			passed := w.clock.now()
			w.clock.ms.Store(passed.Add(-farAhead).UnixMilli())
			must(right.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t)
			w.clock.ms.Store(passed.UnixMilli())
			if n := w.cleans(); n != 0 {
				w.t.Fatalf("%d rows gone against the other's clock", n)
			}
			w.clock.pass(30 * time.Minute)
		}
	},
	"a clock that jumps while it is in doubt is not believed, though time goes on": func(w *world) {
		w.visitor("o1")
		w.cleans()
		began := time.Now()
		for hours := range 60 * time.Hour / time.Hour {
			now := clocktest.Jumped(began.Add(hours*time.Hour), farAhead+2*hours*time.Hour)
			if n := must(w.Sweep(w.ctx, now, 720*time.Hour))(w.t); n != 0 {
				w.t.Fatalf("%d rows gone after %d hours", n, hours)
			}
		}
	},
	"an hour more or less is believed at once": func(w *world) {
		w.visitor("o1")
		w.cleans()
		for _, jump := range []time.Duration{time.Hour, -2 * time.Hour, time.Hour} {
			w.clock.pass(jump)
			w.cleans()
		}
		if strings.Contains(w.log.String(), "THE CLOCK") {
			w.t.Error("a clock an hour off is in doubt")
		}
		w.wantRows("sessions", 1)
	},
	"what a clock a year ahead has written goes when it is right again": func(w *world) {
		w.clock.pass(farAhead)
		user, _ := w.visitor("o1")
		link := admin.Link{TokenHash: auth.Hash("link"), EndsAt: w.clock.now().Add(admin.LinkLifetime)}
		if err := w.AddAdminLink(w.ctx, link, w.event(admin.ActLinkMade, "")); err != nil {
			w.t.Fatal(err)
		}
		must(w.OpenScan(w.ctx, auth.Scan{TicketHash: "t", UserID: user.ID, Status: auth.ScanOpened, OpenedAt: w.clock.now(), EndsAt: w.clock.now().Add(auth.ScanLifetime)}))(w.t)
		save := w.login("o1", auth.ScopeUserinfo)
		save.RefreshToken, save.Profile = "REFRESH", &lin
		w.signsIn(save)
		w.clock.pass(-farAhead)
		_, here := w.visitor("o2")

		session := auth.Session{ID: auth.NewID(), TokenHash: "x", Kind: auth.AdminSession, CreatedAt: w.clock.now(), LastSeenAt: w.clock.now(), EndsAt: w.clock.now()}
		wantReason(w.t, w.SpendAdminLink(w.ctx, link.TokenHash, w.clock.now(), session, w.event(admin.ActLinkUsed, "")), auth.LinkSpent)
		w.cleans()
		w.wantRows("admin_links", 0)
		w.wantRows("scans", 0)
		w.wantRows("sessions", 1)
		w.wantSignedIn(here)
		if due := must(w.NextDue(w.ctx, w.clock.now(), w.clock.now().Add(time.Hour)))(w.t); due != firstToken(user.ID) {
			w.t.Error("the profile is due in a year")
		}
	},
}
