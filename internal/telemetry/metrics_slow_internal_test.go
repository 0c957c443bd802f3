package telemetry

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// oneConn is a listener with one client.
type oneConn chan net.Conn

func (c oneConn) Accept() (net.Conn, error) {
	conn, ok := <-c
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (c oneConn) Close() error   { return nil }
func (c oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// Nobody holds a connection to the metrics for longer than it is worth.
func TestSlowScrapes(t *testing.T) {
	for name, row := range map[string]struct {
		sends string
		ends  time.Duration
	}{
		"asks for nothing more": {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", idleTimeout + 5*time.Second},
		"a body without an end": {"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", readTimeout + 5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				network := make(oneConn, 1)
				network <- there
				server := NewMetrics("test").newServer()
				go server.Serve(network)
				began := time.Now()
				go io.WriteString(here, row.sends)
				ended := make(chan time.Time, 1)
				go func() { io.Copy(io.Discard, here); ended <- time.Now() }()
				select {
				case at := <-ended:
					if took := at.Sub(began); took > row.ends {
						t.Errorf("held for %v", took)
					}
				case <-time.After(time.Hour):
					t.Error("held for ever")
				}
				here.Close()
				close(network)
				server.Close()
			})
		})
	}
}
