package wechat_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

// The parameters stand in WeChat's order, and the fragment is there.
func TestAuthorizeURL(t *testing.T) {
	client := wechat.New(wechat.Config{AppID: appID, AppSecret: appSecret, OpenURL: "https://open.weixin.qq.com/"})
	a := auth.Authorization{State: "S1", Scope: auth.ScopeUserinfo, RedirectURI: "https://h5.example.com/wx/callback?a=1&b=二"}
	const want = "https://open.weixin.qq.com/connect/oauth2/authorize?appid=" + appID +
		"&redirect_uri=https%3A%2F%2Fh5.example.com%2Fwx%2Fcallback%3Fa%3D1%26b%3D%E4%BA%8C" +
		"&response_type=code&scope=snsapi_userinfo&state=S1"
	if got := client.AuthorizeURL(a); got != want+"#wechat_redirect" {
		t.Errorf("%s", got)
	}
	a.SingleHop = true
	if got := client.AuthorizeURL(a); got != want+"&connect_redirect=1#wechat_redirect" {
		t.Errorf("%s", got)
	}
}

// What WeChat is asked, and what comes of it.
func TestExchangeAndUserinfo(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{AppID: appID, Secret: appSecret})
	server := httptest.NewServer(sim)
	defer server.Close()
	client := clientOf(server.URL + "/")
	grant, err := client.Exchange(t.Context(), sim.IssueCode("lin", wechatsim.ScopeUserinfo))
	wantReason(t, err, "")
	if grant.OpenID == "" || grant.Scope != auth.ScopeUserinfo || grant.RefreshToken == "" || grant.Snapshot {
		t.Fatalf("%+v", grant)
	}
	info, err := client.Userinfo(t.Context(), grant)
	wantReason(t, err, "")
	if info.OpenID != grant.OpenID || info.Profile.Nickname != "林小满" {
		t.Fatalf("%+v", info)
	}
	_, err = client.Exchange(t.Context(), someCode)
	wantReason(t, err, auth.CodeSpent)
	grant, err = client.Exchange(t.Context(), sim.IssueCode("lin", wechatsim.ScopeBase))
	wantReason(t, err, "")
	_, err = client.Userinfo(t.Context(), grant)
	wantReason(t, err, auth.WeChatRefused)
}

// A server that ends a kept-alive connection after reading the request: net/http
// would send a GET again. The code goes out once.
func TestACodeIsSentOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var mu sync.Mutex
	asked := map[string]int{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					code := req.URL.Query().Get("code")
					mu.Lock()
					asked[code]++
					mu.Unlock()
					if !strings.HasPrefix(code, "good") {
						return
					}
					const answer = `{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","access_token":"x"}`
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 60\r\n\r\n"+answer)
				}
			}()
		}
	}()
	client := clientOf("http://" + listener.Addr().String())
	for range 5 {
		if _, err := client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		_, err := client.Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
		mu.Lock()
		n := asked[someCode]
		clear(asked)
		mu.Unlock()
		if n != 1 {
			t.Fatalf("the code was sent %d times", n)
		}
	}
}

// A redirect would carry the secret in its Referer. It is not followed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed, with Referer %q", r.Referer())
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		client := clientOf(server.URL)
		_, err := client.Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
		_, err = client.Userinfo(t.Context(), auth.TokenAnswer{OpenID: "o1", AccessToken: "86_secret"})
		wantReason(t, err, auth.WeChatFailed)
		server.Close()
	}
}

// A host that cannot prove to be WeChat is sent nothing.
func TestTLS(t *testing.T) {
	imposter := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request was sent")
	}))
	defer imposter.Close()
	client := clientOf(imposter.URL)
	_, err := client.Exchange(t.Context(), someCode)
	wantReason(t, err, auth.WeChatFailed)
	if !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v does not name the certificate", err)
	}
}

// A name that does not resolve, a port that nobody listens on, a network that is
// gone: the same failure, at once.
func TestNoNetwork(t *testing.T) {
	for _, broken := range []error{
		&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.weixin.qq.com", IsNotFound: true}},
		&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: "api.weixin.qq.com", IsTemporary: true}},
		io.ErrUnexpectedEOF,
	} {
		client := clientOf("http://api.weixin.qq.com")
		client.DialWith(func(context.Context, string, string) (net.Conn, error) { return nil, broken })
		_, err := client.Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
		if !strings.Contains(err.Error(), broken.Error()) {
			t.Errorf("%v does not say %v", err, broken)
		}
	}
	for _, address := range []string{"http://127.0.0.1:0", "http://[::1", "ftp://127.0.0.1", "http://"} {
		_, err := clientOf(address).Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
	}
}

// However much comes, a little is read.
func TestLargeAnswers(t *testing.T) {
	many := strings.Repeat("X-Pad: 0123456789012345678901234567890123456789\r\n", 100_000)
	for name, answer := range map[string]string{
		"100,000 headers": "HTTP/1.1 200 OK\r\n" + many + "\r\n{}",
		"header of 10 MB": "HTTP/1.1 200 OK\r\nX-Pad: " + strings.Repeat("x", 10<<20) + "\r\n\r\n{}",
		"body of 2 MB":    "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n" + strings.Repeat(" ", 2<<20),
		"no HTTP":         "220 mail.example.com ESMTP\r\n",
		"HTTP/0.9":        `{"openid":"o1"}`,
		"status 100s":     strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				http.ReadRequest(bufio.NewReader(conn))
				io.WriteString(conn, answer)
			}()
			_, err = clientOf("http://"+listener.Addr().String()).Exchange(t.Context(), someCode)
			wantReason(t, err, auth.WeChatFailed)
			if len(err.Error()) > 400 {
				t.Errorf("the error repeats the answer: %.500s", err)
			}
		})
	}
}
