package store_test

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// formerID is an account that was moved to that of shopID.
const formerID = "wx0123456789abcde7"

// wantMoves moves openids of the former account.
func (w *world) wantMoves(openIDs map[string]string, wantTaken int64) {
	w.t.Helper()
	dry := must(w.MoveOpenIDs(w.ctx, auth.MoveOpenIDs{From: formerID, To: shopID, OpenIDs: openIDs, At: w.clock.now(), Dry: true}))(w.t)
	taken := must(w.MoveOpenIDs(w.ctx, auth.MoveOpenIDs{From: formerID, To: shopID, OpenIDs: openIDs, At: w.clock.now()}))(w.t)
	if taken != wantTaken || dry != wantTaken {
		w.t.Errorf("%d are taken and %d in the preview, want %d", taken, dry, wantTaken)
	}
}

var accountMigrationPromises = map[string]func(*world){
	"openids of an account are listed once each, in order, whoever has them": func(w *world) {
		var want []string
		for i := range 7 {
			w.comes(websiteID, fmt.Sprint("oPC", i), fmt.Sprint("union-", i, "-of-somebody"))
			openID := fmt.Sprint("o", i*7%5, i)
			if i%2 == 0 { // a further identity of theirs, or a person of its own
				w.comes(shopID, openID, fmt.Sprint("union-", i, "-of-somebody"))
			} else {
				w.comes(shopID, openID, "")
			}
			want = append(want, openID)
		}
		slices.Sort(want)
		var got []string
		for last := ""; ; last = got[len(got)-1] {
			page := must(w.OpenIDsOf(w.ctx, shopID, last, 3))(w.t)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Error(diff)
		}
		if n := must(w.CountOpenIDs(w.ctx, shopID))(w.t); n != 7 {
			w.t.Errorf("counts %d", n)
		}
	},
	"a moved identity keeps its person, sessions and rights, and loses what was the former account's": func(w *world) {
		save := w.door(formerID, "oFormer", union1)
		save.Scope, save.RefreshToken, save.Profile = auth.ScopeUserinfo, "R", &lin
		w.signsIn(save)
		first := w.wantSignedIn(save.Session.TokenHash)
		w.wantFollows(first.User, true, true)
		must(w.GrantAdmin(w.ctx, formerID, "oFormer", w.event(admin.ActGrant, "oFormer")))(w.t)
		// Somebody who has it as a further identity.
		pc := w.comes(websiteID, "oPC", "")
		other := w.comes(formerID, "oFurther", "")
		w.wantJoined(pc.User, other.User)
		w.wantMoves(map[string]string{"oFormer": "oNew", "oFurther": "oNewFurther", "oErased": "oNobody"}, 0)
		for hash, want := range map[string]string{first.Session.TokenHash: "oNew", other.Session.TokenHash: "oNewFurther", pc.Session.TokenHash: "oPC"} {
			visit := w.wantSignedIn(hash)
			if visit.User.OpenID != want || (visit.User.AppID != shopID) != (want == "oPC") {
				w.t.Errorf("%s %s, want %s", visit.User.AppID, visit.User.OpenID, want)
			}
		}
		if visit := w.wantSignedIn(first.Session.TokenHash); !visit.Granted || visit.User.ID != first.User.ID || visit.User.Nickname != lin.Nickname {
			w.t.Errorf("%+v", visit)
		}
		w.wantRows("all_tokens", 0)
		w.wantRows("followers", 0)
		w.wantRows("admins", 1)
		w.wantRows("proposals", 0)
		if events := must(w.Events(w.ctx, admin.EventQuery{Who: "oNew"}))(w.t).Events; len(events) != 1 || events[0].Action != admin.ActGrant {
			w.t.Errorf("%+v", events)
		}
		if n := must(w.CountOpenIDs(w.ctx, formerID))(w.t); n != 0 {
			w.t.Errorf("%d are left", n)
		}
		// A login by the new account finds them, and an undo gives back what is good today.
		if again := w.comes(shopID, "oNew", ""); again.User.ID != first.User.ID {
			w.t.Error("is somebody else")
		}
		if err := w.undoes(other.User.ID); err != nil {
			w.t.Fatal(err)
		}
		if parted := must(w.User(w.ctx, other.User.ID))(w.t); parted.AppID != shopID || parted.OpenID != "oNewFurther" {
			w.t.Errorf("parted as %s %s", parted.AppID, parted.OpenID)
		}
	},
	"an openid that has come by stays whose it is, and two people are proposed": func(w *world) {
		former := w.comes(formerID, "oFormer", "")
		came := w.comes(shopID, "oNew", "")
		twice := w.comes(formerID, "oTwice", "") // to which WeChat gives the openid of another
		once := w.comes(formerID, "oOnce", "")
		joined := w.comes(formerID, "oJoined", "")
		with := w.comes(shopID, "oWith", "")
		w.wantJoined(joined.User, with.User)
		openIDs := map[string]string{"oFormer": "oNew", "oJoined": "oWith"}
		w.wantMoves(openIDs, 2)
		w.wantMoves(openIDs, 2) // once more: nothing is proposed twice
		taken := must(w.MoveOpenIDs(w.ctx, auth.MoveOpenIDs{From: formerID, To: shopID, OpenIDs: map[string]string{"oOnce": "oSame", "oTwice": "oSame"}, At: w.clock.now()}))(w.t)
		if taken != 1 {
			w.t.Errorf("%d of two with one openid are taken", taken)
		}
		for _, want := range []auth.Visit{former, came, twice, joined} {
			if got := must(w.User(w.ctx, want.User.ID))(w.t); got.AppID != want.User.AppID || got.OpenID != want.User.OpenID {
				w.t.Errorf("%s is %s %s", want.User.OpenID, got.AppID, got.OpenID)
			}
		}
		if got := must(w.User(w.ctx, once.User.ID))(w.t); got.OpenID != "oSame" {
			w.t.Errorf("%+v", got)
		}
		proposals := must(w.Proposals(w.ctx, 10))(w.t)
		if len(proposals) != 2 || !slices.ContainsFunc(proposals, func(p admin.Proposal) bool { return p.Kept.ID == former.User.ID && p.Other.ID == came.User.ID }) {
			w.t.Errorf("%+v", proposals)
		}
	},
}
