package main

import "wxlogin/compat/record"

const introduction = `# Compatibility

What real programs on both sides of wxlogin did when they were run. ` + "`make compat`" + ` installs them in pinned versions, runs the tests that the tables name and writes this page from what they recorded; versions are what the programs say of themselves. What was not run is a row that says so.

` + "```sh" + `
make compat                        # minutes; the first time it builds and installs
make compat COMPAT_TRAEFIK=build   # with Traefik, which takes half an hour to build
` + "```" + `

`

// frontEnds are the columns of the first table, with the text for a front end that was not
// run.
var frontEnds = []struct{ name, without string }{
	{"nginx", "not installed"},
	{"Caddy", "not installed"},
	{"Caddy (newest)", "not built"},
	{"Traefik (newest)", "`COMPAT_TRAEFIK=build` builds it"},
	{"HAProxy", "not installed"},
	{"Apache", "not installed"},
}

// behaviours are the walks of the tests of forward auth, by name, with what each checks.
var behaviours = []struct{ name, promise string }{
	{"strangers", "People who are not signed in are led to the sign-in and back to the page, scripts get 401 with `login_url`, a form sent too late gets a page; the application hears of none"},
	{"every phone", "The same for twenty browsers as people have them, WeChat's on every system among them"},
	{"one login for all sites", "One login opens all sites; WeChat is not asked again, a request comes through whole, the application's own 401 stays its own"},
	{"the session's cookie", "The application gets its own cookies, and none of wxlogin's"},
	{"a desktop and a phone", "A desktop hears at once, through the proxy, what the phone has answered"},
	{"forged headers", "No identity that a client makes up reaches the application, in any spelling, and none of ours is taken away"},
	{"names", "Names arrive percent-encoded and whole"},
	{"two people at once", "Two people at once are never taken for one another"},
	{"trailers", "Trailers of a request reach nobody as identity"},
	{"smuggled requests", "A request inside of another is not let in by it"},
	{"paths", "Odd paths are protected as others are"},
	{"foreign hosts", "No login leads to a host that the settings do not name"},
	{"logout and block", "Somebody who signs out or is blocked is out with the next request, everywhere"},
	{"nobody is let in when wxlogin cannot tell", "Nobody is let in while wxlogin hangs, is down or has no database; afterwards all goes on"},
	{"websocket", "A websocket gets through for people who are signed in, and for nobody else"},
	{"uploads", "An upload is refused before it is sent"},
	{"nobody is let in when somebody else answers", "An answer other than a whole 200 lets nobody in, and the application gets no identity that the answer does not have"},
	{"example applications", "The example applications work behind it"},
}

// table is one of the tables after the first.
type table struct {
	name, heading, text string
	passed              string // outcome of a passed row without a text of its own
	known               []record.Row
}

var tables = []table{
	{name: record.Databases, heading: "Databases and poolers", passed: "kept",
		text: "\"All promises\" is the conformance suite of [internal/store](../internal/store/conform_test.go), about two hundred tests, each in a database of its own.",
		known: []record.Row{
			{Program: "SQLite", What: "all promises", Test: "TestConform/sqlite"},
			{Program: "PostgreSQL", What: "all promises", Test: "TestConform/postgres"},
			{Program: "PgBouncer, session mode", What: "all promises", Test: "TestConformThroughPgBouncer/session"},
			{Program: "PgBouncer, transaction mode", What: "all promises", Test: "TestConformThroughPgBouncer/transaction"},
			{Program: "PGlite", What: "a start and logins", Test: "TestPGlite"},
			{Program: "PostgreSQL 16 and later", What: "all promises", Test: "TestConform/postgres", Seen: "Debian 12 has 15"},
		}},
	{name: record.SQLite, heading: "Programs that read the SQLite file", passed: "reads whole logins",
		text: "The file is live: people sign in all the while. A person and the login that counts them are written in one transaction.",
		known: []record.Row{
			{Program: "sqlite3", What: "reads the live file", Test: "TestSQLitePrograms/sqlite3"},
			{Program: "better-sqlite3", What: "reads the live file", Test: "TestSQLitePrograms/better-sqlite3"},
			{Program: "node:sqlite", What: "reads the live file", Test: "TestSQLitePrograms/node:sqlite"},
			{Program: "duckdb", What: "reads the live file", Test: "TestSQLitePrograms/duckdb"},
		}},
	{name: record.SDKs, heading: "SDKs and the simulator", passed: "signs in",
		text: "Under WeChat's own names (`server simulator --tls`), with the switches of [simulator.md](simulator.md#recipes-for-libraries) and no others.",
		known: append(known("a whole login", "TestSDKs/", "silenceper/wechat", "goth", "@logto/connector-wechat-web", "passport-wechat", "node-easywechat", "wechat-jssdk", "@auth/core", "better-auth"),
			known("token, ticket, signature, code2Session", "TestSDKsOfAccounts/", "silenceper/wechat", "silenceper/wechat stable", "node-easywechat", "node-easywechat stable", "wechat-jssdk")...)},
	{name: record.Clients, heading: "OpenID Connect clients", passed: "signs in, and is refused",
		text: "With the lines that `server client show NAME --for APP` prints. `make test-all` runs coreos/go-oidc and openid-client besides: [oidc.md](oidc.md).",
		known: known("a login and a refusal", "", "oauth2-proxy", "better-auth, genericOAuth", "Auth.js (@auth/core)", "oidc-client-ts, in Chromium", "Miniflux", "mod_auth_openidc",
			"goth (Gitea's client)", "@logto/connector-oidc", "express-openid-connect")},
}

func known(what, test string, programs ...string) (rows []record.Row) {
	for _, p := range programs {
		name := test
		if name != "" {
			name += p
		}
		rows = append(rows, record.Row{Program: p, What: what, Test: name})
	}
	return rows
}

const found = `
## What was found

By these runs, in wxlogin, and mended with a test:

* WeChat on iPhones before iOS 16.4 sends neither Sec-Fetch headers nor, over https, ` + "`Upgrade-Insecure-Requests`" + `. People who sent a form too late, or whom forward auth refused, saw JSON there; they see a page (` + "`TestEveryPhone`" + `).
* WeChat for Linux, and on old Macs, calls itself ` + "`WindowsWechat`" + ` as well; lists of sessions said Windows (` + "`TestNamesOfPhones`" + `).
* The recipe of nginx let no websocket through: it told the application of no upgrade (` + "`TestForwardAuth/nginx/websocket`" + `).

In other programs, where the guide says it now:

* Caddy 2.11.9 passes the trailers on that a request announces, Caddy 2.6.2 does not. No line of a Caddyfile takes them away.
* nginx says 100 Continue to a stranger's upload, and takes it up to its limit of a megabyte before it shows the page that refuses it.
* Caddy 2.11.9 keeps the refusal of a stranger's upload back until the upload is there, says no 100 Continue either, and breaks the connection after a minute; Caddy 2.6.2 refuses at once. Taking ` + "`Expect`" + ` away in the Caddyfile does not change it. curl sends by itself after a second, and then gets the 401.
* nginx, Caddy and HAProxy's script believe any whole 200 in wxlogin's place; Apache's script wants all five headers.
* Traefik waits 30 seconds for a wxlogin that does not answer, and its applications get the session's cookie; its recipe stands all else.
`
