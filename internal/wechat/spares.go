package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// How many connections are opened ahead at most, and how long one is kept. WeChat
// has to be asked that soon again for one to be of use.
const (
	maxSpares = 8
	spareLife = 10 * time.Second
)

// spares opens connections ahead, so that a login does not wait for two round trips
// and a handshake. Each carries one request, as any connection of its transport; of
// one that has been closed, a request would be lost, so one is handed out only while
// it is seen to be open.
//
// A proxy's connections are not its: they are dialled by the transport.
type spares struct {
	transport *http.Transport

	mu      sync.Mutex
	ready   []*spare
	opening int
}

// spare is a connection that nothing has been sent on. A goroutine reads from it: that
// ends when WeChat closes it, and takes in what TLS sends after the handshake.
type spare struct {
	*tls.Conn
	network, address string
	ended            chan error // of the read
}

// dial implements http.Transport's DialTLSContext.
func (s *spares) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn := s.take(network, address)
	go s.open(network, address)
	if conn == nil {
		return s.connect(ctx, network, address)
	}
	return conn, nil
}

func (s *spares) connect(ctx context.Context, network, address string) (*tls.Conn, error) {
	tcp, err := s.transport.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := s.transport.TLSClientConfig.Clone() // nil: the system's
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	conn := tls.Client(tcp, config)
	ctx, cancel := context.WithTimeout(ctx, s.transport.TLSHandshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		tcp.Close()
		return nil, err
	}
	return conn, nil
}

// open opens one more, unless there are enough.
func (s *spares) open(network, address string) {
	s.mu.Lock()
	full := len(s.ready)+s.opening >= maxSpares
	if !full {
		s.opening++
	}
	s.mu.Unlock()
	if full {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*dialTimeout)
	defer cancel()
	conn, err := s.connect(ctx, network, address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening--
	if err != nil {
		return // the next login dials by itself, and says what is wrong
	}
	one := &spare{conn, network, address, make(chan error, 1)}
	s.ready = append(s.ready, one)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		one.ended <- err
	}()
	time.AfterFunc(spareLife, func() { s.drop(one) })
}

// take returns one that is open, and nil when there is none.
func (s *spares) take(network, address string) net.Conn {
	for {
		s.mu.Lock()
		if len(s.ready) == 0 {
			s.mu.Unlock()
			return nil
		}
		one := s.ready[0]
		s.ready = s.ready[1:]
		s.mu.Unlock()
		if one.network == network && one.address == address && one.open() {
			return one.Conn
		}
		one.Close()
	}
}

// open says that WeChat has not closed it, as far as can be known on this side.
func (s *spare) open() bool {
	// The end of the time makes the read return, with that and nothing else.
	return s.SetReadDeadline(time.Unix(1, 0)) == nil && errors.Is(<-s.ended, os.ErrDeadlineExceeded) &&
		s.SetReadDeadline(time.Time{}) == nil && silent(s.NetConn())
}

// drop closes one that nobody has taken.
func (s *spares) drop(one *spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.ready {
		if other == one {
			s.ready = append(s.ready[:i:i], s.ready[i+1:]...)
			one.Close()
			return
		}
	}
}
