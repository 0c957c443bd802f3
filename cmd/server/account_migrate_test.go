package main_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"wxlogin/internal/auth"
	"wxlogin/internal/programs"
	"wxlogin/internal/store/pgtest"
	"wxlogin/internal/wechat/wechatsim"
)

const formerID, newID = "wx00000000000000aa", "wx00000000000000bb"

// migration is a service of an account that moves to another.
type migration struct {
	t         *testing.T
	sim       *wechatsim.Simulator
	wechat    string
	variables []string // of the database
	db        *sql.DB
	asked     chan struct{} // a question of changeopenid has come
}

func newMigration(t *testing.T, variables []string, driver, source string) *migration {
	t.Helper()
	m := &migration{t: t, variables: variables, asked: make(chan struct{}, 100)}
	m.sim = wechatsim.New(wechatsim.Config{
		AppID: formerID, Apps: []wechatsim.App{{Kind: wechatsim.OfficialAccount, AppID: newID, FormerAppID: formerID, MovedAt: time.Now()}},
		OnCall: func(c wechatsim.Call) {
			if c.Endpoint == wechatsim.ChangeOpenID {
				m.asked <- struct{}{}
			}
		},
	})
	wechat := httptest.NewServer(m.sim)
	t.Cleanup(wechat.Close)
	t.Cleanup(m.sim.ClearFaults)
	m.wechat = wechat.URL
	m.db = must(sql.Open(driver, source))
	t.Cleanup(func() { m.db.Close() })
	return m
}

// of are the settings with the account of an AppID.
func (m *migration) of(appID string) []string {
	for _, app := range m.sim.Apps() {
		if app.AppID == appID {
			return append([]string{
				"WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_APPID=" + appID, "WXLOGIN_APPSECRET=" + app.Secret,
				"WXLOGIN_WECHAT_OPEN_URL=" + m.wechat, "WXLOGIN_WECHAT_API_URL=" + m.wechat,
			}, m.variables...)
		}
	}
	panic("no " + appID)
}

// serves runs a service of an account, and has the phone find it.
func (m *migration) serves(appID string, p *phone) *process {
	m.t.Helper()
	service, address := startService(m.t, m.sim, m.wechat, "", m.of(appID)...)
	p.Transport = &http.Transport{DialContext: dial(address)}
	return service
}

func (m *migration) migrate(args ...string) *process {
	m.t.Helper()
	return runs(m.t, m.of(newID), append([]string{"account", "migrate", "main", "--from", formerID}, args...)...)
}

func (m *migration) number(query string) (n int64) {
	m.t.Helper()
	if err := m.db.QueryRow(query).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

func (m *migration) stored(appID string) int64 {
	return m.number(`SELECT COUNT(*) FROM users WHERE appid = '` + appID + `'`)
}

// crowd adds people of the former account as if they had signed in by it.
func (m *migration) crowd(n int) {
	m.t.Helper()
	tx := must(m.db.Begin())
	defer tx.Rollback()
	for i := range n {
		p := m.sim.AddPerson(wechatsim.Person{Key: fmt.Sprint("p", i)})
		if _, err := tx.Exec(`INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count) VALUES ($1, $2, $3, 'snsapi_base', 1, 1, 1)`,
			auth.NewID(), formerID, p.OpenID); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		m.t.Fatal(err)
	}
}

func (p phone) me(t *testing.T) (me struct{ ID, AppID, OpenID string }) {
	t.Helper()
	got := p.ask("GET", publicURL+"/api/me", nil)
	if got.status == http.StatusOK && json.Unmarshal([]byte(got.body), &me) != nil {
		t.Fatal(got.body)
	}
	return me
}

func TestAccountMigrate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	newMigration(t, []string{"WXLOGIN_DATABASE_URL=sqlite:" + path}, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)").goes()
}

func TestAccountMigrateOnPostgres(t *testing.T) {
	t.Parallel()
	programs.Wanted(t) // make test has the store's own tests on PostgreSQL
	db := pgtest.New(t)
	url := db.TCP(db.Database(t))
	newMigration(t, onPostgres(url), "pgx", url).goes()
}

// goes: previewed, killed in the midst, gone on with and counted, a migration gives
// everybody the openid of the new account, and who was signed in stays so.
func (m *migration) goes() {
	t := m.t
	t.Helper()
	lin := newPhone(t, "", m.wechat, "lin")
	service := m.serves(formerID, &lin)
	lin.signsIn(publicURL)
	before := lin.me(t)
	service.terminate()
	service.wantExit(0)
	m.crowd(250)
	unknown := auth.NewID()
	must(m.db.Exec(`INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count) VALUES ('` + unknown + `', '` + formerID + `', 'oNobodyAtWeChat', 'snsapi_base', 1, 1, 1)`))
	must(m.db.Exec(`INSERT INTO admins (appid, openid, granted_at) VALUES ('` + formerID + `', '` + before.OpenID + `', 1)`))

	m.variables = append(m.variables, "WXLOGIN_ADMINS="+before.OpenID)
	preview := m.migrate("--dry-run")
	preview.wantExit(0)
	preview.stderr.wait(t, fmt.Sprintf("WXLOGIN_ADMINS: %s is %s now", before.OpenID, m.sim.OpenID(newID, "lin")))
	for _, line := range []string{"252 openids of " + formerID + " are stored", "251 would become openids of main (" + newID + ")", "1 are unknown to WeChat"} {
		preview.stdout.wait(t, line)
	}
	if m.stored(formerID) != 252 || m.number(`SELECT COUNT(*) FROM events WHERE action LIKE 'account_migration%'`) != 0 {
		t.Error("the preview has written")
	}

	for len(m.asked) > 0 {
		<-m.asked
	}
	held := make(chan struct{})
	m.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Delay: 1})
	m.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Until: held})
	killed := m.migrate()
	receive(t, m.asked, "the first question has not come")
	receive(t, m.asked, "the second question has not come")
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-killed.exited
	close(held)
	if moved := m.stored(newID); moved < 99 || moved > 100 {
		t.Fatalf("%d have moved, want the first batch", moved)
	}
	rest := m.stored(formerID)

	// A quota in the midst: what is done stays, and the number is explained.
	m.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Delay: 1})
	m.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Errcode: 45009})
	full := m.migrate()
	full.wantExit(1)
	full.stderr.wait(t, fmt.Sprintf("stopped after 100 of %d openids; what is done stays, and the same command goes on: WeChat answers errcode 45009; `server doctor 45009` explains it", rest))
	rest = m.stored(formerID)

	done := m.migrate()
	done.wantExit(0)
	for _, line := range []string{fmt.Sprintf("%d openids of %s were stored", rest, formerID), fmt.Sprintf("%d are openids of main (%s) now", rest-1, newID), "checked: 1 openids of " + formerID + " are left"} {
		done.stdout.wait(t, line)
	}
	if m.stored(newID) != 251 || m.stored(formerID) != 1 {
		t.Errorf("%d moved, %d left", m.stored(newID), m.stored(formerID))
	}
	if begun, ended := m.number(`SELECT COUNT(*) FROM events WHERE action = 'account_migration_begun'`), m.number(`SELECT COUNT(*) FROM events WHERE action = 'account_migration_ended'`); begun != 3 || ended != 1 {
		t.Errorf("%d begun, %d ended", begun, ended)
	}
	for i := range 250 {
		openID := m.sim.OpenID(newID, fmt.Sprint("p", i))
		if i%25 == 0 && m.number(`SELECT COUNT(*) FROM users WHERE appid = '`+newID+`' AND openid = '`+openID+`'`) != 1 {
			t.Errorf("p%d has not the openid that WeChat gives them", i)
		}
	}
	if m.number(`SELECT COUNT(*) FROM admins WHERE appid = '`+newID+`' AND openid = '`+m.sim.OpenID(newID, "lin")+`'`) != 1 || m.number(`SELECT COUNT(*) FROM tokens`) != 0 {
		t.Error("rights have not gone along, or tokens have")
	}
	again := m.migrate()
	again.wantExit(0)
	again.stdout.wait(t, "0 are openids of main")

	m.serves(newID, &lin)
	if after := lin.me(t); after.ID != before.ID || after.AppID != newID || after.OpenID != m.sim.OpenID(newID, "lin") {
		t.Errorf("lin was %+v, and is %+v", before, after)
	}
	renewed := newPhone(t, "", m.wechat, "lin")
	renewed.Transport = lin.Transport
	renewed.follow(publicURL+"/login", "")
	if me := renewed.me(t); me.ID != before.ID {
		t.Errorf("by a login of the new account lin is %+v, and was %+v", me, before)
	}
}

// What cannot be is said before anything is asked; what WeChat refuses, with the number.
func TestAccountMigrateRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	m := newMigration(t, []string{"WXLOGIN_DATABASE_URL=sqlite:" + path, "WXLOGIN_ACCOUNTS=pc:website:wx0123456789abcde2", "WXLOGIN_APPSECRET_PC=0123456789abcdef0123456789abcdef"}, "sqlite", "file:"+path)
	for said, args := range map[string][]string{
		`there is no account "shop"`:        {"shop", "--from", formerID},
		`"pc" is a website application`:     {"pc", "--from", formerID},
		`"gh_1" is not an AppID`:            {"main", "--from", "gh_1"},
		"is the AppID of the account main":  {"main", "--from", newID},
		"missing flags: --from=APPID":       {"main"},
		"is the AppID of the account pc in": {"main", "--from", "wx0123456789abcde2"},
	} {
		p := runs(t, m.of(newID), append([]string{"account", "migrate"}, args...)...)
		p.wantExit(1)
		p.stderr.wait(t, said)
	}
	if n := len(m.sim.Calls()); n != 0 {
		t.Errorf("WeChat was asked %d times", n)
	}
	service, _ := startService(t, m.sim, m.wechat, "", m.of(formerID)...) // makes the schema
	service.terminate()
	service.wantExit(0)
	m.crowd(3)
	m.sim.SetAddresses(newID, []string{"192.0.2.1"})
	p := m.migrate()
	p.wantExit(1)
	p.stderr.wait(t, "WeChat answers errcode 40164: put the address 127.0.0.1 on the account's IP list")
	m.sim.SetAddresses(newID, nil)
	must(m.db.Exec(`DELETE FROM credentials`)) // which keep the refusal for a while
	m.sim.Plan(wechatsim.ChangeOpenID, wechatsim.Fault{Errcode: 63178})
	p = m.migrate("--dry-run")
	p.wantExit(1)
	if said := p.stderr.wait(t, "errcode 63178"); strings.Contains(said, "stopped after") {
		t.Errorf("of a preview it says %q", said)
	}
}
