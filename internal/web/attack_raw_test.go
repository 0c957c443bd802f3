package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sendsRaw sends bytes and returns the answers to them, in order, until the connection
// ends or nothing more comes.
func (w *world) sendsRaw(text string) (answers []*page) {
	w.t.Helper()
	u, err := url.Parse(w.url)
	check(w.t, err)
	conn, err := net.Dial("tcp", u.Host)
	check(w.t, err)
	defer conn.Close()
	check(w.t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = io.WriteString(conn, text)
	check(w.t, err)
	if !strings.Contains(text, "Connection: close") { // closing half ends what the request waits for
		check(w.t, conn.(*net.TCPConn).CloseWrite())
	}
	from := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(from, nil)
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(res.Body)
		answers = append(answers, &page{t: w.t, Status: res.StatusCode, URL: u, Header: res.Header, Body: string(body)})
	}
}

// elsewhere is a link to another site. That an address of ours is repeated, with
// what has been added to it, leads nowhere.
var elsewhere = regexp.MustCompile(`(?i)(href|action|src)="([^/"]|/[/\\])[^"]*evil`)

// No spelling of an address opens what the address itself does not, and none leads
// elsewhere.
func TestSpellingsOfAllRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.signedIn("lin")
	for _, route := range w.routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if method != http.MethodGet {
			continue
		}
		path := targets{"none", "none", "none", "none"}.place(pattern)
		get := func(path string) []*page {
			return w.sendsRaw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/html\r\n\r\n")
		}
		plain := get(path)
		if len(plain) != 1 {
			t.Fatalf("%s: %d answers", route, len(plain))
		}
		tail := strings.TrimPrefix(path, "/")
		spellings := []string{
			"/" + path, path + "/", path + "//", "/." + path, "/x/.." + path, "/healthz/.." + path, path + "/.", path + "/..", path + "/../" + tail,
			path + ";x=1", path + ";", path + "%00", path + "%20", path + ".", path + "%2f", path + "%2F..%2f" + tail, "/%2e" + path, "/%2e%2e" + path,
			"/x/%2e%2e" + path, "/" + strings.ToUpper(tail), "/%5c" + tail, "/\\" + tail, "/healthz%2f.." + path, "//evil.example" + path, "/%2f%2fevil.example" + path,
			"http://evil.example" + path, path + "%0d%0aX-Evil:%20evil", path + "?%0d%0aX-Evil:evil", path + "#evil", "/%ef%bc%8f" + tail, "/%c0%af" + tail, path + "%",
		}
		if tail != "" {
			spellings = append(spellings, fmt.Sprintf("/%%%02X%s", tail[0], tail[1:]))
		}
		for _, spelling := range spellings {
			for _, p := range get(spelling) {
				if to := p.Header.Get("Location") + p.Header.Get("X-Evil"); p.Status >= 500 && p.Status != plain[0].Status || evilIn(to, evilHost) != "" || p.Header.Get("X-Evil") != "" || evilIn(p.Body, elsewhere) != "" {
					t.Errorf("GET %s: status %d, leads to %s%s", spelling, p.Status, to, elsewhere.FindString(p.Body))
				}
				if plain[0].Status/100 != 2 && p.Status/100 == 2 && tail != "" && strings.HasPrefix(p.Header.Get("Content-Type"), "application/json") ||
					adminOnly(pattern) && p.Status/100 == 2 && !strings.Contains(p.Body, "/scan/") {
					t.Errorf("GET %s: status %d, and %d by its name\n%s", spelling, p.Status, plain[0].Status, excerpt(p.Body))
				}
			}
		}
	}
}

// Requests that two readers could read in two ways are refused, and what hides in
// them is answered by nobody.
func TestShapesOfRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const hidden = "GET /api/me HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(headers, body string) string {
		return "POST /logout HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" + headers + "\r\n" + body
	}
	get := func(headers string) string { return "GET /consent HTTP/1.1\r\n" + headers + "\r\n" }
	for name, test := range map[string]struct {
		text   string
		status int // 0: refused, or the connection ends without an answer
	}{
		"plain":                     {get("Host: x\r\n"), 200},
		"two requests":              {get("Host: x\r\n") + hidden, 200},
		"length and chunked":        {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), 303},
		"chunked and length":        {post("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", "0\r\n\r\n"+hidden), 303},
		"two lengths":               {post("Content-Length: 0\r\nContent-Length: 37\r\n", hidden), 0},
		"lengths in a list":         {post("Content-Length: 0, 37\r\n", hidden), 0},
		"a signed length":           {post("Content-Length: +0\r\n", hidden), 0},
		"a negative length":         {post("Content-Length: -1\r\n", hidden), 0},
		"a length in hex":           {post("Content-Length: 0x0\r\n", hidden), 0},
		"two encodings":             {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"+hidden), 0},
		"an unknown encoding":       {post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"+hidden), 0},
		"an encoding with a tab":    {post("Transfer-Encoding:\vchunked\r\n", "0\r\n\r\n"+hidden), 0},
		"a space before the colon":  {get("Host: x\r\nCookie : wxlogin=x\r\n"), 0},
		"a folded line":             {get("Host: x\r\n folded: x\r\nX-A: b\r\n"), 0},
		"a header without a name":   {get("Host: x\r\n: x\r\n"), 0},
		"NUL in a header":           {get("Host: x\r\nX-A: a\x00b\r\n"), 0},
		"CR in a header":            {get("Host: x\r\nX-A: a\rb\r\n"), 0},
		"no host":                   {get(""), 0},
		"two hosts":                 {get("Host: x\r\nHost: evil.example\r\n"), 0},
		"a host with a path":        {get("Host: x/evil.example\r\n"), 0},
		"another host in the line":  {"GET http://evil.example/consent HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"HTTP/0.9":                  {"GET /consent\r\n\r\n", 0},
		"HTTP/3.0":                  {"GET /consent HTTP/3.0\r\nHost: x\r\n\r\n", 0},
		"the preface of HTTP/2":     {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
		"an upgrade to HTTP/2":      {get("Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), 200},
		"spaces in the line":        {"GET  /consent HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		"a space in the address":    {"GET /con sent HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		"no slash":                  {"GET consent HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		"an asterisk":               {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		"a method of other letters": {"GE\x00T /consent HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		"headers of 2 MB":           {get("Host: x\r\nX-A: " + strings.Repeat("a", 2<<20) + "\r\n"), 0},
		"a chunk without an end":    {post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\nx"), 0},
		"a chunk of no number":      {post("Transfer-Encoding: chunked\r\n", "zz\r\n"+hidden), 0},
		"a body that does not come": {post("Content-Length: 100\r\n", "scope=all"), 0},
		"expecting something else":  {get("Host: x\r\nExpect: 200-maybe\r\n"), 0},
		"TLS":                       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0},
	} {
		t.Run(name, func(t *testing.T) {
			answers := w.sendsRaw(test.text)
			for i, p := range answers {
				if leads(p) != "" || p.Status >= 500 && p.Status != http.StatusNotImplemented && p.Status != http.StatusHTTPVersionNotSupported {
					t.Errorf("answer %d: status %d, leads to %s", i, p.Status, leads(p))
				}
				if name != "two requests" && strings.Contains(p.Body, "not_signed_in") {
					t.Error("what was hidden in it is answered")
				}
			}
			switch {
			case test.status == 0 && len(answers) > 0 && answers[0].Status < 400:
				t.Errorf("status %d", answers[0].Status)
			case test.status > 0 && (len(answers) == 0 || answers[0].Status != test.status):
				t.Errorf("%d answers, want status %d", len(answers), test.status)
			}
			w.browser(desktopWeb).get("/consent").wantPage(http.StatusOK, "")
		})
	}
}
