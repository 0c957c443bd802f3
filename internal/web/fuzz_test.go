package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/web"
)

// FuzzReturnTo reads what is allowed as a browser would and wants it on this
// site or on a host of the list.
func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{
		"/", "/a?b#c", "//evil.example", `/\evil.example`, "/\t/evil.example", "/./\\evil.example", "/.//evil.example", "/%2e/%2fevil.example",
		"https://shop.example.com/x", "https:evil.example", "https:/evil.example", "https:\\\\evil.example", "https://shop.example.com@evil.example",
		"https://shop.example.com:443@evil.example", "https://shop.example.com\x00.evil.example", "hTTps://SHOP.example.com", "https://[::1]:9000/", "http://[::1]:9000/",
		"https://shop.example.com%2eevil.example", "https://shop.example.com%00", "javascript:alert(1)", "https://shop。example.com/", " https://shop.example.com", "https://evil.example\\@shop.example.com/",
		"https://h5.example.com:443/", "/;//evil.example", "/..;/x", "///evil.example", "/%5cevil.example", "https://shop.example.com/..//evil.example",
	} {
		f.Add(seed)
	}
	public, err := url.Parse("https://h5.example.com/wx")
	if err != nil {
		f.Fatal(err)
	}
	allowed := []string{"shop.example.com", "[::1]:9000"}
	f.Fuzz(func(t *testing.T, raw string) {
		got := web.ReturnTo(public, allowed, raw)
		if got == "/wx/" {
			return
		}
		if got != raw {
			t.Fatalf("%q became %q", raw, got)
		}
		switch where := browserReads(got); where {
		case "https://h5.example.com", "https://shop.example.com", "http://[::1]:9000", "https://[::1]:9000":
		default:
			t.Fatalf("%q leads to %q", raw, where)
		}
		if strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q in a header", got)
		}
	})
}

var schemeOf = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// browserReads gives the origin to which a browser that stands on
// https://h5.example.com goes for a Location, by the URL Standard in short:
// spaces at the ends and all tabs and line breaks vanish, a backslash is a
// slash, and behind a web scheme any number of slashes begins a host.
func browserReads(s string) string {
	s = strings.Trim(s, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	scheme := "https"
	if found := schemeOf.FindString(s); found != "" {
		scheme = strings.ToLower(strings.TrimSuffix(found, ":"))
		if scheme != "http" && scheme != "https" {
			return scheme + ":"
		}
		s = strings.ReplaceAll(s[len(found):], `\`, "/")
		if scheme == "https" && !strings.HasPrefix(s, "//") {
			return "https://h5.example.com" // relative, oddly enough
		}
	} else {
		if s, _, _ = strings.Cut(s, "#"); true {
			s, _, _ = strings.Cut(s, "?")
		}
		s = strings.ReplaceAll(s, `\`, "/")
		if !strings.HasPrefix(s, "//") {
			return "https://h5.example.com"
		}
	}
	host := strings.TrimLeft(s, "/")
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	host = strings.ToLower(host)
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// FuzzFlowCookie changes cookies of flows and makes some up: what opens says
// what we said, for the state we made it for.
func FuzzFlowCookie(f *testing.F) {
	f.Add("", "", 0, byte(1), 0)
	f.Add("junk", strings.Repeat("A", 26), 10, byte(0x80), 3)
	f.Add("MTc2Mzc5OTk5OXxhYmN8", "", 40, byte('='), 1)
	keys, others := newKeys(f), newKeys(f)
	f.Fuzz(func(t *testing.T, value, state string, at int, change byte, cut int) {
		made, cookie, err := web.FlowCookie(keys, time.Now, "/made")
		check(t, err)
		foreign, theirs, err := web.FlowCookie(others, time.Now, "/theirs")
		check(t, err)
		find := func(state, name, value string) (string, bool) {
			r := httptest.NewRequest(http.MethodGet, "/callback", nil)
			r.Header.Set("Cookie", name+"="+value)
			return web.FindFlow(keys, time.Now, r, state)
		}
		if to, ok := find(made, cookie.Name, cookie.Value); !ok || to != "/made" {
			t.Fatal("our own does not open")
		}

		changed := []byte(cookie.Value)
		if at %= len(changed); at >= 0 {
			changed[at] ^= change
		}
		if cut %= len(changed); cut > 0 {
			changed = changed[:len(changed)-cut]
		}
		if to, ok := find(made, cookie.Name, string(changed)); ok && to != "/made" {
			t.Fatalf("a changed cookie leads to %q", to)
		}
		for _, s := range []string{made, state} {
			if to, ok := find(s, cookie.Name, value); ok {
				t.Fatalf("a cookie that we never made leads to %q", to)
			}
		}
		if _, ok := find(foreign, theirs.Name, theirs.Value); ok {
			t.Fatal("a cookie of other keys opens")
		}
		if _, ok := find(state, cookie.Name, cookie.Value); ok && state != made {
			t.Fatalf("state %q opens the flow of %q", state, made)
		}
		other, _, err := web.FlowCookie(keys, time.Now, "/other")
		check(t, err)
		if _, ok := find(other, theirs.Name, cookie.Value); ok {
			t.Fatal("a cookie opens under another name")
		}
	})
}

// FuzzForwardedFor sends headers about where a request comes from: a stranger's
// never count, and a proxy's own word stands against all that a client wrote
// before it.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"", "1.2.3.4", "1.2.3.4, 10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "unknown", "1.2.3.4:80", "[::1]", ",,,", "\"1.2.3.4\"", "10.0.0.1%eth0"} {
		f.Add(seed)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	f.Fuzz(func(t *testing.T, forged string) {
		from := func(peer string, forwarded ...string) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/login", nil)
			r.RemoteAddr = peer
			r.Header["X-Forwarded-For"] = forwarded
			for _, name := range []string{"X-Real-Ip", "Forwarded", "True-Client-Ip", "X-Client-Ip", "Cf-Connecting-Ip"} {
				r.Header[name] = []string{forged}
			}
			return r
		}
		for peer, want := range map[string]string{"203.0.113.9:40000": "203.0.113.9", "[2001:db8::1]:40000": "2001:db8::1", "[::ffff:203.0.113.9]:1": "203.0.113.9"} {
			for _, proxies := range [][]netip.Prefix{nil, trusted} {
				if got := web.ClientAddress(proxies, from(peer, forged)); got != want {
					t.Fatalf("%s counts as %q by its own word %q", peer, got, forged)
				}
			}
		}
		if got := web.ClientAddress(nil, from("10.0.0.1:1", forged)); got != "10.0.0.1" {
			t.Fatalf("a proxy that nobody trusts made the client %q", got)
		}
		for _, header := range [][]string{{forged + ", 198.51.100.7"}, {forged, "198.51.100.7"}, {forged + ",198.51.100.7 , 10.2.3.4"}} {
			if got := web.ClientAddress(trusted, from("10.0.0.1:1", header...)); got != "198.51.100.7" {
				t.Fatalf("header %q makes the client %q", header, got)
			}
		}
		if got := web.ClientAddress(trusted, from("10.0.0.1:1", forged)); got != "" {
			if _, err := netip.ParseAddr(got); err != nil {
				t.Fatalf("client %q", got)
			}
		}
	})
}
