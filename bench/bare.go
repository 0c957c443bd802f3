package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"wxlogin/bench/rig"
)

// A visit is compared with net/http in a process of its own, which writes the same status,
// headers and bytes without looking anything up.

const bareCommand = "bare"

// sample is a recorded answer.
type sample struct {
	Status int
	Header http.Header
	Body   []byte
}

// takeSample reads the last answer of a connection.
func takeSample(c *rig.Conn) sample {
	s := sample{Status: c.Status, Header: make(http.Header), Body: bytes.Clone(c.Body)}
	for i, line := range strings.Split(strings.TrimSpace(string(c.Head)), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		// Except the two that net/http adds by itself.
		if i > 0 && name != "Date" && name != "Transfer-Encoding" {
			s.Header.Add(name, value)
		}
	}
	return s
}

// serveBare answers each path with its sample, from the named file, until ctx ends.
func serveBare(ctx context.Context, args []string, stdout io.Writer) error {
	var samples map[string]sample
	if err := readTask(bareCommand, args, &samples); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := samples[r.URL.Path]
		header := w.Header()
		for name, values := range s.Header {
			header[name] = values
		}
		w.WriteHeader(s.Status)
		w.Write(s.Body)
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Fprintf(stdout, "{\"msg\":\"bare\",\"address\":\"%s\"}\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startBare starts the process and checks that it answers as the service did, except for
// what differs in every answer.
func startBare(ctx context.Context, folder string, samples map[string]sample) (*rig.Process, rig.Target, error) {
	p, err := startChild(folder, bareCommand, samples)
	if err != nil {
		return nil, rig.Target{}, err
	}
	target, err := bareTarget(ctx, p, samples)
	if err != nil {
		p.Kill()
		return nil, rig.Target{}, err
	}
	return p, target, nil
}

func bareTarget(ctx context.Context, p *rig.Process, samples map[string]sample) (rig.Target, error) {
	line, err := p.Wait(ctx, `"msg":"bare"`)
	if err != nil {
		return rig.Target{}, err
	}
	var entry struct{ Address string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		return rig.Target{}, err
	}
	c := rig.NewConn(entry.Address)
	defer c.Close()
	for path, want := range samples {
		if err := c.Do(rig.NewRequest(http.MethodGet, path, "", nil), time.Now().Add(time.Minute)); err != nil {
			return rig.Target{}, err
		}
		if got := takeSample(c); !got.equal(want) {
			return rig.Target{}, fmt.Errorf("the bare handler answers %s with other bytes: %d %v, want %d %v", path, got.Status, got.Header, want.Status, want.Header)
		}
	}
	return rig.Target{Address: entry.Address, PID: p.PID()}, nil
}

func (s sample) equal(other sample) bool {
	if s.Status != other.Status || !bytes.Equal(s.Body, other.Body) || len(s.Header) != len(other.Header) {
		return false
	}
	for name, values := range s.Header {
		if !slices.Equal(values, other.Header[name]) {
			return false
		}
	}
	return true
}
