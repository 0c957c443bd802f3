package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// settler is somebody with a past, as the database has it.
type settler struct {
	id, openID, province, city string
	first, last, ends          int64 // ends: of the token; 0: none
	blocked                    bool
}

var hamlets = map[string][]string{"广东": {"广州", "深圳"}, "浙江": {"杭州"}, "": {""}, "Hongkong": {"", "Central"}}

// settle fills a database with people whose values are independent of one another, except
// that no last login is before the first.
func (w *world) settle(random *rand.Rand, n int) (people []settler) {
	w.t.Helper()
	start := w.clock.now().Add(-1000 * time.Hour).UnixMilli()
	provinces := []string{"广东", "浙江", "", "Hongkong"}
	for i := range n {
		openID := fmt.Sprintf("o%03d", i)
		user := w.called(openID, []string{"林", "王", "Lin"}[i%3])
		p := settler{id: user.ID, openID: openID, province: provinces[random.IntN(4)], blocked: random.IntN(4) == 0}
		p.city = hamlets[p.province][random.IntN(len(hamlets[p.province]))]
		// In whole hours, so that many share a moment.
		p.first = start + int64(random.IntN(900))*3_600_000
		p.last = p.first + int64(random.IntN(100))*3_600_000
		blocked := 0
		if p.blocked {
			blocked = 1
		}
		w.exec(`UPDATE users SET first_login_at = $1, last_login_at = $2, province = $3, city = $4, blocked = $5 WHERE id = $6`,
			p.first, p.last, p.province, p.city, blocked, p.id)
		if random.IntN(5) == 0 {
			w.exec(`DELETE FROM tokens WHERE user_id = $1`, p.id)
		} else {
			// Given at some login, it ends after 30 days, or at once when it dies.
			issued := p.first + int64(random.IntN(1+int(p.last-p.first)))
			p.ends = issued + int64(random.IntN(31))*24*3_600_000
			w.exec(`UPDATE tokens SET ends_at = $1 WHERE user_id = $2`, p.ends, p.id)
		}
		people = append(people, p)
	}
	return people
}

// of says whether a query asks for somebody, by its fields alone.
func (p settler) of(q admin.UserQuery, now int64) bool {
	in := func(at int64, span admin.Span) bool {
		return (span.From.IsZero() || at >= span.From.UnixMilli()) && (span.To.IsZero() || at < span.To.UnixMilli())
	}
	week := admin.TokenEndsSoon.Milliseconds()
	filter := map[admin.Filter]bool{
		"": true, admin.FilterBlocked: p.blocked, admin.FilterSeen7d: p.last >= now-week,
		admin.FilterNeedsLogin: p.ends != 0 && p.ends <= now, admin.FilterTokenEnds: p.ends > now && p.ends <= now+week,
	}
	return in(p.first, q.First) && in(p.last, q.Last) && (q.Province == "" || q.Province == p.province) &&
		(q.City == "" || q.City == p.city) && filter[q.Filter]
}

// at is what the order of a query goes by.
func (p settler) at(q admin.UserQuery) int64 {
	if q.Filter.ByTokenEnd() {
		return p.ends
	}
	last := strings.Contains(string(q.Sort), "last")
	if !q.First.IsZero() {
		last = false
	}
	if !q.Last.IsZero() || q.Filter == admin.FilterSeen7d && (!q.First.IsZero() || q.Province+q.City != "") {
		last = true
	}
	if last && !q.ByFirst {
		return p.last
	}
	return p.first
}

var narrowPromises = map[string]func(*world){
	"people are those of the days and the place, in every order and beside every filter": func(w *world) {
		random := rand.New(rand.NewPCG(3, 4))
		people := w.settle(random, 120)
		w.exec("ANALYZE")
		now := w.clock.now().UnixMilli()
		span := func() (span admin.Span) {
			moment := func() time.Time { return w.clock.now().Add(-time.Duration(random.IntN(1000)) * time.Hour) }
			if random.IntN(2) == 0 {
				span.From = moment()
			}
			if random.IntN(2) == 0 {
				span.To = moment()
			}
			return span
		}
		filters := []admin.Filter{"", "", admin.FilterBlocked, admin.FilterSeen7d, admin.FilterNeedsLogin, admin.FilterTokenEnds}
		gathered, some, all := 0, 0, 100
		for range all {
			q := admin.UserQuery{Filter: filters[random.IntN(len(filters))], Sort: admin.Sorts[random.IntN(4)], Limit: 5 + random.IntN(40)}
			q.ByFirst = random.IntN(4) == 0
			if q.Filter.ByTokenEnd() {
				// has neither days nor places
			} else if random.IntN(3) > 0 {
				q.First = span()
			}
			if !q.Filter.ByTokenEnd() && random.IntN(3) > 0 {
				q.Last = span()
			}
			if !q.Filter.ByTokenEnd() && random.IntN(2) == 0 {
				q.Province = []string{"广东", "浙江", "Hongkong", "火星"}[random.IntN(4)]
			}
			if !q.Filter.ByTokenEnd() && random.IntN(3) == 0 {
				q.City = []string{"广州", "杭州", "Central", "' OR 1=1 --"}[random.IntN(4)]
			}
			var want []settler
			for _, p := range people {
				if p.of(q, now) {
					want = append(want, p)
				}
			}
			slices.SortFunc(want, func(a, b settler) int {
				if q.Sort[0] == '-' && !q.Filter.ByTokenEnd() {
					a, b = b, a
				}
				return cmp.Or(cmp.Compare(a.at(q), b.at(q)), cmp.Compare(a.id, b.id))
			})
			var there, back []string
			turning := q
			for {
				page := must(w.Users(w.ctx, turning))(w.t)
				there = append(there, openIDs(page.Users)...)
				if page.Next == "" {
					if turning.Cursor = page.Prev; turning.Cursor != "" {
						w.pages(turning, backwards, func(p admin.UserPage) { back = append(openIDs(p.Users), back...) })
					}
					back = append(back, openIDs(page.Users)...)
					break
				}
				turning.Cursor = page.Next
			}
			var ids []string
			for _, p := range want {
				ids = append(ids, p.openID)
			}
			if diff := gocmp.Diff(ids, there); diff != "" {
				w.t.Errorf("%+v: %s", q, diff)
			}
			if diff := gocmp.Diff(there, back); diff != "" {
				w.t.Errorf("%+v, back: %s", q, diff)
			}
			if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(want)) {
				w.t.Errorf("%+v counts %d, want %d", q, n, len(want))
			}
			if must(w.Gathered(w.ctx, q))(w.t) {
				gathered++
			}
			if len(want) > 0 {
				some++
			}
		}
		if gathered < all/20 || gathered > all*9/10 || some < all/4 {
			w.t.Errorf("%d of %d gathered, %d find somebody: one way is hardly tried", gathered, all, some)
		}
	},
	"a filter by the end of the token takes neither days nor places": func(w *world) {
		for _, q := range []admin.UserQuery{{First: admin.Span{To: w.clock.now()}}, {Last: admin.Span{To: w.clock.now()}}, {Province: "广东"}, {City: "广州"}} {
			for _, q.Filter = range []admin.Filter{admin.FilterNeedsLogin, admin.FilterTokenEnds} {
				_, err := w.Users(w.ctx, q)
				wantReason(w.t, err, auth.BadRequest)
				_, err = w.CountUsers(w.ctx, q)
				wantReason(w.t, err, auth.BadRequest)
			}
		}
	},
	"a cursor is good for its own days and place only": func(w *world) {
		w.settle(rand.New(rand.NewPCG(5, 6)), 20)
		q := admin.UserQuery{Limit: 2, First: admin.Span{To: w.clock.now()}}
		cursor := must(w.Users(w.ctx, q))(w.t).Next
		for _, other := range []admin.UserQuery{
			{}, {First: admin.Span{To: w.clock.now().Add(time.Hour)}}, {Last: q.First}, {First: q.First, Province: "广东"}, {First: q.First, City: "广州"},
		} {
			other.Cursor = cursor
			_, err := w.Users(w.ctx, other)
			wantReason(w.t, err, auth.BadRequest)
		}
	},
	"whoever is named by an id that pages show is found": func(w *world) {
		save := w.login("o1", auth.ScopeBase)
		save.UnionID = "u1"
		user := w.signsIn(save)
		w.called("o2", "Zed")
		failed := pending(w.login("o1", auth.ScopeBase))
		if claimed := must(w.ClaimLogin(w.ctx, failed))(w.t); !claimed {
			w.t.Fatal("not claimed")
		}
		failed.Outcome, failed.Reason, failed.UserID, failed.RequestID, failed.FinishedAt = auth.Failed, auth.Blocked, user.ID, "00c0ffee00c0ffee", w.clock.now()
		if err := w.FinishLogin(w.ctx, failed); err != nil {
			w.t.Fatal(err)
		}
		for _, name := range []string{user.ID, "o1", "u1", save.Session.ID, failed.RequestID} {
			w.wantFound(name, "o1")
			w.wantFound(" "+name+"\n", "o1")
			if got := w.found(admin.UserQuery{Search: name, Sort: admin.SortLastSeen, Filter: admin.FilterBlocked}); got != nil {
				w.t.Errorf("%q finds %v among the blocked", name, got)
			}
			w.wantFound(name[:len(name)-1])
		}
		w.wantFound(save.Session.TokenHash)
	},
	"a failure is found by its request, and nothing else is": func(w *world) {
		save := w.login("o1", auth.ScopeBase)
		save.Login.RequestID = "1111111111111111"
		w.signsIn(save)
		failed := pending(w.login("o2", auth.ScopeBase))
		must(w.ClaimLogin(w.ctx, failed))(w.t)
		failed.Outcome, failed.Reason, failed.RequestID, failed.FinishedAt = auth.Failed, auth.Snapshot, "2222222222222222", w.clock.now()
		if err := w.FinishLogin(w.ctx, failed); err != nil {
			w.t.Fatal(err)
		}
		failed.SessionHash = ""
		if diff := gocmp.Diff([]auth.Login{read(failed)}, must(w.FailedLogins(w.ctx, failed.RequestID))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		for _, other := range []string{"", "1111111111111111", "3333333333333333", "222222222222222%"} {
			if found := must(w.FailedLogins(w.ctx, other))(w.t); len(found) > 0 {
				w.t.Errorf("%q finds %+v", other, found)
			}
		}
	},
	"entries are found by the name of the person that they are by or about": func(w *world) {
		lin := w.called("o1", "林小雨🌸")
		other := w.called("o2", "王小明")
		save := w.login("o1", auth.ScopeBase)
		must(w.SaveLogin(w.ctx, save))(w.t)
		all := w.addEvents(5, func(i int) admin.Event {
			switch i {
			case 0:
				return w.event(admin.ActBlock, lin.ID)
			case 1:
				return w.event(admin.ActBlock, other.ID)
			case 2:
				return w.event(admin.ActGrant, "o1")
			case 3:
				e := w.event(admin.ActErase, "gone")
				e.Actor = lin.ID
				return e
			}
			return w.event(admin.ActLinkMade, "")
		})
		slices.Reverse(all) // oldest first
		lins := []admin.Event{all[3], all[2], all[0]}
		for who, want := range map[string][]admin.Event{
			"林": lins, "小雨🌸": lins, "o1": lins, lin.ID: lins, " 林小雨🌸 ": lins, save.Session.ID: lins,
			"小": {all[3], all[2], all[1], all[0]}, "gone": {all[3]}, "雨小": nil, "%": nil, admin.ActorLink: {all[4], all[2], all[1], all[0]},
		} {
			if diff := gocmp.Diff(want, bare(must(w.Events(w.ctx, admin.EventQuery{Who: who}))(w.t).Events)); diff != "" {
				w.t.Errorf("%q: %s", who, diff)
			}
		}
		first := must(w.Events(w.ctx, admin.EventQuery{Who: "小", Limit: 3}))(w.t)
		second := must(w.Events(w.ctx, admin.EventQuery{Who: "小", Limit: 3, Cursor: first.Next}))(w.t)
		if diff := gocmp.Diff([]admin.Event{all[0]}, bare(second.Events)); diff != "" {
			w.t.Error(diff)
		}
	},
	"a name that too many people have finds no entries, and says so": func(w *world) {
		for i := range 21 {
			w.called(fmt.Sprintf("o%02d", i), "小雨")
		}
		_, err := w.Events(w.ctx, admin.EventQuery{Who: "雨"})
		wantReason(w.t, err, auth.BadRequest)
		if !errors.Is(err, admin.ErrTooMany) {
			w.t.Errorf("%v", err)
		}
		must(w.Events(w.ctx, admin.EventQuery{Who: "o07"}))(w.t)
		err = w.EachEvent(w.ctx, admin.EventQuery{Who: "雨"}, func(admin.NamedEvent) error { return nil })
		wantReason(w.t, err, auth.BadRequest)
	},
}
