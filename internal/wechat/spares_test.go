package wechat_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
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
	shut   atomic.Bool // nobody can connect any more

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
		if s.shut.Load() {
			return nil, errors.New("nobody can connect")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	return s
}

func (s *standIn) times(code string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[code]
}

// waits until a connection has been opened ahead.
func (s *standIn) waits(t *testing.T) {
	for s.client.Spares() == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no connection was opened ahead")
		}
		runtime.Gosched()
	}
}

// The second exchange finds a connection: it succeeds where none can be made.
func TestAConnectionIsOpenedAhead(t *testing.T) {
	s := newStandIn(t)
	if _, err := s.client.Exchange(t.Context(), "good1"); err != nil {
		t.Fatal(err)
	}
	s.waits(t)
	s.shut.Store(true)
	if _, err := s.client.Exchange(t.Context(), "good2"); err != nil {
		t.Fatalf("with a connection opened ahead: %v", err)
	}
	_, err := s.client.Exchange(t.Context(), "good3")
	wantReason(t, err, auth.WeChatFailed)
	if s.times("good3") != 0 {
		t.Error("a connection carried two requests")
	}
}

// One that WeChat has closed meanwhile is not used, and costs no login.
func TestASpareThatWasClosed(t *testing.T) {
	s := newStandIn(t)
	for range 20 {
		if _, err := s.client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		s.waits(t)
		s.CloseClientConnections()
	}
	if n := s.times("good"); n != 20 {
		t.Errorf("20 codes were sent %d times", n)
	}
}

// A connection opened ahead that is closed under the request is no second try.
func TestACodeIsSentOnceOnASpare(t *testing.T) {
	s := newStandIn(t)
	for n := range 10 {
		if _, err := s.client.Exchange(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		s.waits(t)
		_, err := s.client.Exchange(t.Context(), someCode)
		wantReason(t, err, auth.WeChatFailed)
		if times := s.times(someCode); times != n+1 {
			t.Fatalf("%d codes were sent %d times", n+1, times)
		}
	}
}
