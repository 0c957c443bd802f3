package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

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

// before is a database as an older program has left it.
func before(t *testing.T, e engine, last string) *world {
	t.Helper()
	e = map[string]engine{sqliteEngine.name: emptySQLite, postgresEngine.name: emptyPostgres}[e.name]
	w := &world{t: t, ctx: t.Context(), at: e.make(t), clock: newClock(), keys: ring(t, "k1"), log: &logbook{}}
	config := w.config(w.keys)
	config.Migrations = schema(t, last)
	// It makes the schema; that today's statements are for a newer one is its end.
	if old, err := store.Open(w.ctx, config); err == nil {
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// past puts in a login as older programs did: with a token that the one of this
// scope brought, or kept.
func (w *world) past(save auth.SaveLogin, nickname string, issued time.Time) string {
	w.t.Helper()
	id, at, l := auth.NewID(), save.Session.CreatedAt.UnixMilli(), save.Login
	for _, row := range []struct {
		insert string
		args   []any
	}{
		{`INSERT INTO users (id, appid, openid, nickname, scope, first_login_at, last_login_at, login_count) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)`,
			[]any{id, appID, save.OpenID, nickname, save.Scope, issued.UnixMilli(), at}},
		{`INSERT INTO tokens (user_id, scope, refresh_token, kid, issued_at, ends_at) VALUES ($1, $2, 'SEALED', 'k1', $3, $4)`,
			[]any{id, save.Scope, issued.UnixMilli(), issued.Add(720 * time.Hour).UnixMilli()}},
		{`INSERT INTO sessions (id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent) VALUES ($1, $2, 'visitor', $3, $4, $4, $5, '', '')`,
			[]any{save.Session.ID, save.Session.TokenHash, id, at, save.Session.EndsAt.UnixMilli()}},
		{`INSERT INTO logins (id, appid, state_hash, code_hash, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, '', '')`,
			[]any{l.ID, l.AppID, l.StateHash, l.CodeHash, l.SessionHash, l.Scope, l.Outcome, id, at, sql.Null[int64]{V: at, Valid: l.Outcome != auth.Pending}}},
	} {
		if _, err := w.at.raw.ExecContext(w.ctx, row.insert, row.args...); err != nil {
			w.t.Fatal(err)
		}
	}
	return id
}

// With Keep, an older schema is not migrated, a new database is made, and one that
// somebody else has migrated is opened.
func TestAnOlderSchemaIsKept(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00009")
			keep := func(w *world) error {
				config := w.config(w.keys)
				config.Keep = true
				s, err := store.Open(w.ctx, config)
				if err == nil {
					err = s.Close()
				}
				return err
			}
			if err := keep(w); !errors.Is(err, store.ErrOlder) {
				t.Errorf("an older one: %v", err)
			}
			if n := w.number("SELECT MAX(version_id) FROM goose_db_version"); n != 9 {
				t.Errorf("version %d", n)
			}
			w.another() // which migrates
			if err := keep(w); err != nil {
				t.Errorf("one that is migrated: %v", err)
			}
			empty := map[string]engine{sqliteEngine.name: emptySQLite, postgresEngine.name: emptyPostgres}[e.name]
			if err := keep(unopened(t, empty.make(t))); err != nil {
				t.Errorf("none: %v", err)
			}
		})
	}
}

// People who were there before an upgrade are found and counted as others are.
func TestAnUpgradeFindsWhoWasThere(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00005")
			for openID, name := range map[string]string{"o1": "Lin小雨🌸", "o2": "王小雨", "o3": "", "o4": "AAAA", "o5": strings.Repeat("长", 63) + "尾" + strings.Repeat("过", 9000)} {
				issued := w.clock.now()
				if openID == "o2" {
					issued = w.clock.ago(time.Hour)
				}
				w.past(w.login(openID, auth.ScopeUserinfo), name, issued)
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

// What was spent just before an upgrade is spent after it, and a login that was
// under way ends; what is older keeps its history and nothing else.
func TestAnUpgradeRemembersWhatIsSpent(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00007")
			now := time.Now() // the engine's own clock decides
			at := func(d time.Duration, openID string, outcome auth.Outcome) (auth.SaveLogin, string) {
				w.clock.ms.Store(now.Add(d).UnixMilli())
				save := w.login(openID, auth.ScopeBase)
				save.Login.Outcome = outcome
				return save, w.past(save, "", now.Add(d))
			}
			stale, staleID := at(-2*time.Hour, "o1", auth.SignedIn)
			lost, _ := at(-2*time.Hour, "o2", auth.Pending)
			fresh, _ := at(0, "o3", auth.SignedIn)
			underWay, _ := at(0, "o4", auth.Pending)

			w.Store = w.another()
			for _, spent := range []auth.SaveLogin{fresh, underWay} {
				if must(w.ClaimLogin(w.ctx, pending(spent)))(t) {
					t.Error("a state was spent twice")
				}
				again := w.login("o5", auth.ScopeBase)
				again.Login.CodeHash = spent.Login.CodeHash
				if must(w.ClaimLogin(w.ctx, pending(again)))(t) {
					t.Error("a code was spent twice")
				}
			}
			if n := w.number("SELECT COUNT(state_hash) + COUNT(code_hash) FROM logins"); n != 6 {
				t.Errorf("%d hashes of the 6 that matter", n)
			}
			underWay.Session.ID, underWay.Session.TokenHash = auth.NewID(), auth.Hash(auth.NewToken())
			must(w.SaveLogin(w.ctx, underWay))(t)
			w.sweeps()
			if n := w.number("SELECT COUNT(*) FROM logins WHERE id = $1 AND outcome = 'failed'", lost.Login.ID); n != 1 {
				t.Error("the login whose process died has no end")
			}
			if n := w.number("SELECT COUNT(*) FROM logins WHERE id = $1 AND outcome = 'signed_in'", underWay.Login.ID); n != 1 {
				t.Error("the login that was under way has not ended well")
			}
			if got := must(w.UserLogins(w.ctx, staleID, 10))(t); len(got) != 1 || got[0].ID != stale.Login.ID || got[0].Outcome != auth.SignedIn {
				t.Errorf("the history is %+v", got)
			}
		})
	}
}

// Address and browser of trips that named nobody go with the upgrade; those of a
// person stay.
func TestAnUpgradeForgetsNobodysDevices(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00010")
			known, nobody := w.login("o1", auth.ScopeBase), w.login("o2", auth.ScopeBase)
			nobody.Login.Outcome = auth.Unknown
			w.past(known, "", w.clock.now())
			w.past(nobody, "", w.clock.now())
			w.exec("UPDATE logins SET remote_addr = '203.0.113.9', user_agent = 'agent'")
			w.exec("UPDATE logins SET user_id = NULL WHERE id = $1", nobody.Login.ID)
			w.Store = w.another()
			if n := w.number("SELECT COUNT(*) FROM logins WHERE remote_addr = '203.0.113.9' AND user_agent = 'agent' AND session_hash <> '' AND id = $1", known.Login.ID); n != 1 {
				t.Error("the person's login has lost something")
			}
			if n := w.number("SELECT COUNT(*) FROM logins WHERE remote_addr || user_agent || session_hash = '' AND id = $1", nobody.Login.ID); n != 1 {
				t.Error("nobody's login still has address, browser or session")
			}
		})
	}
}

// A profile that was frozen without a word, because a silent login's token had taken
// the place of the dead one, is found among those who have to log in again.
func TestAnUpgradeFindsFrozenProfiles(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00012")
			for _, openID := range []string{"frozen", "never asked"} {
				save := w.login(openID, auth.ScopeBase)
				save.RefreshToken = "R"
				w.past(save, "", w.clock.now())
			}
			w.exec(`UPDATE users SET scope = 'snsapi_userinfo' WHERE openid = 'frozen'`)
			w.Store = w.another()
			page := must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterNeedsLogin}))(t)
			if got := openIDs(page.Users); !slices.Equal(got, []string{"frozen"}) {
				t.Errorf("%q need a login", got)
			}
			// And a silent login does not wake it.
			w.signsIn(w.login("frozen", auth.ScopeBase))
			page = must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterNeedsLogin}))(t)
			if got := openIDs(page.Users); !slices.Equal(got, []string{"frozen"}) {
				t.Errorf("%q need a login after a silent one", got)
			}
		})
	}
}

// Tokens, sessions and history are those of the first identity after an upgrade, and
// nobody has another.
func TestAnUpgradeKeepsWhatEverybodyHas(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := before(t, e, "00015")
			save := w.login("o1", auth.ScopeUserinfo)
			id := w.past(save, "Lin", w.clock.now())
			w.exec("UPDATE tokens SET due_at = 7, dead_reason = 'why'")
			w.Store = w.another()
			visit := w.wantSignedIn(save.Session.TokenHash)
			if visit.User.ID != id || visit.User.IdentityID != "" || visit.User.Identities != nil || visit.User.OpenID != "o1" {
				t.Errorf("%+v", visit.User)
			}
			if got := w.text("SELECT user_id || ' ' || refresh_token || ' ' || kid || ' ' || dead_reason || ' ' || due_at FROM tokens"); got != id+" SEALED k1 why 7" {
				t.Errorf("the token is %s", got)
			}
			w.wantRows("identities", 0)
			again := w.signsIn(w.login("o1", auth.ScopeUserinfo))
			if again.ID != id || again.LoginCount != 2 {
				t.Errorf("%+v", again)
			}
		})
	}
}
