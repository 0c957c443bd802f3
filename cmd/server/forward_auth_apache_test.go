package main_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestForwardAuthOfApache runs the recipe of Apache, which serves no files.
func TestForwardAuthOfApache(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/share/lua/5.3/socket.lua"); err != nil && !inCI() {
		t.Skip("lua-socket is not installed here (Debian: apt-get install lua-socket)")
	}
	newProtectedSite(t, "apache2").takes(t, append(thorough(),
		walk{"websocket", websocket},
		walk{"uploads", uploads},
		walk{"nobody is let in when somebody else answers", somebodyElse})...)
}

// answering is a server that says the same on every connection, and hears the
// request's head first.
func answering(t *testing.T, say string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				if _, err := http.ReadRequest(r); err == nil {
					io.WriteString(conn, say)
					if strings.Contains(say, " 101 ") {
						io.Copy(conn, r)
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// A 200 lets people in only if it is wxlogin's and whole.
func somebodyElse(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	const all = "Remote-User: u\r\nRemote-Name: n\r\nX-Wechat-Openid: o\r\nX-Wechat-Unionid:\r\nX-Wechat-Scope: snsapi_base\r\n"
	for name, say := range map[string]string{
		"another server":      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"one header missing":  "HTTP/1.1 200 OK\r\n" + strings.Replace(all, "X-Wechat-Unionid:\r\n", "", 1) + "Content-Length: 0\r\n\r\n",
		"cut in the headers":  "HTTP/1.1 200 OK\r\n" + all,
		"cut in the body":     "HTTP/1.1 200 OK\r\n" + all + "Content-Length: 9\r\n\r\nx",
		"nothing":             "",
		"no HTTP":             "SSH-2.0-x\r\n",
		"a word":              "200",
		"a broken page":       "HTTP/1.1 500 Internal Server Error\r\n" + all + "\r\n",
		"a hundred and one":   "HTTP/1.1 999 x\r\n" + all + "\r\n",
		"a body with headers": "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + all,
	} {
		before := g.toService.leadTo(answering(t, say))
		g.toApp.heard()
		if a := phone.gets(shop + "/"); a.status/100 != 5 {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("%s: the application heard\n%s", name, heard)
		}
		g.toService.leadTo(before)
	}
	// The test's own answer is good when it is whole.
	before := g.toService.leadTo(answering(t, "HTTP/1.1 200 OK\r\n"+all+"Content-Length: 0\r\n\r\n"))
	defer g.toService.leadTo(before)
	if got := phone.gets(shop + "/").app(); got.Header.Get("Remote-User") != "u" || len(got.Header.Values("X-Wechat-Unionid")) != 1 {
		t.Errorf("the application got %v", got.Header)
	}
}

// A websocket of somebody who is signed in gets through, with who it is; a
// stranger's does not.
func websocket(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	before := g.toApp.leadTo(answering(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"))
	defer g.toApp.leadTo(before)
	lines := []string{"Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}

	conn, err := tls.Dial("tcp", g.proxy, g.tlsConfig("shop.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	g.toApp.heard()
	io.WriteString(conn, rawGet("/ws", append(lines, phone.session())...))
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	io.WriteString(conn, "hello\n")
	if line, err := r.ReadString('\n'); line != "hello\n" {
		t.Errorf("heard %q, %v", line, err)
	}
	if heard := g.toApp.heard(); !strings.Contains(heard, "X-Wechat-Openid: "+g.person(t, "lin").OpenID) {
		t.Errorf("the application got\n%s", heard)
	}
	if status, _ := g.raw(t, rawGet("/ws", lines...)); status != http.StatusFound {
		t.Errorf("a stranger gets %d", status)
	}
	if heard := g.toApp.heard(); strings.Contains(heard, "GET") {
		t.Errorf("the application heard of a stranger:\n%s", heard)
	}
}

// The refusal of an upload comes before the upload.
func uploads(t *testing.T, g *protectedSite) {
	request := fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: shop.example.com\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 1<<30)
	if status, _ := g.raw(t, request); status != http.StatusUnauthorized {
		t.Errorf("a stranger's upload gets %d", status)
	}
}
