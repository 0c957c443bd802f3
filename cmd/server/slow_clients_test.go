package main_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	server "wxlogin/cmd/server"
)

// inMemory is a network without machines, so that time on it can be a synctest
// bubble's.
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

func (n inMemory) dial() net.Conn {
	here, there := net.Pipe()
	n <- there
	return here
}

// Clients that take their time do not hold a connection for longer than it is
// worth.
func TestSlowClients(t *testing.T) {
	for name, row := range map[string]struct {
		sends string        // at once
		drips time.Duration // one byte more this often; 0: silence
		reads bool
		ends  time.Duration // at the latest
	}{
		"sends nothing":            {ends: 5 * time.Second, reads: true},
		"a header without an end":  {sends: "GET / HTTP/1.1\r\nX: ", drips: time.Second, ends: 5 * time.Second, reads: true},
		"a body without an end":    {sends: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", drips: time.Second, ends: 15 * time.Second, reads: true},
		"a body that stops":        {sends: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nx", ends: 15 * time.Second, reads: true},
		"asks for nothing more":    {sends: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ends: 125 * time.Second, reads: true},
		"does not read the answer": {sends: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ends: 35 * time.Second},
		"HTTP/2 to a plain server": {sends: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ends: 5 * time.Second, reads: true},
		"a header of 64 KB":        {sends: "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10), ends: 5 * time.Second, reads: true},
		"an address of 64 KB":      {sends: "GET /" + strings.Repeat("x", 64<<10), ends: 5 * time.Second, reads: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				network := make(inMemory)
				var draining atomic.Bool
				stopped := make(chan error)
				go func() {
					stopped <- server.Listen(ctx, network, http.HandlerFunc(readAll), &draining, slog.New(slog.DiscardHandler))
				}()

				conn := network.dial()
				began := time.Now()
				go func() {
					if _, err := io.WriteString(conn, row.sends); err != nil || row.drips == 0 {
						return
					}
					for {
						select {
						case <-ctx.Done():
							return
						case <-time.After(row.drips):
						}
						if _, err := io.WriteString(conn, "x"); err != nil {
							return
						}
					}
				}()
				if !row.reads {
					time.Sleep(row.ends)
				}
				io.Copy(io.Discard, conn) // until the server ends it
				if took := time.Since(began); took > row.ends {
					t.Errorf("the connection was held for %v, want %v at most", took, row.ends)
				}
				conn.Close()
				stop()
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func readAll(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	io.WriteString(w, strings.Repeat("x", 100<<10))
}

// What is too large is told so, before anything else happens.
func TestLargeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		network := make(inMemory)
		var draining atomic.Bool
		stopped := make(chan error)
		go func() {
			stopped <- server.Listen(ctx, network, http.NotFoundHandler(), &draining, slog.New(slog.DiscardHandler))
		}()
		for name, text := range map[string]string{
			"one header":   "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
			"many cookies": "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("Cookie: a=0123456789012345678901234567890123456789\r\n", 2000) + "\r\n",
		} {
			conn := network.dial()
			go io.WriteString(conn, text)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s: status %d", name, res.StatusCode)
			}
			conn.Close()
		}
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
