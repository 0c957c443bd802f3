package web_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// identityHeaders are those of a 200 of /verify.
var identityHeaders = []string{"Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope"}

// Every 200 of /verify has all five headers, each once, also for people of whom
// nothing is known: Caddy 2.6 hands the application a literal placeholder for one
// that is missing.
func TestVerifyAlwaysHasFiveHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.sim.AddPerson(wechatsim.Person{Key: "bare"})
	w.sim.AddPerson(wechatsim.Person{Key: "whole", Nickname: "全", UnionID: "oUnion-of-somebody"})
	for _, key := range []string{"bare", "whole"} {
		phone := w.phone(key)
		phone.signsIn()
		for _, query := range []string{"", "?login=redirect", "?x=1"} {
			p := phone.get("/verify"+query).wantPage(http.StatusOK, "")
			for _, name := range identityHeaders {
				if got, there := p.Header[name]; !there || len(got) != 1 {
					t.Errorf("/verify%s for %s has %s as %q", query, key, name, got)
				}
			}
		}
	}
}

// A refusal of an upload that waits for 100-continue comes at once: the client is
// not asked for a body that nobody will read, and the refusal stays the answer.
func TestRefusalBeforeTheUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	address := strings.TrimPrefix(w.url, "http://")
	for path, want := range map[string]int{"/api/me/erase": http.StatusRequestEntityTooLarge, "/nothing": 0} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n", path, address)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusContinue || res.StatusCode < 400 || want != 0 && res.StatusCode != want && res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: an upload is answered with %d", path, res.StatusCode)
		}
	}
}
