package store_test

import (
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
)

// twice fills a database with people of two accounts each. Every second one follows an
// account; half of all came before the cursor of Statements.
func (w *world) twice(n int) {
	w.t.Helper()
	for _, insert := range []string{
		`INSERT INTO users (id, appid, openid, unionid, scope, province, blocked, first_login_at, last_login_at, profile_updated_at, login_count)
			SELECT 'id' || i, '` + appID + `', 'o' || i, 'u' || i, 'snsapi_base', CASE WHEN i % 4 = 0 THEN '广东' ELSE '' END, 0, i - $1 / 2, i - $1 / 2 + i % 50, CASE WHEN i % 3 > 0 THEN 1 END, 2
			FROM generate_series(1, CAST($1 AS BIGINT)) AS i`,
		`INSERT INTO tokens (user_id, appid, scope, refresh_token, kid, issued_at, ends_at) SELECT id, appid, scope, 'sealed', 'k1', 0, last_login_at FROM users WHERE $1 > 0`,
		`INSERT INTO identities (id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
			SELECT 'further' || id, id, 'wxmost', openid, unionid, scope, first_login_at, last_login_at, 1, 'unionid', 1 FROM users WHERE $1 > 0`,
		`INSERT INTO identity_tokens (identity_id, appid, scope, refresh_token, kid, issued_at, ends_at) SELECT id, appid, scope, 'sealed', 'k1', 0, last_login_at FROM identities WHERE $1 > 0`,
		`INSERT INTO followers (user_id, identity_id, follows, scene, checked_at) SELECT user_id, id, login_count % 2, '', 1 FROM identities WHERE $1 > 0 AND first_login_at % 2 = 0`,
		`INSERT INTO followers (user_id, identity_id, follows, scene, checked_at) SELECT user_id, id, 0, '', 1 FROM identities WHERE $1 > 0 AND first_login_at % 2 <> 0`,
	} {
		w.exec(insert, n)
	}
	w.exec("VACUUM ANALYZE")
}

// Whatever the admin pages ask for, PostgreSQL goes through the order of it and looks up
// what else is asked for, person by person, until the page is full: it neither reads a
// table nor joins all of two.
func TestNoPlanOfAListReadsTheWholeTableOnPostgres(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgresEngine)
	w.twice(10_000)
	// The filters that match many people; few would be gathered instead.
	filters := []admin.Filter{admin.FilterNone, admin.FilterProfile, admin.FilterSubscribed, admin.FilterUnsubscribed, admin.FilterNeedsLogin, admin.FilterTokenEnds}
	for _, appID := range []string{"", appID, "wxmost"} {
		for _, filter := range filters {
			for _, sort := range admin.Sorts {
				for _, q := range []admin.UserQuery{{}, {Search: "小雨"}, {Province: "广东"}, {Last: admin.Span{From: time.UnixMilli(5)}}} {
					if filter.ByTokenEnd() && (q.Narrowed() || sort != admin.SortNewest) {
						continue
					}
					q.AppID, q.Filter, q.Sort = appID, filter, sort
					for _, s := range must(w.Statements(w.ctx, q))(t) {
						// Whom a search or an account lists is read whole, when they are few.
						if !s.Scan || strings.Contains(s.Text, "users.id IN (SELECT") {
							continue
						}
						plan := strings.Join(w.planned("EXPLAIN ", s), "\n")
						for _, whole := range []string{"Seq Scan on users", "Seq Scan on identities", "Seq Scan on identity_tokens", "Seq Scan on tokens", "Seq Scan on followers", "Hash Join", "Hash Anti Join", "Hash Semi Join", "Merge Join", "hashed SubPlan"} {
							if strings.Contains(plan, whole) {
								t.Fatalf("%+v: %s\n%s\n%s", q, whole, s.Text, plan)
							}
						}
					}
				}
			}
		}
	}
}

// What a list asks for is planned for its own days, places and cursor, however often it
// has been asked for: a statement that was prepared is planned for any.
func TestListsArePlannedForWhatTheyAskOnPostgres(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgresEngine)
	for range 3 {
		if n := must(w.Prepared(w.ctx))(t); n != 0 {
			t.Errorf("%d statements are prepared", n)
		}
	}
}

// On PostgreSQL, a person who is named in full or has a rare nickname is looked up among
// many.
func TestSearchReadsFewOnPostgres(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgresEngine)
	w.bulk(5000)
	w.called("o1", "林小雨")
	w.exec("ANALYZE")
	for _, sort := range admin.Sorts {
		for _, search := range []string{"bulk2500", "id2500", "小雨", "longer than eight", "o1"} {
			gathers := 0
			for _, s := range must(w.Statements(w.ctx, admin.UserQuery{Sort: sort, Search: search}))(t) {
				if s.Scan {
					continue // in the order, until the page is full
				}
				gathers++
				if plan := strings.Join(w.planned("EXPLAIN ", s), "\n"); strings.Contains(plan, "Seq Scan on users") {
					t.Errorf("%q reads everybody:\n%s\n%s", search, s.Text, plan)
				}
			}
			if gathers == 0 {
				t.Errorf("%q is not gathered", search)
			}
		}
	}
}

// On PostgreSQL, people of a place are found by its index, not by a scan past everybody
// who has come since WeChat stopped giving places.
func TestPlacesReadTheirOwnOnPostgres(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgresEngine)
	w.bulk(7500)
	w.exec(`UPDATE users SET avatar_url = repeat('x', 300), city = '广州',
		province = (ARRAY['广东', '广东', '江苏', '浙江', '四川', '青海'])[1 + first_login_at * 7919 % 6] WHERE first_login_at < 750`)
	w.exec("CLUSTER users USING users_by_first_login") // as they have come
	w.exec("ANALYZE")
	day := admin.Span{From: time.UnixMilli(5), To: time.UnixMilli(900)}
	for _, sort := range admin.Sorts {
		for _, q := range []admin.UserQuery{
			{Province: "广东"}, {City: "广州"}, {Province: "浙江"}, {City: "火星"}, {Province: "广东", City: "广州"}, {Province: "广东", First: day}, {City: "广州", Last: day},
		} {
			q.Sort = sort
			for _, s := range must(w.Statements(w.ctx, q))(t) {
				plan := strings.Join(w.planned("EXPLAIN ", s), "\n")
				if s.Scan && (strings.Contains(plan, "Sort") || !strings.Contains(plan, "users_by_province") && !strings.Contains(plan, "users_by_city")) {
					t.Errorf("%+v goes past people of other places:\n%s\n%s", q, s.Text, plan)
				}
			}
		}
	}
}
