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

	"wxlogin/internal/programs"
)

// TestForwardAuthOfApache runs the recipe of Apache, which serves no files.
func TestForwardAuthOfApache(t *testing.T) {
	t.Parallel()
	programs.Wanted(t)
	if _, err := os.Stat("/usr/share/lua/5.3/socket.lua"); err != nil {
		programs.Absent(t, "lua-socket is not installed here (Debian: apt-get install lua-socket)")
	}
	newProtectedSite(t, "apache2").takes(t, append(thorough(), applications()...)...)
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

// What is no whole answer of wxlogin's lets nobody in. Whether any other 200 does is the
// proxy's: auth_request, forward_auth and HAProxy's script look at the number alone. Then
// the application gets who the answer says and nobody else.
func somebodyElse(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	const all = "Remote-User: u\r\nRemote-Name: n\r\nX-Wechat-Openid: o\r\nX-Wechat-Unionid:\r\nX-Wechat-Scope: snsapi_base\r\n"
	lin := g.person(t, "lin").OpenID
	believed := 0
	for _, answer := range []struct {
		name, say string
		ok        bool // it is a 200
	}{
		{"another server", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"one header missing", "HTTP/1.1 200 OK\r\n" + strings.Replace(all, "X-Wechat-Unionid:\r\n", "", 1) + "Content-Length: 0\r\n\r\n", true},
		{"cut in the headers", "HTTP/1.1 200 OK\r\n" + all, false},
		{"cut in the body", "HTTP/1.1 200 OK\r\n" + all + "Content-Length: 9\r\n\r\nx", true},
		{"nothing", "", false},
		{"no HTTP", "SSH-2.0-x\r\n", false},
		{"a word", "200", false},
		{"a broken page", "HTTP/1.1 500 Internal Server Error\r\n" + all + "\r\n", false},
		{"a hundred and one", "HTTP/1.1 999 x\r\n" + all + "\r\n", false},
		{"a body with headers", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + all, true},
	} {
		before := g.toService.leadTo(answering(t, answer.say))
		g.toApp.heard()
		a := phone.gets(shop + "/")
		heard := g.toApp.heard()
		switch {
		case a.status == http.StatusOK && answer.ok && g.believesAny200:
			believed++
			if strings.Contains(heard, lin) || !strings.Contains(answer.say, "Remote-User: u") && strings.Contains(strings.ToLower(heard), "remote-user: u") {
				t.Errorf("%s: the application heard\n%s", answer.name, heard)
			}
		case a.status < 400 || heard != "":
			t.Errorf("%s: %d, the application heard %s\n%s", answer.name, a.status, heard, a.body)
		}
		g.toService.leadTo(before)
	}
	if g.believesAny200 {
		g.sees("a whole 200 in wxlogin's place lets people in, whoever gives it: %d of 4 such answers; the application gets no other identity than stands in it", believed)
	}
	// The test's own answer is good when it is whole.
	before := g.toService.leadTo(answering(t, "HTTP/1.1 200 OK\r\n"+all+"Content-Length: 0\r\n\r\n"))
	defer g.toService.leadTo(before)
	if got := phone.gets(shop + "/").app(); got.Header.Get("Remote-User") != "u" || got.Header.Get("X-Wechat-Openid") != "o" || got.Header.Get("X-Wechat-Unionid") != "" {
		t.Errorf("the application got %v", got.Header)
	}
}

// A websocket of somebody who is signed in gets through, with who it is; a
// stranger's does not.
func websocket(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	before := g.toApp.leadTo(answering(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"))
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
	heard := strings.ToLower(g.toApp.heard())
	if !strings.Contains(heard, "upgrade: websocket") || !strings.Contains(heard, "connection: upgrade") || !strings.Contains(heard, strings.ToLower("X-Wechat-Openid: "+g.person(t, "lin").OpenID)) {
		t.Errorf("the application got\n%s", heard)
	}
	if status, _ := g.raw(t, rawGet("/ws", lines...)); status != http.StatusFound {
		t.Errorf("a stranger gets %d", status)
	}
	if heard := g.toApp.heard(); strings.Contains(heard, "GET") {
		t.Errorf("the application heard of a stranger:\n%s", heard)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// The refusal of an upload comes before the upload. A proxy may have a limit of its own,
// of a megabyte in nginx.
func uploads(t *testing.T, g *protectedSite) {
	conn, err := tls.Dial("tcp", g.proxy, g.tlsConfig("shop.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: shop.example.com\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 1<<19)
	r := bufio.NewReader(conn)
	if g.holdsRefusal {
		g.toApp.heard()
		io.CopyN(conn, zeros{}, 1<<19)
	}
	res, err := http.ReadResponse(r, nil)
	if g.holdsRefusal {
		g.sees("the refusal comes once the upload is sent, which a client does by itself that hears no 100 Continue; the application hears nothing")
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("the application heard of a stranger's upload")
		}
	}
	if err == nil && res.StatusCode == http.StatusContinue && g.readsBodyFirst {
		g.sees("it is taken first, up to `client_max_body_size` (a megabyte), and refused then; the application hears nothing")
		g.toApp.heard()
		io.CopyN(conn, zeros{}, 1<<19)
		res, err = http.ReadResponse(r, nil)
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("the application heard of a stranger's upload")
		}
	}
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger's upload gets %v, %v", res, err)
	}
}
