package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/store/list"
)

// called signs somebody in with a nickname.
func (w *world) called(openID, nickname string) auth.User {
	w.t.Helper()
	save := w.login(openID, auth.ScopeUserinfo)
	save.RefreshToken = "REFRESH"
	save.Profile = &auth.Profile{Nickname: nickname}
	return w.signsIn(save)
}

// found are the openids of the people of a query, sorted, read page by page.
func (w *world) found(q admin.UserQuery) []string {
	w.t.Helper()
	var found []string
	for range 1000 {
		page := must(w.Users(w.ctx, q))(w.t)
		found = append(found, openIDs(page.Users)...)
		if q.Cursor = page.Next; q.Cursor == "" {
			slices.Sort(found)
			return found
		}
	}
	w.t.Fatal("the pages do not end")
	return nil
}

func (w *world) wantFound(search string, want ...string) {
	w.t.Helper()
	if got := w.found(admin.UserQuery{Search: search}); !slices.Equal(got, want) {
		w.t.Errorf("%q finds %v, want %v", search, got, want)
	}
}

// wantNoNames checks that nothing is left of anybody's nickname.
func (w *world) wantNoNames() {
	w.t.Helper()
	w.wantRows("nicknames", 0)
	w.wantRows("nickname_ends", 0)
}

// bulk adds people by one statement, as no login does; they have no profile.
func (w *world) bulk(n int) {
	w.t.Helper()
	w.exec(`INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT 'id' || i, 'wx', 'bulk' || i, 'snsapi_base', i / 7, i / 7, 1 FROM n`, n)
}

var searchPromises = map[string]func(*world){
	"every part of every nickname is found, whether few have it or many": func(w *world) {
		random := rand.New(rand.NewPCG(1, 2))
		letters := []rune("王王王伟aaABb🌸👨‍👩% _'Éé")
		names := map[string]string{}
		for i := range 200 {
			var name []rune
			for range random.IntN(13) {
				name = append(name, letters[random.IntN(len(letters))])
			}
			openID := fmt.Sprintf("o%03d", i)
			names[openID] = strings.TrimSpace(string(name))
			w.called(openID, names[openID])
		}
		small := func(s string) string { // as both engines fold it; É stays apart on SQLite
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
		gathered, walked := 0, 0
		w.exec("ANALYZE users") // PostgreSQL does so by and by
		for range 90 {
			name := []rune(names[fmt.Sprintf("o%03d", random.IntN(200))])
			if len(name) == 0 {
				continue
			}
			from := random.IntN(len(name))
			search := strings.TrimSpace(string(name[from : from+1+random.IntN(len(name)-from)]))
			if search == "" || strings.ContainsAny(search, "Éé") {
				continue
			}
			if random.IntN(2) == 0 {
				search = strings.ToUpper(search)
			}
			var want []string
			for openID, name := range names {
				if strings.Contains(small(name), small(search)) {
					want = append(want, openID)
				}
			}
			slices.Sort(want)
			q := admin.UserQuery{Search: search, Sort: admin.Sorts[random.IntN(4)], Limit: 20 + random.IntN(60)}
			if got := w.found(q); !slices.Equal(got, want) {
				w.t.Errorf("%q finds %v, want %v", search, got, want)
			}
			if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(want)) {
				w.t.Errorf("%q counts %d, want %d", search, n, len(want))
			}
			if must(w.Gathered(w.ctx, q))(w.t) {
				gathered++
			} else {
				walked++
			}
		}
		if gathered < 20 || walked < 20 {
			w.t.Errorf("%d gathered, %d walked: one way is hardly tried", gathered, walked)
		}
	},
	"a new nickname is found, and the old one is not": func(w *world) {
		user := w.called("o1", "林小雨Lin")
		w.wantFound("小雨l", "o1")
		w.called("o1", "林大雨")
		w.wantFound("小雨")
		w.wantFound("n")
		w.wantFound("大雨", "o1")
		w.visitor("o1") // without a profile
		w.wantFound("大", "o1")
		refresh := auth.SaveRefresh{TokenID: firstToken(user.ID), Was: "REFRESH", Token: "REFRESH", Profile: auth.Profile{Nickname: "雨过天晴"}, At: w.clock.now(), DueAt: w.clock.now()}
		if err := w.SaveRefresh(w.ctx, refresh); err != nil {
			w.t.Fatal(err)
		}
		w.wantFound("大")
		w.wantFound("雨", "o1")
		w.wantFound("雨过天", "o1")
		w.wantRows("nicknames", 1)
		w.wantRows("nickname_ends", 4)
		w.called("o1", "")
		w.wantFound("雨")
		w.wantNoNames()
	},
	"nothing is left of an erased person's nickname": func(w *world) {
		for _, name := range []string{"Erase Me 林小雨🌸 for ever", "aaaaaaaaaaaaaaaaaaaa", ""} {
			user := w.called("o1", name)
			if err := w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
				w.t.Fatal(err)
			}
			w.wantFound("a")
			w.wantNoNames()
		}
	},
	"a person named in full is found among those who have the text in their nickname": func(w *world) {
		w.called("o1", "see o2")
		save := w.login("o2", auth.ScopeUserinfo)
		save.UnionID = "u2"
		id := w.signsIn(save).ID
		for i := range 300 {
			w.called(fmt.Sprintf("p%03d", i), "me and o2 and u2")
		}
		for search, want := range map[string]int{"o2": 302, "u2": 301, "O2": 301, "o2 ": 302, id: 1, "see o2": 1} {
			if n := len(w.found(admin.UserQuery{Search: search})); n != want {
				w.t.Errorf("%q finds %d, want %d", search, n, want)
			}
		}
		other := w.login("o2", auth.ScopeBase) // of another account
		other.Login.AppID = "wx-another"
		w.signsIn(other)
		if n := len(w.found(admin.UserQuery{Search: "o2"})); n != 303 {
			w.t.Errorf("%d are found in all accounts, want 303", n)
		}
	},
	"a total is exact, or so large that it is rounded": func(w *world) {
		if list.MaxTotal != 10_000 {
			w.t.Errorf("people are counted up to %d", list.MaxTotal)
		}
		w.Store = w.open(store.WithMaxTotal(w.config(w.keys), 1000))
		w.called("o1", "林")
		w.bulk(1050)
		w.exec("ANALYZE users") // else PostgreSQL takes them for a million
		for i, c := range []struct {
			q    admin.UserQuery
			want admin.Total
		}{
			{admin.UserQuery{}, admin.Total{N: 1051}},
			{admin.UserQuery{Filter: admin.FilterOpenID}, admin.Total{N: 1000, More: true}},
			{admin.UserQuery{Filter: admin.FilterNoUnionID}, admin.Total{N: 1000, More: true}},
			{admin.UserQuery{Filter: admin.FilterProfile}, admin.Total{N: 1}},
			{admin.UserQuery{Filter: admin.FilterBlocked}, admin.Total{}},
			{admin.UserQuery{Filter: admin.FilterOpenID, Search: "林"}, admin.Total{}},
			{admin.UserQuery{Filter: admin.FilterProfile, Search: "林"}, admin.Total{N: 1}},
			{admin.UserQuery{Search: "林"}, admin.Total{N: 1}},
		} {
			c.q.Total = true
			// Each order for every other question, in turn: that no total depends on the
			// order is looked at with fewer people.
			for _, c.q.Sort = range []admin.Sort{admin.Sorts[i%len(admin.Sorts)], admin.Sorts[(i+1)%len(admin.Sorts)]} {
				if got := must(w.Users(w.ctx, c.q))(w.t).Total; got != c.want {
					w.t.Errorf("%+v: %+v, want %+v", c.q, got, c.want)
				}
			}
		}
		w.exec(`UPDATE users SET nickname = '王王' WHERE openid LIKE 'bulk%'`)
		many := admin.UserQuery{Search: "王", Total: true}
		if got := must(w.Users(w.ctx, many))(w.t).Total; !got.More || got.N < 500 || got.N > 1049 {
			w.t.Errorf("%+v of 1,050", got)
		}
		many.Filter = admin.FilterNoUnionID
		page := must(w.Users(w.ctx, many))(w.t)
		if got := page.Total; got.N > 1049 || !got.More {
			w.t.Errorf("%+v of 1,050", got)
		}
		many.Cursor = page.Next
		if got := must(w.Users(w.ctx, many))(w.t).Total; got.N > 1049 || !got.More {
			w.t.Errorf("%+v of 1,050 on the second page", got)
		}
		if n := must(w.CountUsers(w.ctx, admin.UserQuery{Search: "王"}))(w.t); n != 1050 {
			w.t.Errorf("an export has %d", n)
		}
		w.exec(`DELETE FROM users WHERE openid LIKE 'bulk%'`)
		if n := must(w.Counts(w.ctx, w.clock.now()))(w.t).Users; n != 1 {
			w.t.Errorf("%d are left, want 1", n)
		}
	},
	"filters keep the same people in every order, few or many": func(w *world) {
		w.crowd("o", 200)
		w.clock.pass(10 * 24 * time.Hour)
		for i := range 100 {
			w.visitor(fmt.Sprintf("o%03d", i*2))
		}
		for _, filter := range admin.Filters {
			var want []string
			err := w.EachUser(w.ctx, admin.UserQuery{Filter: filter}, func(u auth.User) error {
				want = append(want, u.OpenID)
				return nil
			})
			if err != nil {
				w.t.Fatal(err)
			}
			slices.Sort(want)
			if filter == admin.FilterSeen7d && len(want) != 100 {
				w.t.Errorf("%d were seen", len(want))
			}
			for _, sort := range admin.Sorts {
				if got := w.found(admin.UserQuery{Filter: filter, Sort: sort, Limit: 33}); !slices.Equal(got, want) {
					w.t.Errorf("%s by %s keeps %d, want %d", filter, sort, len(got), len(want))
				}
			}
		}
	},
}
