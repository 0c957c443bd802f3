package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/internal/web"
)

// As many people as a small shop has, and enough history to fill the charts.
const (
	seedPeople = 320
	seedDays   = 100
)

// Seed fills a new demonstration with made-up people: the same people every time, with a
// history that ends now. It leaves a database that has people already as it is.
func Seed(ctx context.Context, db *store.Store, rules auth.Rules) error {
	n, err := db.CountUsers(ctx, admin.UserQuery{})
	if err != nil || n > 0 {
		return err
	}
	s := &seeder{rand: rand.New(rand.NewPCG(20261122, 1)), appID: rules.AppID, rules: rules, now: time.Now()}
	if err := db.Import(ctx, s.history()); err != nil {
		return err
	}
	for i, openID := range s.admins {
		event := s.event(admin.ActorCommand, admin.ActGrant, openID, "", s.now.AddDate(0, 0, -61+20*i))
		if _, err := db.GrantAdmin(ctx, s.appID, openID, event); err != nil {
			return err
		}
	}
	return s.join(ctx, db)
}

type seeder struct {
	rand   *rand.Rand
	appID  string // of the account main
	rules  auth.Rules
	joined []*seeded // the two whom an admin has joined: one by main, one by the website; or nil
	now    time.Time
	admins []string
	views  [][]byte
}

// seeded is a made-up person.
type seeded struct {
	openID, unionID string
	profile         auth.Profile
	consents        bool // lets us have the profile
	joined          time.Time
	often           float64 // logins a day
	phone, desktop  auth.Device
	session         string // hash of the phone's latest session
}

func (s *seeder) history() store.History {
	var h store.History
	var people []*seeded
	for range seedPeople {
		people = append(people, s.person())
	}
	for i, p := range people[:2] { // the first people come most days, so that there is a long history to look at
		p.joined, p.often = s.now.AddDate(0, 0, 4*i-seedDays), .6
		s.admins = append(s.admins, p.openID)
	}
	for _, p := range people {
		s.life(p, &h)
	}
	s.doors(people, &h)
	slices.SortFunc(h.Logins, func(a, b auth.SaveLogin) int { return a.Session.CreatedAt.Compare(b.Session.CreatedAt) })
	s.troubles(&h)
	for _, p := range people {
		if p.consents && s.rand.IntN(10) < 9 {
			h.Pictures = append(h.Pictures, s.picture(p))
		}
	}
	s.acts(people, &h)
	return h
}

func pick[T any](s *seeder, of []T) T { return of[s.rand.IntN(len(of))] }

func (s *seeder) person() *seeded {
	p := &seeded{
		openID:   "oDEMO" + s.letters(23),
		profile:  auth.Profile{Nickname: s.nickname(), Language: "zh_CN", Privilege: []string{}},
		consents: s.rand.IntN(100) < 84,
		phone:    auth.Device{UserAgent: pick(s, seedPhones)},
		desktop:  auth.Device{UserAgent: pick(s, seedDesktops)},
	}
	p.phone.RemoteAddr = fmt.Sprintf("%s.%d", pick(s, seedNetworks), 1+s.rand.IntN(254))
	p.desktop.RemoteAddr = p.phone.RemoteAddr
	if s.rand.IntN(100) < 70 {
		p.unionID = "uDEMO" + s.letters(23)
	}
	if s.rand.IntN(100) < 12 { // profiles from before WeChat stopped giving sex and region
		place := pick(s, seedPlaces)
		p.profile.Sex, p.profile.Country, p.profile.Province, p.profile.City = 1+s.rand.IntN(2), "中国", place[0], place[1]
	}
	// More people join every week.
	ago := seedDays * (1 - max(s.rand.Float64(), s.rand.Float64()))
	p.joined = s.moment(int(ago))
	// Most people come now and then, a few every day.
	p.often = .02 + .5*s.rand.Float64()*s.rand.Float64()*s.rand.Float64()
	p.profile.AvatarURL = "https://thirdwx.qlogo.cn/mmopen/vi_32/demo-" + p.openID[5:15] + "/132"
	return p
}

// hours are weights of the hours of a day, by when people look at their phones.
var hours = []int{2, 1, 1, 1, 1, 2, 6, 14, 16, 13, 12, 14, 24, 18, 12, 11, 11, 13, 18, 22, 27, 26, 17, 7}

// moment returns a likely time of the day so many days ago, which is before now.
func (s *seeder) moment(ago int) time.Time {
	n := s.rand.IntN(289)
	hour := 0
	for ; n >= hours[hour]; hour++ {
		n -= hours[hour]
	}
	y, m, d := s.now.AddDate(0, 0, -ago).Date()
	at := time.Date(y, m, d, hour, s.rand.IntN(60), s.rand.IntN(60), 0, s.now.Location())
	if at.After(s.now) {
		at = s.now.Add(-time.Duration(1+s.rand.IntN(300)) * time.Minute)
	}
	return at
}

// life makes up all logins of a person.
func (s *seeder) life(p *seeded, h *store.History) {
	scope := auth.ScopeUserinfo
	if !p.consents {
		scope = auth.ScopeBase
	} else {
		asked := s.login(p, p.joined.Add(-20*time.Second), auth.ScopeBase).Login
		asked.Outcome = auth.Unknown
		h.Failed = append(h.Failed, asked)
	}
	h.Logins = append(h.Logins, s.login(p, p.joined, scope))
	for ago := int(s.now.Sub(p.joined).Hours() / 24); ago >= 0; ago-- {
		often := p.often
		if day := s.now.AddDate(0, 0, -ago).Weekday(); day == time.Saturday || day == time.Sunday {
			often *= 1.5
		}
		if s.rand.Float64() > often {
			continue
		}
		at := s.moment(ago)
		if !at.After(p.joined) {
			continue
		}
		scope := auth.ScopeBase
		switch n := s.rand.IntN(100); {
		case n < 7:
			scope = auth.ScopeScan
		case n < 14 && p.consents:
			scope = auth.ScopeUserinfo // from another phone, or after signing out
		}
		h.Logins = append(h.Logins, s.login(p, at, scope))
	}
}

// login makes up a login that signs a person in.
func (s *seeder) login(p *seeded, at time.Time, scope auth.Scope) auth.SaveLogin {
	device, replaces := p.phone, p.session
	if scope == auth.ScopeScan || scope == auth.ScopeLogin || scope == auth.ScopeMini {
		device, replaces = p.desktop, ""
	}
	token := auth.Hash(auth.NewToken())
	save := auth.SaveLogin{
		Login: auth.Login{
			ID: auth.NewID(), AppID: s.appID, StateHash: auth.Hash(auth.NewToken()), CodeHash: auth.Hash(auth.NewToken()),
			SessionHash: token, Scope: scope, Outcome: auth.SignedIn, StartedAt: at, FinishedAt: at.Add(400 * time.Millisecond), Device: device,
		},
		OpenID: p.openID, UnionID: p.unionID, Scope: auth.ScopeBase, Replaces: replaces,
		Session: auth.Session{
			ID: auth.NewID(), TokenHash: token, Kind: auth.VisitorSession, CreatedAt: at,
			LastSeenAt: at.Add(min(s.now.Sub(at), time.Duration(s.rand.IntN(120))*time.Minute)), EndsAt: at.AddDate(0, 0, 180), Device: device,
		},
	}
	if scope == auth.ScopeUserinfo {
		save.Scope, save.Profile, save.RefreshToken, save.Consent = auth.ScopeUserinfo, &p.profile, "demonstration", web.ConsentVersion
	}
	if device == p.phone {
		p.session = token
	}
	return save
}

// troubles makes up what goes wrong in any month, and two days on which more did.
func (s *seeder) troubles(h *store.History) {
	add := func(at time.Time, scope auth.Scope, step auth.Step, reason auth.Reason, errcode int64) {
		l := s.login(&seeded{phone: auth.Device{UserAgent: pick(s, seedPhones), RemoteAddr: fmt.Sprintf("%s.%d", pick(s, seedNetworks), 1+s.rand.IntN(254))}}, at, scope).Login
		l.Outcome, l.Reason, l.Errcode, l.Step = auth.Failed, reason, errcode, step
		h.Failed = append(h.Failed, l)
	}
	for ago := range seedDays {
		for range s.rand.IntN(4) {
			add(s.moment(ago), auth.ScopeUserinfo, auth.StepPerson, auth.Snapshot, 0)
		}
		for range s.rand.IntN(3) {
			add(s.moment(ago), auth.ScopeBase, auth.StepCode, auth.CodeSpent, pick(s, []int64{40029, 40163, 40163}))
		}
		switch s.rand.IntN(9) {
		case 0:
			add(s.moment(ago), auth.ScopeBase, auth.StepCode, auth.WeChatBusy, -1)
		case 1:
			add(s.moment(ago), auth.ScopeBase, auth.StepCode, auth.WeChatTimeout, 0)
		case 2:
			add(s.moment(ago), auth.ScopeUserinfo, auth.StepProfile, auth.NeedsLogin, 42001)
		}
	}
	for range 31 { // somebody has reset the secret
		add(s.moment(12), auth.ScopeBase, auth.StepCode, auth.WeChatRefused, 40125)
	}
	for range 17 { // a campaign with too many people a minute
		add(s.moment(47), auth.ScopeBase, auth.StepCode, auth.WeChatBusy, 45011)
	}
}

func (s *seeder) event(actor string, action admin.Action, subject, detail string, at time.Time) admin.Event {
	return admin.Event{ID: auth.NewID(), At: at, Actor: actor, Action: action, Subject: subject, Detail: detail}
}

// acts makes up what admins did, and what people did about their own data.
func (s *seeder) acts(people []*seeded, h *store.History) {
	slices.SortFunc(people, func(a, b *seeded) int { return a.joined.Compare(b.joined) })
	days := func(n int) time.Time { return s.moment(n) }
	add := func(actor string, action admin.Action, subject, detail string, at time.Time) {
		h.Events = append(h.Events, s.event(actor, action, subject, detail, at))
	}
	add(admin.ActorCommand, admin.ActLinkMade, "", "", days(62))
	add(admin.ActorLink, admin.ActLinkUsed, "", "192.0.2.10", days(62))
	for i, reason := range []string{"在评论区反复发广告", "冒充客服索要验证码", "同一人多个账号刷券", "恶意退单", "发布违规内容，第二次"} {
		p := people[20+31*i]
		h.Blocked = append(h.Blocked, p.openID)
		add(s.admins[i%2], admin.ActBlock, p.openID, reason, days(50-9*i))
	}
	for i := range 4 {
		p := people[33+17*i]
		add(s.admins[i%2], admin.ActBlock, p.openID, "疑似刷单，待核实", days(40-6*i))
		add(s.admins[(i+1)%2], admin.ActUnblock, p.openID, "", days(38-6*i))
	}
	for i := range 6 {
		add(s.admins[i%2], admin.ActExport, "", fmt.Sprintf("%d people as CSV", 180+24*i), days(42-7*i))
		add(s.admins[i%2], admin.ActRefresh, people[9+11*i].openID, "", days(35-5*i))
		add(people[60+7*i].openID, admin.ActEndSession, people[60+7*i].openID, "", days(30-4*i))
	}
	for i := range 3 {
		id := auth.NewID() // nothing else is known of somebody who erased themselves
		add(id, admin.ActErase, id, "", days(28-8*i))
	}
	add(s.admins[0], admin.ActEndSessions, people[77].openID, "", days(3))
}

func (s *seeder) letters(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[s.rand.IntN(len(letters))]
	}
	return string(b)
}
