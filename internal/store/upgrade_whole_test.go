package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// kept are the rows of people that an upgrade from the first released schema leaves as
// they are.
func (w *world) kept() map[string][]string {
	w.t.Helper()
	return map[string][]string{
		"users": w.rows("users", `id || ' ' || appid || ' ' || openid || ' ' || COALESCE(unionid, '-') || ' ' || nickname || ' ' || avatar_url || ' ' || scope || ' ' || blocked || ' ' ||
			first_login_at || ' ' || last_login_at || ' ' || login_count || ' ' || privilege`, "id"),
		"tokens": w.rows("tokens", "user_id || ' ' || scope || ' ' || refresh_token || ' ' || kid || ' ' || issued_at || ' ' || COALESCE(due_at, 0)", "user_id"),
		"sessions": w.rows("sessions", `id || ' ' || token_hash || ' ' || kind || ' ' || user_id || ' ' || created_at || ' ' || last_seen_at || ' ' || ends_at || ' ' ||
			remote_addr || ' ' || user_agent`, "id"),
		"logins": w.rows("logins", `id || ' ' || appid || ' ' || COALESCE(state_hash, '-') || ' ' || session_hash || ' ' || outcome || ' ' || COALESCE(user_id, '-') || ' ' ||
			started_at || ' ' || remote_addr`, "id"),
	}
}

// An upgrade from the first schema is stopped before each migration, and goes on from
// there. Nobody loses their identity, a session or a token, and everybody has the one
// identity that they had.
func TestAnUpgradeThatIsStoppedGoesOnAndLosesNothing(t *testing.T) {
	t.Parallel()
	sealing := newWorld(t, sqliteEngine) // seals as ever
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00009")
			w.keys = sealing.keys
			people := map[string]string{} // ids by the tokens of their sessions
			for i := range 60 {
				openID := fmt.Sprint("o", i)
				sealing.grants(openID, auth.ScopeUserinfo, auth.Secret("R-"+openID))
				save := w.login(openID, auth.ScopeUserinfo)
				id := w.past(save, fmt.Sprint("小雨", i), w.clock.now())
				people[save.Session.TokenHash] = id
				w.exec("UPDATE tokens SET refresh_token = $1, due_at = $2 WHERE user_id = $3",
					sealing.text("SELECT refresh_token FROM tokens JOIN users ON users.id = user_id WHERE openid = $1", openID), i, id)
				w.exec("UPDATE users SET unionid = $1 WHERE id = $2", "union-"+openID, id)
			}
			if e.name == postgresEngine.name {
				w.exec("ANALYZE")
			}
			was := w.kept()
			last, starts := int64(9), 0
			for done := false; !done; starts++ {
				var seen []store.Migration
				ctx, stop := context.WithCancel(w.ctx)
				config := w.config(w.keys)
				config.Migrating = func(m store.Migration) {
					if seen = append(seen, m); m.Version > last+1 {
						stop()
					}
				}
				s, err := store.Open(ctx, config)
				stop()
				if done = err == nil; done {
					w.Store = s
					t.Cleanup(func() { s.Close() })
				} else if now := w.number("SELECT MAX(version_id) FROM goose_db_version"); now != last+1 {
					t.Fatalf("stopped after version %d, the schema has %d: %v", last+1, now, err)
				}
				for i, m := range seen {
					if m.From != last || m.Percent() < 0 || m.Percent() > 99 || m.RowsDone > m.Rows || i > 0 && m.RowsDone < seen[i-1].RowsDone {
						t.Errorf("after version %d it says %+v, %d %%", last, m, m.Percent())
					}
				}
				if len(seen) > 0 && last < 15 && seen[0].Rows == 0 {
					t.Errorf("after version %d no rows are to be done", last)
				}
				last++
			}
			if starts < 9 {
				t.Errorf("%d starts", starts)
			}
			for table, rows := range was {
				if now := w.kept()[table]; !slices.Equal(now, rows) {
					t.Errorf("%s: %d rows, and now %d, are not the same\n%.300s\n%.300s", table, len(rows), len(now), rows, now)
				}
			}
			w.wantRows("identities", 0)
			w.wantRows("identity_tokens", 0)
			for hash, id := range people {
				visit := w.wantSignedIn(hash)
				if visit.User.ID != id || visit.User.IdentityID != "" || visit.User.UnionID != "union-"+visit.User.OpenID {
					t.Errorf("%+v", visit.User)
				}
				w.wantToken(w.Store, visit.User, "R-"+visit.User.OpenID)
				if due := must(w.TokensOf(w.ctx, id))(t); !slices.Equal(due, []auth.TokenID{firstToken(id)}) {
					t.Errorf("%s has the tokens %v", id, due)
				}
			}
		})
	}
}
