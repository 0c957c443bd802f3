package store_test

import (
	"wxlogin/internal/auth"
)

var movedPromises = map[string]func(*world){
	"a person who was split off and is joined to the other later does not come with them": func(w *world) {
		lin, desktop := w.comes(shopID, "oLin", union1).User, w.comes(websiteID, "oLin", union1).User
		wei, may := w.comes(otherID, "oWei", "").User, w.comes(otherID, "oMay", "").User
		w.wantJoined(wei, lin) // who brings the desktop
		if err := w.undoes(desktop.IdentityID); err != nil {
			w.t.Fatal(err)
		}
		desktop = must(w.User(w.ctx, desktop.IdentityID))(w.t)
		w.wantJoined(desktop, wei) // who brings lin
		w.wantJoined(may, desktop) // who brings both
		wantIdentities := func(counts map[string]int) {
			w.t.Helper()
			for user, want := range counts {
				if n := len(must(w.Identities(w.ctx, user))(w.t)); n != want {
					w.t.Errorf("%d identities of %s, want %d", n, user, want)
				}
			}
		}
		if err := w.undoes(lin.ID); err != nil { // alone: the desktop was theirs before they parted
			w.t.Fatal(err)
		}
		wantIdentities(map[string]int{lin.ID: 1, may.ID: 3})
		if err := w.undoes(wei.ID); err != nil {
			w.t.Fatal(err)
		}
		wantIdentities(map[string]int{lin.ID: 1, wei.ID: 1, may.ID: 2})
	},
	"a login that fails is of whoever has the identity when it ends": func(w *world) {
		kept, other := w.comes(shopID, "oKept", "").User, w.comes(websiteID, "oOther", "").User
		begun := func(userID, identityID string) auth.Login {
			l := pending(w.door(websiteID, "oOther", ""))
			if claimed := must(w.ClaimLogin(w.ctx, l))(w.t); !claimed {
				w.t.Fatal("not claimed")
			}
			l.Outcome, l.Reason, l.FinishedAt, l.UserID, l.IdentityID = auth.Failed, auth.Blocked, w.clock.now(), userID, identityID
			return l
		}
		wantEnd := func(l auth.Login, want string) {
			w.t.Helper()
			if err := w.FinishLogin(w.ctx, l); err != nil {
				w.t.Fatal(err)
			}
			if got := w.text("SELECT COALESCE(user_id, '-') || ' ' || COALESCE(identity_id, '-') || ' ' || remote_addr FROM logins WHERE id = $1", l.ID); got != want {
				w.t.Errorf("it is of %q, want %q", got, want)
			}
		}
		first := begun(kept.ID, "")
		wantEnd(first, kept.ID+" - "+first.Device.RemoteAddr)
		own := begun(other.ID, "")
		w.wantJoined(kept, other)
		wantEnd(own, kept.ID+" "+other.ID+" "+own.Device.RemoteAddr)
		further := begun(kept.ID, other.ID)
		if err := w.undoes(other.ID); err != nil {
			w.t.Fatal(err)
		}
		wantEnd(further, other.ID+" - "+further.Device.RemoteAddr)
		gone := begun(other.ID, "")
		if err := w.EraseUser(w.ctx, other.ID, nil, w.event("erase", other.ID)); err != nil {
			w.t.Fatal(err)
		}
		wantEnd(gone, "- - ")
	},
}
