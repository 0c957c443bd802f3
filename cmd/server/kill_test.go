package main_test

import (
	"database/sql"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// kills signs people in at a service that is killed on the way.
type kills struct {
	t        *testing.T
	sim      *wechatsim.Simulator
	wechat   string // its address
	database string
	asked    chan wechatsim.Endpoint
	service  *process
	address  string
}

func newKills(t *testing.T) *kills {
	k := &kills{t: t, database: filepath.Join(t.TempDir(), "wxlogin.db"), asked: make(chan wechatsim.Endpoint, 1000)}
	k.sim = wechatsim.New(wechatsim.Config{OnCall: func(c wechatsim.Call) {
		if c.Endpoint == wechatsim.Token || c.Endpoint == wechatsim.Userinfo {
			k.asked <- c.Endpoint
		}
	}})
	wechat := httptest.NewServer(k.sim)
	t.Cleanup(wechat.Close)
	t.Cleanup(k.sim.ClearFaults)
	k.wechat = wechat.URL
	k.starts()
	return k
}

func (k *kills) starts() { k.service, k.address = startService(k.t, k.sim, k.wechat, k.database) }

// kill ends the process at once, and starts another on the same database.
func (k *kills) kill() {
	k.t.Helper()
	if err := k.service.cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	<-k.service.exited
	k.starts()
}

func (k *kills) phone(person string) phone { return newPhone(k.t, k.address, k.wechat, person) }

// moves has a phone find the service that was started last.
func (k *kills) moves(p phone) phone {
	p.Transport = &http.Transport{DialContext: dial(k.address)}
	k.t.Cleanup(p.CloseIdleConnections)
	return p
}

// aged makes the logins under way look a minute old, so that nobody waits for
// their end.
func (k *kills) aged() {
	k.t.Helper()
	if _, err := k.open().Exec(`UPDATE logins SET started_at = started_at - 60000 WHERE outcome = 'pending'`); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kills) open() *sql.DB {
	k.t.Helper()
	db, err := sql.Open("sqlite", "file:"+k.database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { db.Close() })
	return db
}

// wantWhole fails if the database holds half of a login.
func (k *kills) wantWhole() {
	k.t.Helper()
	db := k.open()
	for what, query := range map[string]string{
		"sessions without a person":      `SELECT COUNT(*) FROM sessions WHERE kind = 'visitor' AND user_id NOT IN (SELECT id FROM users)`,
		"logins without their person":    `SELECT COUNT(*) FROM logins WHERE outcome = 'signed_in' AND (user_id IS NULL OR user_id NOT IN (SELECT id FROM users))`,
		"people without a login":         `SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM logins WHERE outcome = 'signed_in')`,
		"people without a token":         `SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM tokens)`,
		"people twice":                   `SELECT COUNT(*) - COUNT(DISTINCT openid) FROM users`,
		"people with another count":      `SELECT COUNT(*) FROM users WHERE login_count <> (SELECT COUNT(*) FROM logins WHERE user_id = users.id AND outcome = 'signed_in')`,
		"signed in without a session":    `SELECT COUNT(*) FROM logins l WHERE outcome = 'signed_in' AND session_hash NOT IN (SELECT token_hash FROM sessions)`,
		"sessions that no login began":   `SELECT COUNT(*) FROM sessions WHERE kind = 'visitor' AND token_hash NOT IN (SELECT session_hash FROM logins)`,
		"ended logins without their end": `SELECT COUNT(*) FROM logins WHERE outcome <> 'pending' AND finished_at IS NULL`,
	} {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil {
			k.t.Errorf("%s: %v", what, err)
		} else if n != 0 {
			k.t.Errorf("%d %s", n, what)
		}
	}
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		k.t.Errorf("integrity: %s, %v", verdict, err)
	}
}

// begins goes to WeChat and stops before the callback.
func begins(p phone) (callback string) {
	p.t.Helper()
	return p.follow(publicURL+"/login?consent=1&return_to=%2F%3Fback", "/callback?").location
}

// wantEnds opens the callback again: by at most one restart the person is signed
// in.
func wantEnds(p phone, callback, nickname string) {
	p.t.Helper()
	got := p.follow(callback, "")
	if got.status != http.StatusOK || !strings.Contains(got.body, nickname) {
		p.t.Fatalf("the same callback after the restart ends with %d:\n%s", got.status, got.body)
	}
}

// kill -9 while WeChat holds an answer back, at either call.
func TestKilledWhileWeChatAnswers(t *testing.T) {
	for _, endpoint := range []wechatsim.Endpoint{wechatsim.Token, wechatsim.Userinfo} {
		t.Run(string(endpoint), func(t *testing.T) {
			k := newKills(t)
			lin := k.phone("lin")
			callback := begins(lin)
			k.sim.Plan(endpoint, wechatsim.Fault{Hang: true})
			go lin.try(http.MethodGet, callback, nil)
			for receive(t, k.asked, "WeChat was not asked") != endpoint {
			}
			k.kill()
			k.wantWhole()
			k.aged()
			wantEnds(k.moves(lin), callback, "林小满")
			k.wantWhole()
			if n := k.sim.Exchanges(); n != 2 {
				t.Errorf("WeChat was sent %d codes, want 2", n)
			}
		})
	}
}

// kill -9 at any moment of logins, many times on one database.
func TestKilledAnywhere(t *testing.T) {
	k := newKills(t)
	people := []struct{ key, nickname string }{{"lin", "林小满"}, {"wang", "王大锤"}, {"alice", "Alice"}}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		var phones []phone
		var callbacks []string
		for _, person := range people {
			p := k.phone(person.key)
			phones, callbacks = append(phones, p), append(callbacks, begins(p))
		}
		for i, p := range phones {
			go p.try(http.MethodGet, callbacks[i], nil)
		}
		receive(t, k.asked, "WeChat was not asked")
		time.Sleep(rand.N(20 * time.Millisecond)) // chance is the point here
		k.kill()
		k.wantWhole()
		k.aged()
		for i, p := range phones {
			wantEnds(k.moves(p), callbacks[i], people[i].nickname)
		}
		for len(k.asked) > 0 {
			<-k.asked
		}
	}
	k.wantWhole()
	k.service.terminate()
	k.service.wantExit(0)
	for _, call := range k.sim.Calls(wechatsim.Token) {
		if call.Errcode == 40163 {
			t.Error("a code was sent twice")
		}
	}
}

// Fifty logins are in flight when the process is asked to stop, and all of them
// end well.
func TestSIGTERMFinishesFiftyLogins(t *testing.T) {
	k := newKills(t)
	const many = 50
	held := make(chan struct{})
	k.sim.Plan(wechatsim.Token, wechatsim.Fault{Until: held, Times: -1})
	type result struct {
		page
		err error
	}
	done := make(chan result, many)
	for range many {
		p := k.phone(k.sim.AddPerson(wechatsim.Person{Nickname: "乘客"}).Key)
		callback := begins(p)
		go func() {
			got, err := p.try(http.MethodGet, callback, nil)
			done <- result{got, err}
		}()
	}
	for range many {
		receive(t, k.asked, "WeChat was not asked")
	}
	k.service.terminate()
	k.service.stderr.wait(t, `"msg":"stopping`)
	close(held)
	for range many {
		got := receive(t, done, "a login was not answered")
		if u, err := url.Parse(got.location); got.err != nil || err != nil || u.RequestURI() != "/?back" {
			t.Errorf("a login in flight got %d %s, %v", got.status, got.location, got.err)
		}
	}
	k.service.wantExit(0)
	for _, level := range []string{`"ERROR"`, `"WARN"`} {
		if strings.Contains(k.service.stderr.text(), level) {
			t.Errorf("the log tells of trouble:\n%s", k.service.stderr.text())
		}
	}
	k.wantWhole()
}
