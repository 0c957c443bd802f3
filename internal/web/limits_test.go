package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

// from is a request of a client at an address, straight to the handler.
func (w *world) from(remote, path string, header http.Header) *http.Response {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	r.RemoteAddr = remote
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set("Accept", "text/html")
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, r)
	return recorder.Result()
}

// So many trips a minute for one client, and a friendly page for more. Nothing
// else is counted, and nobody else is held up.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 5
		w := newWorld(t, options{rateLimit: limit})
		paths := []string{"/login", "/callback?code=x&state=y", "/admin/link?token=x", "/login?consent=1"}
		for i := range limit {
			if res := w.from("203.0.113.1:1000", paths[i%len(paths)], nil); res.StatusCode == http.StatusTooManyRequests {
				t.Fatalf("request %d is too many", i+1)
			}
		}
		for i, path := range paths {
			// Whatever a client says of where it comes from, and from any port.
			res := w.from(fmt.Sprintf("203.0.113.1:%d", 2000+i), path, http.Header{
				"X-Forwarded-For": {fmt.Sprintf("198.51.100.%d", i)}, "X-Real-Ip": {"198.51.100.9"}, "Forwarded": {"for=198.51.100.9"},
			})
			if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
				t.Fatalf("%s: status %d, Retry-After %q", path, res.StatusCode, res.Header.Get("Retry-After"))
			}
		}
		if res := w.from("203.0.113.1:1", "/healthz", nil); res.StatusCode != http.StatusOK {
			t.Fatalf("/healthz: status %d", res.StatusCode)
		}
		if res := w.from("203.0.113.1:1", "/", nil); res.StatusCode == http.StatusTooManyRequests {
			t.Fatal("the page itself is limited")
		}
		if res := w.from("203.0.113.2:1", "/login", nil); res.StatusCode != http.StatusFound {
			t.Fatalf("another client: status %d", res.StatusCode)
		}
		w.wantExchanges(0)
	})
}

// An IPv6 network of 64 bits is one client: it has as many addresses as it likes.
func TestRateLimitOfANetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 5
		w := newWorld(t, options{rateLimit: limit})
		refused := 0
		for i := range 3 * limit {
			if w.from(fmt.Sprintf("[2001:db8:1:2::%x]:1", i+1), "/login", nil).StatusCode == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused != 2*limit {
			t.Fatalf("%d of %d were refused", refused, 3*limit)
		}
		if res := w.from("[2001:db8:1:3::1]:1", "/login", nil); res.StatusCode != http.StatusFound {
			t.Fatalf("the network beside it: status %d", res.StatusCode)
		}
	})
}

// Behind a proxy that we trust, each of its clients counts alone, by what the
// proxy says and not by what the client has written before it.
func TestRateLimitBehindAProxy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the limiter's minute does not end on the way
		const limit = 5
		w := newWorld(t, options{rateLimit: limit, proxies: []string{"10.0.0.0/8"}})
		ask := func(i int, client string) int {
			forwarded := fmt.Sprintf("192.0.2.%d, %s, 10.9.9.9", i, client)
			return w.from("10.0.0.1:1", "/login", http.Header{"X-Forwarded-For": {forwarded}}).StatusCode
		}
		for i := range limit {
			if status := ask(i, "203.0.113.1"); status != http.StatusFound {
				t.Fatalf("status %d", status)
			}
		}
		if status := ask(99, "203.0.113.1"); status != http.StatusTooManyRequests {
			t.Fatalf("status %d", status)
		}
		if status := ask(99, "203.0.113.2"); status != http.StatusFound {
			t.Fatalf("another client: status %d", status)
		}
	})
}

// Bodies beyond the limit are refused, declared or not.
func TestLargeRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	large := strings.Repeat("x", 1<<20)
	for name, form := range map[string]url.Values{"one field": {"scope": {large}}, "one name": {large: {"x"}}} {
		req := phone.request(http.MethodPost, "/logout", form)
		phone.sendsTooMuch(name, req)
		req = phone.request(http.MethodPost, "/logout", form)
		req.ContentLength = -1 // chunked
		phone.sendsTooMuch(name+", chunked", req)
	}
	phone.wantMe("lin")
	for name, value := range map[string]string{"state": large, "code": large, "return_to": large} {
		if res := w.from("203.0.113.1:1", "/callback?"+name+"="+value, nil); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s of 1 MB: status %d", name, res.StatusCode)
		}
	}
	// A code of more than 512 bytes is not WeChat's.
	callback := with(t, phone.stops("/login", "/callback?"), "code", strings.Repeat("c", 513))
	exchanges := w.sim.Exchanges()
	phone.get(callback).wantPage(http.StatusBadRequest, "")
	w.wantExchanges(exchanges)
}

func (b *browser) sendsTooMuch(name string, req *http.Request) {
	b.w.t.Helper()
	p, err := b.fetch(req)
	check(b.w.t, err)
	if p.Status != http.StatusRequestEntityTooLarge {
		b.w.t.Errorf("%s: status %d, want 413", name, p.Status)
	}
}

// A browser with thousands of cookies, junk among them, is served.
func TestManyCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	junk := strings.Repeat(w.cookieName("wxlogin_flow")+"_0123456789=junk; a=b; ", 50)
	for name, cookies := range map[string]string{
		"junk before": junk + w.cookieName("wxlogin") + "=" + phone.cookie("wxlogin"),
		"two of ours": w.cookieName("wxlogin") + "=junk; " + w.cookieName("wxlogin") + "=; " + w.cookieName("wxlogin") + "=" + phone.cookie("wxlogin"),
	} {
		res := w.from("203.0.113.1:1", "/api/me", http.Header{"Cookie": {cookies}})
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
	// Junk does not make the answer to a login outgrow a proxy's buffer.
	res := w.from("203.0.113.1:1", "/login", http.Header{"Cookie": {junk}})
	size := 0
	for _, line := range res.Header["Set-Cookie"] {
		size += len(line)
	}
	if res.StatusCode != http.StatusFound || size > 8000 {
		t.Errorf("status %d with %d bytes of cookies", res.StatusCode, size)
	}
}

// A form that is too large is refused, and not taken for an empty one.
func TestLargeFormsDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	id := lin.me()["id"].(string)
	admin := w.admin()
	reason := url.Values{"reason": {strings.Repeat("x", 70_000)}}
	for _, address := range []string{"/admin/users/" + id + "/block", "/api/admin/users/" + id + "/block"} {
		admin.post(address, reason).wantPage(http.StatusRequestEntityTooLarge, "")
	}
	lin.wantMe("lin")
}

// A query that cannot be read whole is refused: a filter left out shows everybody.
func TestBrokenQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	admin := w.admin()
	for _, address := range []string{"/api/admin/users?q=nobody;x", "/api/admin/users.csv?q=a%zz", "/admin/users?q=a;b", "/admin/events?who=%"} {
		admin.get(address).wantPage(http.StatusBadRequest, "")
	}
}

// A wrong method is told the right ones, and times have one width.
func TestAllowAndTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	lin := w.phone("lin")
	lin.signsIn()
	for address, allow := range map[string]string{"/api/me": "GET, HEAD", "/login": "GET, HEAD"} {
		if got := lin.post(address, nil).Header.Get("Allow"); got != allow {
			t.Errorf("POST %s: allow %q, want %q", address, got, allow)
		}
	}
	if got := lin.get("/logout").Header.Get("Allow"); got != "POST" {
		t.Errorf("GET /logout: allow %q", got)
	}
	for _, field := range []string{"first_login_at", "last_login_at", "profile_updated_at"} {
		if at := lin.me()[field].(string); len(at) != len("2026-11-22T06:00:00Z") {
			t.Errorf("%s is %s", field, at)
		}
	}
}
