package web

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/templates"
)

// chineseHas is what a Chinese page may have of other letters: what the things are
// called, by whoever made them.
var chineseHas = regexp.MustCompile(`\b(wxlogin|WXLOGIN_\w+|AppID|AppSecret|QR Code|OpenID Connect|OpenID|UnionID|client_id|issuer|CSV|JSON|IP|ID token|ID|MB|UTC|wx\.login|code|Authorization: Bearer|` +
	`iOS|Android|Windows|macOS|Linux|HarmonyOS|ChromeOS|Chrome|Safari|Edge|Firefox|server admin link)\b`)

// foreign is a word in other letters.
var foreign = regexp.MustCompile(`[A-Za-z][A-Za-z_'’-]+`)

// Whoever reads Chinese reads Chinese on every admin page: what an act, an outcome or
// a number of WeChat's means comes in their words, and nothing in those that the
// database has for it. People's own texts and ids are left out.
func TestChineseAdminPagesHaveNoEnglish(t *testing.T) {
	t.Parallel()
	assets, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(rendererConfig{files: templates.FS, assets: assets, prefix: "/wx", fallback: "zh_CN", zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	user := people()["typical"]
	user.Privilege = nil
	device := auth.Device{RemoteAddr: "203.0.113.9", UserAgent: agentOf("iphone")}
	every := pages
	var pages []page
	var logins []auth.Login
	for _, reason := range reasons() {
		logins = append(logins, auth.Login{Scope: auth.ScopeBase, Outcome: auth.Failed, Reason: auth.Reason(reason), Step: auth.StepCode, StartedAt: noon, RequestID: "00c0ffee00c0ffee", Device: device})
		pages = append(pages, adminMessagePage{Icon: "warn", Key: "reason." + reason})
		failed := failure{RequestID: "00c0ffee00c0ffee", At: noon, Method: "GET", Route: "/callback", Status: 400, Reason: auth.Reason(reason)}
		pages = append(pages, adminEventsPage{Request: &requestFound{ID: failed.RequestID, Failure: failed}})
	}
	for _, outcome := range constants("Outcome") {
		for _, scope := range constants("Scope") {
			logins = append(logins, auth.Login{Scope: auth.Scope(scope), Outcome: auth.Outcome(outcome), Errcode: 48001, Step: auth.StepProfile, StartedAt: noon})
		}
	}
	var events []admin.NamedEvent
	add := func(action admin.Action, actor, detail string) {
		events = append(events, admin.NamedEvent{Event: admin.Event{At: noon, Actor: actor, Action: action, Subject: user.ID, Detail: detail}})
	}
	for _, action := range admin.Actions {
		for _, actor := range []string{admin.ActorLink, admin.ActorCommand, admin.ActorWeChat, user.ID, "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a11", ""} {
			add(action, actor, "")
		}
	}
	for _, detail := range []string{"300 people as CSV", "300 people as JSON", "events as CSV", "events as JSON", exportedPerson} {
		add(admin.ActExport, admin.ActorLink, detail)
	}
	meanings := map[int64]string{48001: "接口未授权"}
	for _, filter := range admin.Filters {
		q := admin.UserQuery{Filter: filter}
		pages = append(pages, adminUsersPage{Users: []auth.User{user, people()["silent"]}, Query: q, Filters: admin.Filters, Sorts: admin.Sorts, Sizes: pageSizes("/x", 20),
			Total: admin.Total{N: 10_000, More: true}, Megabyte: 7, NextURL: "/x", PrevURL: "/x"},
			adminUsersPage{Query: q, Apart: true}, adminUsersPage{Query: q})
	}
	for _, token := range []struct {
		why  string
		lost lostToken
	}{{"", lostToken{}}, {"refresh: errcode 40030", lostToken{Errcode: 40030, Meaning: "令牌无效"}}, {"snsapi_base", lostToken{Why: "token.base"}}, {"x", lostToken{Why: "token.refused"}}} {
		pages = append(pages, adminUserPage{User: user, Following: sampleFollowing(), Admin: true, Self: true, Logins: logins, Older: logins, Meanings: meanings, Events: events,
			Sessions:   []auth.Session{{ID: "019aa9f0-6d2c-7c41-9d53-0b8f8d1f3a31", CreatedAt: noon, LastSeenAt: noon, EndsAt: noon, Device: device}},
			Identities: oneIdentity(user, &admin.TokenInfo{Scope: auth.ScopeUserinfo, IssuedAt: noon, EndsAt: noon, DeadReason: token.why}, token.lost)})
	}
	pages = append(pages, adminUserPage{User: user, Identities: severalIdentities(user), Accounts: true, Changed: []unionIDChange{{noon, sampleAccounts[1]}}}, joinsPage(user), adminJoinsPage{}, adminJoinsPage{SignInURL: "/x"})
	for _, done := range dones {
		pages = append(pages, adminUserPage{User: people()["silent"], Configured: true, SignInURL: "/x", Done: "done." + done})
	}
	logs, errcodes := days(noon, time.UTC, 30), days(noon, time.UTC, 30)
	logs.add(series{Key: seriesLogins}, []admin.SlotCount{{At: noon, Count: 3}})
	errcodes.addErrcodes([]admin.SlotCount{{At: noon, Errcode: 48001, Count: 3}}, func(int64) string { return "接口未授权" })
	pages = append(pages,
		adminEventsPage{Events: events, Actions: admin.Actions, Sizes: pageSizes("/x", 0), NextURL: "/x", PrevURL: "/x", Request: &requestFound{ID: "00c0ffee00c0ffee", Logins: logins, Meanings: meanings}},
		adminEventsPage{Crowd: true}, adminEventsPage{Filtered: true}, adminEventsPage{}, adminEventsPage{Request: &requestFound{ID: "00c0ffee00c0ffee"}},
		adminBulkPage{Act: "block", Users: []auth.User{user}, Self: user.ID, Among: true}, adminBulkPage{Act: "sessions", Users: []auth.User{user}, Self: user.ID, Among: true},
		adminHomePage{Span: 30, Spans: spans, Logins: logs.draw(false), Errcodes: errcodes.draw(true), Meanings: meanings, Sessions: []auth.Session{{ID: "1", Device: device}}, Self: user.ID,
			Activity: admin.Activity{Troubles: logins, LastGood: noon, LastError: auth.Login{ID: "1", Reason: auth.WeChatRefused, Errcode: 48001, StartedAt: noon}, EndingTokens: admin.Total{N: 3}}},
		adminClientsPage{}, adminClientsPage{Clients: []listedClient{{clientFacts{ID: "c", Name: "维基", Flags: clientFlags, CreatedAt: noon}, admin.ClientUse{People: admin.Total{N: 10_000, More: true}, LastAt: noon}}}},
		adminClientPage{Client: clientFacts{ID: "c", Name: "维基", Flags: clientFlags, CreatedAt: noon}, People: sampleApps(), Sizes: pageSizes("/x", 0), NextURL: "/x", PrevURL: "/x", Done: "done.app"}, adminClientPage{},
		adminLinkPage{Token: "t"}, adminMessagePage{Icon: "success", Key: "admin_signed_out"},
	)
	seen := make(map[string]bool)
	for _, lang := range []string{"zh_CN", "zh_TW"} {
		read := make(map[string]bool) // the menu is on all pages
		for _, p := range pages {
			seen[p.file()] = true
			body, err := r.render(nil, frame{Lang: lang, Admin: true, RequestID: "00c0ffee00c0ffee", Path: "/admin", Now: noon}, p)
			if err != nil {
				t.Fatal(err)
			}
			for text := range readBy(t, string(body)) {
				if read[text] {
					continue
				}
				read[text] = true
				if word := foreign.FindString(chineseHas.ReplaceAllString(text, "")); word != "" {
					t.Errorf("%s, %s: %q in %q", lang, p.file(), word, strings.TrimSpace(text))
				}
			}
		}
	}
	for _, p := range every {
		if strings.HasPrefix(p.file(), "admin") && !seen[p.file()] {
			t.Errorf("%s has not been looked at", p.file())
		}
	}
}

// inDetail says that a text is what the audit log says of an act.
func inDetail(n *html.Node) bool { return strings.HasPrefix(attr(n.Parent, "class"), "detail") }

// readBy are the texts that somebody reads or hears on a page, but for ids, routes and
// what people have written themselves.
func readBy(t *testing.T, body string) map[string]bool {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]bool)
	theirs := func(n *html.Node) bool {
		for ; n != nil; n = n.Parent {
			class := " " + attr(n, "class") + " "
			if n.Data == "script" || n.Data == "style" || n.Data == "bdi" && !inDetail(n) || n.Data == "code" && (strings.Contains(class, " id ") || strings.HasPrefix(text(n), "GET /") || strings.HasPrefix(text(n), "server client ")) ||
				n.Data == "footer" {
				return true
			}
		}
		return false
	}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && !theirs(n) {
			texts[n.Data] = true
		}
		for _, name := range []string{"aria-label", "placeholder", "alt", "data-label", "data-all", "data-none", "data-copy", "data-copied", "data-failed", "label"} {
			if value := attr(n, name); value != "" {
				texts[value] = true
			}
		}
	}
	return texts
}
