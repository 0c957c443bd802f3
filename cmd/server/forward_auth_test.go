package main_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"wxlogin/compat/record"
	"wxlogin/internal/wechat/wechatsim"
)

// TestForwardAuth runs the recipes of examples/ as they are shipped, each in the real
// proxy, before a real service.
func TestForwardAuth(t *testing.T) {
	for _, recipe := range []string{"nginx", "caddy"} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			newProtectedSite(t, recipe).takes(t, append(thorough(), walk{"example applications", exampleApplications})...)
		})
	}
}

// TestForwardAuthOfNewer runs the recipes in programs that Debian has not, or not so
// new: make compat builds them.
func TestForwardAuthOfNewer(t *testing.T) {
	for _, recipe := range []string{"caddy", "traefik"} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(os.Getenv(builtVariable), recipe)
			if _, err := os.Stat(program); os.Getenv(builtVariable) == "" || err != nil {
				t.Skipf("no %s in %s: make compat builds it", recipe, builtVariable)
			}
			g := newProtectedSiteBy(t, recipe, program)
			g.name += " (newest)"
			g.passesTrailers, g.holdsRefusal = recipe == "caddy", recipe == "caddy"
			g.takes(t, append(thorough(), applications()...)...)
		})
	}
}

// TestForwardAuthOfHAProxy runs the recipe of HAProxy. It passes trailers on, which the
// guide says.
func TestForwardAuthOfHAProxy(t *testing.T) {
	g := newProtectedSite(t, "haproxy")
	g.passesTrailers = true
	g.takes(t, append(thorough(), applications()...)...)
}

// walk is what people do at a protected site.
type walk struct {
	name string
	run  func(*testing.T, *protectedSite)
}

// takes walks that every recipe has to stand, and more of them; what breaks wxlogin
// is the last.
func (g *protectedSite) takes(t *testing.T, more ...walk) {
	t.Helper()
	walks := slices.Concat([]walk{
		{"strangers", strangers},
		{"every phone", everyPhone},
		{"one login for all sites", oneLogin},
		{"the session's cookie", sessionStays},
		{"a desktop and a phone", desktopAndPhone},
		{"forged headers", forgedHeaders},
		{"names", names},
		{"two people at once", twoAtOnce},
	}, more, []walk{
		{"logout and block", logoutAndBlock},
		{"nobody is let in when wxlogin cannot tell", cannotTell},
	})
	for _, w := range walks {
		t.Run(w.name, func(t *testing.T) {
			g.sees = record.Of(t, record.FrontEnds, g.name, g.version, w.name)
			w.run(t, g)
		})
	}
}

// thorough walks are about how a proxy reads requests and answers.
func thorough() []walk {
	return []walk{
		{"trailers", trailers},
		{"smuggled requests", smuggledRequests},
		{"paths", paths},
		{"foreign hosts", foreignHosts},
		{"websocket", websocket},
		{"uploads", uploads},
		{"nobody is let in when somebody else answers", somebodyElse},
	}
}

// applications are the examples, which take seconds to build: with every proxy only
// where the outcome is written down.
func applications() []walk {
	if os.Getenv(record.FileVariable) == "" {
		return nil
	}
	return []walk{{"example applications", exampleApplications}}
}

// A person without a session is led to where they can sign in, a script is told,
// and the application hears of neither.
func strangers(t *testing.T, g *protectedSite) {
	g.toApp.heard()
	phone, desktop := g.phone(t, "lin"), g.visitor(t, desktopBrowser, "lin")
	wanted := shop + "/cart?a=1&b=%E4%BD%A0"

	a := phone.gets(wanted)
	if a.status != http.StatusFound || a.leadsTo() != loginSite+"/login?return_to="+url.QueryEscape(wanted) {
		t.Errorf("a phone gets %d to %s", a.status, a.header.Get("Location"))
	}
	a = desktop.gets(wanted)
	if a.status != http.StatusFound || a.leadsTo() != loginSite+"/scan?return_to="+url.QueryEscape(wanted) {
		t.Errorf("a desktop gets %d to %s", a.status, a.header.Get("Location"))
	}
	if a = desktop.opens(wanted); a.status != http.StatusOK || !strings.Contains(a.body, "return_to="+url.QueryEscape(wanted)) {
		t.Errorf("the scan page is %d:\n%s", a.status, a.body)
	}
	// WeChat's browser on Android says so with every page.
	a = phone.asks(http.MethodGet, wanted, "", "X-Requested-With: com.tencent.mm", "Accept: text/html", "Sec-Fetch-Mode: navigate")
	if a.status != http.StatusFound || a.leadsTo() != loginSite+"/login?return_to="+url.QueryEscape(wanted) {
		t.Errorf("WeChat on Android gets %d to %s", a.status, a.header.Get("Location"))
	}
	for _, line := range []string{"Sec-Fetch-Mode: cors", "X-Requested-With: XMLHttpRequest", "Accept: application/json"} {
		phone.asks(http.MethodGet, wanted, "", line).refused()
	}
	// People who have sent a form, or look at a frame, get a page with the way to the login.
	for _, lines := range [][]string{
		{http.MethodPost, "Sec-Fetch-Mode: navigate", "Referer: " + wanted},
		{http.MethodPost, "Origin: " + shop, "Upgrade-Insecure-Requests: 1", "Referer: " + wanted},
		{http.MethodGet, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"},
	} {
		a := phone.asks(lines[0], wanted, "", lines[1:]...)
		if a.status != http.StatusUnauthorized || !strings.Contains(a.body, `href="`+loginSite+`/signin?return_to=`+url.QueryEscape(wanted)+`"`) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%q: %d %v\n%s", lines, a.status, a.header, a.body)
		}
	}
	// Odd paths come back too.
	for target, back := range map[string]string{"/sale-50%-off?q=%zz": "/sale-50%-off?q=%zz", "//cart": "/cart", "/" + strings.Repeat("x", 3000): "/"} {
		_, header := g.raw(t, rawGet(target))
		if to := header.Get("Location"); to != "" && to != loginSite+"/login?return_to="+url.QueryEscape(shop+back) {
			t.Errorf("%.40s leads to %.200s", target, to)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		phone.asks(method, wanted, "a body for the application", "Accept: */*").refused()
	}
	if a := phone.asks(http.MethodHead, wanted, ""); a.status != http.StatusUnauthorized {
		t.Errorf("HEAD gets %d", a.status)
	}
	// Cookies of other applications may be long.
	if a := phone.asks(http.MethodGet, wanted, "", "Cookie: other="+strings.Repeat("x", 9000), "Accept: text/html"); a.status != http.StatusFound {
		t.Errorf("with cookies of 9 kB: %d", a.status)
	}
	// Forward auth has no back door of its own.
	for _, header := range []string{
		"X-Forwarded-Uri: /healthz", "X-Forwarded-Method: OPTIONS", "X-Forwarded-For: 127.0.0.1", "X-Original-Url: /healthz", "X-Original-Method: OPTIONS",
		"X-Rewrite-Url: /healthz", "X-Http-Method-Override: OPTIONS", "X-Accel-Redirect: /", "Forwarded: for=127.0.0.1", "User-Agent: GoogleHC/1.0",
		"Authorization: Basic bGluOg==", "Remote-User: lin", "Origin: https://evil.example", "Cookie: __Secure-wxlogin=; __Host-wxlogin=x; __Secure-wxlogin_0123abcd=x",
	} {
		if a := phone.asks(http.MethodGet, wanted, "", header); a.status != http.StatusFound && a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", header, a.status)
		}
	}
	if heard := g.toApp.heard(); heard != "" {
		t.Errorf("the application heard of strangers:\n%s", heard)
	}
}

// Every browser that people have is led to where it can sign in, its scripts are told,
// and people who have sent a form see a page.
func everyPhone(t *testing.T, g *protectedSite) {
	g.toApp.heard()
	wanted := shop + "/cart"
	for _, phone := range wechatsim.Phones() {
		v := g.visitor(t, phone.UserAgent, "lin")
		ask := func(method string, says func(http.Header, string), lines ...string) answer {
			t.Helper()
			h := http.Header{}
			says(h, "same-origin")
			for name := range h {
				lines = append(lines, name+": "+h.Get(name))
			}
			return v.asks(method, wanted, "", lines...)
		}
		way := "/scan"
		if phone.InWeChat() {
			way = "/login"
		}
		if a := ask(http.MethodGet, phone.Opens); a.status != http.StatusFound || a.leadsTo() != loginSite+way+"?return_to="+url.QueryEscape(wanted) {
			t.Errorf("%s gets %d to %s", phone.Name, a.status, a.header.Get("Location"))
		}
		ask(http.MethodGet, phone.Fetches).refused()
		if a := ask(http.MethodPost, phone.Opens, "Origin: "+shop, "Referer: "+wanted); a.status != http.StatusUnauthorized || !strings.Contains(a.body, `href="`+loginSite+`/signin?return_to=`) {
			t.Errorf("%s has sent a form and gets %d\n%s", phone.Name, a.status, a.body)
		}
	}
	if heard := g.toApp.heard(); heard != "" {
		t.Errorf("the application heard of strangers:\n%s", heard)
	}
}

// Somebody signed in at one site is signed in at its siblings, without a word to WeChat. The
// applications learn who it is, in our headers and no other way.
func oneLogin(t *testing.T, g *protectedSite) {
	g.sim.AddPerson(wechatsim.Person{Key: "union", Nickname: "小 Union/联合 100%", UnionID: "oUnion-1"})
	phone := g.phone(t, "union")
	wantIdentity(t, g, phone, phone.signsIn(shop+"/cart?a=1").app(), "小 Union/联合 100%")

	calls := len(g.sim.Calls())
	for _, site := range []string{blog, stray} {
		wantIdentity(t, g, phone, phone.opens(site+"/").app(), "小 Union/联合 100%")
	}
	if n := len(g.sim.Calls()); n != calls {
		t.Errorf("WeChat was asked %d times again", n-calls)
	}

	// Long addresses, in more tabs than are remembered: cookies and redirects are as
	// long as they get.
	tabs, long := g.phone(t, "union"), shop+"/"+strings.Repeat("%E4%BD%A0", 220)
	for range 7 {
		if a := tabs.gets(tabs.gets(long).leadsTo()); !strings.HasPrefix(a.leadsTo(), g.wechat) {
			t.Errorf("a long address leads to %s", a.leadsTo())
		}
	}
	tabs.signsIn(long)

	// A request comes through whole, and its body goes to the application alone.
	g.toService.heard()
	body := strings.Repeat("the whole story ", 10_000)
	got := phone.asks(http.MethodPost, shop+"/story?x=%2F..%2F&y=1", body, "X-Other: 1", "Accept: */*").app()
	if got.Method != http.MethodPost || got.URI != "/story?x=%2F..%2F&y=1" || got.Body != body || got.Header.Get("X-Other") != "1" {
		t.Errorf("the application got %s %s with %d bytes, %v", got.Method, got.URI, len(got.Body), got.Header)
	}
	if asked := g.toService.heard(); !strings.HasPrefix(asked, "GET /verify") || strings.Contains(asked, "story ") {
		t.Errorf("wxlogin was asked:\n%.2000s", asked)
	}
	// The application's own refusals are its own.
	if a := phone.gets(shop + "/refuses"); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "X-Wechat-Openid") {
		t.Errorf("the application's 401 became %d:\n%s", a.status, a.body)
	}
}

// The session would open every site; an application does not get it. Its own cookies
// it does. Traefik cannot take one cookie away.
func sessionStays(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	if g.passesSession {
		g.sees("the application gets the session's cookie, which the guide says")
	}
	session := strings.TrimPrefix(phone.session(), "Cookie: ")
	token := session[strings.Index(session, "=")+1:]
	for _, cookies := range []string{session, session + "; a=1; b=2", "a=1; " + session + "; b=2", "a=1; b=2; " + session, "a=1;" + session + ";b=2"} {
		g.toApp.heard()
		if status, _ := g.raw(t, rawGet("/", "Cookie: "+cookies)); status != http.StatusOK {
			t.Errorf("%s: status %d", cookies, status)
		}
		heard := g.toApp.heard()
		if strings.Contains(heard, token) != g.passesSession {
			t.Errorf("the application got the session's cookie from %q:\n%s", cookies, heard)
		}
		for _, own := range []string{"a=1", "b=2"} {
			if strings.Contains(cookies, own) && !strings.Contains(heard, own) {
				t.Errorf("the application's own %s is lost from %q:\n%s", own, cookies, heard)
			}
		}
	}
	if g.passesSession {
		return
	}
	// On wxlogin's own host browsers send more of its cookies, and after an upgrade
	// those of the names before.
	for _, more := range []string{"__Host-wxlogin_0123abcd", "__Host-wxlogin", "__Host-wxlogin_desk_0123abcd", "wxlogin_0123abcd"} {
		for _, cookies := range []string{more + "=private; a=1; " + session + "; b=2", session + "; a=1; " + more + "=private; b=2"} {
			g.toApp.heard()
			g.raw(t, rawGet("/", "Cookie: "+cookies))
			heard := g.toApp.heard()
			if strings.Contains(heard, token) || strings.Contains(heard, "private") || !strings.Contains(heard, "a=1; b=2") {
				t.Errorf("the application got of %q:\n%s", cookies, heard)
			}
		}
	}
	for _, lines := range [][]string{{"Cookie: " + session + "; " + session}, {"Cookie: " + session, "Cookie: a=1; " + session}, {"cookie: x" + session + ";" + session}} {
		g.raw(t, rawGet("/", lines...))
		if heard := g.toApp.heard(); strings.Contains(heard, token) {
			t.Errorf("the application got the session's cookie from %q:\n%s", lines, heard)
		}
	}
}

// A desktop that wants a protected page shows a code, hears of the phone's answer
// at once, though a proxy stands between, and gets the page.
func desktopAndPhone(t *testing.T, g *protectedSite) {
	phone, desktop := g.phone(t, "lin"), g.visitor(t, desktopBrowser, "")
	phone.signsIn(shop + "/")
	wanted := shop + "/cart?a=1"
	page := desktop.opens(wanted)
	of := func(attribute string) string {
		found := regexp.MustCompile(attribute + `="([^"]*)"`).FindStringSubmatch(page.body)
		if found == nil {
			t.Fatalf("no %s on the scan page, %d:\n%s", attribute, page.status, page.body)
		}
		return loginSite + html.UnescapeString(found[1])
	}
	res, err := desktop.Get(of("data-events"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewScanner(res.Body)
	hears := func(event string) {
		t.Helper()
		for events.Scan() {
			if events.Text() == "data: "+event {
				return
			}
		}
		t.Fatalf("the desktop does not hear %q: %v", event, events.Err())
	}
	hears("waiting")
	code := loginSite + "/scan/" + must(url.Parse(of("data-events"))).Query().Get("ticket")
	if a := phone.opens(code); a.status != http.StatusOK {
		t.Fatalf("the phone sees %d:\n%s", a.status, a.body)
	}
	hears("opened")
	if a := phone.asks(http.MethodPost, code, "answer=confirm", "Origin: "+loginSite, "Sec-Fetch-Site: same-origin"); a.status/100 == 4 || a.status/100 == 5 {
		t.Fatalf("the phone's answer: %d\n%s", a.status, a.body)
	}
	hears("confirmed")
	a := desktop.opens(of("data-done"))
	if a.url.String() != wanted {
		t.Errorf("the desktop ends at %s", a.url)
	}
	wantIdentity(t, g, desktop, a.app(), "林小满")
}

// identityOf are the headers among these that an application could take for
// the proxy's: the letters of the name are those of one of ours.
func identityOf(header http.Header) map[string][]string {
	found := map[string][]string{}
	for name, values := range header {
		letters := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.ToLower(name))
		if strings.Contains(letters, "remoteuser") || strings.Contains(letters, "remotename") || strings.Contains(letters, "wechat") {
			found[name] = values
		}
	}
	return found
}

// wantIdentity fails unless the application got exactly who the visitor is, as
// /api/me has it. What is empty may be left out.
func wantIdentity(t *testing.T, g *protectedSite, v *visitor, got got, name string) {
	t.Helper()
	a := v.asks(http.MethodGet, loginSite+"/api/me", "", "Accept: application/json")
	var me struct{ ID, OpenID, UnionID, Scope string }
	if err := json.Unmarshal([]byte(a.body), &me); err != nil || a.status != http.StatusOK || me.ID == "" || me.OpenID == "" {
		t.Fatalf("/api/me: %d, %v\n%s", a.status, err, a.body)
	}
	found := identityOf(got.Header)
	for header, want := range map[string]string{
		"Remote-User": me.ID, "X-Wechat-Openid": me.OpenID, "X-Wechat-Unionid": me.UnionID, "X-Wechat-Scope": me.Scope,
	} {
		if values := found[header]; len(values) > 1 || len(values) == 0 && want != "" || len(values) == 1 && values[0] != want {
			t.Errorf("%s is %q, want %q", header, values, want)
		}
		delete(found, header)
	}
	shown, err := url.PathUnescape(got.Header.Get("Remote-Name"))
	if len(found["Remote-Name"]) != 1 || err != nil || shown != name {
		t.Errorf("Remote-Name is %q (%q, %v), want %q", found["Remote-Name"], shown, err, name)
	}
	delete(found, "Remote-Name")
	if len(found) > 0 {
		t.Errorf("the application could take these for identity too: %q", found)
	}
	if left := identityOf(got.Trailer); len(left) > 0 {
		t.Errorf("the application could take these trailers for identity: %q", left)
	}
}

// What a client says of itself never reaches the application under a name that
// anybody could read as one of ours, and cannot take ours away either.
func forgedHeaders(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "plain") // has no unionid
	phone.signsIn(shop + "/")
	session := phone.session()

	attempts := [][]string{
		{"Connection: close, X-Wechat-Openid, X-Wechat-Unionid", "X-Wechat-Unionid: forged"},
		{"Connection: Remote-User"}, {"Connection: remote-user, Remote-Name, x-wechat-scope"},
		{"Connection: keep-alive", "Connection: X-Wechat-Openid"}, {"Connection: Cookie"}, {"Connection: X-Forwarded-Uri, X-Forwarded-Host"},
		{"Connection: Remote-User", "Upgrade: websocket"}, {"Connection: Upgrade, Remote-User", "Upgrade: websocket", "Upgrade: h2c"},
		{"Proxy-Connection: Remote-User"}, {"Keep-Alive: Remote-User"}, {"TE: trailers, Remote-User", "Trailer: Remote-User"},
		{"Remote-User : forged"}, {"Remote-User\t: forged"}, {" Remote-User: forged"}, {"Remote-User\x00: forged"}, {"\x00Remote-User: forged"},
		{"X-Other: a\r\n Remote-User: forged"}, {"X-Other: a\nRemote-User: forged"}, {"X-Other: a\rRemote-User: forged"},
		{"X-Other: a\x00\r\nRemote-User: forged"}, {"Remote-User;: forged"}, {"Remote-User\u00a0: forged"}, {"\ufeffRemote-User: forged"},
		{"Remote-User:"}, {"Remote-User: "}, {": forged"}, {"Remote-User"}, {"Host: shop.example.com", "Remote-User: forged"},
		{"X_Forwarded_For: forged", "X-Forwarded_Host: forged", "X_Forwarded_Proto: forged"},
		{"X-Wechat-Unionid: forged", "X-Wechat-Unionid: forged", "x-wechat-unionid: forged", "X_Wechat_Unionid: forged"},
	}
	for _, name := range []string{"Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope"} {
		for _, spelt := range []string{
			name, strings.ToLower(name), strings.ToUpper(name), swapCase(name),
			strings.ReplaceAll(name, "-", "_"), strings.ToLower(strings.ReplaceAll(name, "-", "_")), strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
			strings.Replace(name, "-", "_", 1), strings.ReplaceAll(name, "-", "."), strings.Replace(name, "-", ".", 1),
			strings.ReplaceAll(name, "-", "~"), strings.ReplaceAll(name, "-", "!"), strings.ReplaceAll(name, "-", "|"),
		} {
			attempts = append(attempts, []string{spelt + ": forged"}, []string{spelt + ": forged", spelt + ": forged"}, []string{"Connection: " + spelt, spelt + ": forged"})
		}
	}
	for _, lines := range attempts {
		g.toApp.heard()
		request := rawGet("/x", append(lines, session)...)
		status, _ := g.raw(t, request)
		heard := g.toApp.heard()
		if status/100 == 5 && !strings.Contains(request, "Upgrade") {
			t.Errorf("%q: status %d", lines, status)
		}
		if heard == "" {
			if status == http.StatusOK {
				t.Errorf("%q: a page, and not the application's", lines)
			}
			continue // refused whole
		}
		wantIdentity(t, g, phone, parsed(t, heard), "微信用户")
		// A line that begins with a blank goes on with the value before.
		unfolded := folded.ReplaceAllString(heard, "")
		if strings.Contains(unfolded, "forged") {
			t.Errorf("%q: the application got\n%s", lines, heard)
		}

		// The same from a stranger.
		if status, _ := g.raw(t, rawGet("/x", lines...)); status == http.StatusOK {
			t.Errorf("%q opens the site", lines)
		}
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("%q: the application heard of a stranger:\n%s", lines, heard)
		}
	}

	// Those that are no trick are served, and none is served with less than all.
	for _, lines := range [][]string{
		{"Remote-User: forged"}, {"X-Wechat-Unionid: forged"}, {"X_Wechat_Openid: forged"}, {"Connection: Remote-User"}, {"Connection: X-Wechat-Openid"},
	} {
		g.toApp.heard()
		if status, _ := g.raw(t, rawGet("/x", append(lines, session)...)); status != http.StatusOK || g.toApp.heard() == "" {
			t.Errorf("%q: status %d", lines, status)
		}
	}

}

// folded is a line that goes on with another one of the client's.
var folded = regexp.MustCompile(`(?i)(x-other: a|accept: text/html) +Remote-User: forged`)

// A trailer comes after the proxy has decided.
func trailers(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	session := phone.session()
	g.toApp.heard()
	status, _ := g.raw(t, "POST /x HTTP/1.1\r\nHost: shop.example.com\r\n"+session+
		"\r\nTransfer-Encoding: chunked\r\nTrailer: Remote-User, X-Wechat-Unionid\r\n\r\n4\r\nbody\r\n0\r\nRemote-User: forged\r\nX-Wechat-Unionid: forged\r\n\r\n")
	if g.passesTrailers {
		g.sees("trailers that a client announces reach the application as trailers, which the guide says")
	}
	if heard := g.toApp.heard(); strings.Contains(heard, "forged") != g.passesTrailers || status == http.StatusOK && !strings.Contains(heard, "body") {
		t.Errorf("trailers: status %d, the application got\n%s", status, heard)
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// parsed is the request that the proxy sent, header lines only.
func parsed(t *testing.T, heard string) got {
	t.Helper()
	head, _, ok := strings.Cut(heard, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	if !ok || strings.Count(heard, " HTTP/1.1\r\n") != 1 {
		t.Fatalf("the application got no one request:\n%s", heard)
	}
	g := got{Header: http.Header{}}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		name = http.CanonicalHeaderKey(name)
		g.Header[name] = append(g.Header[name], strings.TrimSpace(value))
	}
	return g
}

// A stranger's request does not carry another one past the proxy.
func smuggledRequests(t *testing.T, g *protectedSite) {
	const inner = "GET /smuggled HTTP/1.1\r\nHost: shop.example.com\r\nRemote-User: forged\r\nX-Wechat-Openid: forged\r\n\r\n"
	post := "POST /x HTTP/1.1\r\nHost: shop.example.com\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	for _, session := range []string{"", phone.session() + "\r\n"} {
		for _, request := range []string{
			post + session + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(inner), inner),
			post + session + "Transfer-Encoding: chunked\r\n\r\n" + chunked,
			post + session + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
			post + session + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(inner), inner),
			post + session + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + inner,
			post + session + "Content-Length: +0\r\n\r\n" + inner,
			post + session + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + inner,
			post + session + "Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner,
			post + session + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + inner,
			post + session + "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner,
			post + session + "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n" + inner,
			"GET /x HTTP/1.1\r\nHost: shop.example.com\r\n" + session + "Content-Length: 0\r\n\r\n" + inner,
			"GET /x HTTP/1.1\r\nHost: shop.example.com\r\n" + session + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + inner,
			"GET /x HTTP/1.1\r\nHost: shop.example.com\r\n" + session + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" + inner,
		} {
			g.toApp.heard()
			g.raw(t, request)
			heard := g.toApp.heard()
			if session == "" && heard != "" {
				t.Errorf("%q: the application heard of a stranger:\n%s", request, heard)
			}
			// As the body of an honest request it is text. As a request it must not be
			// there: nobody has let it in.
			for i, part := range strings.Split(heard, "GET /smuggled") {
				if i > 0 && !strings.Contains(part, "\r\nRemote-User: forged") {
					t.Errorf("%q: the application got a request of its own:\n%s", request, heard)
				}
			}
			if strings.HasPrefix(heard, "GET /smuggled") {
				t.Errorf("%q: the application got\n%s", request, heard)
			}
		}
	}
}

// However an address is written, a stranger does not get to the application.
func paths(t *testing.T, g *protectedSite) {
	g.toApp.heard()
	for _, target := range []string{
		"/", "//", "///", "/./", "/../", "/x/../", "/x/..;/", "/;x", "/%2e%2e/", "/%2e%2e%2f", "/..%2f..%2f", "/.%2e/", "/x%2f..%2fy", "/%252e%252e/", `/\..\`, `/..\`,
		"/%5c..%5c", "/x;jsessionid=1", "/x/%00", "/x%00.css", "/x%0d%0aX:%20y", "/x%0a", "/%ff", "/favicon.ico", "/robots.txt", "/x.css", "/x.js?y",
		"/.well-known/acme-challenge/x", "/healthz", "/readyz", "/verify", "/verify/", "/verify?login=redirect", "/login", "/static/x", "/spa/", "/spa/../x", "/api/me",
		"/_wxlogin", "/_wxlogin/", "//_wxlogin", "/_WXLOGIN", "/%5fwxlogin", "/@sign_in", "/x#/healthz", "/x?/../healthz", "?", "*", "x", "http:", "",
		"https://shop.example.com/x", "http://shop.example.com/x", "https://login.example.com/x", "https://shop.example.com@login.example.com/", "//shop.example.com/x", "shop.example.com:443",
	} {
		methods := []string{"GET"}
		if len(target) < 2 || strings.Contains(target, "example.com") {
			methods = []string{"GET", "POST", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X"}
		}
		for _, method := range methods {
			request := method + " " + target + " HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
			status, _ := g.raw(t, request)
			// The address may name another site, which answers by itself; and Caddy has
			// an empty 200 for a host that nobody serves, and for OPTIONS *. Apache takes
			// OPTIONS without a path for that.
			elsewhere := strings.Contains(target, "login.example.com") || method == "CONNECT" || target == "*" || method == "OPTIONS" && target == "?"
			if status == http.StatusOK && !elsewhere {
				t.Errorf("%s %q gives %d", method, target, status)
			}
		}
	}
	for _, request := range []string{
		"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: shop.example.com\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\nHost: shop.example.com\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET / HTTP/1.1\r\nHost: SHOP.example.com.\r\n\r\n", "GET / HTTP/1.1\r\nHost: shop.example.com:8007\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: login.example.com\r\nHost: shop.example.com\r\n\r\n", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "GET /x y HTTP/1.1\r\nHost: shop.example.com\r\n\r\n",
	} {
		g.raw(t, request)
	}
	if heard := g.toApp.heard(); heard != "" {
		t.Errorf("the application heard of strangers:\n%s", heard)
	}
}

// A nickname is anything; the headers hold.
func names(t *testing.T, g *protectedSite) {
	for key, nickname := range map[string]string{
		"long":    strings.Repeat("长", 10_000),
		"rtl":     "אבג\u200fمرحبا",
		"emoji":   strings.Repeat("👨‍👩‍👧", 30),
		"tricky":  "a, b; c=\"d\" {env.HOME} $wx_user {http.request.uri} %0d%0aRemote-User: forged",
		"control": "a\r\nRemote-User: forged\x14\x00b",
		"spaces":  "  x  ",
	} {
		g.sim.AddPerson(wechatsim.Person{Key: key, Nickname: nickname})
		phone := g.phone(t, key)
		got := phone.signsIn(shop + "/").app()
		a := phone.asks(http.MethodGet, loginSite+"/api/me", "", "Accept: application/json")
		var me struct{ Nickname string }
		if err := json.Unmarshal([]byte(a.body), &me); err != nil || me.Nickname == "" {
			t.Fatalf("%s: %v\n%s", key, err, a.body)
		}
		header := got.Header.Get("Remote-Name")
		shown, err := url.PathUnescape(header)
		if err != nil || shown == "" || !strings.HasPrefix(me.Nickname, shown) || len(header) > 1024 {
			t.Errorf("%s: Remote-Name %q is %q (%v), and the nickname %q", key, header, shown, err, me.Nickname)
		}
		wantIdentity(t, g, phone, got, shown)
	}
}

// Nobody is ever taken for somebody else, on connections that many share.
func twoAtOnce(t *testing.T, g *protectedSite) {
	var wg sync.WaitGroup
	for _, key := range []string{"lin", "wang", "alice", "plain"} {
		phone := g.phone(t, key)
		phone.signsIn(shop + "/")
		want := g.person(t, key).OpenID
		for range 2 {
			wg.Go(func() {
				for i := range 50 {
					a, err := phone.try(http.MethodGet, fmt.Sprintf("%s/%d", shop, i), "")
					var got got
					if err == nil {
						err = json.Unmarshal([]byte(a.body), &got)
					}
					if openid := got.Header.Values("X-Wechat-Openid"); err != nil || len(openid) != 1 || openid[0] != want {
						t.Errorf("%s is taken for %q (%d, %v)", key, openid, a.status, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

// No login leads to a host that the settings do not name, however it is written.
// A browser that is sent to one fails the test by itself: it finds no such host.
func foreignHosts(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	for i, there := range []string{
		"https://evil.example/", "http://evil.example/", "//evil.example/", "///evil.example/", "////evil.example", `/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`,
		"/\t/evil.example", "/\n/evil.example", "/%09/evil.example", "\t//evil.example", " //evil.example", "/./\\evil.example", "/.//evil.example", "/..//evil.example", "/x/..//evil.example",
		"https:evil.example", "https:/evil.example", "https:///evil.example", `https:\\evil.example`, "HTTPS://EVIL.EXAMPLE", "javascript:alert(1)", "data:text/html,x", "evil.example", "ftp://shop.example.com/",
		"https://shop.example.com.evil.example/", "https://evilshop.example.com/", "https://shop.example.com@evil.example/", "https://shop.example.com:x@evil.example/", `https://shop.example.com\@evil.example/`,
		`https://evil.example\@shop.example.com/`, "https://evil.example#@shop.example.com/", "https://evil.example?@shop.example.com/", "https://shop.example.com%2eevil.example/", "https://shop.example.com%00.evil.example/",
		"https://evil.example/https://shop.example.com/", "https://shop.example.com:444/", "https://shop.example.com:443@evil.example/", "https://[::1]/", "https://stray.example.com/", "https://example.com/",
		"http://shop.example.com/", "https://shop。example。com/", "https://ｓhop.example.com/", "https://shop.example.com\u2044@evil.example/", "https://sho\u00adp.example.com/", "https://.shop.example.com/",
		"https://shop.example.com./", "https://user@shop.example.com/", "https://shop.example.com/../", "https://shop.example.com//evil.example", "https://shop.example.com/%2e%2e/", "%2F%2Fevil.example",
		"/%5cevil.example/..", "", strings.Repeat("/x", 2000), "https://shop.example.com/" + strings.Repeat("x", 4000),
	} {
		queries := []string{"return_to=" + url.QueryEscape(there)}
		if i < 4 {
			queries = append(queries, queries[0]+"&return_to="+url.QueryEscape(shop+"/"), "consent=1&"+queries[0])
		}
		for _, query := range queries {
			a := phone.opens(loginSite + "/login?" + query)
			// A path of our own that does not exist is where no harm is done.
			if a.url.Scheme != "https" || a.url.Host != "login.example.com" || a.url.Path != "/" && !strings.HasPrefix(a.url.Path, "/%") && !strings.HasPrefix(a.url.EscapedPath(), "/%") {
				t.Errorf("%s leads to %s", query, a.url)
			}
		}
	}
	if a := phone.opens(loginSite + "/login?return_to=" + url.QueryEscape(blog+"/x?y=%2F&z=//evil.example")); a.url.String() != blog+"/x?y=%2F&z=//evil.example" {
		t.Errorf("an honest address leads to %s", a.url)
	}

	// From a protected site.
	stranger := g.phone(t, "lin")
	if a := stranger.gets(stray + "/x"); a.leadsTo() != loginSite+"/login?return_to=%2F" {
		t.Errorf("a site that the settings do not name leads to %s", a.leadsTo())
	}
	forwarded := []string{
		"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: javascript", "X-Forwarded-Proto: http", "X-Forwarded-Uri: //evil.example", "X-Forwarded-Uri: @evil.example", "X-Forwarded-Prefix: //evil.example",
		"X-Forwarded-Port: 444", "X-Forwarded-Server: evil.example", "X-Original-Url: https://evil.example/", "X-Rewrite-Url: //evil.example", "Forwarded: host=evil.example;proto=http", "X-Auth-Request-Redirect: https://evil.example/",
		"X_Forwarded_Host: evil.example", "X-Forwarded_Host: evil.example", "X.Forwarded.Host: evil.example", "X-Forwarded-Host: shop.example.com, evil.example", "Connection: X-Forwarded-Host", "Connection: X-Forwarded-Uri, X-Forwarded-Proto",
		"X-Login-Url: https://evil.example/", "Referer: https://evil.example/", "Origin: https://evil.example",
	}
	requests := []string{}
	for _, line := range forwarded {
		requests = append(requests, rawGet("/cart", line))
	}
	for _, target := range []string{
		"//evil.example/x", "///evil.example", `/\evil.example`, "/%09/evil.example", "/%5cevil.example", "https://evil.example/x", "https://shop.example.com@evil.example/", "/x/..//evil.example", "/.//evil.example",
		"/@evil.example", "/:x@evil.example/", "/#@evil.example", "/?@evil.example", "/x\x7f", "/x\xff", "/" + strings.Repeat("x", 3000),
	} {
		requests = append(requests, rawGet(target))
	}
	requests = append(requests,
		strings.Replace(rawGet("/cart"), "Host: shop.example.com", "Host: evil.example", 1),
		strings.Replace(rawGet("/cart"), "Host: shop.example.com", "Host: shop.example.com:444", 1),
		strings.Replace(rawGet("/cart"), "Host: shop.example.com", "Host: shop.example.com@evil.example", 1),
		strings.Replace(rawGet("/cart"), "Host: shop.example.com", "Host: evil.example\r\nHost: shop.example.com", 1),
	)
	led := 0
	for _, request := range requests {
		_, header := g.raw(t, request)
		location := header.Get("Location")
		if location == "" {
			continue // refused, or nobody's host
		}
		led++
		to, err := url.Parse(location)
		if err != nil || !strings.HasPrefix(location, loginSite+"/login?return_to=") {
			t.Errorf("%.300q leads to %q", request, location)
			continue
		}
		back := to.Query().Get("return_to")
		if back != "/" && !strings.HasPrefix(back, shop+"/") && back != shop+":444/cart" {
			t.Errorf("%.300q comes back to %q", request, back)
		}
		if a := stranger.opens(location); strings.Contains(a.url.Host, "evil") {
			t.Errorf("%.300q ends at %s", request, a.url)
		}
	}
	if led < len(forwarded) {
		t.Errorf("only %d requests were led to the login", led)
	}

	// No other site's script reads who is signed in.
	for _, line := range []string{"Origin: " + shop, "Origin: https://evil.example", "Origin: null"} {
		a := phone.asks(http.MethodGet, loginSite+"/api/me", "", line, "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors")
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", line, name, a.header.Get(name))
			}
		}
	}
	if a := phone.asks(http.MethodPost, loginSite+"/logout", "", "Origin: "+shop, "Sec-Fetch-Site: same-site"); a.status != http.StatusForbidden {
		t.Errorf("a sibling site signs people out: %d", a.status)
	}
}

// People who sign out or are blocked are out with the next request, at every
// site.
func logoutAndBlock(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "alice")
	phone.signsIn(shop + "/")
	kept := phone.session()
	if a := phone.asks(http.MethodPost, loginSite+"/logout", "", "Origin: "+loginSite, "Sec-Fetch-Site: same-origin"); a.status != http.StatusSeeOther {
		t.Fatalf("logout: %d\n%s", a.status, a.body)
	}
	g.toApp.heard()
	phone.asks(http.MethodGet, shop+"/", "", "Accept: application/json").refused()
	phone.asks(http.MethodGet, blog+"/", "", "Accept: application/json").refused()
	if status, _ := g.raw(t, rawGet("/", kept)); status != http.StatusFound {
		t.Errorf("a cookie kept from before the logout gives %d", status)
	}

	phone = g.phone(t, "wang")
	id := phone.signsIn(shop + "/").app().Header.Get("Remote-User")
	g.toApp.heard()
	link := startProgram(t, plainProgram(t), t.TempDir(), g.settings, "admin", "link")
	link.wantExit(0)
	admin := g.visitor(t, desktopBrowser, "")
	token := url.Values{"token": {must(url.Parse(strings.TrimSpace(link.stdout.text()))).Query().Get("token")}}
	same := []string{"Origin: " + loginSite, "Sec-Fetch-Site: same-origin"}
	if a := admin.asks(http.MethodPost, loginSite+"/admin/link", token.Encode(), same...); a.status != http.StatusSeeOther {
		t.Fatalf("admin link: %d\n%s", a.status, a.body)
	}
	if a := admin.asks(http.MethodPost, loginSite+"/api/admin/users/"+id+"/block", "", append(same, "Accept: application/json")...); a.status/100 != 2 {
		t.Fatalf("block: %d\n%s", a.status, a.body)
	}
	phone.asks(http.MethodGet, shop+"/", "", "Accept: application/json").refused()
	phone.asks(http.MethodGet, blog+"/", "", "Accept: application/json").refused()
	if a := phone.opens(shop + "/"); a.url.Host != "login.example.com" || a.status != http.StatusForbidden {
		t.Errorf("a blocked person ends at %s with %d", a.url, a.status)
	}
	if heard := g.toApp.heard(); heard != "" {
		t.Errorf("the application heard of somebody who is out:\n%s", heard)
	}
}

// The example applications do what they are an example of.
// The application of examples/app greets who is signed in, and the page of examples/spa
// finds out who that is.
func exampleApplications(t *testing.T, g *protectedSite) {
	binary := buildExampleApp(t)
	address := freeAddress(t)
	startExampleApp(t, binary, address)
	before := g.toApp.leadTo(address)
	defer g.toApp.leadTo(before)

	phone := g.phone(t, "lin")
	a := phone.signsIn(shop + "/")
	if a.status != http.StatusOK || !strings.Contains(a.body, "你好，<bdi>林小满</bdi>") || !strings.Contains(a.body, g.person(t, "lin").OpenID) {
		t.Errorf("the application shows %d:\n%s", a.status, a.body)
	}
	if !g.servesFiles {
		g.sees("the application does; it serves no files, so the single-page one is not in its recipe")
		return
	}

	stranger := g.phone(t, "lin")
	for _, file := range []string{"/spa/", "/spa/app.js"} {
		if a := stranger.gets(loginSite + file); a.status != http.StatusOK || !strings.Contains(a.body, "wxlogin") {
			t.Errorf("%s: %d\n%s", file, a.status, a.body)
		}
	}
	a = stranger.asks(http.MethodGet, loginSite+"/api/me", "", "Accept: application/json", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin")
	a.refused()
	var problem struct {
		LoginURL string `json:"login_url"`
	}
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatal(err)
	}
	back := loginSite + "/spa/?a=1"
	if a := stranger.opens(strings.Replace(problem.LoginURL, "return_to=%2F", "return_to="+url.QueryEscape(back), 1)); a.url.String() != back {
		t.Errorf("the single-page application's login ends at %s", a.url)
	}
}

// A proxy that cannot ask lets nobody in.
func cannotTell(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	shut := func(why string) {
		t.Helper()
		g.toApp.heard()
		for _, v := range []*visitor{phone, g.phone(t, "lin")} {
			if a := v.gets(shop + "/"); a.status/100 != 5 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d\n%s", why, a.status, a.body)
			}
		}
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("%s: the application heard\n%s", why, heard)
		}
	}
	open := func(when string) {
		t.Helper()
		if a := phone.gets(shop + "/"); a.status != http.StatusOK {
			t.Errorf("%s: %d\n%s", when, a.status, a.body)
		}
	}

	db, err := sql.Open("sqlite", "file:"+g.database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("sessions", "sessions_gone")
	phoneOnly := phone.gets(shop + "/")
	if phoneOnly.status/100 != 5 || phoneOnly.header.Get("Set-Cookie") != "" {
		t.Errorf("a database that does not answer: %d\n%s", phoneOnly.status, phoneOnly.body)
	}
	rename("sessions_gone", "sessions")
	open("with the database back")

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	service := g.toService.leadTo(silent.Addr().String())
	shut("a service that hangs")
	g.toService.leadTo(service)
	open("with the service going on")

	g.service.terminate()
	g.service.wantExit(0)
	shut("no service")
	g.startService(t)
	open("with the service back")
}
