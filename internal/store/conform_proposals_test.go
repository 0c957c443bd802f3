package store_test

import (
	"fmt"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// finds searches for people who may be one, after these accounts have become part of one
// Open Platform account.
func (w *world) finds(appIDs ...string) int64 {
	w.t.Helper()
	return must(w.FindProposals(w.ctx, [][]string{appIDs}, w.clock.now()))(w.t)
}

// alone signs somebody in by an account that is not bound to an Open Platform account, or
// not yet known to be.
func (w *world) alone(appID, openID, unionID string) auth.User {
	w.t.Helper()
	save := w.door(appID, openID, unionID)
	save.Kin = nil
	return w.signsIn(save)
}

var proposalPromises = map[string]func(*world){
	"people who had come before their accounts were of one group are proposed": func(w *world) {
		a, b := w.alone(shopID, "oA", union1), w.alone(websiteID, "oB", union1)
		w.alone(shopID, "oC", "unionOfC1")
		w.alone(otherID, "oD", union1) // of another Open Platform account
		w.alone(shopID, "oE", "short")
		w.alone(websiteID, "oF", "short")
		if n := w.finds(shopID); n != 0 {
			w.t.Errorf("%d pairs in one account", n)
		}
		if n := w.finds(shopID, websiteID); n != 1 {
			w.t.Errorf("%d pairs", n)
		}
		all := must(w.Proposals(w.ctx, 10))(w.t)
		if len(all) != 1 || all[0].Kept.ID != a.ID || all[0].Other.ID != b.ID || all[0].UnionID != union1 {
			w.t.Errorf("%+v", all)
		}
	},
	"they are looked for once a day, and with another group at once": func(w *world) {
		w.alone(shopID, "oA", union1)
		if n := w.finds(shopID, websiteID); n != 0 {
			w.t.Errorf("%d pairs of one", n)
		}
		w.alone(websiteID, "oB", union1)
		w.clock.pass(23 * time.Hour)
		if n := w.finds(websiteID, shopID); n != 0 {
			w.t.Errorf("%d pairs, within a day", n)
		}
		if n := must(w.FindProposals(w.ctx, [][]string{{shopID, websiteID, otherID}}, w.clock.now()))(w.t); n != 1 {
			w.t.Errorf("%d pairs of another group", n)
		}
		w.exec("DELETE FROM proposals")
		w.clock.pass(2 * time.Hour)
		if n := w.finds(shopID, websiteID); n != 1 {
			w.t.Errorf("%d pairs on the next day", n)
		}
		if n := w.finds(); n != 0 {
			w.t.Errorf("%d pairs of no group", n)
		}
	},
	"who has been dismissed or joined is not proposed again": func(w *world) {
		a, b := w.alone(shopID, "oA", union1), w.alone(websiteID, "oB", union1)
		c, d := w.alone(shopID, "oC", "unionOfC1"), w.alone(websiteID, "oD", "unionOfC1")
		w.wantJoined(a, b)
		if err := w.Dismiss(w.ctx, d.ID, c.ID, w.event(admin.ActDismiss, c.ID)); err != nil {
			w.t.Fatal(err)
		}
		if n := w.finds(shopID, websiteID); n != 0 {
			w.t.Errorf("%d pairs", n)
		}
		if must(w.AnyProposals(w.ctx))(w.t) {
			w.t.Error("there is one to answer")
		}
	},
	"further identities are found too, on whichever side": func(w *world) {
		for i, name := range []string{"first", "second", "both"} {
			union := fmt.Sprintf("unionOf%d", i)
			p, _ := w.visitor("oP" + name)
			q, _ := w.visitor("oQ" + name)
			x, y := w.alone(otherID, "oX"+name, union), w.alone(websiteID, "oY"+name, union)
			if name != "second" {
				w.wantJoined(p, x)
			}
			if name != "first" {
				w.wantJoined(q, y)
			}
		}
		if n := w.finds(otherID, websiteID); n != 3 {
			w.t.Errorf("%d pairs", n)
		}
	},
	"all of many people are looked at": func(w *world) {
		const people = 4500 // more than are looked at in one read
		w.bulk(people)
		w.exec("UPDATE users SET unionid = 'union' || id")
		last := w.text("SELECT MAX(unionid) FROM users")
		first := w.text("SELECT MIN(unionid) FROM users")
		w.alone(websiteID, "oLast", last)
		w.alone(websiteID, "oFirst", first)
		if n := w.finds("wx", websiteID); n != 2 {
			w.t.Errorf("%d pairs", n)
		}
	},
	"proposals and joins have pages": func(w *world) {
		var people []auth.User
		for i := range 7 {
			user, _ := w.visitor(fmt.Sprintf("o%d", i))
			people = append(people, user)
		}
		for _, user := range people[1:] {
			w.exec(`INSERT INTO proposals (user_id, other_id, unionid, noted_at) VALUES ($1, $2, 'union1', 5)`, people[0].ID, user.ID) // at one moment
		}
		for _, user := range people[4:] {
			w.wantJoined(people[0], user)
		}
		seen := map[string]bool{}
		var q admin.JoinQuery
		var back []string
		for q.Limit = 2; ; {
			page := must(w.ProposalPage(w.ctx, q))(w.t)
			for _, p := range page.Proposals {
				if seen[p.Other.ID] || p.Kept.ID != people[0].ID {
					w.t.Errorf("%+v", p)
				}
				seen[p.Other.ID] = true
			}
			if back = append(back, page.Prev); page.Next == "" {
				break
			}
			q.Cursor = page.Next
		}
		if len(seen) != 3 || len(back) != 2 || back[0] != "" || back[1] == "" {
			w.t.Errorf("%d proposals, back %q", len(seen), back)
		}
		q.Cursor = back[1]
		if page := must(w.ProposalPage(w.ctx, q))(w.t); len(page.Proposals) != 2 || page.Prev != "" {
			w.t.Errorf("%+v", page)
		}
		joins := must(w.JoinPage(w.ctx, admin.JoinQuery{Limit: 2}))(w.t)
		if len(joins.Joins) != 2 || joins.Next == "" || joins.Prev != "" {
			w.t.Errorf("%+v", joins)
		}
		rest := must(w.JoinPage(w.ctx, admin.JoinQuery{Limit: 2, Cursor: joins.Next}))(w.t)
		if len(rest.Joins) != 1 || rest.Next != "" || rest.Prev == "" {
			w.t.Errorf("%+v", rest)
		}
		for _, bad := range []admin.JoinQuery{{Limit: -1}, {Limit: admin.MaxPage + 1}, {Cursor: "x"}, {Cursor: joins.Next}} {
			_, err := w.ProposalPage(w.ctx, bad)
			wantReason(w.t, err, auth.BadRequest)
		}
	},
	"an identity says how it came, by whom, what was done by it and what its token is worth": func(w *world) {
		kept, other, further, _ := w.twoPeople()
		acting, _ := w.visitor("oAdmin")
		w.exec("UPDATE users SET nickname = '管理' WHERE id = $1", acting.ID)
		w.clock.pass(time.Minute)
		event := w.event(admin.ActJoin, kept.User.ID)
		event.Actor, event.Detail = acting.ID, other.User.ID
		if err := w.JoinPeople(w.ctx, kept.User.ID, other.User.ID, nil, event); err != nil {
			w.t.Fatal(err)
		}
		w.comes(websiteID, "oOther", union1)
		all := must(w.Identities(w.ctx, kept.User.ID))(w.t)
		if len(all) != 3 {
			w.t.Fatalf("%+v", all)
		}
		first, joined, came := all[0], all[1], all[2]
		if first.OpenID != "oKept" || first.LoginCount != 1 || !first.LastLoginAt.Equal(kept.User.LastLoginAt) || first.Linked != "" || first.Token == nil || first.Token.Scope != auth.ScopeUserinfo {
			w.t.Errorf("first: %+v", first)
		}
		if joined.OpenID != "oOther" || joined.LoginCount != 2 || joined.Linked != auth.LinkedByAdmin || joined.LinkedBy != acting.ID || joined.LinkedByName != "管理" || joined.Token == nil {
			w.t.Errorf("joined: %+v", joined)
		}
		if came.OpenID != "oFurther" || came.ID != further.User.IdentityID || came.LinkedBy != admin.ActorWeChat || came.Token != nil {
			w.t.Errorf("came: %+v", came)
		}
		if id := must(w.PersonID(w.ctx, appID, other.User.ID))(w.t); id != kept.User.ID {
			w.t.Errorf("the other's id names %q", id)
		}
		_, err := w.PersonID(w.ctx, appID, "nobody")
		wantReason(w.t, err, auth.NoSuchUser)
	},
	"another unionid is noted with the account that it is of": func(w *world) {
		w.comes(shopID, "oShop", union1)
		pc := w.comes(websiteID, "oPC", union1)
		w.comes(websiteID, "oPC", "unionOfAnother")
		page := must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActUnionIDChanged, Who: pc.User.ID}))(w.t)
		if len(page.Events) != 1 || page.Events[0].Detail != websiteID {
			w.t.Errorf("%+v", page.Events)
		}
	},
}
