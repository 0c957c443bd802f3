package wechat_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

// standIn answers codes that begin with "good", and closes under all others.
type standIn struct {
	*httptest.Server
	client *wechat.Client
	dials  atomic.Int64

	mu    sync.Mutex
	asked map[string]int
}

func newStandIn(t *testing.T) *standIn {
	s := &standIn{asked: make(map[string]int)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := r.URL.Query().Get("code")
		s.mu.Lock()
		s.asked[code]++
		s.mu.Unlock()
		if code == someCode {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, `{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","access_token":"x"}`)
	}))
	t.Cleanup(s.Close)
	s.client = clientOf(s.URL)
	s.client.TrustWith(s.Client().Transport.(*http.Transport).TLSClientConfig)
	s.client.DialWith(func(ctx context.Context, network, address string) (net.Conn, error) {
		s.dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	return s
}

func (s *standIn) times(code string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[code]
}

// Exchanges go over one connection, one after the other.
func TestTheExchangeKeepsItsConnection(t *testing.T) {
	s := newStandIn(t)
	for range 20 {
		if _, err := s.client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.dials.Load(); n != 1 {
		t.Errorf("20 exchanges have made %d connections", n)
	}
}

// A connection that WeChat has closed meanwhile is not used, and costs no login.
func TestAConnectionThatWasClosed(t *testing.T) {
	s := newStandIn(t)
	for range 50 {
		if _, err := s.client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		s.CloseClientConnections()
	}
	if n := s.times("good"); n != 50 {
		t.Errorf("50 codes were sent %d times", n)
	}
}

// A kept connection that is closed under the request is no second try.
func TestACodeIsSentOnceOnAKeptConnection(t *testing.T) {
	s := newStandIn(t)
	for n := range 10 {
		if _, err := s.client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		dials := s.dials.Load()
		_, err := s.client.Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
		if times := s.times(someCode); times != n+1 {
			t.Fatalf("%d codes were sent %d times", n+1, times)
		}
		if s.dials.Load() != dials {
			t.Fatal("it was not on the kept connection")
		}
	}
}
