package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// company are people of three accounts, some of them with identities of several, and of two
// of one account; each with tokens that end at some time.
func (w *world) company(n int) (all []auth.User) {
	w.t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	accounts := []string{shopID, websiteID, otherID}
	for i := range n {
		w.clock.pass(8 * time.Hour)
		save := w.login(fmt.Sprintf("o%d", i), auth.ScopeUserinfo)
		save.Login.AppID, save.Profile, save.RefreshToken = accounts[i%3], &lin, "T"
		w.signsIn(save)
		user := must(w.UserByOpenID(w.ctx, save.Login.AppID, save.OpenID))(w.t)
		if i > 3 && random.IntN(3) == 0 {
			kept := all[random.IntN(len(all))]
			w.wantJoined(kept, user)
			continue
		}
		all = append(all, user)
	}
	for i, user := range all {
		w.exec(`UPDATE users SET last_login_at = $2 WHERE id = $1`, user.ID, w.clock.ago(time.Duration(random.Float64()*float64(w.clock.now().Sub(user.FirstLoginAt)))).UnixMilli())
		ends := func() int64 { return w.clock.now().Add(time.Duration(random.IntN(600)-300) * time.Hour).UnixMilli() }
		w.exec(`UPDATE tokens SET ends_at = $2 WHERE user_id = $1`, user.ID, ends())
		for _, further := range w.rows("identities", "CASE user_id WHEN '"+user.ID+"' THEN id ELSE '' END", "id") {
			if further != "" {
				w.exec(`UPDATE identity_tokens SET ends_at = $2 WHERE identity_id = $1`, further, ends())
			}
		}
		if i%7 == 0 {
			w.exec(`UPDATE users SET blocked = 1 WHERE id = $1`, user.ID)
		}
		if i%5 == 0 || user.AppID == otherID {
			w.exec(`DELETE FROM tokens WHERE user_id = $1`, user.ID)
		}
		if i%4 == 1 {
			w.exec(`UPDATE users SET province = '广东' WHERE id = $1`, user.ID)
		}
		if i%3 == 2 { // they have told their name themselves, or none
			w.exec(`UPDATE users SET profile_updated_at = NULL, nickname = $2 WHERE id = $1`, user.ID, map[bool]string{true: lin.Nickname}[i%2 == 0])
		}
	}
	return all
}

// turns reads all pages of a query, forwards and back again.
func (w *world) turns(q admin.UserQuery) (ids []string) {
	w.t.Helper()
	q.Limit = cmp.Or(q.Limit, 6)
	var backwards []string
	prev := ""
	for {
		page := must(w.Users(w.ctx, q))(w.t)
		for _, user := range page.Users {
			ids = append(ids, user.ID)
		}
		if page.Next == "" {
			prev = page.Prev
			for _, user := range slices.Backward(page.Users) {
				backwards = append(backwards, user.ID)
			}
			break
		}
		q.Cursor = page.Next
	}
	for prev != "" {
		q.Cursor = prev
		page := must(w.Users(w.ctx, q))(w.t)
		for _, user := range slices.Backward(page.Users) {
			backwards = append(backwards, user.ID)
		}
		prev = page.Prev
	}
	slices.Reverse(backwards)
	if !slices.Equal(ids, backwards) {
		w.t.Errorf("%+v: back %d other people than on, %d", q, len(backwards), len(ids))
	}
	q.Cursor = ""
	if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(ids)) {
		w.t.Errorf("%+v: %d people are counted of %d", q, n, len(ids))
	}
	return ids
}

var accountPromises = map[string]func(*world){
	"people of an account are listed in every order, with every filter, once each": func(w *world) {
		all := w.company(40)
		now := w.clock.now()
		of := func(user auth.User, appID string) bool {
			return slices.ContainsFunc(user.AllIdentities(), func(i auth.Identity) bool { return i.AppID == appID })
		}
		for i, user := range all {
			all[i] = must(w.User(w.ctx, user.ID))(w.t)
		}
		for _, appID := range []string{shopID, websiteID, otherID, "wx0000000000000000", ""} {
			for _, filter := range []admin.Filter{"", admin.FilterBlocked, admin.FilterOpenID, admin.FilterSeen7d} {
				for _, sort := range admin.Sorts {
					for _, q := range []admin.UserQuery{{}, {Search: lin.Nickname[:3]}, {First: admin.Span{From: now.Add(-200 * time.Hour)}}, {Last: admin.Span{To: now.Add(-200 * time.Hour)}}, {Province: "广东"}} {
						q.AppID, q.Filter, q.Sort, q.Limit = appID, filter, sort, 12
						want := slices.Clone(all)
						want = slices.DeleteFunc(want, func(u auth.User) bool {
							return appID != "" && !of(u, appID) || filter == admin.FilterOpenID && !u.ProfileUpdatedAt.IsZero() || !strings.Contains(u.Profile.Nickname, q.Search) || q.Province != "" && u.Profile.Province != q.Province || filter == admin.FilterBlocked && !u.Blocked || filter == admin.FilterSeen7d && u.LastLoginAt.Before(now.Add(-7*24*time.Hour)) ||
								!q.First.From.IsZero() && u.FirstLoginAt.Before(q.First.From) || !q.Last.To.IsZero() && !u.LastLoginAt.Before(q.Last.To)
						})
						slices.SortFunc(want, func(a, b auth.User) int {
							by := map[bool]int{true: a.FirstLoginAt.Compare(b.FirstLoginAt), false: a.LastLoginAt.Compare(b.LastLoginAt)}[q.Order() == admin.SortNewest || q.Order() == admin.SortOldest]
							if by == 0 {
								by = map[bool]int{true: -1, false: 1}[a.ID < b.ID]
							}
							if q.Order()[0] == '-' {
								by = -by
							}
							return by
						})
						var ids []string
						for _, user := range want {
							ids = append(ids, user.ID)
						}
						if got := w.turns(q); !slices.Equal(got, ids) {
							w.t.Errorf("%+v: %d people, want %d", q, len(got), len(ids))
						}
					}
				}
			}
		}
	},
	"the filters of tokens go by all identities, and for one account by its own": func(w *world) {
		all := w.company(40)
		now := w.clock.now()
		for _, appID := range []string{"", shopID, websiteID, otherID} { // the last has no tokens of its first identities
			for filter, within := range map[admin.Filter]admin.Span{admin.FilterNeedsLogin: {To: now}, admin.FilterTokenEnds: {From: now, To: now.Add(admin.TokenEndsSoon)}} {
				ends := make(map[string]time.Time)
				for _, user := range all {
					for _, i := range must(w.Identities(w.ctx, user.ID))(w.t) {
						at := time.Time{}
						if i.Token != nil && (appID == "" || i.AppID == appID) {
							at = i.Token.EndsAt
						}
						if at.IsZero() || at.After(within.To) || !within.From.IsZero() && !at.After(within.From) {
							continue
						}
						if first, ok := ends[user.ID]; !ok || at.Before(first) {
							ends[user.ID] = at
						}
					}
				}
				for _, q := range []admin.UserQuery{{}, {Search: lin.Nickname[:3]}} {
					q.Filter, q.AppID = filter, appID
					for id := range ends {
						if !strings.Contains(must(w.User(w.ctx, id))(w.t).Profile.Nickname, q.Search) {
							delete(ends, id)
						}
					}
					got := w.turns(q)
					if len(got) != len(ends) || len(ends) == 0 && appID != otherID {
						w.t.Errorf("%+v: %d people, want %d", q, len(got), len(ends))
					}
					sorted := slices.IsSortedFunc(got, func(a, b string) int {
						return ends[a].Compare(ends[b])
					})
					if !sorted {
						w.t.Errorf("%+v is not in the order of the ends", q)
					}
				}
			}
		}
		activity := must(w.Activity(w.ctx, now.Add(-time.Hour)))(w.t)
		if page := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterTokenEnds}))(w.t); page.Total != activity.EndingTokens {
			w.t.Errorf("the list has %+v, the dashboard %+v", page.Total, activity.EndingTokens)
		}
	},
}
