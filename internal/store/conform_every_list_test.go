package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// door is an identity of a towner.
type door struct {
	appID, openID string
	ends          int64 // of its token; 0: none
	follows       any   // 1, 0, or nil: nobody knows
}

// towner is somebody as the tables have them.
type towner struct {
	id, unionID, nickname, province string
	doors                           []door // the first one first
	first, last                     int64
	blocked, profile, granted       bool
}

// insert adds rows in one statement.
func (w *world) insert(table, columns string, rows [][]any) {
	w.t.Helper()
	width := strings.Count(columns, ",") + 1
	for some := range slices.Chunk(rows, 20_000/width) {
		var text strings.Builder
		var args []any
		for _, row := range some {
			text.WriteString(map[bool]string{true: "(", false: ", ("}[text.Len() == 0])
			for i, value := range row {
				args = append(args, value)
				fmt.Fprintf(&text, "%s$%d", map[bool]string{true: "", false: ", "}[i == 0], len(args))
			}
			text.WriteString(")")
		}
		w.exec("INSERT INTO "+table+" ("+columns+") VALUES "+text.String(), args...)
	}
}

// townOf fills a database with people of up to three identities, of accounts that many
// have, few, of late and of old; many of them share their moments.
func (w *world) townOf(random *rand.Rand, n int) (people []towner) {
	w.t.Helper()
	hour := time.Hour.Milliseconds()
	start := w.clock.now().UnixMilli() - 1000*hour
	maybe := func(oneIn int) bool { return random.IntN(oneIn) == 0 }
	var users, tokens, identities, identityTokens, followers, admins [][]any
	for i := range n {
		p := towner{id: fmt.Sprintf("%016x", random.Uint64()), nickname: []string{"林小雨", "王", "Lin", "王伟", ""}[random.IntN(5)], province: []string{"", "", "广东", "浙江"}[random.IntN(4)]}
		p.first = start + int64(i*1000/n)*hour
		p.last = p.first + int64(random.Float64()*random.Float64()*float64(1000-i*1000/n))*hour
		p.blocked, p.profile, p.granted = maybe(9), !maybe(3), maybe(40)
		if maybe(50) {
			p.nickname = "欧奇"
		}
		if !maybe(3) {
			p.unionID = fmt.Sprintf("union%d", i)
		}
		for nth := range 1 + random.IntN(3) {
			account := []string{appID, "wxmost", "wxmost", "wxmost", "wxolder", "wxnewer"}[random.IntN(6)]
			switch { // but at other times
			case account == "wxolder" && i > n/3, account == "wxnewer" && i < n*2/3:
				account = "wxmost"
			case maybe(100):
				account = "wxfew"
			}
			d := door{appID: account, openID: fmt.Sprintf("o%d-%d", i, nth), follows: []any{nil, 0, 1}[random.IntN(3)]}
			if !maybe(4) {
				d.ends = w.clock.now().UnixMilli() + int64(random.IntN(700)-300)*hour
			}
			if nth > 0 && maybe(3) { // at the same moment
				d.ends = p.doors[0].ends
			}
			p.doors = append(p.doors, d)
			further := fmt.Sprintf("%016x", random.Uint64())
			if nth > 0 {
				identities = append(identities, []any{further, p.id, d.appID, d.openID, "snsapi_base", p.first, p.last, 1, "link", 1})
			}
			switch {
			case d.ends == 0:
			case nth == 0:
				tokens = append(tokens, []any{p.id, "snsapi_base", "sealed", "k1", 0, d.ends})
			default:
				identityTokens = append(identityTokens, []any{further, "snsapi_base", "sealed", "k1", 0, d.ends})
			}
			if nth == 0 {
				further = ""
			}
			followers = append(followers, []any{p.id, further, d.follows, "", 1})
		}
		row := []any{p.id, p.doors[0].appID, p.doors[0].openID, nil, p.nickname, p.province, "snsapi_base", 0, p.first, p.last, nil, 1}
		if p.unionID != "" {
			row[3] = p.unionID
		}
		if p.blocked {
			row[7] = 1
		}
		if p.profile {
			row[10] = p.first
		}
		if p.granted {
			admins = append(admins, []any{p.doors[0].appID, p.doors[0].openID, 1})
		}
		users, people = append(users, row), append(people, p)
	}
	w.insert("users", "id, appid, openid, unionid, nickname, province, scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count", users)
	w.insert("identities", "id, user_id, appid, openid, scope, first_login_at, last_login_at, login_count, linked, linked_at", identities)
	w.insert("tokens", "user_id, scope, refresh_token, kid, issued_at, ends_at", tokens)
	w.insert("identity_tokens", "identity_id, scope, refresh_token, kid, issued_at, ends_at", identityTokens)
	w.insert("followers", "user_id, identity_id, follows, scene, checked_at", followers)
	w.insert("admins", "appid, openid, granted_at", admins)
	w.exec("ANALYZE")
	return people
}

// ends is when the token ends that counts for a query; 0: none does.
func (p towner) ends(q admin.UserQuery, now int64) (ends int64) {
	for _, d := range p.doors {
		of := d.ends != 0 && (q.AppID == "" || d.appID == q.AppID)
		switch q.Filter {
		case admin.FilterNeedsLogin:
			of = of && d.ends <= now
		case admin.FilterTokenEnds:
			of = of && d.ends > now && d.ends <= now+admin.TokenEndsSoon.Milliseconds()
		}
		if of && (ends == 0 || d.ends < ends) {
			ends = d.ends
		}
	}
	return ends
}

func (p towner) follows(answer int) bool {
	return slices.ContainsFunc(p.doors, func(d door) bool { return d.follows == answer })
}

// of says whether a query asks for somebody.
func (p towner) of(q admin.UserQuery, now int64) bool {
	day := int64(24 * 3_600_000)
	in := func(at int64, span admin.Span) bool {
		return (span.From.IsZero() || at >= span.From.UnixMilli()) && (span.To.IsZero() || at < span.To.UnixMilli())
	}
	filter := map[admin.Filter]bool{
		admin.FilterNone: true, admin.FilterBlocked: p.blocked, admin.FilterAdmin: p.granted, admin.FilterProfile: p.profile, admin.FilterOpenID: !p.profile,
		admin.FilterNoUnionID: p.unionID == "", admin.FilterSubscribed: p.follows(1), admin.FilterUnsubscribed: p.follows(0) && !p.follows(1),
		admin.FilterNeedsLogin: p.ends(q, now) != 0, admin.FilterTokenEnds: p.ends(q, now) != 0,
		admin.FilterSeen7d: p.last >= now-7*day, admin.FilterSeen30d: p.last >= now-30*day,
	}
	named := strings.Contains(strings.ToLower(p.nickname), strings.ToLower(q.Search)) || p.id == q.Search || p.unionID == q.Search ||
		slices.ContainsFunc(p.doors, func(d door) bool { return d.openID == q.Search })
	return filter[q.Filter] && named && (q.AppID == "" || slices.ContainsFunc(p.doors, func(d door) bool { return d.appID == q.AppID })) &&
		in(p.first, q.First) && in(p.last, q.Last) && (q.Province == "" || q.Province == p.province)
}

// at is what the order of a query goes by.
func (p towner) at(q admin.UserQuery, now int64) int64 {
	switch {
	case q.Filter.ByTokenEnd():
		return p.ends(q, now)
	case q.Order() == admin.SortNewest || q.Order() == admin.SortOldest:
		return p.first
	}
	return p.last
}

// whoever asks, at random.
func (w *world) askAtRandom(random *rand.Rand, people []towner) admin.UserQuery {
	somebody := people[random.IntN(len(people))]
	q := admin.UserQuery{
		AppID:  []string{"", "", appID, "wxmost", "wxolder", "wxnewer", "wxfew", "wxnobody"}[random.IntN(8)],
		Filter: admin.Filters[random.IntN(len(admin.Filters))], Sort: admin.Sorts[random.IntN(len(admin.Sorts))],
		Search:  []string{"", "", "", "王", "in", "小雨", "欧奇", somebody.doors[len(somebody.doors)-1].openID, somebody.unionID, "nobody"}[random.IntN(10)],
		ByFirst: random.IntN(5) == 0, Limit: 7 + random.IntN(60),
	}
	if q.Filter.ByTokenEnd() {
		return q // has neither days nor places
	}
	// The very moment at which somebody came: it is the edge that counts.
	at := func() time.Time {
		p := people[random.IntN(len(people))]
		return time.UnixMilli([]int64{p.first, p.last}[random.IntN(2)])
	}
	switch random.IntN(8) {
	case 0:
		q.First.From = at()
	case 1:
		q.First.To = at()
	case 2:
		q.Last.From = at()
	case 3:
		q.Last.To = at()
	case 4:
		q.Province = []string{"广东", "浙江", "火星"}[random.IntN(3)]
	}
	return q
}

var everyListPromises = map[string]func(*world){
	"for any combination of conditions, the pages have the people who match, in order, forward and back": func(w *world) {
		random := rand.New(rand.NewPCG(7, 8))
		people := w.townOf(random, 400)
		now := w.clock.now().UnixMilli()
		some, all := 0, 150
		for range all {
			q := w.askAtRandom(random, people)
			want := slices.DeleteFunc(slices.Clone(people), func(p towner) bool { return !p.of(q, now) })
			slices.SortFunc(want, func(a, b towner) int {
				if q.Order()[0] == '-' && !q.Filter.ByTokenEnd() {
					a, b = b, a
				}
				return cmp.Or(cmp.Compare(a.at(q, now), b.at(q, now)), cmp.Compare(a.id, b.id))
			})
			var ids []string
			for _, p := range want {
				ids = append(ids, p.id)
			}
			if diff := gocmp.Diff(ids, w.turns(q)); diff != "" {
				w.t.Errorf("%+v: %s", q, diff)
			}
			var streamed []string
			if err := w.EachUser(w.ctx, q, func(u auth.User) error {
				streamed = append(streamed, u.ID)
				return nil
			}); err != nil || !slices.Equal(ids, streamed) {
				w.t.Errorf("%+v: %d people are streamed of %d, %v", q, len(streamed), len(ids), err)
			}
			if len(want) > q.Limit {
				some++
			}
		}
		if some < all/8 {
			w.t.Errorf("%d of %d have a second page", some, all)
		}
	},
}
