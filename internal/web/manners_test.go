package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A parameter that makes no sense is named with what it may be, to programs and on
// the pages.
func TestBadParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	browser := w.admin()
	for query, want := range map[string]string{
		"users?limit=0":                          "limit: 1 – ",
		"users?limit=many":                       "limit: 1 – ",
		"users?sort=name":                        "sort: -first_login_at | ",
		"users?filter=nobody":                    "filter: blocked | ",
		"users?q=" + strings.Repeat("x", 1001):   "q: UTF-8, ≤ 1000 bytes",
		"users?cursor=forged":                    "cursor: next_cursor",
		"events?from=yesterday":                  "from: YYYY-MM-DD",
		"events?to=2026-13-01":                   "to: YYYY-MM-DD",
		"events?who=" + strings.Repeat("x", 2e3): "who: UTF-8, ≤ 1000 bytes",
		"events?cursor=forged":                   "cursor: next_cursor",
	} {
		p := browser.get("/admin/"+query).wantPage(http.StatusBadRequest, "")
		if !strings.Contains(p.Body, want) {
			t.Errorf("the page of %.30s does not say %q:\n%s", query, want, p.Body)
		}
		if strings.HasPrefix(query, "users") {
			if p := browser.get("/api/admin/" + query); p.Status != http.StatusBadRequest || !strings.Contains(p.Body, `"detail":"`+want) {
				t.Errorf("the API says of %.30s %d, and not %q:\n%s", query, p.Status, want, p.Body)
			}
		}
	}
}

// A slash too many is led on from, to an address of this site with the query kept,
// and to nowhere else.
func TestSlashTooMany(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/wx"} {
		w := newWorld(t, options{path: path})
		browser := w.browser(desktopWeb)
		for asked, want := range map[string]string{"/admin/": "/admin", "/login/?return_to=/x": "/login?return_to=/x", "/scan/": "/scan", "/admin/users///": "/admin/users"} {
			p := browser.get(asked)
			if got := p.Header.Get("Location"); p.Status != http.StatusPermanentRedirect || got != w.url+want {
				t.Errorf("%s%s leads to %d %s", path, asked, p.Status, got)
			}
		}
		for _, asked := range []string{"//example.com/", "/nothing/", "/admin/nothing/"} {
			if p := browser.get(asked); p.Status != http.StatusNotFound {
				t.Errorf("%s%s is %d %s", path, asked, p.Status, p.Header.Get("Location"))
			}
		}
		if p := browser.post("/login/", nil); p.Status == http.StatusPermanentRedirect {
			t.Error("a form is sent on")
		}
	}
}

// Browsers and robots that ask by habit get an answer, at the root of the host.
func TestFaviconAndRobots(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"": "Disallow: /\n", "/wx": "Disallow: /wx/\n"} {
		w := newWorld(t, options{path: path})
		root := strings.TrimSuffix(w.url, path)
		for address, want := range map[string]string{"/robots.txt": want, "/favicon.ico": "<svg"} {
			res, err := (&http.Client{Transport: w.transport}).Get(root + address)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s: %d %s", address, res.StatusCode, body)
			}
		}
	}
}

// People's pages are compressed for browsers that take it, and say so to caches.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	browser := w.phone("lin")
	browser.signsIn()
	for _, test := range []struct {
		accept string
		zipped bool
	}{{"gzip, deflate, br", true}, {"br;q=1, GZIP;q=0.5", true}, {"identity", false}, {"gzip;q=0", false}, {"gzip; q=0.000", false}} {
		request := browser.request(http.MethodGet, "/me", nil)
		request.Header.Set("Accept-Encoding", test.accept)
		res, err := browser.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.Header.Get("Content-Length") != strconv.Itoa(len(body)) || !slices.Contains(res.Header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %v, %d bytes, %v", test.accept, err, len(body), res.Header)
		}
		if zipped := res.Header.Get("Content-Encoding") == "gzip"; zipped != test.zipped {
			t.Errorf("%s: compressed is %v", test.accept, zipped)
		}
		if test.zipped {
			r, err := gzip.NewReader(strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(string(body), "</html>") {
			t.Errorf("%s: %.200s", test.accept, body)
		}
	}
}
