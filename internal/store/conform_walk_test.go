package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// lives has people come and go as they like for a hundred days. Some tokens die.
func (w *world) lives(random *rand.Rand, people int) {
	w.t.Helper()
	ids := map[string]string{}
	const steps = 100 * 24 / 3
	for step := range steps {
		for range (people*2 + steps - 1) / steps {
			openID := fmt.Sprintf("o%04d", random.IntN(people))
			id, known := ids[openID]
			switch dice := random.IntN(10); {
			case known && dice < 1: // a desktop
				ticket := auth.Hash(auth.NewToken())
				w.confirmed(ticket, id)
				must(w.CollectScan(w.ctx, w.collection(ticket)))(w.t)
			case known && dice < 3:
				w.exec("UPDATE tokens SET dead_reason = '40030', due_at = NULL WHERE user_id = $1", id)
			default:
				scope := []auth.Scope{auth.ScopeBase, auth.ScopeUserinfo}[random.IntN(2)]
				save := w.login(openID, scope)
				if dice < 9 {
					save.RefreshToken = auth.Secret(fmt.Sprintf("REFRESH %d", step))
				}
				if scope == auth.ScopeUserinfo {
					save.Profile = &auth.Profile{Nickname: []string{"小雨", "大雨", "小满", ""}[random.IntN(4)]}
				}
				ids[openID] = must(w.SaveLogin(w.ctx, save))(w.t).ID
			}
		}
		w.clock.pass(3 * time.Hour)
	}
}

// naive is who fulfils a condition, in the order, found without any cleverness.
func (w *world) naive(condition string, sort admin.Sort, args ...any) (openIDs []string) {
	w.t.Helper()
	column, down := strings.CutPrefix(string(sort), "-")
	direction := map[bool]string{false: " ASC", true: " DESC"}[down]
	rows, err := w.at.raw.QueryContext(w.ctx, "SELECT users.openid FROM users LEFT JOIN tokens ON tokens.user_id = users.id WHERE "+condition+
		" ORDER BY users."+column+direction+", users.id"+direction, args...)
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

// wantNaive checks filters by tokens against what is found without cleverness: in
// every order, page by page, there and back, and what is counted.
func (w *world) wantNaive(limit int) {
	w.t.Helper()
	now := w.clock.now()
	for filter, condition := range map[admin.Filter]string{
		admin.FilterNeedsLogin: fmt.Sprintf("(tokens.dead_reason IS NOT NULL OR tokens.ends_at <= %d)", now.UnixMilli()),
		admin.FilterTokenEnds: fmt.Sprintf("tokens.dead_reason IS NULL AND tokens.ends_at > %d AND tokens.ends_at <= %d",
			now.UnixMilli(), now.Add(admin.TokenEndsSoon).UnixMilli()),
	} {
		for _, search := range []string{"", "小"} {
			for _, sort := range admin.Sorts {
				q := admin.UserQuery{Filter: filter, Sort: sort, Search: search, Limit: limit, Total: true}
				want := w.naive(condition+" AND users.nickname LIKE $1", sort, "%"+search+"%")
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

// wantSome checks that a case occurs at all.
func (w *world) wantSome(least int64, what, condition string, args ...any) {
	w.t.Helper()
	n := w.number("SELECT COUNT(*) FROM users JOIN tokens ON tokens.user_id = users.id WHERE "+condition, args...)
	if n < least {
		w.t.Errorf("%d people %s: hardly a test", n, what)
	}
}

var walkPromises = map[string]func(*world){
	"whose token ends or has ended is found in every order": func(w *world) {
		random := rand.New(rand.NewPCG(3, 4))
		w.lives(random, 1000)
		w.exec("ANALYZE users")
		now, month := w.clock.now().UnixMilli(), w.clock.ago(30*24*time.Hour).UnixMilli()
		w.wantSome(10, "came again, and their token has ended", "tokens.ends_at <= $1 AND users.last_login_at > $2 AND tokens.dead_reason IS NULL", now, month)
		w.wantSome(10, "came again, and their token ends soon", "tokens.ends_at > $1 AND tokens.ends_at <= $2 AND users.last_login_at > tokens.issued_at", now, w.clock.now().Add(admin.TokenEndsSoon).UnixMilli())
		w.wantSome(10, "have a dead token that would live", "tokens.ends_at > $1 AND tokens.dead_reason IS NOT NULL", now)
		for _, filter := range []admin.Filter{admin.FilterNeedsLogin, admin.FilterTokenEnds} {
			if must(w.Gathered(w.ctx, admin.UserQuery{Filter: filter}))(w.t) {
				w.t.Errorf("%s is not walked", filter)
			}
		}
		// At the moments when somebody's token ends, and when it will in a week.
		moment := func(ahead time.Duration, which string) {
			next := w.number("SELECT MIN(ends_at) FROM tokens WHERE ends_at > $1 AND dead_reason IS NULL AND "+which, w.clock.now().Add(ahead).UnixMilli())
			w.clock.pass(time.UnixMilli(next).Add(-ahead).Sub(w.clock.now()))
		}
		moment(time.Millisecond, "COALESCE(login_at, issued_at) = issued_at")
		w.wantNaive(60)
		moment(0, "COALESCE(login_at, issued_at) = issued_at")
		w.wantNaive(500)
		moment(0, "login_at <> issued_at")
		w.wantNaive(500)
		w.clock.pass(11 * 24 * time.Hour)
		moment(admin.TokenEndsSoon, "COALESCE(login_at, issued_at) = issued_at")
		w.wantNaive(67)
		// Very many die at once.
		w.exec("UPDATE tokens SET dead_reason = 'damaged' WHERE user_id IN (SELECT id FROM users WHERE openid LIKE '%0' OR openid LIKE '%7')")
		w.wantNaive(80)
	},
	"what a login keeps of a token is known by the time it is answered": func(w *world) {
		kept := func(openID string, want any) {
			w.t.Helper()
			wanted := fmt.Sprint(want)
			if got := w.text("SELECT CASE WHEN login_at <> issued_at THEN CAST(login_at AS TEXT) ELSE 'no' END FROM tokens JOIN users ON users.id = tokens.user_id WHERE openid = $1", openID); got != wanted {
				w.t.Errorf("%s: kept %s, want %s", openID, got, wanted)
			}
		}
		sign := func(scope auth.Scope, token auth.Secret) auth.User {
			save := w.login("o1", scope)
			save.RefreshToken = token
			return w.signsIn(save)
		}
		sign(auth.ScopeUserinfo, "R1")
		kept("o1", "no")
		w.clock.pass(time.Hour)
		sign(auth.ScopeBase, "R2")
		kept("o1", w.clock.now().UnixMilli())
		w.clock.pass(time.Hour)
		user := sign(auth.ScopeUserinfo, "R3")
		kept("o1", "no")
		w.clock.pass(time.Hour)
		w.confirmed("t", user.ID)
		must(w.CollectScan(w.ctx, w.collection("t")))(w.t)
		kept("o1", w.clock.now().UnixMilli())
		w.clock.pass(31 * 24 * time.Hour)
		sign(auth.ScopeBase, "")
		kept("o1", w.clock.now().UnixMilli())
		w.clock.pass(time.Hour)
		sign(auth.ScopeBase, "R4") // opens no profile, so the dead one stays
		kept("o1", w.clock.now().UnixMilli())
		w.clock.pass(-time.Minute) // a clock that went wrong
		sign(auth.ScopeBase, "")
		kept("o1", w.clock.now().UnixMilli())
	},
}
