package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/auth"
)

// What follows walks the route table, so that a new route is attacked from its
// first day.

// adminOnly says whether a route is of the admin pages.
func adminOnly(pattern string) bool {
	return (strings.HasPrefix(pattern, "/admin") || strings.HasPrefix(pattern, "/api/admin")) && pattern != "/admin/link"
}

// targets are the places that a pattern is filled with.
type targets struct{ user, session, ticket, client string }

func (to targets) place(pattern string) string {
	return strings.NewReplacer("{id}", to.user, "{user}", to.user, "{session}", to.session, "{client}", to.client, "{ticket}", to.ticket, "{join}", to.user, "{hash}", "x", "*", "x").Replace(pattern)
}

// Nobody, and no other person, sees or changes anything of a person by any route;
// admins get in.
func TestNobodyReachesAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, tablet := w.signedIn("lin"), w.signedIn("lin")
	id := lin.me()["id"].(string)
	app := w.app("Wiki", nil)
	token, _ := app.login(lin)
	before := w.stored(id)
	sessions, err := w.db.UserSessions(t.Context(), id)
	check(t, err)
	mark := []string{before.OpenID, before.Nickname, sessions[0].ID}
	to := targets{user: id, session: sessions[0].ID, client: app.client.ID, ticket: "none"}
	form := url.Values{"confirm": {before.OpenID[len(before.OpenID)-6:]}, "reason": {"x"}, "id": {id}, "user": {id}, "act": {"block"}, "users": {id}, "answer": {"confirm"}, "scope": {"all"}}
	ask := func(b *browser, method, pattern, accept string) *page {
		req := b.request(method, to.place(pattern), nil)
		if !isSafe(method) {
			req = b.request(method, to.place(pattern), form)
		}
		req.Header.Set("Accept", accept)
		p, err := b.fetch(req)
		check(t, err)
		return p
	}
	wang, admins := w.signedIn("wang"), w.admin()
	for _, route := range w.routes() {
		method, pattern, _ := strings.Cut(route, " ")
		for _, accept := range []string{"text/html", "application/json"} {
			for who, want := range map[string]int{"nobody": http.StatusUnauthorized, "wang": http.StatusForbidden} {
				b := w.browser(iPhone)
				if who == "wang" {
					if wang.get("/api/me").Status != http.StatusOK { // some routes sign out
						wang = w.signedIn("wang")
					}
					b = wang
				}
				p := ask(b, method, pattern, accept)
				if p.Status >= 500 || adminOnly(pattern) && p.Status != want {
					t.Errorf("%s by %s: status %d", route, who, p.Status)
				}
				for _, text := range mark {
					if strings.Contains(p.Body, text) || slices.ContainsFunc(slices.Concat(mapValues(p.Header)...), func(v string) bool { return strings.Contains(v, text) }) {
						t.Errorf("%s by %s tells %q", route, who, text)
					}
				}
			}
			if adminOnly(pattern) && isSafe(method) {
				if p := ask(admins, method, pattern, accept); p.Status != http.StatusOK {
					t.Errorf("%s by an admin: status %d", route, p.Status)
				}
			}
		}
	}
	app.wantIn(token)
	if after := w.stored(id); after.Blocked || after.LoginCount != before.LoginCount || after.Nickname != before.Nickname {
		t.Errorf("%+v, and was %+v", after, before)
	}
	lin.wantMe("lin")
	tablet.wantMe("lin")
	lin.get("/admin").wantPage(http.StatusForbidden, "")
}

func mapValues(h http.Header) (all [][]string) {
	for _, values := range h {
		all = append(all, values)
	}
	return all
}

func (w *world) stored(id string) auth.User {
	w.t.Helper()
	user, err := w.db.User(w.t.Context(), id)
	check(w.t, err)
	return user
}

// answersTo says whether one of these routes takes the method at the address.
func answersTo(routes []string, method, address string) bool {
	if method == http.MethodHead && answersTo(routes, http.MethodGet, address) {
		return true
	}
	return slices.ContainsFunc(routes, func(route string) bool {
		m, pattern, _ := strings.Cut(route, " ")
		if m != method {
			return false
		}
		parts, want := strings.Split(address, "/"), strings.Split(pattern, "/")
		for i, part := range want {
			if part == "*" {
				return true
			}
			if i >= len(parts) || part != parts[i] && !strings.HasPrefix(part, "{") {
				return false
			}
		}
		return len(parts) == len(want)
	})
}

// A method that a route does not have is refused, to anybody, and the right ones are
// named.
func TestMethodsOfAllRoutes(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/wx"} {
		w := newWorld(t, options{path: prefix})
		origin := strings.TrimSuffix(w.url, prefix)
		cookies := w.cookieName("wxlogin") + "=" + w.signedIn("lin").cookie("wxlogin") + "; " + w.cookieName("wxlogin_desk") + "=" + w.admin().cookie("wxlogin_desk")
		routes := w.routes()
		for _, route := range routes {
			_, pattern, _ := strings.Cut(route, " ")
			if strings.HasPrefix(strings.TrimPrefix(pattern, prefix), "/verify") {
				continue // is asked about any method, and may be asked by it
			}
			address := targets{"none", "none", "none", "none"}.place(pattern)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "POST1"} {
				if answersTo(routes, method, address) {
					continue
				}
				r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader("scope=all"))
				r.URL = &url.URL{Path: address}
				r.Header = http.Header{"Cookie": {cookies}, "Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}}
				answer := httptest.NewRecorder()
				w.server.ServeHTTP(answer, r)
				if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") == "" || answer.Header().Get("Set-Cookie") != "" {
					t.Errorf("%s %s: status %d, allow %q", method, address, answer.Code, answer.Header().Get("Allow"))
				}
			}
		}
		w.signedIn("lin").wantMe("lin")
	}
}

// evils are addresses that lead elsewhere, as browsers read them.
var evils = []string{
	"https://evil.example", "//evil.example", `\\evil.example`, `/\evil.example`, "/\t/evil.example", "/\n/evil.example", "///evil.example",
	"https:evil.example", "https:/evil.example", "http://127.0.0.1:1@evil.example/", "javascript:alert('evil.example')", "data:text/html,evil.example",
	"/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "https://evil.example%23.wx.qq.com", "HTTPS://EVIL.EXAMPLE", "/%5cevil.example",
	"https://127.0.0.1.evil.example/", " https://evil.example", "\u2028//evil.example", "https://evil\u3002example", "//evil%E3%80%82example",
	"https://[evil.example]/", "//0x7f000001.evil.example", "%2f%2fevil.example", "https://evil.example:443\\@127.0.0.1/",
}

// The dot in its spellings: a random ticket may well hold the four letters.
var (
	evilHost = regexp.MustCompile(`(?i)evil.{1,9}example`)
	outward  = regexp.MustCompile(`(?i)(href|action|src|content|data-[a-z]+)="[^"]*evil[^"]{1,9}example`)
)

// evilIn is what a pattern of those that have "evil" in them finds in a text. Few texts
// have the word, in whatever letters, and a pattern that goes through a page costs
// more than the page.
func evilIn(text string, pattern *regexp.Regexp) string {
	for capitals := range 1 << len("evil") {
		word := []byte("evil")
		for i := range word {
			if capitals>>i&1 == 1 {
				word[i] -= 'a' - 'A'
			}
		}
		if strings.Contains(text, string(word)) {
			return pattern.FindString(text)
		}
	}
	return ""
}

// attributes are what cookies say besides their values.
func attributes(cookies []string) (all []string) {
	for _, cookie := range cookies {
		_, rest, _ := strings.Cut(cookie, ";")
		all = append(all, rest)
	}
	return all
}

// leads says where an answer would lead a browser that it should not.
func leads(p *page) string {
	for name, values := range p.Header {
		if name == "Set-Cookie" { // what is sealed in it may well spell the word
			values = attributes(values)
		}
		if s := strings.Join(values, " "); evilIn(s, evilHost) != "" {
			return name + ": " + s
		}
	}
	return evilIn(p.Body, outward)
}

// No parameter of any route leads to a place of somebody else's.
func TestNoRouteLeadsElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.1/32"}})
	lin, admin := w.signedIn("lin"), w.admin()
	for _, route := range w.routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if !isSafe(method) {
			continue
		}
		for who, b := range map[string]*browser{"nobody on a phone": w.browser(iPhone), "nobody": w.browser(desktopWeb), "lin": lin, "an admin": admin} {
			if adminOnly(pattern) != (who == "an admin") {
				continue
			}
			for _, evil := range evils {
				query := url.Values{"ticket": {"x"}, "login": {"redirect"}}
				for _, name := range []string{"return_to", "rd", "next", "redirect", "url", "to", "back", "continue"} {
					query.Set(name, evil)
				}
				req := b.request(method, targets{"none", "none", "none", "none"}.place(pattern)+"?"+query.Encode(), nil)
				for name, value := range map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Uri": "/x"} {
					req.Header.Set(name, value)
				}
				p, err := b.fetch(req)
				check(t, err)
				if to := leads(p); to != "" || p.Status >= 500 {
					t.Errorf("%s by %s with %q: status %d, leads to %s", route, who, evil, p.Status, to)
				}
			}
		}
	}
}

// No header about where a request came from gets anybody in or into an answer.
func TestForwardedHeadersOnAllRoutes(t *testing.T) {
	t.Parallel()
	for name, proxies := range map[string][]string{"trusted": {"127.0.0.1/32"}, "not trusted": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{proxies: proxies})
			openID := w.person("lin").OpenID
			w.signedIn("lin")
			b := w.browser(iPhone)
			headers := map[string]string{
				"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "//evil.example",
				"X-Forwarded-Uri": "//evil.example/healthz", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Server": "evil.example", "Forwarded": "host=evil.example;for=127.0.0.1",
				"X-Original-Url": "/healthz?evil", "X-Rewrite-Url": "/healthz?evil", "X-Original-Method": "OPTIONS", "X-Http-Method-Override": "DELETE",
				"X-Real-Ip": "127.0.0.1", "True-Client-Ip": "127.0.0.1", "X-Forwarded-User": openID, "X-Auth-Request-Redirect": "https://evil.example",
				"Remote-User": openID, "X-Wechat-Openid": openID, "Authorization": "Bearer " + openID,
			}
			for _, route := range w.routes() {
				method, pattern, _ := strings.Cut(route, " ")
				address := targets{"none", "none", "none", "none"}.place(pattern)
				ask := func(with map[string]string) *page {
					req := b.request(method, address, nil)
					req.Host = "evil.example"
					for name, value := range with {
						req.Header.Set(name, value)
					}
					p, err := b.fetch(req)
					check(t, err)
					return p
				}
				plain, p := ask(nil), ask(headers)
				if p.Status != plain.Status || leads(p) != "" || strings.Contains(p.Body, openID) || p.Header.Get("Remote-User") != "" {
					t.Errorf("%s: status %d, and %d without them; leads to %q", route, p.Status, plain.Status, leads(p))
				}
			}
		})
	}
}
