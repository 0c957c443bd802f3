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

// The accounts of these tests: the first two are of one Open Platform account.
const (
	shopID    = appID
	websiteID = "wx0123456789abcde2"
	otherID   = "wx0123456789abcde9"
)

var groups = auth.Rules{AppID: shopID, Accounts: []auth.Account{
	{Name: auth.MainAccount, Kind: auth.OfficialAccount, AppID: shopID, Group: "acme"},
	{Name: "pc", Kind: auth.WebsiteAccount, AppID: websiteID, Group: "acme"},
	{Name: "other", Kind: auth.OfficialAccount, AppID: otherID, Group: "elsewhere"},
}}

// door is a login of an openid by an account, with a unionid.
func (w *world) door(appID, openID, unionID string) auth.SaveLogin {
	w.t.Helper()
	save := w.login(openID, auth.ScopeBase)
	save.Login.AppID, save.UnionID, save.Kin, save.Several = appID, unionID, groups.Kin(appID), true
	before, err := w.UserByOpenID(w.ctx, appID, openID)
	if err != nil && auth.ReasonOf(err) != auth.NoSuchUser {
		w.t.Fatal(err)
	}
	save.Before = before
	return save
}

// comes signs somebody in by a door and returns the visit that begins.
func (w *world) comes(appID, openID, unionID string) auth.Visit {
	w.t.Helper()
	save := w.door(appID, openID, unionID)
	w.signsIn(save)
	return w.wantSignedIn(save.Session.TokenHash)
}

// wantLoginsOfNobody says that no login names a person, nor an identity, by which those
// of one person could be told from others.
func (w *world) wantLoginsOfNobody() {
	w.t.Helper()
	for _, of := range w.rows("logins", "COALESCE(user_id, '') || COALESCE(identity_id, '')", "id") {
		if of != "" {
			w.t.Errorf("a login is still %q's", of)
		}
	}
}

const (
	union1 = "oUnionOfLin-000000000000001"
	union2 = "oUnionOfWei-000000000000002"
)

var identityPromises = map[string]func(*world){
	"a new identity whose unionid is known joins its person": func(w *world) {
		shop := w.comes(shopID, "oShop", union1)
		w.clock.pass(time.Hour)
		pc := w.comes(websiteID, "oPC", union1)
		if pc.User.ID != shop.User.ID {
			w.t.Fatal("one unionid, two people")
		}
		want := shop.User
		want.AppID, want.OpenID, want.IdentityID = websiteID, "oPC", pc.Session.IdentityID
		want.LoginCount, want.LastLoginAt = 2, w.clock.now()
		want.Identities = []auth.Identity{shop.User.Identity(), want.Identity()}
		if diff := cmp.Diff(want, pc.User); diff != "" || pc.Session.IdentityID == "" {
			w.t.Error(diff)
		}
		// And the session of the first is still of the first.
		again := w.wantSignedIn(shop.Session.TokenHash)
		if again.User.OpenID != "oShop" || again.User.IdentityID != "" || len(again.User.Identities) != 2 {
			w.t.Errorf("%+v", again.User)
		}
		w.wantRows("users", 1)
		w.wantRows("proposals", 0)
		logins := must(w.UserLogins(w.ctx, shop.User.ID, 10))(w.t)
		if len(logins) != 2 || logins[0].AppID != websiteID || logins[0].IdentityID != pc.Session.IdentityID || logins[1].IdentityID != "" {
			w.t.Errorf("%+v", logins)
		}
		events := must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActJoin}))(w.t).Events
		if len(events) != 1 || events[0].Subject != shop.User.ID || events[0].Actor != admin.ActorWeChat || events[0].Detail != websiteID {
			w.t.Errorf("%+v", events)
		}
	},
	"a person is found by each of their openids": func(w *world) {
		shop, pc := w.comes(shopID, "oShop", union1), w.comes(websiteID, "oPC", union1)
		for appID, want := range map[string]auth.Visit{shopID: shop, websiteID: pc} {
			got := must(w.UserByOpenID(w.ctx, appID, want.User.OpenID))(w.t)
			if got.ID != shop.User.ID || got.AppID != appID || got.Identity() != want.User.Identity() {
				w.t.Errorf("%+v", got)
			}
		}
		_, err := w.UserByOpenID(w.ctx, shopID, "oPC")
		wantReason(w.t, err, auth.NoSuchUser)
	},
	"who comes again by a further identity is the same person, and what it brings is theirs": func(w *world) {
		first := w.comes(shopID, "oShop", union1)
		w.comes(websiteID, "oPC", union1)
		w.clock.pass(time.Hour)
		for i, unaware := range []bool{false, true} { // that it is known: it was not when WeChat was asked
			save := w.door(websiteID, "oPC", "")
			save.Scope, save.Profile, save.Consent, save.RefreshToken = auth.ScopeUserinfo, &lin, "v1", "PC"
			if unaware {
				save.Before = auth.User{}
			}
			w.signsIn(save)
			visit := w.wantSignedIn(save.Session.TokenHash)
			if u := visit.User; u.ID != first.User.ID || u.OpenID != "oPC" || u.UnionID != union1 || u.Scope != auth.ScopeUserinfo ||
				u.Nickname != lin.Nickname || u.ConsentVersion != "v1" || u.LoginCount != int64(3+i) {
				w.t.Errorf("%+v", u)
			}
		}
		// The scope is that of the identity.
		if u := must(w.User(w.ctx, first.User.ID))(w.t); u.Scope != auth.ScopeBase || u.OpenID != "oShop" || u.Nickname != lin.Nickname {
			w.t.Errorf("%+v", u)
		}
		w.wantRows("identities", 1)
		w.wantRows("users", 1)
		if n := w.number("SELECT login_count FROM identities"); n != 3 {
			w.t.Errorf("%d logins by it", n)
		}
	},
	"each identity has its own token": func(w *world) {
		save := w.door(shopID, "oShop", union1)
		save.Scope, save.RefreshToken = auth.ScopeUserinfo, "SHOP"
		user := w.signsIn(save)
		save = w.door(websiteID, "oPC", union1)
		save.Scope, save.RefreshToken = auth.ScopeUserinfo, "PC"
		w.signsIn(save)
		visit := w.wantSignedIn(save.Session.TokenHash)
		further := auth.TokenID{UserID: user.ID, IdentityID: visit.User.IdentityID}
		w.wantToken(w.Store, user, "SHOP")
		if got := must(w.RefreshToken(w.ctx, further))(w.t); got != "PC" {
			w.t.Error("the further identity's token is another")
		}
		if ids := must(w.TokensOf(w.ctx, user.ID))(w.t); !slices.Equal(ids, []auth.TokenID{firstToken(user.ID), further}) {
			w.t.Errorf("%+v", ids)
		}
		// Both are fetched with, and each knows whose it is.
		w.clock.pass(10 * 24 * time.Hour)
		seen := map[auth.TokenID]bool{}
		for range 2 {
			id := must(w.NextDue(w.ctx, w.clock.now(), w.clock.now().Add(time.Hour)))(w.t)
			seen[id] = true
			by := must(w.UserBy(w.ctx, id))(w.t)
			if want := map[bool]string{true: "oShop", false: "oPC"}[id.IdentityID == ""]; by.OpenID != want || by.ID != user.ID {
				w.t.Errorf("%+v is %+v", id, by)
			}
		}
		if len(seen) != 2 {
			w.t.Errorf("due were %v", seen)
		}
		err := w.SaveRefresh(w.ctx, auth.SaveRefresh{TokenID: further, Profile: lin, UnionID: union1, Was: "PC", Token: "PC2", At: w.clock.now(), DueAt: w.clock.now()})
		if got := must(w.RefreshToken(w.ctx, further))(w.t); err != nil || got != "PC2" {
			w.t.Errorf("the refresh was not kept: %v", err)
		}
		w.wantToken(w.Store, user, "SHOP")
		if err := w.MarkDead(w.ctx, further, "PC2", "40030"); err != nil {
			w.t.Error(err)
		}
		_, err = w.RefreshToken(w.ctx, further)
		wantReason(w.t, err, auth.NeedsLogin)
		w.wantToken(w.Store, user, "SHOP")
		// A person with one useless token is listed.
		if page := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterNeedsLogin}))(w.t); len(page.Users) != 1 || page.Users[0].ID != user.ID {
			w.t.Errorf("%d need a login", len(page.Users))
		}
		w.clock.pass(30 * 24 * time.Hour)
		if page := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterNeedsLogin}))(w.t); len(page.Users) != 1 || page.Total.N != 1 {
			w.t.Errorf("%d of %d need a login, want the person once", len(page.Users), page.Total.N)
		}
		resealed := w.anotherWith(ring(w.t, "k2", "k1"))
		if n := must(resealed.ResealTokens(w.ctx))(w.t); n != 1 {
			w.t.Errorf("%d resealed, want the one that lives", n)
		}
	},
	"nobody is joined by what is no unionid, by that of another Open Platform account, or by an openid": func(w *world) {
		w.comes(shopID, "oFirst-7890", "")
		for i, c := range []struct{ appID, openID, unionID, other string }{
			{otherID, "oElse", union1, union1},               // another Open Platform account
			{websiteID, "oShort", "u1234", "u1234"},          // five characters
			{websiteID, "oEmpty", "", ""},                    // none
			{websiteID, "oOpen", "oFirst-7890", ""},          // somebody's openid
			{websiteID, "oSpace", "two words", "two words"},  // not of WeChat's letters
			{websiteID, "oNull", "null\u00e9", "null\u00e9"}, // nor these
			{websiteID, "oLong", strings.Repeat("u", 65), strings.Repeat("u", 65)},
		} {
			shop := w.comes(shopID, fmt.Sprint("oShop", i), c.other)
			if other := w.comes(c.appID, c.openID, c.unionID); other.User.ID == shop.User.ID || other.User.IdentityID != "" {
				w.t.Errorf("%q has joined", c.unionID)
			}
		}
		w.wantRows("identities", 0)
		w.wantRows("proposals", 0)
		w.wantRows("users", 15)
	},
	"an account that is bound to nothing joins nobody": func(w *world) {
		shop := w.comes(shopID, "oShop", union1)
		save := w.door(websiteID, "oPC", union1)
		save.Kin = nil
		if pc := w.signsIn(save); pc.ID == shop.User.ID {
			w.t.Error("joined")
		}
	},
	"two people with one unionid stay two, and an admin is told once": func(w *world) {
		shop, pc := w.comes(shopID, "oShop", ""), w.comes(websiteID, "oPC", union1)
		for range 2 {
			again := w.comes(shopID, "oShop", union1)
			if again.User.ID != shop.User.ID || again.User.ID == pc.User.ID || again.User.UnionID != union1 {
				w.t.Errorf("%+v", again.User)
			}
		}
		w.wantRows("identities", 0)
		w.wantRows("proposals", 1)
		if n := w.number("SELECT COUNT(*) FROM proposals WHERE user_id = $1 AND other_id = $2 AND unionid = $3", shop.User.ID, pc.User.ID, union1); n != 1 {
			w.t.Error("it is about others")
		}
	},
	"another openid of one account is another person, whatever its unionid": func(w *world) {
		shop := w.comes(shopID, "oShop", union1)
		w.comes(websiteID, "oPC", union1)
		if other := w.comes(shopID, "oShop2", union1); other.User.ID == shop.User.ID {
			w.t.Error("two openids of one account are one person")
		}
		w.wantRows("proposals", 1)
	},
	"a unionid that changes is noted, and moves nobody": func(w *world) {
		shop, pc := w.comes(shopID, "oShop", union1), w.comes(websiteID, "oPC", union1)
		wei := w.comes(shopID, "oWei", union2)
		again := w.comes(websiteID, "oPC", union2)
		if again.User.ID != shop.User.ID || again.User.UnionID != union2 || again.User.IdentityID != pc.User.IdentityID {
			w.t.Errorf("%+v", again.User)
		}
		events := must(w.Events(w.ctx, admin.EventQuery{Action: admin.ActUnionIDChanged}))(w.t).Events
		if len(events) != 1 || events[0].Subject != shop.User.ID {
			w.t.Errorf("%+v", events)
		}
		if n := w.number("SELECT COUNT(*) FROM proposals WHERE user_id = $1 AND other_id = $2", shop.User.ID, wei.User.ID); n != 1 {
			w.t.Error("the two are not proposed")
		}
		w.comes(websiteID, "oPC", union2)
		save := auth.SaveRefresh{TokenID: firstToken(wei.User.ID), Profile: lin, UnionID: union1, WasUnionID: union2, At: w.clock.now(), DueAt: w.clock.now()}
		if err := w.SaveRefresh(w.ctx, save); err != nil {
			w.t.Error(err)
		}
		if n := w.number("SELECT COUNT(*) FROM events WHERE action = 'unionid_changed'"); n != 2 {
			w.t.Errorf("%d times it was noted", n)
		}
	},
	"a blocked person comes in by no other door, and none is written down": func(w *world) {
		shop := w.comes(shopID, "oShop", union1)
		pc := w.comes(websiteID, "oPC", union1)
		if err := w.SetBlocked(w.ctx, shop.User.ID, true, nil, w.event(admin.ActBlock, shop.User.ID)); err != nil {
			w.t.Fatal(err)
		}
		w.wantSignedOut(shop.Session.TokenHash)
		w.wantSignedOut(pc.Session.TokenHash)
		for _, save := range []auth.SaveLogin{w.door(websiteID, "oPC", union1), w.door(shopID, "oShop", union1)} {
			if !save.Before.Blocked {
				w.t.Error("it is not known that they are blocked")
			}
			_, err := w.SaveLogin(w.ctx, save)
			wantReason(w.t, err, auth.Blocked)
		}
		w.exec("DELETE FROM identities") // a door that they have not come by yet
		_, err := w.SaveLogin(w.ctx, w.door(websiteID, "oNew", union1))
		wantReason(w.t, err, auth.Blocked)
		w.wantRows("identities", 0)
		w.wantRows("users", 1)
	},
	"an erasure takes all identities, and who comes again by either is new": func(w *world) {
		for i, door := range []string{shopID, websiteID} {
			save := w.door(door, "o", union1)
			save.Scope, save.RefreshToken = auth.ScopeUserinfo, auth.Secret(fmt.Sprint("R", i))
			w.signsIn(save)
		}
		user := must(w.UserByOpenID(w.ctx, shopID, "o"))(w.t)
		if err := w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
			w.t.Fatal(err)
		}
		for _, table := range []string{"users", "identities", "tokens", "sessions"} {
			w.wantRows(table, 0)
		}
		w.wantLoginsOfNobody()
		if again := w.comes(websiteID, "o", union1); again.User.ID == user.ID || again.User.IdentityID != "" {
			w.t.Errorf("%+v", again.User)
		}
	},
	"of several tokens, the one of the first identity is shown; of one alone, that one": func(w *world) {
		user := w.comes(shopID, "oShop", union1).User
		issued := make(map[string]time.Time)
		for _, door := range []string{websiteID, shopID} { // the first one's is written later
			w.clock.pass(time.Hour)
			save := w.door(door, map[string]string{shopID: "oShop", websiteID: "oPC"}[door], union1)
			save.Scope, save.RefreshToken = auth.ScopeUserinfo, auth.Secret("R "+door)
			w.signsIn(save)
			issued[door] = save.Session.CreatedAt
			if info := must(w.Token(w.ctx, user.ID))(w.t); info == nil || !info.IssuedAt.Equal(issued[door]) {
				w.t.Errorf("after a login by %s: %+v, want the token of %v", door, info, issued[door])
			}
		}
		save := w.door(websiteID, "oPC", union1)
		save.Scope, save.RefreshToken, save.Session.CreatedAt = auth.ScopeUserinfo, "again", w.clock.now().Add(time.Minute)
		w.signsIn(save)
		if info := must(w.Token(w.ctx, user.ID))(w.t); info == nil || !info.IssuedAt.Equal(issued[shopID]) {
			w.t.Errorf("after another login by the website: %+v", info)
		}
	},
	"a login that fails while its person is erased is nobody's": func(w *world) {
		w.comes(shopID, "oShop", union1)
		pc := w.comes(websiteID, "oPC", union1).User
		login := w.door(websiteID, "oPC", union1).Login
		login.Outcome = auth.Pending
		must(w.ClaimLogin(w.ctx, login))(w.t)
		login.UserID, login.IdentityID, login.Outcome, login.Reason, login.FinishedAt = pc.ID, pc.IdentityID, auth.Failed, auth.WeChatBusy, w.clock.now()
		if err := w.EraseUser(w.ctx, pc.ID, nil, w.event(admin.ActErase, pc.ID)); err != nil {
			w.t.Fatal(err)
		}
		if err := w.FinishLogin(w.ctx, login); err != nil {
			w.t.Fatal(err)
		}
		w.wantLoginsOfNobody()
	},
	"20 first logins at once of an openid whose unionid is known make one identity": func(w *world) {
		w.comes(shopID, "oShop", union1)
		stores := []*store.Store{w.Store, w.another()}
		saves := make([]auth.SaveLogin, 20)
		for i := range saves {
			saves[i] = w.door(websiteID, "oPC", union1)
			if i%5 == 0 {
				saves[i].UnionID = "" // WeChat has not told it
			}
		}
		together(len(saves), func(i int) {
			if _, err := stores[i%2].SaveLogin(w.ctx, saves[i]); err != nil {
				w.t.Error(err)
			}
		})
		in := w.number(`SELECT (SELECT COUNT(*) FROM users WHERE appid = $1) + (SELECT COUNT(*) FROM identities WHERE appid = $1)`, websiteID)
		if people := w.number("SELECT COUNT(DISTINCT user_id) FROM sessions WHERE token_hash <> ''"); in != 1 || people > 2 {
			w.t.Errorf("the openid is known %d times", in)
		}
		if n := w.number("SELECT SUM(login_count) FROM users"); n != 21 {
			w.t.Errorf("%d logins were counted", n)
		}
	},
	"somebody who comes by two new doors at once is one person": func(w *world) {
		for i := range 10 {
			union := fmt.Sprint("oUnionid-", i)
			saves := []auth.SaveLogin{w.door(shopID, fmt.Sprint("oShop", i), union), w.door(websiteID, fmt.Sprint("oPC", i), union)}
			together(2, func(i int) {
				if _, err := w.SaveLogin(w.ctx, saves[i]); err != nil {
					w.t.Error(err)
				}
			})
		}
		w.wantRows("users", 10)
		w.wantRows("identities", 10)
	},
	"a desktop is signed in by the identity of the phone": func(w *world) {
		w.comes(shopID, "oShop", union1)
		visit := w.comes(websiteID, "oPC", union1)
		now := w.clock.now()
		scan := auth.Scan{TicketHash: "t", UserID: visit.User.ID, IdentityID: visit.User.IdentityID, Status: auth.ScanOpened, OpenedAt: now, EndsAt: now.Add(time.Minute)}
		if got := must(w.OpenScan(w.ctx, scan))(w.t); got != scan {
			w.t.Errorf("%+v", got)
		}
		must(w.AnswerScan(w.ctx, "t", visit.User.ID, auth.ScanConfirmed, now))(w.t)
		save := w.login("", auth.ScopeScan)
		user := must(w.CollectScan(w.ctx, auth.CollectScan{TicketHash: "t", Login: save.Login, Session: save.Session}))(w.t)
		desktop := w.wantSignedIn(save.Session.TokenHash)
		if user.OpenID != "oPC" || desktop.User.OpenID != "oPC" || desktop.User.LoginCount != 3 {
			w.t.Errorf("%+v, %+v", user, desktop.User)
		}
		if l := must(w.UserLogins(w.ctx, user.ID, 1))(w.t)[0]; l.AppID != websiteID || l.IdentityID != user.IdentityID {
			w.t.Errorf("%+v", l)
		}
	},
	"an application is told of the identity that the session is of": func(w *world) {
		w.comes(shopID, "oShop", union1)
		visit := w.comes(websiteID, "oPC", union1)
		wiki := w.client("Wiki")
		granted := w.wantRedeemed(w.wantCode(wiki, visit, auth.ScopeOffline))
		if granted.User.Identity() != visit.User.Identity() {
			w.t.Errorf("%+v", granted.User)
		}
		if err := w.DeleteSession(w.ctx, auth.VisitorSession, visit.Session.TokenHash); err != nil {
			w.t.Fatal(err)
		}
		// And when that has ended, still.
		if later := must(w.GrantByID(w.ctx, granted.Grant.ID))(w.t); later.User.Identity() != visit.User.Identity() {
			w.t.Errorf("%+v", later.User)
		}
	},
	"who is an admin by one identity is one by all": func(w *world) {
		shop := w.comes(shopID, "oShop", union1)
		pc := w.comes(websiteID, "oPC", union1)
		if shop.Granted || pc.Granted {
			w.t.Error("granted to nobody")
		}
		must(w.GrantAdmin(w.ctx, websiteID, "oPC", w.event(admin.ActGrant, "oPC")))(w.t)
		for _, visit := range []auth.Visit{shop, pc, w.comes(shopID, "oShop", union1), w.comes(websiteID, "oPC", union1)} {
			if !w.wantSignedIn(visit.Session.TokenHash).Granted {
				w.t.Errorf("%s is no admin", visit.User.OpenID)
			}
		}
	},
}
