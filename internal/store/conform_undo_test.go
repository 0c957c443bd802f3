package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// everything is all rows of people and what belongs to them, in every column: what a join
// and its undo have to restore. Sessions and grants end, and the audit log grows. Only
// proposals with a third person count: two people who were parted are not proposed again.
func (w *world) everything(parted []auth.User) map[string][]string {
	w.t.Helper()
	var ids []string
	for _, u := range parted {
		ids = append(ids, "'"+u.ID+"'")
	}
	among := strings.Join(ids, ", ")
	all := map[string][]string{}
	for table, of := range map[string]struct{ columns, order, where string }{
		"users": {`id, appid, openid, unionid, nickname, sex, language, country, province, city, avatar_url, privilege, scope, blocked, first_login_at, last_login_at,
			profile_updated_at, login_count, consent_version, consent_at, group_names`, "id", "1 = 1"},
		"identities": {`id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at`, "id", "1 = 1"},
		"tokens":     {`user_id, scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at`, "user_id", "1 = 1"},
		"logins": {`id, appid, user_id, identity_id, state_hash, code_hash, session_hash, scope, outcome, reason, step, errcode, request_id, started_at, finished_at,
			remote_addr, user_agent`, "id", "1 = 1"},
		"identity_tokens": {`identity_id, scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at`, "identity_id", "1 = 1"},
		"consents":        {`user_id, client_id, scopes, agreed_at`, "user_id, client_id", "1 = 1"},
		"pictures":        {`user_id, source, content_type, etag, copied_at`, "user_id", "1 = 1"},
		"proposals":       {`user_id, other_id, unionid, noted_at, dismissed_at`, "user_id, other_id", `NOT (user_id IN (` + among + `) AND other_id IN (` + among + `))`},
		"joined_people":   {`identity_id, person, came_with`, "identity_id", "1 = 1"},
		"admins":          {`appid, openid, granted_at`, "appid, openid", "1 = 1"},
	} {
		var columns []string
		for column := range strings.SplitSeq(of.columns, ",") {
			column = strings.TrimSpace(column)
			columns = append(columns, fmt.Sprintf("'%s ' || COALESCE(CAST(%s AS TEXT), 'NULL')", column, column))
		}
		all[table] = w.rows(table+" WHERE "+of.where, strings.Join(columns, " || ' | ' || "), of.order)
	}
	return all
}

// somebody makes a person up: by one door or two, with a profile or without, and some of
// what people have.
func (w *world) somebody(random *rand.Rand, i int, wiki auth.Client) auth.User {
	w.t.Helper()
	maybe := func() bool { return random.IntN(2) == 0 }
	name := fmt.Sprintf("o%03d", i)
	save := w.door(otherID, name, "")
	if maybe() {
		save.Scope, save.RefreshToken, save.Consent = auth.ScopeUserinfo, auth.Secret("TOKEN"+name), "v1"
		save.Profile = &auth.Profile{Nickname: "人" + name, Sex: random.IntN(3), City: "广州", AvatarURL: "https://pictures.example.com/" + name, Privilege: []string{"p"}}
	}
	user := w.signsIn(save)
	if maybe() {
		at := w.clock.now()
		must(w.SavePicture(w.ctx, auth.Picture{UserID: user.ID, Source: user.AvatarURL, Type: "image/jpeg", Body: []byte{byte(i), 1}, ETag: name, CopiedAt: at}))(w.t)
	}
	w.clock.pass(time.Duration(random.IntN(3)) * time.Hour)
	for range random.IntN(3) {
		w.signsIn(w.door(otherID, name, ""))
		w.clock.pass(time.Minute)
	}
	for _, group := range []string{"staff", "guests", "family"} {
		if maybe() {
			must(w.ChangeGroups(w.ctx, appID, user.ID, func(g []string) []string { return slices.Sorted(slices.Values(append(g, group))) }, w.event(admin.ActGroupAdd, user.ID)))(w.t)
		}
	}
	if maybe() {
		if err := w.SaveConsent(w.ctx, auth.Consent{UserID: user.ID, ClientID: wiki.ID, Scopes: []string{"openid"}, AgreedAt: w.clock.now()}); err != nil {
			w.t.Fatal(err)
		}
	}
	if maybe() {
		must(w.GrantAdmin(w.ctx, otherID, name, w.event(admin.ActGrant, name)))(w.t)
	}
	if random.IntN(3) == 0 {
		if err := w.SetBlocked(w.ctx, user.ID, true, nil, w.event(admin.ActBlock, user.ID)); err != nil {
			w.t.Fatal(err)
		}
	} else if maybe() {
		w.wantLinked(w.comes(otherID, name, ""), shopID, "oShop"+name, "")
	}
	return user
}

var undoPromises = map[string]func(*world){
	"whoever is joined to whomever, the undos in any order give everything back": func(w *world) {
		seed := rand.Uint64()
		w.t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 13))
		wiki := w.client("Wiki")
		for round := range 12 {
			var people, thirds []auth.User
			for i := range 2 + random.IntN(3) {
				people = append(people, w.somebody(random, 10*round+i, wiki))
			}
			for i := range 2 {
				thirds = append(thirds, w.somebody(random, 10*round+5+i, wiki))
			}
			for _, p := range people {
				for _, third := range thirds {
					if random.IntN(2) == 0 {
						w.exec("INSERT INTO proposals (user_id, other_id, unionid, noted_at, dismissed_at) VALUES ($1, $2, 'unionid', $3, $4)",
							min(p.ID, third.ID), max(p.ID, third.ID), w.clock.now().UnixMilli(), []any{nil, w.clock.now().UnixMilli()}[random.IntN(2)])
					}
				}
			}
			w.clock.pass(time.Second)
			before := w.everything(people)
			// Each but one is joined to one who is still there.
			left, joined := slices.Clone(people), []string{}
			for len(left) > 1 {
				random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
				w.wantJoined(left[0], left[1])
				joined = append(joined, left[1].ID)
				left = append(left[:1], left[2:]...)
				w.clock.pass(time.Second)
			}
			if n := len(must(w.Identities(w.ctx, left[0].ID))(w.t)); n < len(people) {
				w.t.Fatalf("%d identities of %d people", n, len(people))
			}
			random.Shuffle(len(joined), func(i, j int) { joined[i], joined[j] = joined[j], joined[i] })
			for _, id := range joined {
				if err := w.undoes(id); err != nil {
					w.t.Fatal(err)
				}
				w.clock.pass(time.Second)
			}
			if diff := cmp.Diff(before, w.everything(people)); diff != "" {
				w.t.Fatalf("seed %d, round %d: %s", seed, round, diff)
			}
		}
	},
	"a block or its end after a join holds for both who are parted": func(w *world) {
		for i, acts := range [][]bool{{true}, {true, false}, {false, true}} {
			kept, _ := w.visitor(fmt.Sprintf("oKept%d", i))
			other, _ := w.visitor(fmt.Sprintf("oOther%d", i))
			block := func(yes bool) {
				w.clock.pass(time.Second)
				if err := w.SetBlocked(w.ctx, kept.ID, yes, nil, w.event(admin.ActBlock, kept.ID)); err != nil {
					w.t.Fatal(err)
				}
			}
			if !acts[0] {
				block(true)
			}
			w.clock.pass(time.Second)
			w.wantJoined(kept, other)
			for _, yes := range acts {
				block(yes)
			}
			if err := w.undoes(other.ID); err != nil {
				w.t.Fatal(err)
			}
			want := acts[len(acts)-1]
			if keptNow, otherNow := must(w.User(w.ctx, kept.ID))(w.t), must(w.User(w.ctx, other.ID))(w.t); keptNow.Blocked != want || otherNow.Blocked != want {
				w.t.Errorf("%v: after the undo %v and %v", acts, keptNow.Blocked, otherNow.Blocked)
			}
		}
	},
}
