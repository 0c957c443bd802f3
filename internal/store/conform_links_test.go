package store_test

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// links is a login of an openid that somebody with a session links to themselves.
func (w *world) links(to auth.Visit, appID, openID, unionID string) error {
	w.t.Helper()
	save := w.door(appID, openID, unionID)
	save.Link = &auth.Link{SessionID: to.Session.ID, Apart: apart, Appointed: appointed}
	save.Login.SessionHash, save.Session.TokenHash = "", ""
	_, err := w.SaveLogin(w.ctx, save)
	return err
}

func apart(kept, other []auth.Identity) bool { return groups.Apart(kept, other) }

// appointed has the settings name one openid of the shop's an admin.
func appointed(u auth.User) bool {
	return slices.ContainsFunc(u.AllIdentities(), func(i auth.Identity) bool { return i.AppID == shopID && i.OpenID == "oAppointed" })
}

func (w *world) wantLinked(to auth.Visit, appID, openID, unionID string) {
	w.t.Helper()
	if err := w.links(to, appID, openID, unionID); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unlinks(from auth.User, identity string) error {
	return w.UndoJoin(w.ctx, identity, from.ID, w.event(admin.ActUnlink, from.ID))
}

var linkPromises = map[string]func(*world){
	"an identity that is new becomes the person's who links it, and begins no session": func(w *world) {
		shop := w.comes(shopID, "oShop", "")
		w.clock.pass(time.Minute)
		w.wantLinked(shop, otherID, "oOther", union1)
		w.wantRows("users", 1)
		w.wantRows("sessions", 1)
		got := w.wantSignedIn(shop.Session.TokenHash)
		if got.User.OpenID != "oShop" || got.Session.IdentityID != "" || len(got.User.Identities) != 2 || got.User.LoginCount != 2 {
			w.t.Errorf("%+v", got.User)
		}
		all := must(w.Identities(w.ctx, shop.User.ID))(w.t)
		if len(all) != 2 || all[1].OpenID != "oOther" || all[1].Linked != auth.LinkedByPerson || !all[1].LinkedAt.Equal(w.clock.now()) || all[1].LoginCount != 1 {
			w.t.Errorf("%+v", all)
		}
		logins := must(w.UserLogins(w.ctx, shop.User.ID, 10))(w.t)
		if len(logins) != 2 || logins[0].IdentityID != all[1].ID || logins[0].Outcome != auth.SignedIn {
			w.t.Errorf("%+v", logins)
		}
		events := must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActLink}))(w.t).Events
		if len(events) != 1 || events[0].Actor != shop.User.ID || events[0].Subject != shop.User.ID || events[0].Detail != all[1].ID {
			w.t.Errorf("%+v", events)
		}
		if again := w.comes(otherID, "oOther", union1); again.User.ID != shop.User.ID || again.User.OpenID != "oOther" {
			w.t.Errorf("the next login by it is %+v", again.User)
		}
		// Once more is no fault, and no news.
		w.wantLinked(shop, otherID, "oOther", union1)
		if n := len(must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActLink}))(w.t).Events); n != 1 {
			w.t.Errorf("%d entries", n)
		}
	},
	"an identity that is somebody's joins the two, and an unlink gives it back": func(w *world) {
		kept := w.comes(shopID, "oKept", "")
		save := w.door(otherID, "oOther", union1)
		save.Scope, save.RefreshToken, save.Profile = auth.ScopeUserinfo, "OTHER", &lin
		w.signsIn(save)
		other := w.wantSignedIn(save.Session.TokenHash)
		wiki := w.client("Wiki")
		grant := w.wantRedeemed(w.wantCode(wiki, other, auth.ScopeOffline))
		before := w.whole()
		w.clock.pass(time.Minute)
		w.wantLinked(kept, otherID, "oOther", union1)
		w.wantNoGrant(grant.Grant.ID)
		if n := w.number("SELECT COUNT(*) FROM outbox WHERE user_id = $1", other.User.ID); n != 1 {
			w.t.Errorf("%d applications are told", n)
		}
		if got := w.wantSignedIn(other.Session.TokenHash); got.User.ID != kept.User.ID {
			w.t.Errorf("%+v", got.User)
		}
		wantReason(w.t, w.unlinks(other.User, other.User.ID), auth.NoSuchJoin) // not theirs
		if err := w.unlinks(kept.User, other.User.ID); err != nil {
			w.t.Fatal(err)
		}
		w.wantSignedOut(other.Session.TokenHash)
		w.wantSignedIn(kept.Session.TokenHash)
		w.exec("DELETE FROM logins WHERE started_at = $1", w.clock.now().UnixMilli()) // that of the link
		w.exec("UPDATE users SET login_count = login_count - 1, last_login_at = first_login_at WHERE id = $1", other.User.ID)
		if diff := cmp.Diff(before, w.whole()); diff != "" {
			w.t.Error(diff)
		}
		wantReason(w.t, w.unlinks(kept.User, other.User.ID), auth.NoSuchJoin)
	},
	"nobody is linked whom WeChat tells apart": func(w *world) {
		kept := w.comes(shopID, "oKept", union1)
		w.comes(shopID, "oSecond", "")
		w.comes(otherID, "oElsewhere", union2)
		before := w.whole()
		for name, err := range map[string]error{
			"another openid of the account, known": w.links(kept, shopID, "oSecond", ""),
			"and unknown":                          w.links(kept, shopID, "oThird", ""),
			"another unionid":                      w.links(kept, websiteID, "oPC", union2),
		} {
			if auth.ReasonOf(err) != auth.TwoPeople {
				w.t.Errorf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(before, w.whole()); diff != "" {
			w.t.Error(diff)
		}
		// In another Open Platform account a unionid says nothing.
		w.wantLinked(kept, otherID, "oElsewhere", union2)
	},
	"a link gives nobody what only an admin gives": func(w *world) {
		kept := w.comes(otherID, "oKept", "")
		member := w.comes(shopID, "oMember", "")
		granted := w.comes(websiteID, "oGranted", "")
		w.comes(shopID, "oAppointed", "")
		staff := func([]string) []string { return []string{"staff"} }
		if _, err := w.ChangeGroups(w.ctx, shopID, member.User.ID, staff, w.event(admin.ActGroupAdd, member.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		for openID, appID := range map[string]string{"oGranted": websiteID, "oNeverCame": websiteID} {
			if _, err := w.GrantAdmin(w.ctx, appID, openID, w.event(admin.ActGrant, openID)); err != nil {
				w.t.Fatal(err)
			}
		}
		before := w.whole()
		for openID, appID := range map[string]string{"oMember": shopID, "oAppointed": shopID, "oGranted": websiteID, "oNeverCame": websiteID} {
			wantReason(w.t, w.links(kept, appID, openID, ""), auth.LinkRights)
		}
		if diff := cmp.Diff(before, w.whole()); diff != "" {
			w.t.Error(diff)
		}
		// Whoever has it links the other, and an admin may link an admin.
		w.wantLinked(granted, shopID, "oAppointed", "")
		w.wantLinked(member, otherID, "oKept", "")
	},
	"who is known by the unionid of what is linked comes along": func(w *world) {
		kept := w.comes(otherID, "oKept", "")
		shop := w.comes(shopID, "oShop", union1)
		w.wantLinked(kept, websiteID, "oPC", union1)
		w.wantRows("users", 1)
		if got := w.wantSignedIn(shop.Session.TokenHash); got.User.ID != kept.User.ID || len(got.User.Identities) != 3 {
			w.t.Errorf("%+v", got.User)
		}
	},
	"nobody links who is blocked, nor what is of somebody who is": func(w *world) {
		kept := w.comes(shopID, "oKept", "")
		other := w.comes(otherID, "oOther", union1)
		block := func(u auth.User, yes bool) {
			if err := w.SetBlocked(w.ctx, u.ID, yes, nil, w.event(admin.ActBlock, u.ID)); err != nil {
				w.t.Fatal(err)
			}
		}
		block(other.User, true)
		before := w.whole()
		wantReason(w.t, w.links(kept, otherID, "oOther", ""), auth.Blocked)
		block(other.User, false)
		block(kept.User, true)
		wantReason(w.t, w.links(kept, otherID, "oOther", ""), auth.LinkStale) // a block ends sessions
		block(kept.User, false)
		if diff := cmp.Diff(before["identities"], w.whole()["identities"]); diff != "" {
			w.t.Error(diff)
		}
	},
	"a link from a session that has ended is refused": func(w *world) {
		kept := w.comes(shopID, "oKept", "")
		if err := w.EndSession(w.ctx, kept.User.ID, kept.Session.ID, w.event(admin.ActEndSession, kept.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		wantReason(w.t, w.links(kept, otherID, "oOther", ""), auth.LinkStale)
		w.wantRows("users", 1) // and nobody has come by it
	},
	"links, logins and unlinks at one moment make nobody twice": func(w *world) {
		kept := w.comes(shopID, "oKept", "")
		two := w.another()
		together(8, func(i int) {
			var err error
			for range 6 {
				switch {
				case i == 0:
					for _, identity := range must(w.Identities(w.ctx, kept.User.ID))(w.t)[1:] {
						if failed := w.unlinks(kept.User, identity.ID); auth.ReasonOf(failed) != auth.NoSuchJoin {
							err = errors.Join(err, failed)
						}
					}
				case i < 4:
					save := w.login("oOther", auth.ScopeBase)
					save.Login.AppID, save.Several = otherID, true
					save.Link = &auth.Link{SessionID: kept.Session.ID, Apart: apart}
					_, failed := two.SaveLogin(w.ctx, save)
					err = errors.Join(err, failed)
				default:
					save := w.login("oOther", auth.ScopeBase)
					save.Login.AppID, save.Several = otherID, true
					_, failed := w.SaveLogin(w.ctx, save)
					err = errors.Join(err, failed)
				}
			}
			if err != nil {
				w.t.Error(err)
			}
		})
		if n := w.number("SELECT (SELECT COUNT(*) FROM users WHERE openid = 'oOther') + (SELECT COUNT(*) FROM identities WHERE openid = 'oOther')"); n != 1 {
			w.t.Errorf("the openid is there %d times", n)
		}
		if n := w.number("SELECT SUM(login_count) FROM users"); n != 1+7*6 {
			w.t.Errorf("%d logins were counted of %d", n, 1+7*6)
		}
	},
}
