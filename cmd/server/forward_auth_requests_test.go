package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

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
