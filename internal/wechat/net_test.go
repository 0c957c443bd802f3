package wechat_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

const (
	appID     = "wx0123456789abcdef"
	appSecret = "00112233445566778899aabbccddeeff"
	someCode  = "061AbCdEfGhIjKlMnOpQrStUvWxYz012"
)

// clientOf is a client of the API at an address.
func clientOf(apiURL string) *wechat.Client {
	return wechat.New(wechat.Config{
		AppID: appID, AppSecret: appSecret, OpenURL: "https://open.weixin.qq.com", APIURL: apiURL, Lang: "zh_CN",
	})
}

// inMemory is a network without machines: a test in a synctest bubble has its
// own time on it.
type inMemory chan net.Conn

func (n inMemory) Accept() (net.Conn, error) {
	conn, ok := <-n
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (n inMemory) Close() error   { close(n); return nil }
func (n inMemory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (n inMemory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bubble is a client and a simulated WeChat in memory.
func bubble(t *testing.T) (*wechat.Client, *wechatsim.Simulator) {
	t.Helper()
	sim := wechatsim.New(wechatsim.Config{AppID: appID, Secret: appSecret})
	network := make(inMemory)
	server := &http.Server{Handler: sim}
	go server.Serve(network)
	t.Cleanup(func() { server.Close() })
	client := clientOf("http://wechat.test")
	client.DialWith(network.dial)
	return client, sim
}

// wantReason fails unless err has the reason and tells none of the secrets.
func wantReason(t *testing.T, err error, want auth.Reason) {
	t.Helper()
	if got := auth.ReasonOf(err); got != want {
		t.Fatalf("%q (%v), want %q", got, err, want)
	}
	if err == nil {
		return
	}
	for _, s := range []string{appSecret, someCode, "86_", "secret=", "access_token="} {
		if strings.Contains(err.Error(), s) {
			t.Fatalf("the error tells %q: %v", s, err)
		}
	}
}
