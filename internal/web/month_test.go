package web_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
)

// -month.people 100000 is what make long plays: the refresher is asked once a minute
// then, as the service asks it.
var monthPeople = flag.Int("month.people", 120, "how many people TestAMonthOfRefreshes plays")

// A month of refreshes, played by a clock that is moved: everybody comes within ten
// minutes of a campaign, WeChat answers nobody for six hours of the tenth day, and
// nobody ever comes again. Every profile is fetched again before it is nine days old, as
// long as its token lives and not a moment longer; no token is refused, no second has
// more than the five people that a refresher takes, and the campaign is no wave a week
// later.
func TestAMonthOfRefreshes(t *testing.T) {
	t.Parallel()
	m := newMonth(t, *monthPeople)
	step := time.Minute
	if m.people < 1000 {
		step = 6 * time.Hour // and many at once
	}
	m.campaign()
	began := m.clock.now()
	const outage = 10 * day
	for at := time.Duration(0); at < 32*day; at += step {
		m.clock.to(began.Add(at)) // a round may have taken longer
		if m.people >= 1000 && at%(4*day) == 0 {
			t.Logf("%d days have passed", at/day)
		}
		switch at {
		case outage:
			m.sim.Plan(wechatsim.Refresh, wechatsim.Fault{Errcode: -1, Times: -1})
		case outage + 6*time.Hour:
			m.sim.ClearFaults()
		}
		out := at >= outage && at < outage+6*time.Hour
		if err := m.refresher.RunOnce(t.Context()); err != nil && (!out || auth.ReasonOf(err) != auth.WeChatBusy) {
			t.Fatalf("after %v: %v", at, err)
		}
	}
	m.wantFresh(began, step)
	m.wantGentle(began)
}

// played is a clock that moves only when it is told to.
type played struct {
	mu sync.Mutex
	at time.Time
}

func (c *played) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *played) pass(d time.Duration) { c.to(c.now().Add(d)) }

// to is no way back.
func (c *played) to(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.at) {
		c.at = at
	}
}

// month is a store, a refresher and WeChat with very many people, without the pages:
// nobody looks at one.
type month struct {
	t         *testing.T
	people    int
	clock     *played
	sim       *wechatsim.Simulator
	simURL    string
	client    *wechat.Client
	db        *store.Store
	refresher *auth.Refresher

	mu        sync.Mutex
	refreshed map[string][]time.Time // by person
	asked     map[int64]int          // calls of either endpoint, by second
	refused   int                    // refreshes that WeChat answered with an errcode of its own
}

func newMonth(t *testing.T, people int) *month {
	m := &month{t: t, people: people, clock: &played{at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}, refreshed: make(map[string][]time.Time), asked: make(map[int64]int)}
	m.sim = wechatsim.New(wechatsim.Config{Now: m.clock.now, Remember: 4 * people, OnCall: m.note})
	server := httptest.NewServer(m.sim)
	t.Cleanup(server.Close)
	m.simURL = server.URL
	var err error
	m.db, err = store.Open(t.Context(), store.Config{
		URL: databaseURL(newDatabase(t)), Keys: newKeys(t), Migrations: migrations.FS, Now: m.clock.now, Logger: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	t.Cleanup(func() { m.db.Close() })
	m.client = wechat.New(wechat.Config{AppID: m.sim.AppID(), AppSecret: auth.Secret(m.sim.Secret()), OpenURL: m.simURL, APIURL: m.simURL, Lang: "zh_CN"})
	pictures := auth.NewPictures(m.client, m.db, m.clock.now, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { pictures.Close(t.Context()) })
	m.refresher = auth.NewRefresher(auth.RefresherConfig{
		Providers: map[string]auth.RefreshProvider{m.sim.AppID(): m.client}, Store: m.db, Pictures: pictures, Now: m.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	m.refresher.Sleep = func(_ context.Context, d time.Duration) error { m.clock.pass(d); return nil }
	return m
}

// note sees every call at WeChat.
func (m *month) note(c wechatsim.Call) {
	if c.Endpoint != wechatsim.Refresh && c.Endpoint != wechatsim.Userinfo {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[c.Time.Unix()]++
	switch {
	case c.Endpoint != wechatsim.Refresh:
	case c.Errcode == 0:
		m.refreshed[c.Person] = append(m.refreshed[c.Person], c.Time)
	case c.Fault == "":
		m.refused++
	}
}

// campaign signs everybody in within ten minutes, as a login does it: a code, its
// exchange, the profile, and a login that is saved.
func (m *month) campaign() {
	// Not the transport of all: whatever test closes a server ends its idle connections.
	phone := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer phone.CloseIdleConnections()
	for n := range m.people {
		m.clock.pass(10 * time.Minute / time.Duration(m.people))
		person := m.sim.AddPerson(wechatsim.Person{Key: fmt.Sprintf("m%d", n), Nickname: fmt.Sprintf("小满%d", n), NoPicture: true})
		state := auth.NewToken()
		r, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.client.AuthorizeURL(auth.Authorization{
			Scope: auth.ScopeUserinfo, State: string(state), RedirectURI: m.simURL + "/callback",
		}), nil)
		check(m.t, err)
		r.Header.Set("User-Agent", iPhone)
		r.AddCookie(&http.Cookie{Name: wechatsim.CookiePerson, Value: person.Key})
		r.AddCookie(&http.Cookie{Name: wechatsim.CookieConsent, Value: wechatsim.AnswerAllow})
		answer, err := phone.Do(r)
		check(m.t, err)
		answer.Body.Close()
		back, err := url.Parse(answer.Header.Get("Location"))
		check(m.t, err)
		m.save(person, back.Query().Get("code"))
	}
}

func (m *month) save(person wechatsim.Person, code string) {
	grant, err := m.client.Exchange(m.t.Context(), code)
	check(m.t, err)
	at, token := m.clock.now(), auth.NewToken()
	login := auth.Login{
		ID: auth.NewID(), AppID: m.sim.AppID(), StateHash: auth.Hash(auth.NewToken()), CodeHash: auth.Hash(auth.Secret(code)),
		SessionHash: auth.Hash(token), Scope: auth.ScopeUserinfo, Outcome: auth.Pending, StartedAt: at,
	}
	claimed, err := m.db.ClaimLogin(m.t.Context(), login)
	check(m.t, err)
	if !claimed {
		m.t.Fatal("a code is not new")
	}
	login.Outcome, login.FinishedAt = auth.SignedIn, at
	_, err = m.db.SaveLogin(m.t.Context(), auth.SaveLogin{
		Login: login, OpenID: person.OpenID, Scope: auth.ScopeUserinfo, Profile: &auth.Profile{Nickname: person.Nickname}, RefreshToken: grant.RefreshToken,
		Session: auth.Session{ID: auth.NewID(), TokenHash: auth.Hash(token), Kind: auth.VisitorSession, CreatedAt: at, LastSeenAt: at, EndsAt: at.Add(180 * day)},
	})
	check(m.t, err)
}

// freshAtMost is a week, a fifth, an hour and its fifth after a failure, and the outage.
const freshAtMost = 7*day*6/5 + 6*time.Hour + 2*time.Hour

// wantFresh fails for a profile that was not fetched in time, or when its token had
// ended.
func (m *month) wantFresh(began time.Time, step time.Duration) {
	m.t.Helper()
	ends := began.Add(30 * day)
	oldest := time.Duration(0)
	total := 0
	for n := range m.people {
		at := began
		for _, next := range append(slices.Clone(m.refreshed[fmt.Sprintf("m%d", n)]), ends) {
			oldest = max(oldest, next.Sub(at))
			at = next
		}
		total += len(m.refreshed[fmt.Sprintf("m%d", n)])
	}
	m.t.Logf("%d people, %d refreshes in 32 days; the oldest profile was %v", m.people, total, oldest.Round(time.Minute))
	if oldest > freshAtMost+step {
		m.t.Errorf("a profile grew %v old", oldest)
	}
	if m.refused > 0 {
		m.t.Errorf("WeChat refused %d tokens", m.refused)
	}
}

// wantGentle fails when WeChat is asked in bursts.
func (m *month) wantGentle(began time.Time) {
	m.t.Helper()
	perMinute, perDay := make(map[int64]int), make(map[int]int)
	second := 0
	for at, n := range m.asked {
		second = max(second, n)
		perMinute[at/60] += n
		perDay[int(time.Unix(at, 0).Sub(began)/day)] += n
	}
	minute := 0
	for _, n := range perMinute {
		minute = max(minute, n)
	}
	days := make([]int, 0, 32)
	for d := range 32 {
		days = append(days, perDay[d])
	}
	m.t.Logf("calls to WeChat: at most %d in a second and %d in a minute; by day: %d", second, minute, days)
	// Five people a second, two calls each; a second is no window of the limiter's.
	if second > 2*(5+1) {
		m.t.Errorf("%d calls in a second", second)
	}
	// WeChat allows 50,000 calls a minute (official); this is far below, whoever is due.
	if minute > 2*(5*60+1) {
		m.t.Errorf("%d calls in a minute", minute)
	}
	// Spread by a fifth of a week either way, a campaign takes three days.
	if busiest := slices.Max(days); m.people >= 1000 && busiest > m.people*2*45/100 {
		m.t.Errorf("%d calls in one day", busiest)
	}
}
