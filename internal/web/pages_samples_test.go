package web

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
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
		Meanings: map[int64]string{40125: "AppSecret 无效"}, By: map[string]auth.Account{"": sampleAccounts[2]},
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

// sampleApps are applications as they come: one that was agreed to, and one that
// nobody was asked about.
func sampleApps() []admin.Access {
	return []admin.Access{
		{Client: auth.Client{ID: "c1", Name: "Grafana", RedirectURIs: []string{"https://grafana.example.com/login/generic_oauth"}}, Scopes: append(slices.Clone(auth.ClientScopes), auth.ScopeWeChat, auth.ScopeFollows), AgreedAt: time.Unix(1_800_000_000, 0), LastAt: time.Unix(1_800_000_000, 0), Offline: true},
		{Client: auth.Client{ID: "c2", Name: "\u202e<b>", RedirectURIs: []string{"com.example.app:/callback"}, Trusted: true, WeChat: true}},
	}
}
