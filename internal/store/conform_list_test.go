package store_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// crowd signs n people in, three a moment, so that most share their times.
func (w *world) crowd(prefix string, n int) (openIDs []string) {
	w.t.Helper()
	for i := range n {
		save := w.login(fmt.Sprintf("%s%03d", prefix, i), auth.ScopeBase)
		must(w.SaveLogin(w.ctx, save))(w.t)
		openIDs = append(openIDs, save.OpenID)
		if i%3 == 2 {
			w.clock.pass(time.Second)
		}
	}
	return openIDs
}

func openIDs(users []auth.User) []string {
	ids := make([]string, len(users))
	for i, user := range users {
		ids[i] = user.OpenID
	}
	return ids
}

// pages walks from a query's first page to the last one, or back.
func (w *world) pages(q admin.UserQuery, next func(admin.UserPage) string, visit func(admin.UserPage)) {
	w.t.Helper()
	for range 1000 {
		page := must(w.Users(w.ctx, q))(w.t)
		if len(page.Users) == 0 {
			w.t.Fatal("a cursor leads to an empty page")
		}
		if q.Cursor != "" && page.Next == "" && page.Prev == "" {
			w.t.Error("a page does not know of the one that led to it")
		}
		visit(page)
		if q.Cursor = next(page); q.Cursor == "" {
			return
		}
	}
	w.t.Fatal("the pages do not end")
}

func forwards(p admin.UserPage) string  { return p.Next }
func backwards(p admin.UserPage) string { return p.Prev }

var listPromises = map[string]func(*world){
	"every order is total, and the same page by page, there and back": func(w *world) {
		w.crowd("o", 23)
		for _, openID := range []string{"o007", "o020", "o003"} { // another order by last login
			w.visitor(openID)
		}
		for _, order := range append([]admin.Sort{""}, admin.Sorts...) {
			whole := must(w.Users(w.ctx, admin.UserQuery{Sort: order, Limit: 500}))(w.t)
			want := openIDs(whole.Users)
			if len(want) != 23 || whole.Next != "" || whole.Prev != "" {
				w.t.Fatalf("%s: %d people, next %q, prev %q", order, len(want), whole.Next, whole.Prev)
			}
			at := func(u auth.User) time.Time { return u.FirstLoginAt }
			if strings.Contains(string(order), "last") {
				at = func(u auth.User) time.Time { return u.LastLoginAt }
			}
			down := order == "" || order[0] == '-'
			if !slices.IsSortedFunc(whole.Users, func(a, b auth.User) int {
				if down {
					a, b = b, a
				}
				return at(a).Compare(at(b))
			}) {
				w.t.Errorf("%s: not in order: %v", order, want)
			}
			for _, limit := range []int{1, 4, 22, 23, 24} {
				q := admin.UserQuery{Sort: order, Limit: limit}
				var there, back []string
				var last admin.UserPage
				w.pages(q, forwards, func(p admin.UserPage) { there, last = append(there, openIDs(p.Users)...), p })
				if diff := cmp.Diff(want, there); diff != "" {
					w.t.Errorf("%s by %d: %s", order, limit, diff)
				}
				back = openIDs(last.Users)
				if q.Cursor = last.Prev; q.Cursor != "" {
					w.pages(q, backwards, func(p admin.UserPage) { back = append(openIDs(p.Users), back...) })
				}
				if diff := cmp.Diff(want, back); diff != "" {
					w.t.Errorf("%s by %d, back: %s", order, limit, diff)
				}
			}
		}
	},
	"people who come and go between pages are neither doubled nor do they hide others": func(w *world) {
		before := w.crowd("o", 30)
		q := admin.UserQuery{Sort: admin.SortOldest, Limit: 4}
		var seen []string
		n := 0
		w.pages(q, forwards, func(p admin.UserPage) {
			seen = append(seen, openIDs(p.Users)...)
			if n++; n < 5 {
				w.crowd(fmt.Sprintf("new%d-", n), 2)
				gone := p.Users[len(p.Users)-1] // the one that the cursor names
				if err := w.EraseUser(w.ctx, gone.ID, nil, w.event(admin.ActErase, gone.ID)); err != nil {
					w.t.Fatal(err)
				}
			}
		})
		if diff := cmp.Diff(before, seen[:30]); diff != "" {
			w.t.Error(diff)
		}
		if len(seen) != 38 {
			w.t.Errorf("%d people seen, want the 8 newcomers at the end", len(seen))
		}
		newest := must(w.Users(w.ctx, admin.UserQuery{Limit: 10}))(w.t)
		w.crowd("late", 3)
		second := must(w.Users(w.ctx, admin.UserQuery{Limit: 10, Cursor: newest.Next}))(w.t)
		first := must(w.Users(w.ctx, admin.UserQuery{Limit: 10, Cursor: second.Prev}))(w.t)
		if diff := cmp.Diff(openIDs(newest.Users), openIDs(first.Users)); diff != "" {
			w.t.Error(diff)
		}
		if first.Prev == "" || first.Next == "" {
			w.t.Error("the page before does not know of the newcomers, or of the page after")
		}
	},
	"a cursor is good for its own query only": func(w *world) {
		w.crowd("o", 9)
		q := admin.UserQuery{Limit: 2}
		good := must(w.Users(w.ctx, q))(w.t).Next
		forged := []string{"x", "!", good[1:], good + "A", good[:len(good)-1], good + "\n", strings.Repeat("A", 5000), "AAAAAAAAAAAAAAAAAAAA",
			base64.RawURLEncoding.EncodeToString([]byte("123456789012n0.x")), base64.RawURLEncoding.EncodeToString([]byte("123456789012"))}
		for i := range good {
			for _, c := range []byte("Ax-") {
				if changed := good[:i] + string(c) + good[i+1:]; changed != good {
					forged = append(forged, changed)
				}
			}
		}
		for _, cursor := range forged {
			_, err := w.Users(w.ctx, admin.UserQuery{Limit: 2, Cursor: cursor})
			wantReason(w.t, err, auth.BadRequest)
		}
		for _, other := range []admin.UserQuery{{Sort: admin.SortOldest}, {Filter: admin.FilterBlocked}, {Search: "o"}} {
			other.Cursor = good
			_, err := w.Users(w.ctx, other)
			wantReason(w.t, err, auth.BadRequest)
		}
		must(w.Users(w.ctx, admin.UserQuery{Limit: 7, Cursor: good}))(w.t)
		must(w.anotherWith(ring(w.t, "k2", "k1")).Users(w.ctx, admin.UserQuery{Cursor: good}))(w.t)
		_, err := w.anotherWith(ring(w.t, "k2")).Users(w.ctx, admin.UserQuery{Cursor: good})
		wantReason(w.t, err, auth.BadRequest)
	},
	"an unknown wish is refused, not guessed": func(w *world) {
		for _, q := range []admin.UserQuery{
			{Limit: -1}, {Limit: admin.MaxPage + 1}, {Filter: "other"}, {Filter: "blocked "}, {Sort: "nickname"}, {Sort: "--first_login_at"},
			{Sort: "first_login_at; DROP TABLE users"}, {Search: strings.Repeat("x", 1001)}, {Search: "a\x00b"}, {Search: "a\xffb"},
		} {
			_, err := w.Users(w.ctx, q)
			wantReason(w.t, err, auth.BadRequest)
			if q.Limit == 0 {
				_, err = w.CountUsers(w.ctx, q)
				wantReason(w.t, err, auth.BadRequest)
				wantReason(w.t, w.EachUser(w.ctx, q, func(auth.User) error { return nil }), auth.BadRequest)
			}
		}
		w.crowd("o", admin.DefaultPage+1)
		if n := len(must(w.Users(w.ctx, admin.UserQuery{}))(w.t).Users); n != admin.DefaultPage {
			w.t.Errorf("%d people on a page", n)
		}
	},
	"a search finds what it names, whatever its letters": func(w *world) {
		people := map[string]string{
			"o1": "Lin_100%", "o2": "linda", "o3": "林小雨", "o4": `back\slash`, "o5": "LINX100Y", "o6": `q'uo"te`, "o7": "🌸", "o8": "",
		}
		for openID, nickname := range people {
			save := w.login(openID, auth.ScopeUserinfo)
			save.Profile, save.UnionID = &auth.Profile{Nickname: nickname}, "union-"+openID
			w.signsIn(save)
		}
		everyone := []string{"o1", "o2", "o3", "o4", "o5", "o6", "o7", "o8"}
		id := must(w.UserByOpenID(w.ctx, appID, "o3"))(w.t).ID
		for search, want := range map[string][]string{
			"": everyone, "  ": everyone,
			"LIN": {"o1", "o2", "o5"}, " lin ": {"o1", "o2", "o5"}, "小": {"o3"}, "林小": {"o3"}, "🌸": {"o7"},
			"%": {"o1"}, "_": {"o1"}, "n_1": {"o1"}, "0%": {"o1"}, `\`: {"o4"}, `\%`: nil, `k\s`: {"o4"}, "'": {"o6"}, `"`: {"o6"},
			"o2": {"o2"}, "union-o4": {"o4"}, "union-": nil, id: {"o3"}, id[:20]: nil, "O2": nil,
			"' OR 1=1 --": nil, "$1": nil, "*": nil, "?": nil, "%%%%": nil, strings.Repeat("%_", 500): nil,
		} {
			q := admin.UserQuery{Search: search}
			got := openIDs(must(w.Users(w.ctx, q))(w.t).Users)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				w.t.Errorf("%q finds %v, want %v", search, got, want)
			}
			if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(want)) {
				w.t.Errorf("%q counts %d, want %d", search, n, len(want))
			}
		}
		w.wantRows("users", 8)
	},
	"each filter keeps whom it names": func(w *world) {
		seen := func(openID string, scope auth.Scope, change func(*auth.SaveLogin)) auth.User {
			save := w.login(openID, scope)
			if change != nil {
				change(&save)
			}
			return w.signsIn(save)
		}
		seen("long-gone", auth.ScopeUserinfo, func(s *auth.SaveLogin) { s.RefreshToken, s.UnionID, s.Profile = "R", "u", &lin })
		w.clock.pass(20 * 24 * time.Hour)
		dead := seen("weeks-ago", auth.ScopeUserinfo, func(s *auth.SaveLogin) { s.RefreshToken, s.UnionID = "R", "u" })
		w.tokenDies(dead.ID)
		w.clock.pass(20 * 24 * time.Hour)
		seen("fresh", auth.ScopeUserinfo, func(s *auth.SaveLogin) { s.RefreshToken, s.UnionID, s.Profile = "R", "u", &lin })
		seen("plain", auth.ScopeBase, nil)
		bad := seen("bad", auth.ScopeBase, func(s *auth.SaveLogin) { s.UnionID = "u" })
		if err := w.SetBlocked(w.ctx, bad.ID, true, nil, w.event(admin.ActBlock, bad.ID)); err != nil {
			w.t.Fatal(err)
		}
		must(w.GrantAdmin(w.ctx, appID, "plain", w.event(admin.ActGrant, "plain")))(w.t)
		must(w.GrantAdmin(w.ctx, "wxother", "bad", w.event(admin.ActGrant, "bad")))(w.t)
		want := map[admin.Filter][]string{
			admin.FilterNone:       {"bad", "fresh", "long-gone", "plain", "weeks-ago"},
			admin.FilterBlocked:    {"bad"},
			admin.FilterAdmin:      {"plain"},
			admin.FilterProfile:    {"fresh", "long-gone"},
			admin.FilterOpenID:     {"bad", "plain", "weeks-ago"},
			admin.FilterNoUnionID:  {"plain"},
			admin.FilterNeedsLogin: {"long-gone", "weeks-ago"},
			admin.FilterSeen7d:     {"bad", "fresh", "plain"},
			admin.FilterSeen30d:    {"bad", "fresh", "plain", "weeks-ago"},
		}
		for _, filter := range admin.Filters {
			q := admin.UserQuery{Filter: filter}
			got := openIDs(must(w.Users(w.ctx, q))(w.t).Users)
			slices.Sort(got)
			if !slices.Equal(got, want[filter]) {
				w.t.Errorf("%q keeps %v, want %v", filter, got, want[filter])
			}
			if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(got)) {
				w.t.Errorf("%q counts %d, want %d", filter, n, len(got))
			}
		}
		both := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterProfile, Search: "fresh"}))(w.t)
		if got := openIDs(both.Users); !slices.Equal(got, []string{"fresh"}) {
			w.t.Errorf("filter and search together keep %v", got)
		}
	},
	"a stream has everyone once, and keeps no read open": func(w *world) {
		w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
			INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count)
			SELECT 'id' || i, 'wx', 'o' || i, 'snsapi_base', i / 7, i / 7, 1 FROM n`)
		seen := map[string]bool{}
		err := w.EachUser(w.ctx, admin.UserQuery{Sort: admin.SortLongestAgo, Limit: 3, Cursor: "not looked at"}, func(u auth.User) error {
			if seen[u.ID] {
				w.t.Errorf("%s comes twice", u.ID)
			}
			seen[u.ID] = true
			if len(seen) == 600 {
				w.visitor("newcomer") // a write in the midst
			}
			return nil
		})
		if err != nil || len(seen) != 1101 {
			w.t.Errorf("%d people, %v", len(seen), err)
		}
		enough := errors.New("enough")
		n := 0
		err = w.EachUser(w.ctx, admin.UserQuery{}, func(auth.User) error {
			n++
			return enough
		})
		if !errors.Is(err, enough) || n != 1 {
			w.t.Errorf("got %v after %d people", err, n)
		}
	},
}
