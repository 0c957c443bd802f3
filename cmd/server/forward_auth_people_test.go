package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

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
