package store_test

import (
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Whatever the desk asks for, SQLite goes through all people only in the order
// that is asked for, and sorts only what an index has picked.
func TestNoPlanReadsTheWholeTable(t *testing.T) {
	w := newWorld(t, sqliteEngine)
	w.called("o1", "林小雨")
	for _, filter := range auth.Filters {
		for _, sort := range auth.Sorts {
			for _, search := range []string{"", "雨", "小雨", "longer than eight", "o1"} {
				q := auth.UserQuery{Filter: filter, Sort: sort, Search: search}
				index := "users_by_" + strings.TrimSuffix(strings.TrimPrefix(string(sort), "-"), "_at")
				for _, s := range must(w.Statements(w.ctx, q))(t) {
					for i, step := range w.plan(s) {
						if i == 0 && s.From && !(strings.Contains(step, index) && strings.Contains(step, ",id)") || strings.Contains(step, "tokens_kept (login_at,user_id)")) {
							t.Errorf("%+v does not begin at the cursor: %s\n%s", q, step, s.Text)
						}
						sorts, reads := strings.Contains(step, "ORDER BY"), strings.HasPrefix(step, "SCAN") && !small(step)
						if s.Walk && (sorts || reads && !strings.Contains(step, index)) || !s.Walk && reads {
							t.Errorf("%+v: %s\n%s", q, step, s.Text)
						}
					}
				}
			}
		}
	}
}

// small says that a step goes through what has few rows whoever comes: the admins,
// an index of a few, or what a statement has made itself.
func small(step string) bool {
	for _, few := range []string{"admins", "users_blocked", "tokens_dead", "counted", "ids", "chosen", "accounts", "stretch", "(subquery", "CONSTANT ROW"} {
		if strings.Contains(step, few) {
			return true
		}
	}
	return false
}

// plan is what SQLite does for a statement, step by step.
func (w *world) plan(s store.Statement) (steps []string) {
	w.t.Helper()
	rows, err := w.at.raw.QueryContext(w.ctx, "EXPLAIN QUERY PLAN "+sqlx.Rebind(sqlx.DOLLAR, s.Text), s.Args...)
	if err != nil {
		w.t.Fatalf("%s: %v", s.Text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			w.t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		w.t.Fatalf("%d steps, %v", len(steps), err)
	}
	return steps
}
