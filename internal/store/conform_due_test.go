package store_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// lives has people come and go as they like for fifty days. Some tokens die.
func (w *world) lives(random *rand.Rand, people int) {
	w.t.Helper()
	ids := map[string]string{}
	for step := range 50 * 24 / 4 {
		openID := fmt.Sprintf("o%03d", random.IntN(people))
		id, known := ids[openID]
		switch dice := random.IntN(10); {
		case known && dice < 1: // a desktop
			ticket := auth.Hash(auth.NewToken())
			w.confirmed(ticket, id)
			must(w.CollectScan(w.ctx, w.collection(ticket)))(w.t)
		case known && dice < 3:
			w.tokenDies(id)
		default:
			scope := []auth.Scope{auth.ScopeBase, auth.ScopeUserinfo}[random.IntN(2)]
			save := w.login(openID, scope)
			if dice < 9 {
				save.RefreshToken = auth.Secret(fmt.Sprintf("REFRESH %d", step))
			}
			if scope == auth.ScopeUserinfo {
				save.Profile = &auth.Profile{Nickname: []string{"小雨", "大雨", "小满", "", "小雨", "大雨", "小满", "小熊"}[random.IntN(8)]}
			}
			ids[openID] = must(w.SaveLogin(w.ctx, save))(w.t).User.ID
		}
		w.clock.pass(4 * time.Hour)
	}
}

// tokenDies has WeChat refuse somebody's token, if there is one that lives.
func (w *world) tokenDies(userID string) {
	w.t.Helper()
	token, err := w.RefreshToken(w.ctx, firstToken(userID))
	if err != nil {
		wantReason(w.t, err, auth.NeedsLogin)
		return
	}
	if err := w.MarkDead(w.ctx, firstToken(userID), token, "40030"); err != nil {
		w.t.Fatal(err)
	}
}

// naive finds the people who meet a condition, by the end of their token, with a plain
// query.
func (w *world) naive(condition string, args ...any) (openIDs []string) {
	w.t.Helper()
	rows, err := w.at.raw.QueryContext(w.ctx, "SELECT users.openid FROM users LEFT JOIN tokens ON tokens.user_id = users.id WHERE "+condition+
		" ORDER BY tokens.ends_at, users.id", args...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var openID string
		if err := rows.Scan(&openID); err != nil {
			w.t.Fatal(err)
		}
		openIDs = append(openIDs, openID)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return openIDs
}

// wantNaive checks the filters by tokens against what is found without cleverness:
// page by page, there and back, and what is counted, whatever order is asked for.
func (w *world) wantNaive(limit int) {
	w.t.Helper()
	now := w.clock.now()
	for filter, condition := range map[admin.Filter]string{
		admin.FilterNeedsLogin: fmt.Sprintf("(tokens.dead_reason IS NOT NULL OR tokens.ends_at <= %d)", now.UnixMilli()),
		admin.FilterTokenEnds: fmt.Sprintf("tokens.dead_reason IS NULL AND tokens.ends_at > %d AND tokens.ends_at <= %d",
			now.UnixMilli(), now.Add(admin.TokenEndsSoon).UnixMilli()),
	} {
		for _, search := range []string{"", "小", "熊"} {
			want := w.naive(condition+" AND users.nickname LIKE $1", "%"+search+"%")
			if len(want) < map[string]int{"": 10, "小": 3}[search] {
				w.t.Errorf("%d people of %s with %q: hardly a test", len(want), filter, search)
			}
			if len(want) == 0 {
				continue
			}
			for _, sort := range []admin.Sort{"", admin.SortLongestAgo} {
				q := admin.UserQuery{Filter: filter, Sort: sort, Search: search, Limit: limit, Total: true}
				var there, back []string
				var last admin.UserPage
				w.pages(q, forwards, func(p admin.UserPage) { there, last = append(there, openIDs(p.Users)...), p })
				if diff := cmp.Diff(want, there); diff != "" {
					w.t.Errorf("%+v: %s", q, diff)
				}
				if search == "" && last.Total != (admin.Total{N: int64(len(want))}) {
					w.t.Errorf("%+v: %+v of %d", q, last.Total, len(want))
				}
				back = openIDs(last.Users)
				if q.Cursor = last.Prev; q.Cursor != "" {
					w.pages(q, backwards, func(p admin.UserPage) { back = append(openIDs(p.Users), back...) })
				}
				if diff := cmp.Diff(want, back); diff != "" {
					w.t.Errorf("%+v, back: %s", q, diff)
				}
				if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(want)) {
					w.t.Errorf("%+v counts %d, want %d", q, n, len(want))
				}
				var all []string
				err := w.EachUser(w.ctx, q, func(u auth.User) error {
					all = append(all, u.OpenID)
					return nil
				})
				if diff := cmp.Diff(want, all); err != nil || diff != "" {
					w.t.Errorf("%+v, streamed: %v %s", q, err, diff)
				}
			}
		}
	}
}

var duePromises = map[string]func(*world){
	"whose token ends or has ended is found, who is due next first": func(w *world) {
		w.lives(rand.New(rand.NewPCG(3, 4)), 150)
		w.exec("ANALYZE users")
		if n := w.number("SELECT COUNT(*) FROM tokens WHERE dead_reason IS NOT NULL"); n < 5 {
			w.t.Errorf("%d tokens are dead: hardly a test", n)
		}
		gathered := map[bool]bool{}
		for _, search := range []string{"", "小", "熊"} {
			gathered[must(w.Gathered(w.ctx, admin.UserQuery{Filter: admin.FilterNeedsLogin, Search: search}))(w.t)] = true
		}
		if !gathered[true] || !gathered[false] {
			w.t.Errorf("gathered %v: one way is not tried", gathered)
		}
		// At the moments when somebody's token ends, and when it will in a week.
		for _, ahead := range []time.Duration{0, admin.TokenEndsSoon} {
			for _, before := range []time.Duration{time.Millisecond, 0} {
				next := w.number("SELECT MIN(ends_at) FROM tokens WHERE ends_at > $1", w.clock.now().Add(ahead).UnixMilli())
				w.clock.pass(time.UnixMilli(next).Add(-ahead - before).Sub(w.clock.now()))
				w.wantNaive(20)
			}
		}
		w.wantNaive(500)
	},
	"a page by the token's end keeps its place while tokens end and come": func(w *world) {
		var ids []string
		for i := range 9 {
			ids = append(ids, w.grants(fmt.Sprintf("o%d", i), auth.ScopeUserinfo, "R").ID)
			w.clock.pass(time.Hour)
		}
		w.clock.pass(25 * 24 * time.Hour)
		page := func(filter admin.Filter, cursor string) admin.UserPage {
			w.t.Helper()
			return must(w.Users(w.ctx, admin.UserQuery{Filter: filter, Limit: 3, Cursor: cursor}))(w.t)
		}
		want := func(p admin.UserPage, want ...string) {
			w.t.Helper()
			if diff := cmp.Diff(want, openIDs(p.Users)); diff != "" {
				w.t.Error(diff)
			}
		}
		first := page(admin.FilterTokenEnds, "")
		want(first, "o0", "o1", "o2")
		second := page(admin.FilterTokenEnds, first.Next)
		want(second, "o3", "o4", "o5")
		w.tokenDies(ids[4])
		w.grants("o3", auth.ScopeUserinfo, "R2")
		third := page(admin.FilterTokenEnds, second.Next)
		want(third, "o6", "o7", "o8")
		want(page(admin.FilterTokenEnds, third.Prev), "o1", "o2", "o5")
		want(page(admin.FilterNeedsLogin, ""), "o4")
		// Past the cursor: o5 has ended by now.
		w.clock.pass(4*24*time.Hour + 20*time.Hour)
		want(page(admin.FilterNeedsLogin, ""), "o4", "o0", "o1")
		want(page(admin.FilterTokenEnds, first.Next), "o6", "o7", "o8")
	},
}
