package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/admin"
	"wxlogin/internal/store"
	"wxlogin/internal/store/list"
)

// Whatever the admin pages ask for, SQLite goes through all people only in the order
// that is asked for, and sorts only what an index has picked.
func TestNoPlanReadsTheWholeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	w.called("o1", "林小雨")
	for _, filter := range admin.Filters {
		for _, sort := range admin.Sorts {
			for _, search := range []string{"", "雨", "小雨", "longer than eight", "o1"} {
				q := admin.UserQuery{Filter: filter, Sort: sort, Search: search}
				index := "users_by_" + strings.TrimSuffix(strings.TrimPrefix(string(sort), "-"), "_at")
				for _, s := range must(w.Statements(w.ctx, q))(t) {
					if filter.ByTokenEnd() && s.Scan {
						w.wantStream(s, "tokens_by_end", "identity_tokens_by_end")
						continue
					}
					for i, step := range w.plan(s) {
						if i == 0 && s.From && !(strings.Contains(step, index) && strings.Contains(step, "id)")) {
							t.Errorf("%+v does not begin at the cursor: %s\n%s", q, step, s.Text)
						}
						sorts, reads := strings.Contains(step, "ORDER BY"), strings.HasPrefix(step, "SCAN") && !small(step)
						if s.Scan && (sorts || reads && !strings.Contains(step, index)) || !s.Scan && reads {
							t.Errorf("%+v: %s\n%s", q, step, s.Text)
						}
					}
				}
			}
		}
	}
}

// wantStream fails unless a statement goes through one of two indexes in its order, from
// the cursor on if it has one.
func (w *world) wantStream(s store.Statement, indexes ...string) {
	w.t.Helper()
	plan := w.plan(s)
	all := strings.Join(plan, "\n")
	if !slices.ContainsFunc(indexes, func(index string) bool {
		return strings.Contains(plan[0], " INDEX "+index+" (") || !s.From && strings.Contains(plan[0], " INDEX "+index)
	}) {
		w.t.Errorf("not by %v:\n%s\n%s", indexes, s.Text, all)
	}
	for i, step := range plan {
		if strings.HasSuffix(step, "TEMP B-TREE FOR ORDER BY") || i > 0 && strings.HasPrefix(step, "SCAN") && !small(step) || strings.Contains(step, "USING INDEX identities_by_account") && i > 0 {
			w.t.Errorf("%s:\n%s\n%s", step, s.Text, all)
		}
	}
}

// People of an account are found among them, in whichever order.
func TestNoPlanOfAnAccountReadsTheWholeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	w.called("o1", "林小雨")
	for _, filter := range admin.Filters {
		for _, sort := range admin.Sorts {
			for _, q := range []admin.UserQuery{{}, {Search: "小雨"}, {Province: "广东"}, {Last: admin.Span{From: time.UnixMilli(5)}}} {
				if filter.ByTokenEnd() && q.Narrowed() {
					continue
				}
				q.AppID, q.Filter, q.Sort = appID, filter, sort
				for _, s := range must(w.Statements(w.ctx, q))(t) {
					switch {
					case s.Scan && filter.ByTokenEnd():
						w.wantStream(s, "tokens_by_end", "identity_tokens_by_end")
					case s.Scan && strings.Contains(s.Text, "_by_account"):
						w.wantStream(s, "users_by_account", "identities_by_account")
					default:
						for _, step := range w.plan(s) {
							if reads := strings.HasPrefix(step, "SCAN") && !small(step); reads && !(s.Scan && strings.Contains(step, "users_by_last_login")) || s.Scan && strings.Contains(step, "ORDER BY") {
								t.Errorf("%+v: %s\n%s", q, step, s.Text)
							}
						}
					}
				}
			}
		}
	}
}

// A page of joins or proposals reads what is on it.
func TestNoPlanReadsEveryJoin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	for _, s := range list.JoinStatements() {
		for _, step := range w.plan(s) {
			ordered := strings.Contains(step, "identities_by_link") || strings.Contains(step, "proposals_open")
			if !ordered || s.From && strings.HasPrefix(step, "SCAN") {
				t.Errorf("%s\n%s", step, s.Text)
			}
		}
	}
}

// Nor do days and places, which may be asked for beside all the others.
func TestNoPlanOfDaysAndPlacesReadsTheWholeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	w.called("o1", "林小雨")
	day := admin.Span{From: time.UnixMilli(5), To: time.UnixMilli(9)}
	for _, filter := range admin.Filters {
		for _, sort := range admin.Sorts {
			for _, q := range []admin.UserQuery{
				{First: day}, {Last: day}, {First: day, Last: day}, {First: admin.Span{To: day.To}}, {Last: admin.Span{From: day.From}},
				{Province: "广东"}, {City: "广州"}, {Province: "广东", City: "广州", First: day}, {City: "广州", Last: day, Search: "小雨"},
			} {
				if filter.ByTokenEnd() {
					continue
				}
				q.Filter, q.Sort = filter, sort
				for _, s := range must(w.Statements(w.ctx, q))(t) {
					for _, step := range w.plan(s) {
						if reads := strings.HasPrefix(step, "SCAN") && !small(step); reads && !s.Scan || s.Scan && strings.Contains(step, "ORDER BY") {
							t.Errorf("%+v: %s\n%s", q, step, s.Text)
						}
						// A scan that nothing bounds is that of the order itself.
						if s.Scan && strings.HasPrefix(step, "SCAN users") && q.Province+q.City != "" {
							t.Errorf("%+v goes past people of other places: %s\n%s", q, step, s.Text)
						}
					}
				}
			}
		}
	}
}

// A page of the audit log reads what is on it, whoever it is about.
func TestNoPlanReadsTheWholeAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	day := admin.EventQuery{From: time.UnixMilli(5), To: time.UnixMilli(9)}
	for _, q := range []admin.EventQuery{{}, day, {Action: admin.ActBlock}, {Action: admin.ActBlock, From: day.From}} {
		for _, whom := range [][]string{nil, {"a"}, {"a", "b", "c"}} {
			for _, s := range list.EventStatements(q, whom...) {
				for _, step := range w.plan(s) {
					scans := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "events USING INDEX events_by_time") && !small(step) && !strings.HasPrefix(step, "SCAN picked")
					if scans || whom == nil && strings.Contains(step, "ORDER BY") {
						t.Errorf("%+v about %v: %s\n%s", q, whom, step, s.Text)
					}
				}
			}
		}
	}
}

// A page of an application's people reads what is on it, and how many there are is
// counted among its latest, however many others there are.
func TestNoPlanReadsEveryGrant(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := newWorld(t, e)
			explain := "EXPLAIN QUERY PLAN "
			if e.name == postgresEngine.name {
				explain = "EXPLAIN "
			}
			c := w.client("Wiki")
			w.bulk(5000)
			w.exec(`INSERT INTO grants (id, client_id, user_id, sid, code_hash, code_ends_at, redirect_uri, challenge, nonce, scopes, method, signed_in_at, created_at, redeemed_at, offline, refresh_hash, refresh_ends_at)
				SELECT 'grant' || id, $1, id, '', id, 0, '', '', '', 'openid', '', 0, first_login_at, first_login_at, 1, id, 1 FROM users`, c.ID)
			w.exec(`INSERT INTO consents (user_id, client_id, scopes, agreed_at) SELECT id, $1, 'openid', first_login_at FROM users`, c.ID)
			wantSurplusByOwner := func() {
				for _, s := range store.SurplusStatements(c.ID, "session7", "id7") {
					if plan := strings.Join(w.planned(explain, s), "\n"); strings.Contains(plan, "grants_by_client") || strings.Contains(plan, "Seq Scan on grants") {
						t.Errorf("goes through the client's grants:\n%s\n%s", s.Text, plan)
					}
				}
			}
			if e.name == sqliteEngine.name { // which has no figures of the tables in a new database
				wantSurplusByOwner()
			}
			w.exec("ANALYZE")
			wantSurplusByOwner()
			for _, s := range append(list.AccessStatements(c.ID, 2500), store.AccessOfStatement("id7")) {
				plan := strings.Join(w.planned(explain, s), "\n")
				if !strings.Contains(plan, "grants_by_client") && s.Args[0] == c.ID {
					t.Errorf("not in the order of the index:\n%s\n%s", s.Text, plan)
				}
				for _, whole := range []string{"SCAN grants", "SCAN users", "SCAN later", "SCAN consents", "Seq Scan on grants", "Seq Scan on users", "Seq Scan on consents", "Hash"} {
					if strings.Contains(plan, whole) {
						t.Errorf("%q:\n%s\n%s", whole, s.Text, plan)
					}
				}
				if sorts, reads := strings.Contains(plan, "FOR ORDER BY"), strings.Contains(plan, "SCAN latest"); s.Scan && (sorts || reads) {
					t.Errorf("sorts all:\n%s\n%s", s.Text, plan)
				}
			}
		})
	}
}

// Whoever is named whole is looked up, by whichever id.
func TestNoPlanReadsEverybodyForAnID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	s := list.NamingStatement("o1")
	for _, step := range w.plan(s) {
		if strings.HasPrefix(step, "SCAN") && !small(step) && step != "SCAN whole" {
			t.Errorf("%s\n%s", step, s.Text)
		}
	}
}

// Whether there is another admin is asked of the admins, however many people there
// are.
func TestCountAdminsReadsFew(t *testing.T) {
	t.Parallel()
	s := store.CountAdminsStatement(admin.Guard{Configured: map[string][]string{"wx": {"bulk1", "bulk2"}}}, "id3")
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := newWorld(t, e)
			w.bulk(5000)
			w.exec("ANALYZE")
			explain, few := "EXPLAIN QUERY PLAN ", "SEARCH users USING INDEX sqlite_autoindex_users_2 (appid=? AND openid=?)"
			if e.name == postgresEngine.name {
				explain, few = "EXPLAIN ", "Index Cond: ((appid = 'wx'::text) AND (openid = "
			}
			if plan := strings.Join(w.planned(explain, s), "\n"); !strings.Contains(plan, few) {
				t.Errorf("%s\n%s", s.Text, plan)
			}
		})
	}
}

// Whoever comes by whatever door is looked up.
func TestNoPlanOfASignInReadsEverybody(t *testing.T) {
	t.Parallel()
	for name, s := range store.SignInStatements() {
		w := newWorld(t, sqliteEngine)
		for _, step := range w.plan(s) {
			if strings.HasPrefix(step, "SCAN") && !small(step) {
				t.Errorf("%s: %s\n%s", name, step, s.Text)
			}
		}
	}
	w := newWorld(t, postgresEngine)
	w.bulk(5000)
	w.exec(`INSERT INTO identities (id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
		SELECT 'further' || id, id, 'wx2', openid, unionid, scope, 1, 1, 1, 'unionid', 1 FROM users`)
	w.exec("ANALYZE")
	for name, s := range store.SignInStatements() {
		plan := strings.Join(w.planned("EXPLAIN ", s), "\n")
		for _, table := range []string{"users", "identities"} {
			if strings.Contains(plan, "Seq Scan on "+table) {
				t.Errorf("%s reads all of %s:\n%s\n%s", name, table, s.Text, plan)
			}
		}
	}
}

// small says that a step goes through what has few rows whoever comes: the admins,
// an index of a few, or what a statement has made itself.
func small(step string) bool {
	for _, few := range []string{"admins", "users_blocked", "users_of_own_name", "counted", "ids", "chosen", "accounts", "(subquery", "CONSTANT ROW"} {
		if strings.Contains(step, few) {
			return true
		}
	}
	return false
}

// plan is what SQLite does for a statement, step by step.
func (w *world) plan(s store.Statement) []string { return w.planned("EXPLAIN QUERY PLAN ", s) }

// planned are the steps of a statement as the engine explains them, in the last
// column.
func (w *world) planned(explain string, s store.Statement) (steps []string) {
	w.t.Helper()
	rows, err := w.at.raw.QueryContext(w.ctx, explain+s.Text, s.Args...)
	if err != nil {
		w.t.Fatalf("%s: %v", s.Text, err)
	}
	defer rows.Close()
	for rows.Next() {
		columns, err := sqlx.SliceScan(rows)
		if err != nil {
			w.t.Fatal(err)
		}
		steps = append(steps, fmt.Sprint(columns[len(columns)-1]))
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		w.t.Fatalf("%d steps, %v", len(steps), err)
	}
	return steps
}
