package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// visitor is somebody with a browser, on the internet before the proxy.
type visitor struct {
	t     *testing.T
	g     *protectedSite
	agent string
	http.Client
}

// visitor makes a browser whose person consents to everything. Names of
// example.com are found at the proxy; there are no others.
func (g *protectedSite) visitor(t *testing.T, agent, person string) *visitor {
	t.Helper()
	jar := must(cookiejar.New(nil))
	jar.SetCookies(must(url.Parse(g.wechat)), []*http.Cookie{
		{Name: wechatsim.CookiePerson, Value: person},
		{Name: wechatsim.CookieConsent, Value: wechatsim.AnswerAllow},
	})
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			switch {
			case strings.HasSuffix(to, ".example.com:443"):
				to = g.proxy
			case to != must(url.Parse(g.wechat)).Host:
				return nil, fmt.Errorf("the browser was sent to %s", to)
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
		TLSClientConfig:   g.tlsConfig(""),
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, g: g, agent: agent, Client: http.Client{
		Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (g *protectedSite) phone(t *testing.T, person string) *visitor {
	return g.visitor(t, weChatBrowser, person)
}

// answer is what came back.
type answer struct {
	t      *testing.T
	url    *url.URL
	status int
	header http.Header
	body   string
}

// asks sends one request as a navigating browser does, with these header lines
// besides, and follows nothing.
func (v *visitor) asks(method, address, body string, lines ...string) answer {
	v.t.Helper()
	got, err := v.try(method, address, body, lines...)
	if err != nil {
		v.t.Fatal(err)
	}
	return got
}

func (v *visitor) try(method, address, body string, lines ...string) (answer, error) {
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", v.agent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := v.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return answer{v.t, req.URL, res.StatusCode, res.Header, string(content)}, err
}

func (v *visitor) gets(address string) answer {
	v.t.Helper()
	return v.asks(http.MethodGet, address, "")
}

// opens opens an address and goes where it leads.
func (v *visitor) opens(address string) answer {
	v.t.Helper()
	a := v.gets(address)
	for range 10 {
		if a.status/100 != 3 {
			return a
		}
		a = v.gets(a.leadsTo())
	}
	v.t.Fatalf("redirects without end, from %s to %s", address, a.url)
	return a
}

var consentButton = regexp.MustCompile(`href="([^"]*/login\?[^"]*consent=1[^"]*)"`)

// signsIn opens a site for the first time, says yes if asked, and is there in the
// end.
func (v *visitor) signsIn(address string) answer {
	v.t.Helper()
	a := v.opens(address)
	if button := consentButton.FindStringSubmatch(a.body); button != nil {
		a = v.opens(loginSite + html.UnescapeString(button[1]))
	}
	if a.url.String() != address || a.status != http.StatusOK {
		v.t.Fatalf("the login ends at %s with %d, want %s", a.url, a.status, address)
	}
	return a
}

var sessionName = regexp.MustCompile(`^(__Host-|__Secure-)?wxlogin_[0-9a-f]{8}$`)

// session is the header line that makes somebody else's request the visitor's.
func (v *visitor) session() string {
	v.t.Helper()
	for _, cookie := range v.Jar.Cookies(must(url.Parse(shop))) {
		if sessionName.MatchString(cookie.Name) {
			return "Cookie: " + cookie.Name + "=" + cookie.Value
		}
	}
	v.t.Fatal("the browser holds no session for " + shop)
	return ""
}

func (a answer) leadsTo() string {
	a.t.Helper()
	to, err := a.url.Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" {
		a.t.Fatalf("%s: %d leads to %q, %v", a.url, a.status, a.header.Get("Location"), err)
	}
	return to.String()
}

// app is what the application got, which has to have answered.
func (a answer) app() got {
	a.t.Helper()
	var g got
	if err := json.Unmarshal([]byte(a.body), &g); err != nil || a.status != http.StatusOK || g.Header == nil {
		a.t.Fatalf("%s: the application has not answered, but %d:\n%s", a.url, a.status, a.body)
	}
	return g
}

// refused fails unless a script was told that nobody is signed in.
func (a answer) refused() {
	a.t.Helper()
	var problem struct {
		Status   int
		LoginURL string `json:"login_url"`
	}
	err := json.Unmarshal([]byte(a.body), &problem)
	if a.status != http.StatusUnauthorized || err != nil || problem.Status != http.StatusUnauthorized ||
		!strings.HasPrefix(problem.LoginURL, loginSite+"/") || a.header.Get("Location") != "" ||
		a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s: %d %v\n%s", a.url, a.status, a.header, a.body)
	}
}

// person is somebody of the simulator.
func (g *protectedSite) person(t *testing.T, key string) wechatsim.Person {
	t.Helper()
	people := g.sim.People()
	i := slices.IndexFunc(people, func(p wechatsim.Person) bool { return p.Key == key })
	if i < 0 {
		t.Fatalf("the simulator knows no %q", key)
	}
	return people[i]
}

// raw sends these bytes to the proxy as they are and returns the status of the
// first answer and its header; 0 when the proxy hangs up without one.
func (g *protectedSite) raw(t *testing.T, request string) (int, http.Header) {
	t.Helper()
	config := g.tlsConfig("shop.example.com")
	config.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", g.proxy, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, nil
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

// rawGet is a navigation of a phone as bytes; every line stands as it is.
func rawGet(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: " + weChatBrowser +
		"\r\nAccept: text/html\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}
