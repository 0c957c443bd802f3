package store_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
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
						if i == 0 && s.From && !(strings.Contains(step, index) && strings.Contains(step, ",id)")) {
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
	for _, few := range []string{"admins", "users_blocked", "tokens_dead", "counted", "ids", "chosen", "accounts", "(subquery", "CONSTANT ROW"} {
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

// schema are the migrations up to one that begins with a text.
func schema(t *testing.T, last string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range must(fs.Glob(migrations.FS, "*.sql"))(t) {
		if name[:len(last)] <= last {
			files[name] = &fstest.MapFile{Data: must(fs.ReadFile(migrations.FS, name))(t)}
		}
	}
	return files
}

// People who were there before an upgrade are found and counted as others are.
func TestAnUpgradeFindsWhoWasThere(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if e.name == postgresEngine.name {
				e = emptyPostgres
			}
			w := &world{t: t, ctx: t.Context(), at: e.make(t), clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
			config := w.config(w.keys)
			config.Migrations = schema(t, "00005")
			old := must(store.Open(w.ctx, config))(t)
			for openID, name := range map[string]string{"o1": "Lin小雨🌸", "o2": "王小雨", "o3": "", "o4": "AAAA", "o5": strings.Repeat("长", 63) + "尾" + strings.Repeat("过", 9000)} {
				save := w.login(openID, auth.ScopeUserinfo)
				save.Profile = &auth.Profile{Nickname: name}
				must(old.SaveLogin(w.ctx, save))(t)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			w.Store = w.another()
			for search, want := range map[string][]string{
				"雨": {"o1", "o2"}, "小雨": {"o1", "o2"}, "小雨🌸": {"o1"}, "lin小": {"o1"}, "aa": {"o4"}, "长尾": {"o5"}, strings.Repeat("长", 40) + "尾": {"o5"},
			} {
				w.wantFound(search, want...)
			}
			if counts := must(w.Counts(w.ctx, w.clock.now()))(t); counts.Users != 5 || counts.Sessions != 5 {
				t.Errorf("%+v", counts)
			}
			for _, openID := range []string{"o1", "o2", "o4", "o5"} {
				w.called(openID, "")
			}
			w.wantNoNames()
		})
	}
}
