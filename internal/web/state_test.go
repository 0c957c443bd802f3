package web_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCallbackRefusesForeignStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	good := func(b *browser) string { // a callback that WeChat would make for this browser
		return b.stops("/login?consent=1", "/callback?")
	}
	change := func(address string, f func(url.Values)) string {
		u, err := url.Parse(address)
		check(t, err)
		query := u.Query()
		f(query)
		u.RawQuery = query.Encode()
		return u.String()
	}
	stranger := w.phone("wang")
	tests := map[string]func(b *browser) string{
		"missing": func(b *browser) string { return change(good(b), func(q url.Values) { q.Del("state") }) },
		"empty":   func(b *browser) string { return change(good(b), func(q url.Values) { q.Set("state", "") }) },
		"made up": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", strings.Repeat("A", 26)) })
		},
		"changed": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", flip(q.Get("state"))) })
		},
		"longer": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", q.Get("state")+"A") })
		},
		"too long": func(b *browser) string {
			return change(good(b), func(q url.Values) { q.Set("state", strings.Repeat("A", 129)) })
		},
		"doubled": func(b *browser) string { return change(good(b), func(q url.Values) { q.Add("state", q.Get("state")) }) },
		"doubled with another": func(b *browser) string {
			return change(good(b), func(q url.Values) { q["state"] = []string{strings.Repeat("A", 26), q.Get("state")} })
		},
		"two codes":         func(b *browser) string { return change(good(b), func(q url.Values) { q.Add("code", "another") }) },
		"another browser's": func(*browser) string { return good(stranger) },
		"of a browser that lost it": func(b *browser) string {
			address := good(b)
			b.client.Jar = w.phone("lin").client.Jar
			return address
		},
		"too old": func(b *browser) string {
			address := good(b)
			w.clock.pass(11 * time.Minute)
			return address
		},
	}
	for name, address := range tests {
		t.Run(name, func(t *testing.T) {
			before := w.sim.Exchanges()
			b := w.phone("lin")
			p := b.get(address(b)).wantPage(http.StatusBadRequest, `href="/login?return_to=`)
			b.wantNobody()
			if got := w.sim.Exchanges(); got != before {
				t.Fatalf("WeChat was sent %d codes", got-before)
			}
			if p.Header.Get("Set-Cookie") != "" {
				t.Fatalf("a cookie was set: %s", p.Header.Get("Set-Cookie"))
			}
		})
	}
	if n := w.users(); n != 0 {
		t.Fatalf("%d people are stored", n)
	}
}

func flip(s string) string {
	last := byte('A')
	if s[len(s)-1] == last {
		last = 'B'
	}
	return s[:len(s)-1] + string(last)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, code := range []string{"", "authdeny"} {
		phone := w.phone("lin")
		u, err := url.Parse(phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?"))
		check(t, err)
		query := u.Query()
		query.Set("code", code)
		if code == "" {
			query.Del("code")
		}
		u.RawQuery = query.Encode()
		phone.get(u.String()).wantPage(http.StatusBadRequest, "/login?consent=1&amp;return_to=%2Fshop")
	}
	w.wantExchanges(0)
}

func TestReturnTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{returnHosts: []string{"shop.example.com", "[::1]:9000"}})
	phone := w.phone("lin")
	phone.signsIn()
	for _, want := range []string{
		"/", "/shop", "/shop?a=1&b=2&c", "/a%20b?q=%E4%BD%A0%26%3D#frag", "/中文?名=值", "/;x=1?//evil", "/?next=https://evil.example",
		"https://shop.example.com/pay?id=7#top", "https://shop.example.com", "http://[::1]:9000/x",
		"/" + strings.Repeat("a", 2047),
	} {
		location := phone.stops("/login?return_to="+url.QueryEscape(want), "/callback?")
		phone.get(location).wantRedirect(want)
	}
	for _, evil := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "/./\\evil.example", "/.//evil.example", "/..//evil.example",
		"https://evil.example", "https://shop.example.com.evil.example/", "https://shop.example.com@evil.example/", "https://evil.example#shop.example.com",
		"http://shop.example.com/", "javascript:alert(1)", "data:text/html,x", " /x", "x", "https:/evil.example", "https:evil.example", "/%2e%2e/x", "/a\nb",
		"https://shop.example.com:444/", "ftp://shop.example.com/", "/" + strings.Repeat("a", 2048),
	} {
		location := phone.stops("/login?return_to="+url.QueryEscape(evil), "/callback?")
		phone.get(location).wantRedirect("/")
	}
}

func TestManyTabs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	var tabs []string
	for _, place := range []string{"/1", "/2", "/3", "/4", "/5"} {
		tabs = append(tabs, phone.stops("/login?return_to="+place, "/callback?"))
	}
	for i := len(tabs) - 1; i >= 0; i-- {
		phone.get(tabs[i]).wantRedirect("/" + string(rune('1'+i)))
	}
}

func TestFlowsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	for range 100 {
		phone.get("/login?return_to=/" + strings.Repeat(rand.Text(), 57)) // that nothing makes shorter
		u, err := url.Parse(w.url)
		check(t, err)
		total := 0
		for _, cookie := range phone.client.Jar.Cookies(u) {
			total += len(cookie.Name) + len(cookie.Value) + 3
			if len(cookie.Name)+len(cookie.Value) > 4096 {
				t.Fatalf("cookie %s has %d bytes", cookie.Name, len(cookie.Value))
			}
		}
		if total > 8000 {
			t.Fatalf("%d bytes of cookies", total)
		}
	}
	phone.get(phone.stops("/login?return_to=/end", "/callback?")).wantRedirect("/end")
}
