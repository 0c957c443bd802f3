package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// movers are a SQLite database with something of everything, and an empty
// PostgreSQL one.
func movers(t *testing.T) (from, to *world, path string) {
	t.Helper()
	from, to = newWorld(t, sqliteEngine), newWorld(t, postgresEngine)
	for i := range 20 {
		save := from.login(fmt.Sprint("o", i), auth.ScopeUserinfo)
		save.RefreshToken = auth.Secret(fmt.Sprint("token", i))
		save.Profile = &auth.Profile{Nickname: fmt.Sprint("王大锤 🧋 ", i), AvatarURL: "https://wx.qlogo.cn/1", Privilege: []string{"chinaunicom"}}
		if i%3 == 0 {
			save.UnionID, save.Consent = fmt.Sprint("u", i), "v1"
		}
		visit, err := from.SaveLogin(from.ctx, save)
		if err != nil {
			t.Fatal(err)
		}
		user := visit.User
		if i < 5 {
			from.savePicture(from.picture(user, "https://wx.qlogo.cn/1", strings.Repeat("\x00\xff", 1<<10)), true)
			from.exec("UPDATE tokens SET dead_reason = '40030', due_at = NULL WHERE user_id = $1", user.ID)
		}
	}
	// More than a batch.
	from.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
		INSERT INTO events (id, at, actor, action, subject, detail) SELECT 'e' || i, i, 'a', 'b', 'c', '事' || i FROM n`)
	must(from.GrantAdmin(from.ctx, appID, "o1", from.event(admin.ActGrant, "o1")))(t)
	if err := from.AddAdminLink(from.ctx, admin.Link{TokenHash: "link", EndsAt: from.clock.now()}, from.event(admin.ActLinkMade, "")); err != nil {
		t.Fatal(err)
	}
	// Applications: a code that waits, one that was redeemed, one whose session has
	// ended, a consent, a key, and a logout that is still to be told.
	wiki, visit := from.client("Wiki"), must(from.SaveLogin(from.ctx, from.login("o3", auth.ScopeBase)))(t)
	from.wantCode(wiki, *visit)
	from.wantRedeemed(from.wantCode(wiki, *visit, auth.ScopeOffline))
	last := must(from.SaveLogin(from.ctx, from.login("o4", auth.ScopeBase)))(t)
	from.wantRedeemed(from.wantCode(wiki, *last, auth.ScopeOffline))
	if err := from.DeleteSession(from.ctx, auth.VisitorSession, last.Session.TokenHash); err != nil {
		t.Fatal(err)
	}
	if err := from.SaveConsent(from.ctx, auth.Consent{UserID: visit.User.ID, ClientID: wiki.ID, Scopes: []string{auth.ScopeOpenID}, AgreedAt: from.clock.now()}); err != nil {
		t.Fatal(err)
	}
	must(from.AddSigningKey(from.ctx, auth.SigningKey{Alg: auth.RS256, Generation: 1, ID: "kid", Public: "{}", Private: "private", CreatedAt: from.clock.now(), SignsAt: from.clock.now()}))(t)
	return from, to, strings.TrimPrefix(from.at.url, "sqlite:")
}

func move(to *world, path string) (moved map[string]store.Moved, sealed store.Sealed, err error) {
	moved = make(map[string]store.Moved)
	sealed, err = to.MoveFrom(to.ctx, path, func(m store.Moved) { moved[m.Table] = m })
	return moved, sealed, err
}

func TestADatabaseMovesWhole(t *testing.T) {
	t.Parallel()
	from, to, path := movers(t)
	_, token := from.visitor("o7")
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	if err := from.at.raw.Close(); err != nil { // its write-ahead log is merged into the file
		t.Fatal(err)
	}
	before := must(os.ReadFile(path))(t)
	moved, sealed, err := move(to, path)
	if err != nil {
		t.Fatal(err)
	}
	if after := must(os.ReadFile(path))(t); !bytes.Equal(before, after) {
		t.Error("the source has changed")
	}
	for table, rows := range map[string]int64{"users": 20, "tokens": 20, "sessions": 22, "logins": 23, "pictures": 5, "admins": 1, "admin_links": 1, "events": 1203, "scans": 0,
		"clients": 1, "grants": 3, "consents": 1, "outbox": 1, "signing_keys": 1} {
		if m, ok := moved[table]; !ok || m.Rows != rows || m.Added != rows || m.Repaired != 0 {
			t.Errorf("%s: %+v, want %d rows", table, m, rows)
		}
		to.wantRows(table, rows)
	}
	if sealed.Opened != 15 || sealed.Foreign != 0 {
		t.Errorf("%+v", sealed)
	}
	visit := to.wantSignedIn(token)
	if visit.User.Nickname != "王大锤 🧋 7" || visit.User.LoginCount != 2 {
		t.Errorf("%+v", visit.User)
	}
	if secret, err := to.RefreshToken(to.ctx, firstToken(visit.User.ID)); err != nil || secret != "token7" {
		t.Errorf("the token does not open: %v", err)
	}
	// What a database keeps for itself is there too.
	to.wantFound("锤 🧋 7", "o7")
	to.wantRows("nicknames", 20)
	if counts := must(to.Counts(to.ctx, to.clock.now()))(t); counts.Users != 20 || counts.Sessions != 22 {
		t.Errorf("%+v", counts)
	}
	if clients := must(to.Clients(to.ctx))(t); len(clients) != 1 || clients[0].Backchannel == "" {
		t.Errorf("%+v", clients)
	}
	if keys := must(to.SigningKeys(to.ctx))(t); len(keys) != 1 || keys[0].Private != "private" {
		t.Error("the signing key does not open")
	}
	offline := to.text("SELECT id FROM grants WHERE session_id IS NULL")
	if g := must(to.GrantByID(to.ctx, offline))(t); g.Grant.InSession || g.Grant.Refresh.Hash != "refresh" || g.Client.Name != "Wiki" {
		t.Errorf("%+v", g.Grant)
	}
	again, _, err := move(to, path)
	if err != nil {
		t.Fatal(err)
	}
	for table, m := range again {
		if m.Added != 0 || m.Checksum != moved[table].Checksum {
			t.Errorf("the second time: %+v, the first: %+v", m, moved[table])
		}
	}
}

// ownOfEach are tables of which each database has its own.
var ownOfEach = []string{"goose_db_version", "leases", "nicknames", "nickname_ends", "tallied", "tallies"}

// Whoever adds a table fills it here, and sees it moved.
func TestAMoveLeavesNoTableOut(t *testing.T) {
	t.Parallel()
	from, to := newWorld(t, sqliteEngine), newWorld(t, postgresEngine)
	kept, other, further, _ := from.twoPeople()
	from.wantJoined(kept.User, other.User)
	shop, pc := from.comes(shopID, "oShop", ""), from.comes(websiteID, "oPC", "oUnionOfWei-000000000000001")
	from.comes(shopID, "oShop", "oUnionOfWei-000000000000001") // who may be one with the other
	wiki := must(from.Clients(from.ctx))(t)[0]
	held := from.wantRedeemed(from.wantCode(wiki, from.wantSignedIn(further.Session.TokenHash), auth.ScopeOffline))
	now := from.clock.now()
	from.savesCredential(auth.Credential{AppID: shopID, Kind: auth.JSTicket, Value: "TICKET", EndsAt: now.Add(time.Hour)})
	from.savePicture(from.picture(kept.User, lin.AvatarURL, "picture"), true)
	from.wantFollows(shop.User, true, true)
	must(from.OpenScan(from.ctx, from.opened("ticket", shop.User.ID)))(t)
	must(from.GrantAdmin(from.ctx, shopID, "oShop", from.event(admin.ActGrant, "oShop")))(t)
	must(from.AddSigningKey(from.ctx, auth.SigningKey{Alg: auth.RS256, Generation: 1, ID: "kid", Public: "{}", Private: "private", CreatedAt: now, SignsAt: now}))(t)
	for _, err := range []error{
		from.AddAdminLink(from.ctx, admin.Link{TokenHash: "link", EndsAt: now}, from.event(admin.ActLinkMade, "")),
		from.SaveConsent(from.ctx, auth.Consent{UserID: kept.User.ID, ClientID: wiki.ID, Scopes: []string{auth.ScopeOpenID}, AgreedAt: now}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	moved, _, err := move(to, strings.TrimPrefix(from.at.url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	tables := from.rows("sqlite_master", "name", "name")
	for _, table := range tables {
		if from.number("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name = $1", table) == 0 || slices.Contains(ownOfEach, table) {
			continue
		}
		rows := from.number("SELECT COUNT(*) FROM " + table)
		if rows == 0 {
			t.Errorf("this test puts nothing into %s", table)
		}
		if m := moved[table]; m.Rows != rows || m.Added != rows {
			t.Errorf("%s has %d rows, and %+v was moved", table, rows, m)
		}
	}
	// What has arrived is of use.
	for hash, visit := range map[string]auth.Visit{kept.Session.TokenHash: kept, other.Session.TokenHash: other, further.Session.TokenHash: further, pc.Session.TokenHash: pc} {
		got := to.wantSignedIn(hash)
		if got.User.OpenID != visit.User.OpenID {
			t.Errorf("%s came as %s", visit.User.OpenID, got.User.OpenID)
		}
	}
	to.wantToken(to.Store, kept.User, "KEPT")
	if got := must(to.RefreshToken(to.ctx, auth.TokenID{UserID: kept.User.ID, IdentityID: other.User.ID}))(t); got != "OTHER" {
		t.Error("the further identity's token does not open")
	}
	if got := must(to.Credential(to.ctx, shopID, auth.JSTicket))(t); got.Value != "TICKET" {
		t.Error("the ticket does not open")
	}
	must(to.GrantByID(to.ctx, held.Grant.ID))(t)
	if err := to.undoes(other.User.ID); err != nil {
		t.Errorf("the join cannot be undone: %v", err)
	}
	to.wantToken(to.Store, other.User, "OTHER")
}

func TestAnInterruptedMoveGoesOn(t *testing.T) {
	t.Parallel()
	_, to, path := movers(t)
	ctx, stop := context.WithCancel(to.ctx)
	_, err := to.MoveFrom(ctx, path, func(m store.Moved) {
		if m.Table == "events" {
			stop()
		}
	})
	wantReason(t, err, auth.StoreDown)
	to.wantRows("tokens", 0)
	to.exec("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id DESC LIMIT 700)") // as in the middle of a table
	moved, _, err := move(to, path)
	if err != nil {
		t.Fatal(err)
	}
	if moved["users"].Added != 0 || moved["events"].Added != 700 || moved["tokens"].Added != 20 {
		t.Errorf("%+v", moved)
	}
}

func TestAMoveRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	from, to, path := movers(t)
	refused := func(to *world, path string, words ...string) {
		t.Helper()
		_, _, err := move(to, path)
		wantReason(t, err, auth.BadRequest)
		for _, word := range words {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%v does not say %q", err, word)
			}
		}
	}
	refused(to, path+".not", "no such file")
	refused(from, path, "PostgreSQL")

	// Other keys.
	same := to.Store
	to.Store = to.anotherWith(ring(t, "k2"))
	refused(to, path, "WXLOGIN_KEYS")
	to.Store = same
	to.wantRows("users", 0)

	// Data of its own, and data that has gone on.
	to.visitor("somebody else")
	refused(to, path, "table users", "empty database")
	to.wantRows("users", 1)
	to.exec("DELETE FROM users")
	to.exec("DELETE FROM logins")
	if _, _, err := move(to, path); err != nil {
		t.Fatal(err)
	}
	to.exec("UPDATE users SET nickname = 'later' WHERE openid = 'o3'")
	refused(to, path, "table users")
	to.exec("DELETE FROM users")
	to.exec("DELETE FROM logins")
	to.exec("DELETE FROM events")

	// A service that is not stopped.
	var once bool
	_, err := to.MoveFrom(to.ctx, path, func(store.Moved) {
		if !once {
			once = true
			from.visitor("late")
		}
	})
	wantReason(t, err, auth.BadRequest)
	if err == nil || !strings.Contains(err.Error(), "stop the service") {
		t.Errorf("got %v", err)
	}

	// Another version.
	from.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	refused(to, path, "version 99999")
	_, _, err = move(to, must(os.Executable())(t))
	wantReason(t, err, auth.StoreDown)
}

// SQLite takes texts that PostgreSQL does not.
func TestAMoveRepairsWhatIsNoText(t *testing.T) {
	t.Parallel()
	from, to, path := movers(t)
	from.exec("UPDATE users SET nickname = 'a' || char(0) || 'b' || CAST(X'FF' AS TEXT) WHERE openid = 'o3'")
	moved, _, err := move(to, path)
	if err != nil || moved["users"].Repaired != 1 {
		t.Fatalf("%+v, %v", moved["users"], err)
	}
	if name := to.text("SELECT nickname FROM users WHERE openid = 'o3'"); name != "ab\uFFFD" {
		t.Errorf("%q", name)
	}
	if again, _, err := move(to, path); err != nil || again["users"].Added != 0 {
		t.Errorf("%+v, %v", again["users"], err)
	}
}
