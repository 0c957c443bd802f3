package web

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/templates"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sample is a page with data that somebody might really see.
type sample struct {
	name  string
	page  page
	path  string
	admin bool
	// says is text that has to be readable on the page as it stands here.
	says []string
}

func people() map[string]auth.User {
	typical := auth.User{
		ID: "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a10", AppID: "wx6f2a0c4b8d1e3f57",
		OpenID: "oQx8T5vK2mZrY7bN4cL1dW9hJ3fs", UnionID: "oU6t-5wZb8yQpR2nVx0LkC3jHd7e",
		Profile: auth.Profile{
			Nickname: "林小满", Sex: 2, Language: "zh_CN", Country: "中国", Province: "浙江", City: "杭州",
			AvatarURL: "https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132", Privilege: []string{"chinaunicom"},
		},
		Scope: auth.ScopeUserinfo, FirstLoginAt: noon.AddDate(0, -5, -3), LastLoginAt: noon.Add(-12 * time.Minute),
		ProfileUpdatedAt: noon.Add(-12 * time.Minute), LoginCount: 37,
	}
	silent := auth.User{
		ID: "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a11", AppID: typical.AppID, OpenID: "oQx8T5vK2mZrY7bN4cL1dW9hJ3ft",
		Scope: auth.ScopeBase, FirstLoginAt: noon, LastLoginAt: noon, LoginCount: 1,
	}
	hostile := func(nickname string) auth.User {
		u := typical
		u.Nickname, u.Country, u.Province, u.City = nickname, nickname, nickname, nickname
		u.Language, u.AvatarURL, u.Privilege = nickname, "javascript:alert(1)", []string{nickname}
		u.Blocked = true
		return u
	}
	return map[string]auth.User{
		"typical": typical,
		"silent":  silent,
		"html":    hostile(`</title></bdi><script>alert("1")</script><img src=x onerror='alert(1)'>" onload="alert(1)`),
		"rtl":     hostile("مرحبا بالعالم שלום"),
		"long":    hostile(strings.Repeat("很", 10_000)),
		"emoji":   hostile("👨‍👩‍👧‍👦🏳️‍🌈 é {{.}} %s %d"),
	}
}

func samples() []sample {
	var all []sample
	add := func(s sample) { all = append(all, s) }

	for _, name := range slices.Sorted(maps.Keys(people())) {
		u := people()[name]
		var says []string
		if u.Nickname != "" {
			says = []string{u.Nickname}
		}
		add(sample{name: name, page: profilePage{User: &u}, path: "/", says: append(says, u.OpenID)})
		add(sample{name: name, page: erasePage{User: u}, path: "/erase", says: says})

		device := auth.Device{RemoteAddr: "203.0.113.9", UserAgent: agentOf("iphone") + " " + u.Nickname}
		add(sample{
			name: name, path: "/admin/users/" + u.ID, admin: true, says: append(says, u.OpenID, u.ID),
			page: adminUserPage{
				User: u, Admin: name == "typical", Done: "done.blocked",
				Sessions: []auth.Session{{ID: "1", CreatedAt: noon.Add(-time.Hour), LastSeenAt: noon, EndsAt: noon.AddDate(0, 6, 0), Device: device}, {ID: "2", CreatedAt: noon, LastSeenAt: noon, EndsAt: noon}},
				Logins: []auth.Login{
					{Scope: auth.ScopeUserinfo, Outcome: auth.SignedIn, StartedAt: noon, Device: device},
					{Scope: auth.ScopeBase, Outcome: auth.Unknown, StartedAt: noon},
					{Scope: auth.ScopeBase, Outcome: auth.Pending, StartedAt: noon},
					{Scope: auth.ScopeUserinfo, Outcome: auth.Failed, Reason: auth.WeChatTimeout, Step: auth.StepCode, StartedAt: noon},
					{Scope: auth.ScopeUserinfo, Outcome: auth.SignedIn, Errcode: 48001, Step: auth.StepProfile, StartedAt: noon},
				},
				Older:      []auth.Login{{Scope: auth.ScopeScan, Outcome: auth.SignedIn, StartedAt: noon, Device: device}},
				Meanings:   map[int64]string{48001: "接口未授权"},
				Apps:       sampleApps(),
				Identities: oneIdentity(u, &admin.TokenInfo{Scope: auth.ScopeUserinfo, IssuedAt: noon, EndsAt: noon.AddDate(0, 1, 0), DueAt: noon.AddDate(0, 0, 7)}, lostToken{}),
				Events:     events(u),
				Following:  sampleFollowing(),
			},
		})
		add(sample{name: name + "/nothing done", path: "/admin/users/" + u.ID, admin: true, page: adminUserPage{User: u}})
		add(sample{
			name: name + "/own, token dead", path: "/admin/users/" + u.ID, admin: true,
			page: adminUserPage{
				User: u, Self: true, Admin: true, Configured: name == "rtl", SignInURL: "/wx/login?return_to=%2Fwx",
				Identities: oneIdentity(u, &admin.TokenInfo{Scope: auth.ScopeUserinfo, IssuedAt: noon, EndsAt: noon, DeadReason: "refresh: errcode 40030"}, lostToken{}), Accounts: true,
			},
		})
		add(sample{
			name: name + "/several identities", path: "/admin/users/" + u.ID, admin: true, says: append(says, u.OpenID, "o7781"),
			page: adminUserPage{User: u, Identities: severalIdentities(u), Accounts: true, Changed: []unionIDChange{{noon, sampleAccounts[1]}, {At: noon}}},
		})
		add(sample{name: name, path: "/admin/joins", admin: true, says: append(says, u.OpenID, u.ID), page: joinsPage(u)})
		add(sample{
			name: name, path: "/admin/users", admin: true, says: []string{"1234567"},
			page: adminUsersPage{
				Users: []auth.User{u, somebodyElse(u)}, Total: admin.Total{N: 1234567, More: true}, Filters: admin.Filters, Sorts: admin.Sorts,
				Query:   admin.UserQuery{Search: u.Nickname, Filter: admin.FilterBlocked, Sort: admin.SortLastSeen},
				NextURL: "/wx/admin/users?cursor=n", PrevURL: "/wx/admin/users?cursor=p", CSVURL: "/wx/api/admin/users.csv",
			},
		})
		add(sample{
			name: name + "/due next", path: "/admin/users", admin: true,
			page: adminUsersPage{Users: []auth.User{u}, Filters: admin.Filters, Sorts: admin.Sorts, Query: admin.UserQuery{Filter: admin.FilterTokenEnds, Sort: admin.SortOldest}},
		})
		add(sample{
			name: name, path: "/admin/events", admin: true, says: says,
			page: adminEventsPage{Events: events(u), Actions: admin.Actions, Query: admin.EventQuery{Who: u.Nickname, Action: admin.ActGrant},
				Form: url.Values{"from": {"2026-11-01"}, "to": {"2026-11-22"}}, NextURL: "/wx/admin/events?cursor=n", PrevURL: "/wx/admin/events?cursor=p", CSVURL: "/wx/api/admin/events.csv"},
		})
		add(sample{name: name, path: "/admin/users/bulk", admin: true, says: says, page: adminBulkPage{Act: "block", Users: []auth.User{u, people()["silent"]}, Self: u.ID, Among: true, Back: "/wx/admin/users?q=x"}})
		add(sample{name: name + "/sessions", path: "/admin/users/bulk", admin: true, page: adminBulkPage{Act: "sessions", Users: []auth.User{u}}})
		add(sample{
			name: name, path: "/me", says: append(says, u.OpenID),
			page: myDataPage{
				User: u, Here: "1", Picture: name == "typical", Done: "done.session",
				Sessions: []auth.Session{{ID: "1", CreatedAt: noon, LastSeenAt: noon, EndsAt: noon, Device: device}, {ID: "2", CreatedAt: noon, LastSeenAt: noon, EndsAt: noon}},
				Logins:   []auth.Login{{Scope: auth.ScopeScan, Outcome: auth.SignedIn, StartedAt: noon, Device: device}, {Scope: auth.ScopeBase, Outcome: auth.Failed, Reason: auth.Blocked, StartedAt: noon}},
				Token:    &admin.TokenInfo{Scope: auth.ScopeUserinfo, IssuedAt: noon, EndsAt: noon.AddDate(0, 1, 0)},
				Apps:     sampleApps(),
				Ways: myIdentities{
					All: []myIdentity{
						{Kind: auth.OfficialAccount, At: noon, Here: true}, {ID: "2", Kind: auth.WebsiteAccount, Linked: auth.LinkedByPerson, At: noon},
						{ID: "3", Kind: auth.MiniProgram, Linked: auth.LinkedByUnionID, At: noon}, {ID: "4", Linked: auth.LinkedByAdmin, At: noon},
					},
					Linkable: []linkableAccount{{"club", auth.OfficialAccount, "club"}},
				},
			},
		})
		add(sample{name: name + "/stale", path: "/me", page: myDataPage{User: u, Ways: myIdentities{
			All: []myIdentity{{Kind: auth.OfficialAccount, At: noon, Here: true}}, Linkable: []linkableAccount{{"club", auth.OfficialAccount, "club"}}, AgainURL: "/wx/login?account=main&return_to=%2Fwx%2Fme",
		}}})
		add(sample{name: name + "/bare", path: "/me", page: myDataPage{User: u}})
	}

	add(sample{name: "typical", page: consentPage{Site: "h5.example.com", ConsentURL: "/wx/login?consent=1"}, path: "/login", says: []string{"h5.example.com"}})
	add(sample{name: "followers", page: consentPage{ConsentURL: "/wx/login?consent=1", Follows: true}, path: "/login"})
	add(sample{name: "nameless", page: consentPage{ConsentURL: "/wx/login?consent=1"}, path: "/login"})
	add(sample{
		name: "typical", path: "/scan", says: []string{"https://h5.example.com/wx/login", "47"},
		page: scanPage{
			QRCodeURL: "/wx/scan/qr.png?ticket=t", QRCodeSize: 225, Number: 47, Status: string(auth.ScanWaiting), EventsURL: "/wx/scan/events?ticket=t",
			StatusURL: "/wx/scan/status?ticket=t", DoneURL: "/wx/scan/done?ticket=t&return_to=%2Fx", AgainURL: "/wx/scan", URL: "https://h5.example.com/wx/login",
			LoginURL: "/wx/login?anyway=1", TicketURL: "https://h5.example.com/wx/scan/t", Site: "shop.example.com",
		},
	})
	add(sample{name: "website", path: "/scan", says: []string{"h5.example.com"}, page: websitePage{Site: "h5.example.com", LoginURL: "/wx/login?account=pc&return_to=%2Fwx%2F", ScanURL: "/wx/scan?by=phone&return_to=%2Fwx%2F"}})
	add(sample{name: "website in a frame", path: "/scan", page: websitePage{App: "Wiki", Site: "h5.example.com", FrameURL: "https://open.weixin.qq.com/connect/qrconnect?appid=wx", ScanURL: "/wx/scan?by=phone&return_to=%2Fwx%2F"}})
	add(sample{name: "phone", path: "/scan", says: []string{"shop.example.com", "https://h5.example.com/wx/signin"}, page: scanPage{
		Site: "shop.example.com", Phone: true, Status: string(auth.ScanWaiting), QRCodeURL: "/wx/scan/qr.png", QRCodeSize: 225, Number: 10, URL: "https://h5.example.com/wx/signin?return_to=%2Fx",
	}})
	for _, status := range scanStatuses() {
		add(sample{name: status, path: "/scan", page: scanPage{QRCodeURL: "/wx/scan/qr.png", QRCodeSize: 225, Number: 10, Status: status}})
	}
	for name, u := range people() {
		add(sample{
			name: name, path: "/scan/t", says: []string{"Windows · Edge", "2001:db8::1", "h5.example.com", "47"},
			page: scanAskPage{
				User: u, Site: "h5.example.com", Device: nameDevice("Windows NT 10.0 Edg/140"), Address: "2001:db8::1", Seconds: 7, Number: 47,
				Admin: name == "typical", Action: "/wx/scan/t",
			},
		})
	}
	for name, u := range people() {
		all := clientConsentPage{User: u, Name: "Wiki", Host: "wiki.example.com", Profile: true, Email: true, WeChat: true, Follows: true, Groups: true, Offline: true,
			Action: "/wx/oidc/consent", Query: "client_id=a&state=%3C%22"}
		add(sample{name: name, path: "/oidc/authorize", page: all})
	}
	add(sample{name: "little", path: "/oidc/authorize", page: clientConsentPage{Name: "Tool", Action: "/wx/oidc/consent"}})
	add(sample{name: "app", path: "/oidc/consent", page: onwardPage{Href: "com.example.app:/cb?code=x&state=y"}})
	add(sample{name: "official account", path: "/me/link", says: []string{"club"}, page: linkPage{Kind: auth.OfficialAccount, Name: "club", Href: "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx&state=s#wechat_redirect"}})
	add(sample{name: "website", path: "/me/link", page: linkPage{Kind: auth.WebsiteAccount, Href: "https://open.weixin.qq.com/connect/qrconnect?appid=wx"}})
	add(sample{name: "asked by an app", path: "/oidc/logout", page: signOutPage{Name: "Wiki", Action: "/wx/oidc/logout/confirm", ClientID: "a", Address: "https://wiki.example.com/", State: "s"}})
	add(sample{name: "asked by nobody", path: "/oidc/logout", page: signOutPage{Action: "/wx/oidc/logout/confirm"}})
	wiki := clientFacts{
		ID: "x5kfdn75ppxuogcuwrcwxdjjul", Name: "Wiki", Host: "wiki.example.com", RedirectURIs: []string{"https://wiki.example.com/callback"}, LogoutURIs: []string{"https://wiki.example.com/bye"},
		Backchannel: "https://wiki.example.com/logout", Account: auth.MainAccount, Alg: auth.RS256, Groups: []string{"ops", "staff"}, CreatedAt: noon,
		Flags: clientFlags,
	}
	hostile := clientFacts{ID: "h", Name: `"><script>alert(1)</script>'` + "\u202e", CreatedAt: noon}
	add(sample{name: "typical", path: "/admin/clients", admin: true, says: []string{"Wiki", "wiki.example.com", wiki.ID}, page: adminClientsPage{Clients: []listedClient{
		{wiki, admin.ClientUse{People: admin.Total{N: 10_000, More: true}, LastAt: noon}}, {hostile, admin.ClientUse{People: admin.Total{N: 1}}},
	}}})
	add(sample{name: "empty", path: "/admin/clients", admin: true, says: []string{"server client add"}, page: adminClientsPage{}})
	for name, u := range people() {
		access := sampleApps()
		for i := range access {
			access[i].User = u
		}
		add(sample{name: name, path: "/admin/clients/" + wiki.ID, admin: true, says: []string{wiki.RedirectURIs[0], "server client edit Wiki"}, page: adminClientPage{
			Client: wiki, Issuer: "https://h5.example.com/wx", People: access, Sizes: pageSizes("/x", 0), Here: "/wx/admin/clients/x", NextURL: "/x", PrevURL: "/x", Done: "done.app", Use: admin.ClientUse{LastAt: noon},
		}})
	}
	add(sample{name: "empty", path: "/admin/clients/h", admin: true, page: adminClientPage{Client: hostile}})
	add(sample{name: "nameless", path: "/scan/t", page: scanAskPage{Number: 99, Action: "/wx/scan/t"}})
	add(sample{name: "typical", page: adminLinkPage{Token: `t"><script>`}, path: "/admin/link"})
	add(sample{name: "empty", page: dashboard(admin.Activity{}), path: "/admin", admin: true})
	add(sample{
		name: "typical", path: "/admin", admin: true, says: []string{"48211"},
		page: func() page {
			p := dashboard(busyMonth())
			p.Done, p.Here, p.Self = "done.admin_session", "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a30", "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a10"
			p.Sessions = []auth.Session{
				{ID: p.Here, CreatedAt: noon, LastSeenAt: noon, EndsAt: noon.Add(admin.SessionLifetime), Device: auth.Device{RemoteAddr: "203.0.113.9", UserAgent: "Windows NT 10.0 Edg/140"}},
				{ID: "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a31", CreatedAt: noon, LastSeenAt: noon, EndsAt: noon, Device: auth.Device{UserAgent: `"><script>alert(1)</script>`}},
			}
			p.Counts = admin.Counts{Users: 48211, NewUsers: 96, Logins: 1840, Sessions: 20731, Snapshots: 57, Failures: 12, BlockedUser: 8, Since: noon}
			return p
		}(),
	})
	add(sample{name: "empty", page: adminUsersPage{Filters: admin.Filters, Sorts: admin.Sorts, Done: "done.erased"}, path: "/admin/users", admin: true})
	add(sample{
		name: "no result", path: "/admin/users", admin: true,
		page: adminUsersPage{Filters: admin.Filters, Sorts: admin.Sorts, Query: admin.UserQuery{Search: `"><script>`}},
	})
	add(sample{name: "empty", page: adminEventsPage{}, path: "/admin/events", admin: true})
	add(sample{name: "empty", page: adminJoinsPage{SignInURL: "/wx/signin"}, path: "/admin/joins", admin: true})

	ways := []*link{nil, {Label: "action.try_again", Href: "/wx/login"}}
	for i, key := range messageKeys() {
		p := messagePage{Icon: []string{"success", "info", "warn", "waiting"}[i%4], Key: key, Action: ways[i%2]}
		add(sample{name: key, page: p, path: "/"})
		add(sample{name: key, page: adminMessagePage(p), path: "/admin/nowhere", admin: i%2 == 0})
	}
	return all
}

var sampleAccounts = []auth.Account{{Name: auth.MainAccount, Kind: auth.OfficialAccount}, {Name: "pc", Kind: auth.WebsiteAccount}, {Name: "app", Kind: auth.MiniProgram}}

func oneIdentity(u auth.User, token *admin.TokenInfo, lost lostToken) []shownIdentity {
	return []shownIdentity{{Identity: admin.Identity{Identity: u.Identity(), FirstLoginAt: noon, LastLoginAt: noon, LoginCount: 3, Token: token}, Account: sampleAccounts[0], Lost: lost, Now: noon}}
}

// severalIdentities has one of each way that an identity comes to a person, and one of an
// account that is gone.
func severalIdentities(u auth.User) []shownIdentity {
	all := oneIdentity(u, &admin.TokenInfo{Scope: auth.ScopeUserinfo, IssuedAt: noon, EndsAt: noon}, lostToken{})
	for i, linked := range constants("Linked") {
		by := []string{admin.ActorLink, admin.ActorCommand, u.ID}[i%3]
		all = append(all, shownIdentity{Identity: admin.Identity{
			Identity:     auth.Identity{ID: "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a77", AppID: "wx1", OpenID: fmt.Sprintf("o778%d", i), UnionID: u.UnionID, Scope: auth.ScopeBase},
			FirstLoginAt: noon, LoginCount: 1, Linked: auth.Linked(linked), LinkedAt: noon, LinkedBy: by, LinkedByName: u.Nickname,
		}, Account: append(sampleAccounts[1:], auth.Account{})[i%3], Now: noon})
	}
	return all
}

func joinsPage(u auth.User) adminJoinsPage {
	other := somebodyElse(u)
	p := adminJoinsPage{Open: beside{"/wx/admin/joins?cursor=p", "/wx/admin/joins?cursor=n"}, Done: "done.parted", Proposals: []proposed{{
		Proposal: admin.Proposal{Kept: u, Other: other, UnionID: "uUNION", NotedAt: noon},
		Sides:    []side{{User: u, Identities: severalIdentities(u), Apps: sampleApps()}, {User: other, Identities: oneIdentity(other, nil, lostToken{})}},
	}}}
	for _, d := range severalIdentities(u)[1:] {
		p.Joins = append(p.Joins, joined{admin.Join{Identity: d.Identity, Person: u, Nickname: u.Nickname}, d.Account})
	}
	return p
}

// events are what the audit log may hold about somebody.
func events(u auth.User) []admin.NamedEvent {
	return []admin.NamedEvent{
		{Event: admin.Event{At: noon, Actor: admin.ActorLink, Action: admin.ActBlock, Subject: u.ID, Detail: u.Nickname}, SubjectName: u.Nickname},
		{Event: admin.Event{At: noon, Actor: admin.ActorCommand, Action: admin.ActGrant, Subject: u.OpenID}},
		{Event: admin.Event{At: noon, Actor: u.ID, Action: admin.ActErase, Subject: u.ID}, ActorName: u.Nickname, SubjectName: u.Nickname},
		{Event: admin.Event{At: noon, Actor: u.ID, Action: admin.ActExport}, ActorName: u.Nickname},
		{Event: admin.Event{At: noon, Action: admin.ActUnblock, Subject: u.Nickname}},
	}
}

func somebodyElse(u auth.User) auth.User {
	if other := people()["silent"]; other.ID != u.ID {
		return other
	}
	return people()["typical"]
}

// dashboard is the page as its handler makes it.
func dashboard(activity admin.Activity) adminHomePage {
	logins, errcodes := days(noon, time.UTC, 30), days(noon, time.UTC, 30)
	logins.add(series{Key: seriesLogins}, activity.Logins)
	logins.add(series{Key: seriesNewUsers}, activity.NewUsers)
	errcodes.addErrcodes(activity.Errcodes, func(int64) string { return "code 无效" })
	return adminHomePage{
		Counts: admin.Counts{Since: noon}, Span: 30, Spans: spans, Logins: logins.draw(false), Errcodes: errcodes.draw(true), Activity: activity,
		Meanings: map[int64]string{40125: "AppSecret 无效"},
	}
}

func busyMonth() admin.Activity {
	a := admin.Activity{LastGood: noon, EndingTokens: admin.Total{N: 7}}
	for i := range 40 {
		at := noon.AddDate(0, 0, -i)
		a.Logins = append(a.Logins, admin.SlotCount{At: at, Count: int64(60 + i%7)})
		a.NewUsers = append(a.NewUsers, admin.SlotCount{At: at, Count: int64(i % 5)})
		a.Errcodes = append(a.Errcodes, admin.SlotCount{At: at, Errcode: int64(40000 + i%8), Count: int64(i % 3)})
	}
	device := auth.Device{RemoteAddr: "203.0.113.9", UserAgent: agentOf("iphone")}
	a.Troubles = []auth.Login{
		{ID: "1", Scope: auth.ScopeBase, Outcome: auth.Failed, Reason: auth.WeChatRefused, Errcode: 40125, Step: auth.StepCode, StartedAt: noon, Device: device},
		{ID: "2", Scope: auth.ScopeUserinfo, Outcome: auth.SignedIn, Errcode: 48001, Step: auth.StepProfile, StartedAt: noon, UserID: people()["typical"].ID},
		{ID: "3", Scope: auth.ScopeUserinfo, Outcome: auth.Failed, Reason: auth.Snapshot, StartedAt: noon},
	}
	a.LastError = a.Troubles[0]
	return a
}

// messageKeys are the keys that a messagePage is made with: every reason, and
// the ends of things.
func messageKeys() []string {
	keys := []string{"signed_out", "erased", "scan_confirmed", "scan_refused", "scan_outside", "framed", "not_delivered", "going_round", "admin_signed_out"}
	for _, reason := range reasons() {
		keys = append(keys, "reason."+reason)
	}
	return keys
}

// reasons reads the constants of auth.Reason out of the source, so that a new
// one cannot be forgotten here.
func reasons() []string { return constants("Reason") }

// scanStatuses are those that a desktop's page can have.
func scanStatuses() []string {
	return slices.DeleteFunc(constants("ScanStatus"), func(s string) bool { return s == string(auth.ScanUsed) })
}

// constants are the values of a type of auth or admin.
func constants(typeName string) []string { return slices.Clone(allConstants()[typeName]) }

// allConstants are the constants of auth and admin by their type. The source is read
// once: to parse it with the race detector takes a tenth of a second.
var allConstants = sync.OnceValue(func() map[string][]string {
	values := make(map[string][]string)
	var files []string
	for _, domain := range []string{"../auth/*.go", "../admin/*.go"} {
		found, err := filepath.Glob(domain)
		if err != nil || len(found) == 0 {
			panic("no source in " + domain)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			panic(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); ok {
				for _, v := range spec.Values {
					if lit, ok := v.(*ast.BasicLit); ok {
						s, _ := strconv.Unquote(lit.Value)
						values[id.Name] = append(values[id.Name], s)
					}
				}
			}
			return true
		})
	}
	return values
})

func testRenderer(t *testing.T) *renderer {
	t.Helper()
	assets, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(templates.FS, nil, assets, "/wx", "zh_CN", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	seen := make(map[string]bool)
	for _, lang := range languages {
		for _, demo := range []*Demo{nil, {SimulatorURL: "http://127.0.0.1:8008/"}} {
			last := ""
			for _, s := range samples() {
				if demo != nil && s.page.file() == last {
					continue // what the demonstration adds is the same on every page
				}
				last = s.page.file()
				seen[s.page.file()] = true
				name := fmt.Sprintf("%s/%s/%s/demo=%t", lang, s.page.file(), s.name, demo != nil)
				shown, err := r.render(nil, frame{Lang: lang, RequestID: "01J9ZK3Q5", Demo: demo, Admin: s.admin, Path: s.path, Now: noon}, s.page)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for _, fault := range faults(string(shown), lang, s.says) {
					t.Errorf("%s: %s", name, fault)
				}
			}
		}
	}
	for _, p := range pages {
		if !seen[p.file()] {
			t.Errorf("%s has no sample", p.file())
		}
	}
}

// A page that cannot be parsed stops the start, whichever it is.
func TestABrokenTemplateStopsTheStart(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(templates.FS, name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []interface{ file() string }{pages[0], pages[len(pages)-1]} {
		name := p.file() + ".html"
		whole := files[name]
		files[name] = &fstest.MapFile{Data: []byte(`{{if .Page}}`)}
		if _, err := newRenderer(files, nil, assets, "", "zh_CN", time.UTC); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with a broken %s: %v", name, err)
		}
		files[name] = whole
	}
	if _, err := newRenderer(files, nil, assets, "", "zh_CN", time.UTC); err != nil {
		t.Error(err)
	}
}

// The profile page put together from parts is the one that its template gives.
func FuzzProfileParts(f *testing.F) {
	assets, err := newAssets()
	if err != nil {
		f.Fatal(err)
	}
	// East of Greenwich by a part of an hour, so that no time looks like another.
	r, err := newRenderer(templates.FS, nil, assets, "/wx", "zh_CN", time.FixedZone("here", 5*3600+45*60))
	if err != nil {
		f.Fatal(err)
	}
	demo := &Demo{SimulatorURL: "http://127.0.0.1:8008/"}
	for _, u := range people() {
		f.Add(u.ID, u.OpenID, u.Nickname, u.Country, u.Province, u.City, u.Sex, u.FirstLoginAt.UnixMilli(), u.LastLoginAt.UnixMilli(), u.LoginCount)
	}
	f.Add("a/b", "+\x00", "wxl0city0wxl", "", "+", "\xff", 1, int64(-1), int64(0), int64(-5))
	f.Add(" ", "", "", "&amp;", "x", "", 3, int64(0), int64(1)<<47, int64(1)<<62)
	f.Fuzz(func(t *testing.T, id, openID, nickname, country, province, city string, sex int, first, last, count int64) {
		u := auth.User{
			ID: id, OpenID: openID, FirstLoginAt: time.UnixMilli(first), LastLoginAt: time.UnixMilli(last), LoginCount: count,
			Profile: auth.Profile{Nickname: nickname, Sex: sex, Country: country, Province: province, City: city},
		}
		for _, lang := range languages {
			for _, demo := range []*Demo{nil, demo} {
				// What the page does not show must not be kept with its parts.
				frame := frame{Lang: lang, RequestID: nickname, Demo: demo, Path: city, Now: time.UnixMilli(last)}
				want, wantErr := r.execute(nil, frame, profilePage{User: &u})
				got, err := r.render([]byte("what was there before"), frame, profilePage{User: &u})
				if string(got) != string(want) || (err == nil) != (wantErr == nil) {
					t.Fatalf("%s: from parts\n%s%v\nby the template\n%s%v", lang, got, err, want, wantErr)
				}
				if _, ok := r.profiles.render(nil, frame, &u, r.execute); !ok && plainID(id) && sex >= 0 && sex <= 2 {
					t.Fatal("the page was not put together from parts")
				}
			}
		}
	})
}

// faults is what is wrong with a page, whoever sees it.
func faults(page, lang string, says []string) []string {
	var bad []string
	fault := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }

	if !strings.HasPrefix(page, "<!doctype html>\n") {
		fault("begins with %.40q", page)
	}
	if strings.Contains(page, "ZgotmplZ") {
		fault("html/template has refused a value")
	}
	for _, tag := range unbalanced(page) {
		fault("unbalanced <%s>", tag)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return append(bad, err.Error())
	}

	count := make(map[atom.Atom]int)
	ids, labelled, titles := make(map[string]bool), make(map[string]bool), []string{}
	var controls []*html.Node
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.DataAtom]++
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				fault("<%s> with inline %s", n.Data, a.Key)
			}
			if loads(n, a.Key) && !strings.HasPrefix(a.Val, "/wx/") && n.DataAtom != atom.Iframe {
				fault("<%s> loads %q, which is not below the prefix", n.Data, a.Val)
			}
			if (a.Key == "href" || a.Key == "action") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				fault("<%s> runs %q", n.Data, a.Val)
			}
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				fault("two elements with id %q", id)
			}
			ids[id] = true
		}
		switch n.DataAtom {
		case atom.Script:
			// The page that waits has one and so have the admin pages, and it is not written
			// into the page.
			has := strings.Contains(page, `id="scan"`) || strings.Contains(page, "/admin.css") && strings.HasSuffix(attr(n, "src"), "/admin.js")
			if attr(n, "src") == "" || text(n) != "" || !has {
				fault("<%s>", n.Data)
			}
		case atom.Iframe: // of WeChat's QR code, and of nothing else
			if !strings.HasPrefix(attr(n, "src"), "https://open.weixin.qq.com/connect/qrconnect?") || attr(n, "sandbox") == "" || attr(n, "title") == "" {
				fault("<%s>", n.Data)
			}
		case atom.Style, atom.Object, atom.Embed, atom.Base:
			fault("<%s>", n.Data)
		case atom.Html:
			want := map[string]string{"zh_CN": "zh-CN", "zh_TW": "zh-TW", "en": "en"}[lang]
			if attr(n, "lang") != want {
				fault("lang=%q, want %q", attr(n, "lang"), want)
			}
		case atom.Title:
			if n.Namespace == "svg" {
				continue
			}
			titles = append(titles, text(n))
		case atom.Label:
			labelled[attr(n, "for")] = true
		case atom.Input, atom.Select, atom.Textarea:
			if attr(n, "type") != "hidden" {
				controls = append(controls, n)
			}
		case atom.Img:
			if !has(n, "alt") || !has(n, "width") || !has(n, "height") {
				fault("<img src=%q> without alt, width or height", attr(n, "src"))
			}
		case atom.Th:
			if attr(n, "scope") == "" {
				fault("<th> without scope: %s", text(n))
			}
		case atom.A, atom.Button:
			if strings.TrimSpace(text(n)) == "" {
				fault("<%s> that says nothing", n.Data)
			}
		case atom.Form:
			if m := attr(n, "method"); m != "post" && attr(n, "role") != "search" {
				fault("form with method %q", m)
			}
		}
	}
	for n := range doc.Descendants() {
		for _, key := range []string{"aria-labelledby", "aria-describedby"} {
			if id := attr(n, key); id != "" && !ids[id] {
				fault("%s=%q names nothing", key, id)
			}
		}
	}
	for _, c := range controls {
		if id := attr(c, "id"); id == "" || !labelled[id] {
			fault("<%s name=%q> without a label", c.Data, attr(c, "name"))
		}
	}
	if count[atom.H1] != 1 || count[atom.Main] != 1 {
		fault("%d h1 and %d main", count[atom.H1], count[atom.Main])
	}
	if len(titles) != 1 || strings.TrimSpace(titles[0]) == "" {
		fault("titles %q", titles)
	}
	body := text(doc)
	for _, s := range says {
		if !strings.Contains(body, s) {
			fault("does not say %.60q", s)
		}
	}
	for _, s := range []string{"%!", "<no value>", "<nil>", "0001-01-01"} {
		if strings.Contains(body, s) {
			fault("says %q", s)
		}
	}
	return bad
}

// loads says whether the browser fetches what the attribute names by itself.
func loads(n *html.Node, key string) bool {
	return key == "src" || key == "srcset" || n.DataAtom == atom.Link && key == "href"
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// unbalanced lists the elements that are not closed where they should be. The
// parser repairs such things in silence, differently from what was meant.
func unbalanced(page string) []string {
	void := []string{"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
	var open, bad []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return append(bad, open...)
		case html.StartTagToken:
			name, _ := z.TagName()
			if tag := string(name); !slices.Contains(void, tag) {
				open = append(open, tag)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if last := len(open) - 1; last >= 0 && open[last] == string(name) {
				open = open[:last]
			} else {
				bad = append(bad, "/"+string(name))
			}
		}
	}
}

// TestWords holds the three languages against each other and against what the
// pages and handlers ask for.
func TestWords(t *testing.T) {
	t.Parallel()
	all := make(map[string]words)
	for _, lang := range languages {
		w, err := readWords(templates.FS, lang)
		if err != nil {
			t.Fatal(err)
		}
		all[lang] = w
		for _, key := range twice(t, lang) {
			t.Errorf("%s: %q stands there twice", lang, key)
		}
	}
	asked := askedFor(t)
	verbs := regexp.MustCompile(`%[^%]`)
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		for _, lang := range languages {
			s, ok := all[lang][key]
			if !ok || strings.TrimSpace(s) == "" || s != strings.TrimSpace(s) {
				t.Errorf("%s: words of %q are %q", lang, key, s)
			}
			if got, want := verbs.FindAllString(s, -1), verbs.FindAllString(all["zh_CN"][key], -1); !slices.Equal(got, want) {
				t.Errorf("%s: %q has verbs %q, zh_CN has %q", lang, key, got, want)
			}
		}
	}
	for _, lang := range languages {
		for key := range all[lang] {
			if !asked[key] {
				t.Errorf("%s: nobody asks for %q", lang, key)
			}
		}
	}
}

// twice lists the keys that the file of a language repeats; encoding/json keeps
// the last one without a word.
func twice(t *testing.T, lang string) []string {
	t.Helper()
	data, err := fs.ReadFile(templates.FS, "locales/"+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var repeated []string
	seen := make(map[string]bool)
	d := json.NewDecoder(strings.NewReader(string(data)))
	for i := 0; ; i++ {
		tok, err := d.Token()
		if err != nil {
			return repeated
		}
		// Token 0 is the brace; then keys and texts take turns.
		if key, ok := tok.(string); ok && i%2 == 1 {
			if seen[key] {
				repeated = append(repeated, key)
			}
			seen[key] = true
		}
	}
}

// askedFor gathers every key that a template or a handler looks up.
func askedFor(t *testing.T) map[string]bool {
	t.Helper()
	asked := make(map[string]bool)
	family := func(format string, values []string) {
		for _, v := range values {
			asked[fmt.Sprintf(format, v)] = true
		}
	}
	known := map[string][]string{
		"sex.%d":          {"0", "1", "2"},
		"scope.%s":        constants("Scope"),
		"how.%s":          constants("Scope"),
		"kind.%s":         constants("AccountKind"),
		"linked.%s":       constants("Linked"),
		"way.%s":          append(constants("AccountKind"), "gone"),
		"mine.linked.%s":  append(constants("Linked"), "first"),
		"step.%s":         constants("Step"),
		"event.%s":        constants("Action"),
		"outcome.%s":      constants("Outcome"),
		"filter.%s":       slices.DeleteFunc(constants("Filter"), func(s string) bool { return s == "" }),
		"sort.%s":         constants("Sort"),
		"scene.%s":        auth.FollowScenes,
		"scan.%s":         scanStatuses(),
		"client.flag.%s":  clientFlags,
		"app.scope.%s":    append(slices.Clone(auth.ClientScopes), auth.ScopeWeChat, auth.ScopeFollows),
		"reason.%s.title": reasons(),
		"%s.title":        messageKeys(),
		"%s.text":         messageKeys(),
	}

	files, err := fs.Glob(templates.FS, "*.html")
	if err != nil || len(files) == 0 {
		t.Fatal("no templates", err)
	}
	plain := regexp.MustCompile(`\(?\bt "([^"]+)"`)
	made := regexp.MustCompile(`t \(printf "([^"]+)"`)
	for _, name := range files {
		data, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range plain.FindAllStringSubmatch(string(data), -1) {
			asked[m[1]] = true
		}
		for _, m := range made.FindAllStringSubmatch(string(data), -1) {
			values, ok := known[m[1]]
			if !ok || len(values) == 0 {
				t.Errorf("%s makes keys from %q, and the test does not know of what", name, m[1])
			}
			family(strings.ReplaceAll(m[1], "%d", "%s"), values)
		}
	}
	for _, key := range []string{"ago.now", "ago.minutes", "ago.hours", "ago.days", "detail.people", "detail.events", "detail.person", "token.base", "token.refused",
		"browser.WeChat", "browser.WeCom", "browser.QQ Browser", "browser.UC Browser"} {
		asked[key] = true
	}
	family("done.%s", dones)
	family("%s", []string{seriesLogins, seriesNewUsers, seriesOthers})

	// Handlers name keys too, in the Key, Label and Done of their pages.
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(Key|Label|Done):\s*"([^"]*[^".])"`).FindAllStringSubmatch(string(data), -1) {
			if m[1] == "Key" {
				asked[m[2]+".title"], asked[m[2]+".text"] = true, true
			} else {
				asked[m[2]] = true
			}
		}
	}
	return asked
}

// TestAgo wants every unit to say what it should.
func TestAgo(t *testing.T) {
	t.Parallel()
	w, err := readWords(templates.FS, "en")
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[time.Duration]string{
		-time.Hour:       "just now",
		59 * time.Second: "just now",
		time.Minute:      "1 min ago",
		59 * time.Minute: "59 min ago",
		time.Hour:        "1 h ago",
		47 * time.Hour:   "1 d ago",
		720 * time.Hour:  "30 d ago",
	} {
		if got, err := ago(w, noon, noon.Add(-d)); err != nil || got != want {
			t.Errorf("%v ago: %q, %v, want %q", d, got, err, want)
		}
	}
}

// sampleApps are applications as they come: one that was agreed to, and one that
// nobody was asked about.
func sampleApps() []admin.Access {
	return []admin.Access{
		{Client: auth.Client{ID: "c1", Name: "Grafana", RedirectURIs: []string{"https://grafana.example.com/login/generic_oauth"}}, Scopes: append(slices.Clone(auth.ClientScopes), auth.ScopeWeChat, auth.ScopeFollows), AgreedAt: time.Unix(1_800_000_000, 0), LastAt: time.Unix(1_800_000_000, 0), Offline: true},
		{Client: auth.Client{ID: "c2", Name: "\u202e<b>", RedirectURIs: []string{"com.example.app:/callback"}, Trusted: true, WeChat: true}},
	}
}
