package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
)

// without is a form as it comes from where neither Origin nor Sec-Fetch-Site is
// known, with this Referer.
func (b *browser) without(address, referer string, form url.Values) *page {
	b.w.t.Helper()
	req := b.request(http.MethodPost, address, form)
	req.Header.Del("Origin")
	if referer != "" {
		req.Header.Set("Referer", referer)
	}
	p, err := b.fetch(req)
	check(b.w.t, err)
	return p
}

// The guard lets a mini program's bearer through, as no other site's page can send one
// together with a cookie: no answer of any route allows credentials, to nobody, and none
// but those for applications, where no cookie counts, allows the header.
func TestNoOtherSiteSendsABearerWithACookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{returnHosts: []string{"shop.example.com"}, accounts: threeAccounts})
	w.app("Wiki", nil)
	phone, allowed := w.signedIn("lin"), 0
	for _, route := range w.routes() {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{account}", "app", "*", "x").Replace(path)
		for _, origin := range []string{"https://shop.example.com", "https://app.example.com", "https://evil.example", "null"} {
			for _, method := range []string{http.MethodOptions, method} {
				req := phone.request(method, path, nil)
				req.Header.Set("Origin", origin)
				req.Header.Set("Access-Control-Request-Method", http.MethodPost)
				req.Header.Set("Access-Control-Request-Headers", "authorization")
				p, err := phone.fetch(req)
				check(t, err)
				if p.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %s may send cookies", method, path, origin)
				}
				if headers := p.Header.Get("Access-Control-Allow-Headers"); headers != "" {
					allowed++
					if origin != "https://app.example.com" || !strings.HasPrefix(path, "/oidc/") && !strings.HasPrefix(path, "/.well-known/") {
						t.Errorf("%s %s: %s may send %s", method, path, origin, headers)
					}
				}
			}
		}
	}
	if allowed == 0 {
		t.Error("no application may call from its pages")
	}
}

// A form with a session's cookie, and without Origin and Sec-Fetch-Site, has to come
// from a page of ours by its Referer.
func TestFormsWithoutAnOrigin(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/wx"} {
		w := newWorld(t, options{path: path})
		lin, admin := w.signedIn("lin"), w.admin()
		origin := strings.TrimSuffix(w.url, path)
		id := lin.me()["id"].(string)
		grant := "/admin/users/" + id + "/grant"
		confirmed := url.Values{"confirm": {w.person("lin").OpenID[len(w.person("lin").OpenID)-6:]}}
		for _, referer := range []string{
			"", "https://evil.example/", "https://evil.example/?" + w.url + "/", origin + ".evil.example/", origin + "1/", origin + "@evil.example/",
			strings.Replace(origin, "http:", "https:", 1) + "/", "null", "/", strings.TrimPrefix(origin, "http:") + "/",
		} {
			lin.without("/logout", referer, url.Values{}).wantPage(http.StatusForbidden, "")
			lin.without("/api/me/erase", referer, url.Values{}).wantPage(http.StatusForbidden, "")
			admin.without(grant, referer, confirmed).wantPage(http.StatusForbidden, "")
		}
		lin.wantMe("lin")
		lin.get("/admin").wantPage(http.StatusForbidden, "")
		// An address of ours, or what a strict policy leaves of it.
		if p := admin.without(grant, w.url+"/admin/users/"+id, confirmed); p.Status != http.StatusSeeOther {
			t.Errorf("our own page: status %d\n%s", p.Status, excerpt(p.Body))
		}
		lin.get("/admin").wantPage(http.StatusOK, "")
		if p := lin.without("/logout", origin+"/", url.Values{}); p.Status != http.StatusSeeOther {
			t.Errorf("our own origin: status %d", p.Status)
		}
		lin.wantNobody()
		// A program has no cookie, and is answered as ever.
		w.browser("curl/8").without("/logout", "", url.Values{}).wantRedirect(path + "/")
	}
}

// A session that a browser still holds by the cookie's old name is as good as any,
// and as well guarded.
func TestFormsWithoutAnOriginByTheOldName(t *testing.T) {
	w := newWorld(t, options{})
	lin, admin := w.signedIn("lin"), w.admin()
	grant := "/admin/users/" + lin.me()["id"].(string) + "/grant"
	cookies := map[string]string{"wxlogin": lin.cookie("wxlogin"), "wxlogin_desk": admin.cookie("wxlogin_desk")}
	for _, referer := range []string{"", "https://evil.example/"} {
		for name, addresses := range map[string][]string{"wxlogin": {"/logout", "/api/me/erase"}, "wxlogin_desk": {grant, "/admin/logout"}} {
			for _, address := range addresses {
				b := w.browser(iPhone)
				req := b.request(http.MethodPost, address, url.Values{"confirm": {w.person("lin").OpenID[len(w.person("lin").OpenID)-6:]}})
				req.Header.Del("Origin")
				req.Header.Set("Cookie", name+"="+cookies[name])
				if referer != "" {
					req.Header.Set("Referer", referer)
				}
				p, err := b.fetch(req)
				check(t, err)
				if p.Status != http.StatusForbidden {
					t.Errorf("%s with Referer %q: status %d", address, referer, p.Status)
				}
			}
		}
	}
	w.sends(http.MethodGet, "/admin", "wxlogin_desk="+cookies["wxlogin_desk"], nil).wantPage(http.StatusOK, "")
	w.sends(http.MethodGet, "/api/me", "wxlogin="+cookies["wxlogin"], nil).wantPage(http.StatusOK, "")
}

// Whatever the route, a form from elsewhere is refused before anybody reads it.
func TestForeignFormsOnAllRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.phone("wang").signsIn()
	lin, admin := w.signedIn("lin"), w.admin()
	for _, b := range []*browser{lin, admin} {
		for _, route := range w.routes() {
			method, path, _ := strings.Cut(route, " ")
			if isSafe(method) || method == http.MethodOptions {
				continue
			}
			want := http.StatusForbidden
			switch path { // what applications send, which no cookie of ours decides
			case "/oidc/token", "/oidc/revoke", "/oidc/userinfo":
				want = http.StatusUnauthorized
			case "/oidc/authorize", "/oidc/logout":
				want = http.StatusSeeOther // to the same by GET
			}
			for _, headers := range []http.Header{
				{"Sec-Fetch-Site": {"cross-site"}},
				{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
				{"Sec-Fetch-Site": {"same-site"}},
				{"Sec-Fetch-Site": {"cross-site, same-origin"}},
				{"Origin": {"https://evil.example"}, "Referer": {w.url + "/"}},
				{"Origin": {"null"}, "Referer": {w.url + "/"}},
				{"Referer": {"https://evil.example/"}},
				{},
			} {
				req := b.request(method, w.place(path, lin), url.Values{"answer": {"confirm"}, "scope": {"all"}})
				req.Header.Del("Origin")
				for name, values := range headers {
					req.Header[name] = values
				}
				p, err := b.fetch(req)
				check(t, err)
				if p.Status != want {
					t.Errorf("%s with %v: status %d", route, headers, p.Status)
				}
			}
		}
	}
	lin.wantMe("lin")
	admin.get("/admin").wantPage(http.StatusOK, "")
}

func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// place is an address of a route's pattern, about the person of a browser.
func (w *world) place(pattern string, b *browser) string {
	w.t.Helper()
	id := "nobody"
	if me := b.me(); me != nil {
		id = me["id"].(string)
	}
	return strings.NewReplacer("{id}", id, "{user}", id, "{session}", "none", "{ticket}", "none", "{hash}", "none", "*", "none").Replace(pattern)
}

// An export goes out to people who ask for it themselves, and is written down for nobody
// else.
func TestExportsFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, admins := w.signedIn("lin"), w.admin()
	id := lin.me()["id"].(string)
	var exports []string
	for _, route := range w.routes() {
		if path, ok := strings.CutPrefix(route, "GET "); ok && (strings.HasSuffix(path, "/export") || strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, ".json")) {
			exports = append(exports, strings.Replace(path, "{id}", id, 1))
		}
	}
	if len(exports) < 6 {
		t.Fatalf("exports are %q", exports)
	}
	recorded := func() int {
		page, err := w.db.Events(t.Context(), admin.EventQuery{Action: admin.ActExport, Limit: 100})
		check(t, err)
		return len(page.Events)
	}
	for _, address := range exports {
		b := admins
		if strings.HasPrefix(address, "/api/me/") {
			b = lin
		}
		ask := func(method string, header ...string) *page {
			req := b.request(method, address, nil)
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			p, err := b.fetch(req)
			check(t, err)
			return p
		}
		before := recorded()
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"},
			{"Sec-Fetch-Site", ""}, {"Referer", "https://evil.example/"}, {"Referer", w.url + ".evil.example/"},
			{"Sec-Fetch-Site", "cross-site", "Referer", w.url + "/"},
		} {
			if p := ask(http.MethodGet, header...); p.Status != http.StatusForbidden ||
				!strings.Contains(p.Body, `"cross_origin"`) && !strings.Contains(p.Body, "这个请求来自别的网站") { // to a program, to a person
				t.Errorf("%s with %q: status %d\n%s", address, header, p.Status, excerpt(p.Body))
			}
		}
		if p := ask(http.MethodHead); p.Status != http.StatusMethodNotAllowed || p.Header.Get("Allow") != "GET" {
			t.Errorf("HEAD %s: status %d, allow %q", address, p.Status, p.Header.Get("Allow"))
		}
		if after := recorded(); after != before {
			t.Errorf("%s: %d exports are recorded that nobody asked for", address, after-before)
		}
		for _, header := range [][]string{{}, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "same-origin"}, {"Referer", w.url + "/admin"}} {
			ask(http.MethodGet, header...).wantPage(http.StatusOK, "")
		}
		if want := before + 4; b == admins && recorded() != want {
			t.Errorf("%s: %d exports are recorded, want %d", address, recorded(), want)
		}
	}
}

// Where an address holds a ticket, a token or a code, the page keeps it out of the
// Referer of what it loads, and its form can still be told from another site's.
func TestAddressesStayOutOfReferers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
	check(t, err)
	phone := w.signedIn("lin")
	s := w.browser(desktopWeb).scans("/")
	callback := w.phone("lin").stops("/login", "/callback?")
	for name, p := range map[string]*page{
		"no-referrer":     w.browser(desktopWeb).get("/admin/link?token="+string(token)).wantPage(http.StatusOK, "<form"),
		"no-referrer ":    w.browser(desktopWeb).get("/admin/link").wantPage(http.StatusForbidden, ""),
		"no-referrer  ":   w.browser(iPhone).get(callback).wantPage(http.StatusBadRequest, ""),
		"strict-origin":   phone.get(s.path).wantPage(http.StatusOK, "<form"),
		"strict-origin ":  s.get(s.done).wantPage(http.StatusOK, "<script"),
		"strict-origin  ": s.get(s.path).wantPage(http.StatusOK, ""),
		"same-origin":     phone.get("/erase").wantPage(http.StatusOK, "<form"),
	} {
		if got := p.Header.Get("Referrer-Policy"); got != strings.TrimSpace(name) {
			t.Errorf("%s has the policy %q", p.URL.Path, got)
		}
	}
	// What browsers without Sec-Fetch-Site send from a page with no-referrer.
	b := w.browser(desktopWeb)
	req := b.request(http.MethodPost, "/admin/link", url.Values{"token": {string(token)}})
	req.Header.Set("Origin", "null")
	p, err := b.fetch(req)
	check(t, err)
	p.wantRedirect("/admin")
}

// The public URL may be written otherwise than browsers send it.
func TestThePublicURLAsBrowsersSendIt(t *testing.T) {
	t.Parallel()
	for public, path := range map[string]string{"https://H5.Example.com": "", "https://h5.example.com:443": "", "https://h5.example.com:443/wx": "/wx"} {
		w := newWorld(t, options{replicaOf: &world{public: public}})
		send := func(method, address, header, origin string) *page {
			b := w.browser(desktopWeb)
			req := b.request(method, w.url+path+address, nil)
			req.Header.Del("Origin")
			req.Header.Set(header, origin)
			if method == http.MethodPost { // of a session that has ended
				req.Header.Set("Cookie", "__Host-"+w.cookieName("wxlogin")+"=x")
			}
			p, err := b.fetch(req)
			check(t, err)
			return p
		}
		for _, header := range []string{"Origin", "Referer"} {
			if p := send(http.MethodPost, "/logout", header, "https://h5.example.com"); p.Status != http.StatusSeeOther {
				t.Errorf("%s: a form with the %s of the site: %d", public, header, p.Status)
			}
			if p := send(http.MethodPost, "/logout", header, "https://h5.example.com.evil.example"); p.Status != http.StatusForbidden {
				t.Errorf("%s: a form with another %s: %d", public, header, p.Status)
			}
		}
		if p := send(http.MethodGet, "/api/jssdk", "Origin", "https://h5.example.com"); p.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: a page of the site may not read its signature", public)
		}
	}
}
