package store_test

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// joins joins two people as an admin does.
func (w *world) joins(kept, other auth.User) error {
	return w.JoinPeople(w.ctx, kept.ID, other.ID, nil, w.event(admin.ActJoin, kept.ID))
}

func (w *world) wantJoined(kept, other auth.User) {
	w.t.Helper()
	if err := w.joins(kept, other); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) undoes(join string) error {
	return w.UndoJoin(w.ctx, join, "", w.event(admin.ActUndoJoin, ""))
}

// rows are all of a table in an order, as text, to compare.
func (w *world) rows(table, columns, order string) (all []string) {
	w.t.Helper()
	rows, err := w.at.raw.QueryContext(w.ctx, "SELECT "+columns+" FROM "+table+" ORDER BY "+order)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// whole is all that is known of people: what a join and its undo leave as it was.
func (w *world) whole() map[string][]string {
	return map[string][]string{
		"users": w.rows("users", `id || ' ' || appid || ' ' || openid || ' ' || COALESCE(unionid, '-') || ' ' || nickname || ' ' || scope || ' ' || blocked || ' ' ||
			first_login_at || ' ' || last_login_at || ' ' || login_count || ' ' || group_names || ' ' || consent_version || ' ' || avatar_url || ' ' || privilege`, "id"),
		"identities": w.rows("identities", "id || ' ' || user_id || ' ' || appid || ' ' || openid || ' ' || login_count", "id"),
		"tokens":     w.rows("all_tokens", "user_id || ' ' || identity_id || ' ' || refresh_token || ' ' || ends_at", "user_id, identity_id"),
		"followers":  w.rows("followers", "user_id || ' ' || identity_id || ' ' || COALESCE(follows, 2) || ' ' || scene || ' ' || checked_at", "user_id, identity_id"),
		"logins":     w.rows("logins", "id || ' ' || COALESCE(user_id, '-') || ' ' || COALESCE(identity_id, '-')", "id"),
		"consents":   w.rows("consents", "user_id || ' ' || client_id || ' ' || scopes || ' ' || agreed_at", "user_id, client_id"),
		"joined":     w.rows("joined_people", "identity_id", "identity_id"),
	}
}

// twoPeople are one of an official account, and one who has come by two doors, with
// tokens, groups, a consent and what an application holds.
func (w *world) twoPeople() (kept, other, further auth.Visit, grant auth.Granted) {
	w.t.Helper()
	save := w.door(shopID, "oKept", "")
	save.Scope, save.RefreshToken, save.Profile = auth.ScopeUserinfo, "KEPT", &lin
	w.signsIn(save)
	kept = w.wantSignedIn(save.Session.TokenHash)
	w.clock.pass(time.Hour)
	save = w.door(websiteID, "oOther", union1)
	save.Scope, save.RefreshToken, save.Consent, save.Profile = auth.ScopeUserinfo, "OTHER", "v1", &auth.Profile{Nickname: "王大锤", Privilege: []string{"p"}}
	w.signsIn(save)
	other = w.wantSignedIn(save.Session.TokenHash)
	w.clock.pass(time.Hour)
	further = w.comes(shopID, "oFurther", union1)
	if further.User.ID != other.User.ID {
		w.t.Fatal("these were to be one person")
	}
	for person, group := range map[string]string{kept.User.ID: "staff", other.User.ID: "guests"} {
		must(w.ChangeGroups(w.ctx, appID, person, func(g []string) []string { return append(g, group) }, w.event(admin.ActGroupAdd, person)))(w.t)
	}
	wiki := w.client("Wiki")
	if err := w.SaveConsent(w.ctx, auth.Consent{UserID: other.User.ID, ClientID: wiki.ID, Scopes: []string{"openid"}, AgreedAt: w.clock.now()}); err != nil {
		w.t.Fatal(err)
	}
	return kept, other, further, w.wantRedeemed(w.wantCode(wiki, other, auth.ScopeOffline))
}

var joinPromises = map[string]func(*world){
	"a join gives the kept person all that the other has, and its undo gives it back": func(w *world) {
		kept, other, further, grant := w.twoPeople()
		before := w.whole()
		w.clock.pass(time.Hour)
		w.wantJoined(kept.User, other.User)
		for want, visit := range map[string]auth.Visit{"oKept": kept, "oOther": other, "oFurther": further} {
			got := w.wantSignedIn(visit.Session.TokenHash)
			if got.User.ID != kept.User.ID || got.User.OpenID != want || got.User.Nickname != lin.Nickname || len(got.User.Identities) != 3 || got.User.LoginCount != 3 ||
				!slices.Equal(got.User.Groups, []string{"guests", "staff"}) {
				w.t.Errorf("%s: %+v", want, got.User)
			}
		}
		_, err := w.User(w.ctx, other.User.ID)
		wantReason(w.t, err, auth.NoSuchUser)
		w.wantToken(w.Store, kept.User, "KEPT")
		if got := must(w.RefreshToken(w.ctx, auth.TokenID{UserID: kept.User.ID, IdentityID: other.User.ID}))(w.t); got != "OTHER" {
			w.t.Error("the other's token is gone")
		}
		if got := must(w.UserLogins(w.ctx, kept.User.ID, 10))(w.t); len(got) != 3 {
			w.t.Errorf("%d logins of three", len(got))
		}
		// The application that knew the other by their id gets a notice that they are
		// gone.
		w.wantNoGrant(grant.Grant.ID)
		if n := w.number("SELECT COUNT(*) FROM outbox WHERE user_id = $1", other.User.ID); n != 1 {
			w.t.Errorf("%d applications are told", n)
		}
		if again := w.comes(websiteID, "oOther", union1); again.User.ID != kept.User.ID {
			w.t.Error("the next login is the other's")
		}
		w.exec("DELETE FROM logins WHERE started_at = $1", w.clock.now().UnixMilli()) // as if it had not been
		w.exec("UPDATE identities SET login_count = login_count - 1 WHERE id = $1", other.User.ID)
		w.exec("UPDATE users SET login_count = login_count - 1")
		w.exec("UPDATE identities SET last_login_at = $2 WHERE id = $1", other.User.ID, other.User.FirstLoginAt.UnixMilli())

		wiki := must(w.Clients(w.ctx))(w.t)[0]
		theirs := w.wantRedeemed(w.wantCode(wiki, w.wantSignedIn(further.Session.TokenHash), auth.ScopeOffline))
		own := w.wantRedeemed(w.wantCode(wiki, kept, auth.ScopeOffline))
		if err := w.undoes(other.User.ID); err != nil {
			w.t.Fatal(err)
		}
		// Sessions of the moved identities end, and what applications hold by them.
		w.wantSignedIn(kept.Session.TokenHash)
		w.wantSignedOut(other.Session.TokenHash)
		w.wantSignedOut(further.Session.TokenHash)
		w.wantNoGrant(theirs.Grant.ID)
		must(w.GrantByID(w.ctx, own.Grant.ID))(w.t)
		if diff := cmp.Diff(before, w.whole()); diff != "" {
			w.t.Error(diff)
		}
		w.wantToken(w.Store, other.User, "OTHER")
		// They are not proposed again.
		w.comes(shopID, "oKept", union1)
		if n := len(must(w.Proposals(w.ctx, 10))(w.t)); n != 0 {
			w.t.Errorf("%d proposals after an undo", n)
		}
		wantReason(w.t, w.undoes(other.User.ID), auth.NoSuchJoin)
	},
	"an identity that joined by itself is a person of its own after an undo": func(w *world) {
		shop, pc := w.comes(shopID, "oShop", union1), w.comes(websiteID, "oPC", union1)
		w.clock.pass(time.Hour)
		if err := w.undoes(pc.User.IdentityID); err != nil {
			w.t.Fatal(err)
		}
		w.wantSignedOut(pc.Session.TokenHash)
		w.wantSignedIn(shop.Session.TokenHash)
		again := w.comes(websiteID, "oPC", union1)
		if again.User.ID != pc.User.IdentityID || again.User.IdentityID != "" || again.User.LoginCount != 2 || again.User.UnionID != union1 {
			w.t.Errorf("%+v", again.User)
		}
		if got := must(w.User(w.ctx, shop.User.ID))(w.t); got.LoginCount != 1 || !got.LastLoginAt.Equal(shop.User.LastLoginAt) {
			w.t.Errorf("%+v", got)
		}
		w.wantRows("identities", 0)
		if n := len(must(w.Proposals(w.ctx, 10))(w.t)); n != 0 {
			w.t.Errorf("%d proposals", n)
		}
	},
	"who is joined to somebody who is joined is parted again by either undo": func(w *world) {
		a, _ := w.visitor("oA")
		b, _ := w.visitor("oB")
		c, _ := w.visitor("oC")
		before := w.whole()
		w.wantJoined(b, c)
		w.wantJoined(a, b)
		if got := must(w.UserByOpenID(w.ctx, appID, "oC"))(w.t); got.ID != a.ID {
			w.t.Errorf("%+v", got)
		}
		for _, order := range [][]string{{b.ID, c.ID}, {c.ID, b.ID}} {
			for _, id := range order {
				if err := w.undoes(id); err != nil {
					w.t.Fatal(err)
				}
			}
			if diff := cmp.Diff(before, w.whole()); diff != "" {
				w.t.Error(diff)
			}
			w.wantJoined(b, c)
			w.wantJoined(a, b)
		}
	},
	"the kept person is blocked if either was": func(w *world) {
		for i, which := range []string{"kept", "other"} {
			kept, keptToken := w.visitor("oKept" + which)
			other, otherToken := w.visitor("oOther" + which)
			blocked := []auth.User{kept, other}[i]
			if err := w.SetBlocked(w.ctx, blocked.ID, true, nil, w.event(admin.ActBlock, blocked.ID)); err != nil {
				w.t.Fatal(err)
			}
			w.wantJoined(kept, other)
			if got := must(w.User(w.ctx, kept.ID))(w.t); !got.Blocked {
				w.t.Errorf("%s was blocked, and the person is not", which)
			}
			w.wantSignedOut(keptToken)
			w.wantSignedOut(otherToken)
			if err := w.undoes(other.ID); err != nil {
				w.t.Fatal(err)
			}
			keptNow, otherNow := must(w.User(w.ctx, kept.ID))(w.t), must(w.User(w.ctx, other.ID))(w.t)
			if keptNow.Blocked != (which == "kept") || otherNow.Blocked != (which == "other") {
				w.t.Errorf("%s was blocked; after the undo: %v, %v", which, keptNow.Blocked, otherNow.Blocked)
			}
		}
	},
	"nobody is joined to themselves, or to nobody": func(w *world) {
		user, _ := w.visitor("o1")
		wantReason(w.t, w.joins(user, user), auth.BadRequest)
		wantReason(w.t, w.joins(user, auth.User{ID: "nobody"}), auth.NoSuchUser)
		wantReason(w.t, w.joins(auth.User{ID: "nobody"}, user), auth.NoSuchUser)
		wantReason(w.t, w.undoes(user.ID), auth.NoSuchJoin)
		w.wantRows("users", 1)
	},
	"personal data has the identities, and who was joined": func(w *world) {
		kept, other, _, _ := w.twoPeople()
		w.savePicture(auth.Picture{UserID: other.User.ID, Source: other.User.AvatarURL, Type: "image/jpeg", Body: []byte("picture"), ETag: "e", CopiedAt: w.clock.now()}, true)
		w.wantJoined(kept.User, other.User)
		must(w.GrantAdmin(w.ctx, websiteID, "oOther", w.event(admin.ActGrant, "oOther")))(w.t)
		d := must(w.personalData(kept.User.ID))(w.t)
		if len(d.Further) != 2 || d.Further[0].OpenID != "oOther" || d.Further[1].OpenID != "oFurther" || len(d.Joined) != 1 || d.Joined[0].Nickname != "王大锤" || string(d.Joined[0].Picture.Body) != "picture" {
			w.t.Errorf("%+v, %+v", d.Further, d.Joined)
		}
		about := map[string]bool{}
		for _, e := range d.Events {
			about[e.Subject] = true
		}
		if !about["oOther"] || !about[other.User.ID] || !about[kept.User.ID] {
			w.t.Errorf("events about %v", about)
		}
	},
	"a person is found, and their entries, by all names that they have": func(w *world) {
		kept, other, _, _ := w.twoPeople()
		w.wantJoined(kept.User, other.User)
		for _, text := range []string{kept.User.ID, other.User.ID, "oKept", "oOther", "oFurther", union1} {
			page := must(w.Users(w.ctx, admin.UserQuery{Search: text}))(w.t)
			if len(page.Users) != 1 || page.Users[0].ID != kept.User.ID || len(page.Users[0].Identities) != 3 {
				w.t.Errorf("%s: %+v", text, page.Users)
			}
		}
		for _, who := range []string{kept.User.ID, "oFurther"} {
			events := must(w.Events(w.ctx, admin.EventQuery{Who: who, Action: admin.ActGroupAdd}))(w.t).Events
			if len(events) != 2 {
				w.t.Errorf("%s: %d entries, want that of each of the two", who, len(events))
			}
		}
		if id := must(w.PersonID(w.ctx, websiteID, "oOther"))(w.t); id != kept.User.ID {
			w.t.Error(id)
		}
	},
	"an erasure of the kept person leaves nothing of the other": func(w *world) {
		kept, other, _, _ := w.twoPeople()
		w.wantJoined(kept.User, other.User)
		if err := w.EraseUser(w.ctx, kept.User.ID, nil, w.event(admin.ActErase, kept.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		for _, table := range []string{"users", "identities", "joined_people", "proposals", "tokens", "sessions", "consents", "grants"} {
			w.wantRows(table, 0)
		}
		for _, what := range []string{"oOther", "oFurther", "oKept", union1, "王大锤"} {
			for _, table := range []string{"events", "logins"} {
				for _, row := range w.rows(table, map[string]string{"events": "subject || ' ' || detail", "logins": "COALESCE(user_id, '') || remote_addr || user_agent"}[table], "id") {
					if row == what || len(row) > len(what) && (row[:len(what)] == what || row[len(row)-len(what):] == what) {
						w.t.Errorf("%s has %q", table, row)
					}
				}
			}
		}
	},
	"a join that would shut the last admin out is refused": func(w *world) {
		own, _ := w.visitor("oAdmin")
		other, _ := w.visitor("oOther")
		must(w.GrantAdmin(w.ctx, appID, "oAdmin", w.event(admin.ActGrant, "oAdmin")))(w.t)
		if err := w.SetBlocked(w.ctx, other.ID, true, nil, w.event(admin.ActBlock, other.ID)); err != nil {
			w.t.Fatal(err)
		}
		guard := &admin.Guard{Configured: map[string][]string{appID: nil}}
		wantReason(w.t, w.JoinPeople(w.ctx, own.ID, other.ID, guard, w.event(admin.ActJoin, own.ID)), auth.LastAdmin)
		w.wantRows("users", 2)
		if err := w.joins(own, other); err != nil {
			w.t.Error(err)
		}
	},
	"proposals and joins are listed, and can be dismissed": func(w *world) {
		shop, pc := w.comes(shopID, "oShop", ""), w.comes(websiteID, "oPC", union1)
		w.comes(shopID, "oShop", union1)
		all := must(w.Proposals(w.ctx, 10))(w.t)
		if len(all) != 1 || all[0].Kept.ID != shop.User.ID || all[0].Other.ID != pc.User.ID || all[0].UnionID != union1 {
			w.t.Fatalf("%+v", all)
		}
		if err := w.Dismiss(w.ctx, pc.User.ID, shop.User.ID, w.event(admin.ActDismiss, shop.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		wantReason(w.t, w.Dismiss(w.ctx, pc.User.ID, "nobody", w.event(admin.ActDismiss, "")), auth.NoSuchUser)
		if n := len(must(w.Proposals(w.ctx, 10))(w.t)); n != 0 {
			w.t.Errorf("%d are still there", n)
		}
		w.wantJoined(shop.User, pc.User)
		joins := must(w.Joins(w.ctx, 10))(w.t)
		if len(joins) != 1 || joins[0].ID != pc.User.ID || joins[0].Person.ID != shop.User.ID || joins[0].Linked != auth.LinkedByAdmin || joins[0].OpenID != "oPC" {
			w.t.Errorf("%+v", joins)
		}
		identities := must(w.Identities(w.ctx, shop.User.ID))(w.t)
		if len(identities) != 2 || identities[0].OpenID != "oShop" || identities[1].OpenID != "oPC" || identities[1].LoginCount != 1 {
			w.t.Errorf("%+v", identities)
		}
	},
	"logins of somebody among their joins and undos make nobody twice": func(w *world) {
		kept, _ := w.visitor("oKept")
		other, _ := w.visitor("oOther")
		two := w.another()
		together(5, func(i int) {
			var err error
			switch {
			case i == 0:
				for range 4 {
					err = errors.Join(err, w.joins(kept, other), w.undoes(other.ID))
				}
			default:
				for range 4 {
					save := w.login("oOther", auth.ScopeUserinfo)
					save.Profile = &lin
					_, failed := two.SaveLogin(w.ctx, save)
					err = errors.Join(err, failed)
				}
			}
			if err != nil {
				w.t.Error(err)
			}
		})
		w.wantRows("users", 2)
		w.wantRows("identities", 0)
		if n := w.number("SELECT SUM(login_count) FROM users"); n != 2+4*4 {
			w.t.Errorf("%d logins were counted of %d", n, 2+4*4)
		}
	},
}
