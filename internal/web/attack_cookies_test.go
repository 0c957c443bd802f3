package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"wxlogin/internal/admin"
)

// holds gives the name and the value of all cookies that browsers of the service hold.
func (w *world) holds(browsers ...*browser) map[string]string {
	u, err := url.Parse(w.url)
	check(w.t, err)
	cookies := make(map[string]string)
	for _, b := range browsers {
		for _, cookie := range b.client.Jar.Cookies(u) {
			cookies[cookie.Name] = cookie.Value
		}
	}
	return cookies
}

// A cookie with anything changed in it is nobody's, and no fault.
func TestChangedCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, other, admins := w.signedIn("lin"), w.signedIn("wang"), w.admin()
	callback := lin.stops("/login", "/callback?")
	s := w.browser(desktopWeb).scans("/")
	out := w.signedIn("lin")
	out.post("/logout", nil)
	cookies := w.holds(lin, admins, s.browser, out)
	kinds := []string{"wxlogin", "wxlogin_desk", "wxlogin_scan", "wxlogin_farewell", "wxlogin_flow_"}
	for _, kind := range kinds {
		if !strings.Contains(fmt.Sprint(cookies), kind) {
			t.Fatalf("no %s among %v", kind, cookies)
		}
	}
	for name, value := range cookies {
		changed := []string{"", "x", value + "A", "A" + value, value + "=", value + value, strings.ToLower(value), strings.ToUpper(value), `"` + value, value + "%00",
			"%" + value, strings.Repeat("A", 8000), strings.Repeat("A", 43), "../" + value, "' OR 1=1 --", value[:len(value)/2], other.cookie("wxlogin") + "x"}
		step := max(1, len(value)/10)
		for i := 0; i < len(value); i += step {
			changed = append(changed, value[:i], value[:i]+flip(value[:i+1])[i:]+value[i+1:])
		}
		for _, v := range changed {
			if v == value {
				continue
			}
			header := name + "=" + v
			for path, status := range map[string]int{"/api/me": 401, "/admin": 401, "/verify": 401} {
				w.sends(http.MethodGet, path, header, nil).wantPage(status, "")
			}
			for _, path := range []string{"/", callback[len(w.url):], s.poll, s.done, "/login", "/scan"} {
				p := w.sends(http.MethodGet, path, header, nil)
				if p.Status >= 500 || strings.Contains(p.Body, "林小满") || strings.Contains(p.Header.Get("Set-Cookie"), w.cookieName("wxlogin")+"=") || strings.Contains(p.Body, `"status":"waiting"`) {
					t.Errorf("%s with %s: status %d\n%s", path, header[:min(len(header), 90)], p.Status, excerpt(p.Body))
				}
			}
		}
	}
	w.sends(http.MethodGet, "/api/me", w.cookieName("wxlogin_desk")+"="+cookies[w.cookieName("wxlogin")]+"; "+w.cookieName("wxlogin")+"="+cookies[w.cookieName("wxlogin_desk")], nil).wantPage(http.StatusUnauthorized, "")
	w.sends(http.MethodGet, "/admin", w.cookieName("wxlogin_desk")+"="+cookies[w.cookieName("wxlogin")]+"; "+w.cookieName("wxlogin")+"="+cookies[w.cookieName("wxlogin_desk")], nil).wantPage(http.StatusUnauthorized, "")
	lin.wantMe("lin")
	lin.get(callback).wantRedirect("/")
	s.wantStatus("waiting")
}

// Whichever way in, the session is a new one, and what somebody has planted opens
// nothing afterwards.
func TestPlantedCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.signedIn("lin")
	for _, planted := range []string{strings.Repeat("A", 43), "x", "wang's"} {
		if planted == "wang's" {
			planted = w.signedIn("wang").cookie("wxlogin")
		}
		ways := map[string]func(b *browser){
			"wxlogin": func(b *browser) { b.opens("/login") },
			"wxlogin ": func(b *browser) {
				s := b.scans("/scan")
				phone := w.signedIn("lin")
				phone.opens(s.path)
				phone.answers(s, "confirm")
				b.opens(s.done)
			},
			"wxlogin_desk": func(b *browser) {
				token, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
				check(t, err)
				b.submits("/admin/link", url.Values{"token": {string(token)}}).wantPage(http.StatusOK, "")
			},
		}
		for way, enter := range ways {
			b, name := w.phone("lin"), strings.TrimSpace(way)
			if way == "wxlogin " {
				b.agent = desktopWeb
			}
			b.setCookie(w.url, "wxlogin", planted)
			b.setCookie(w.url, "wxlogin_desk", planted)
			b.setCookie(w.url, "wxlogin_scan", strings.Repeat("B", 43))
			enter(b)
			got := b.cookie(name)
			if got == planted || len(got) != 43 {
				t.Errorf("%q: the token is %q", way, got)
			}
			p := w.sends(http.MethodGet, "/api/me", w.cookieName("wxlogin")+"="+planted, nil)
			if strings.Contains(p.Body, w.person("lin").OpenID) {
				t.Errorf("%q: what was planted is lin's session", way)
			}
			w.sends(http.MethodGet, "/admin", w.cookieName("wxlogin_desk")+"="+planted, nil).wantPage(http.StatusUnauthorized, "")
		}
	}
}

// What has been used, or ended, opens nothing a second time.
func TestReplays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.signedIn("lin").me()["id"].(string)
	adminBrowser := w.admin()
	for name, end := range map[string]func(b *browser){
		"signed out":            func(b *browser) { b.post("/logout", nil) },
		"signed out everywhere": func(b *browser) { w.signedIn("lin").post("/logout", url.Values{"scope": {"all"}}) },
		"signed in again":       func(b *browser) { b.signsIn() },
		"ended by an admin":     func(b *browser) { adminBrowser.post("/api/admin/users/"+id+"/sessions/revoke", nil) },
		"blocked, and then not": func(b *browser) {
			check(t, w.admins.Block(t.Context(), admin.CommandLine(), id, ""))
			check(t, w.admins.Unblock(t.Context(), admin.CommandLine(), id))
		},
		"signed in again by a scan": func(b *browser) {
			s := b.scans("/scan")
			phone := w.signedIn("lin")
			phone.opens(s.path)
			phone.answers(s, "confirm")
			b.opens(s.done)
		},
	} {
		b := w.signedIn("lin")
		token := b.cookie("wxlogin")
		end(b)
		for _, path := range []string{"/api/me", "/verify", "/api/me/export"} {
			if p := w.sends(http.MethodGet, path, w.cookieName("wxlogin")+"="+token, nil); p.Status != http.StatusUnauthorized {
				t.Errorf("%s: the old cookie gives status %d at %s", name, p.Status, path)
			}
		}
	}
	// A callback belongs to the browser that began it, and its code goes out once.
	phone := w.phone("lin")
	callback := phone.stops("/login", "/callback?")
	phone.get(callback).wantRedirect("/")
	exchanges := w.sim.Exchanges()
	token := phone.cookie("wxlogin")
	phone.get(callback).wantRedirect("/")
	w.browser(iPhone).get(callback).wantPage(http.StatusBadRequest, "")
	phone.post("/logout", nil)
	phone.get(callback)
	w.wantExchanges(exchanges)
	phone.wantNobody()
	w.sends(http.MethodGet, "/api/me", w.cookieName("wxlogin")+"="+token, nil).wantPage(http.StatusUnauthorized, "")
	// A browser that an admin link let in.
	old := adminBrowser.cookie("wxlogin_desk")
	adminBrowser.post("/admin/logout", nil)
	w.sends(http.MethodGet, "/admin", w.cookieName("wxlogin_desk")+"="+old, nil).wantPage(http.StatusUnauthorized, "")
}

// Nothing that a client can write makes it another client.
func TestRateLimitIsNotEvaded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 60
		w := newWorld(t, options{rateLimit: limit})
		for _, test := range []struct {
			path string
			most int
		}{{"/login", limit}, {"/scan", limit}, {"/callback", limit}, {"/me", limit}, {"/", 4 * limit}, {"/consent", 4 * limit}} {
			w := newWorld(t, options{rateLimit: limit, dbPath: w.dbPath})
			passed := 0
			for i := range 6 * limit {
				address := fmt.Sprintf("198.51.100.%d", i%250)
				header := http.Header{
					"X-Forwarded-For": {address}, "X-Real-Ip": {address}, "True-Client-Ip": {address}, "Cf-Connecting-Ip": {address}, "X-Client-Ip": {address},
					"Forwarded": {"for=" + address}, "User-Agent": {fmt.Sprint(i)}, "X-Request-Id": {fmt.Sprint(i)}, "Accept-Language": {fmt.Sprint(i)},
					"Cookie": {fmt.Sprintf("%s=%043d; %s=%043d; %s=%043d", w.cookieName("wxlogin"), i, w.cookieName("wxlogin_desk"), i, w.cookieName("wxlogin_scan"), i)}, "Authorization": {fmt.Sprint("Bearer ", i)},
				}
				path := fmt.Sprintf("%s?%d=%d&ticket=%d&state=%026d", test.path, i, i, i, i)
				if res := w.from(fmt.Sprintf("203.0.113.1:%d", 1000+i), path, header); res.StatusCode != http.StatusTooManyRequests {
					passed++
				}
			}
			if passed > test.most {
				t.Errorf("%s passes %d times of %d", test.path, passed, test.most)
			}
		}
	})
}
