package rig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// Conn is a kept-alive connection of the cheapest client that still checks the answers:
// client and server share the cores, so whatever the client takes is missing to the server.
// It is for one goroutine.
type Conn struct {
	address string
	tcp     net.Conn
	in      *bufio.Reader
	fresh   bool // has had no answer yet
	closing bool // the server has announced that it closes

	current atomic.Pointer[net.Conn] // tcp, for Abort
	aborted atomic.Bool

	// The last answer, until the next one.
	Status int
	Head   []byte // lines, each with its end
	Body   []byte
}

// NewConn makes a connection to host:port that is opened by the first request.
func NewConn(address string) *Conn { return &Conn{address: address} }

// dialTimeout is long: a thousand may connect at once.
const dialTimeout = 10 * time.Second

// Do sends a whole request and reads the whole answer, until the deadline. It reopens a
// connection that the server has closed between two requests.
func (c *Conn) Do(request []byte, deadline time.Time) error {
	for {
		if err := c.open(); err != nil {
			return err
		}
		fresh := c.fresh
		c.tcp.SetDeadline(deadline)
		started, err := c.once(request)
		if err == nil {
			c.fresh = false
			if c.closing {
				c.Close()
			}
			return nil
		}
		c.Close()
		if _, late := errors.AsType[net.Error](err); fresh || started || late && time.Now().After(deadline) {
			return err
		}
	}
}

// Close closes the connection; the next request opens another.
func (c *Conn) Close() {
	if c.tcp != nil {
		c.tcp.Close()
		c.tcp = nil
	}
}

// Abort interrupts Do from another goroutine; the connection is unusable afterwards.
func (c *Conn) Abort() {
	c.aborted.Store(true)
	if tcp := c.current.Load(); tcp != nil {
		(*tcp).Close()
	}
}

func (c *Conn) open() error {
	if c.aborted.Load() {
		return net.ErrClosed
	}
	if c.tcp != nil {
		return nil
	}
	tcp, err := net.DialTimeout("tcp", c.address, dialTimeout)
	if err != nil {
		return err
	}
	c.tcp, c.fresh, c.closing = tcp, true, false
	c.current.Store(&tcp)
	if c.aborted.Load() {
		tcp.Close()
	}
	if c.in == nil {
		c.in = bufio.NewReaderSize(tcp, 16<<10)
	} else {
		c.in.Reset(tcp)
	}
	return nil
}

var (
	contentLength = []byte("content-length:")
	chunkedCoding = []byte("transfer-encoding: chunked")
	closes        = []byte("connection: close")
)

// once makes one try. started reports whether any byte of an answer came.
func (c *Conn) once(request []byte) (started bool, err error) {
	if _, err := c.tcp.Write(request); err != nil {
		return false, err
	}
	c.Head, c.Body, c.Status, c.closing = c.Head[:0], c.Body[:0], 0, false
	length, chunked := 0, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return len(c.Head)+len(line) > 0, err
		}
		if len(line) <= 2 {
			break
		}
		c.Head = append(c.Head, line...)
		switch {
		case c.Status == 0:
			if c.Status, err = status(line); err != nil {
				return true, err
			}
		case hasFold(line, contentLength):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return true, err
			}
		case hasFold(line, chunkedCoding):
			chunked = true
		case hasFold(line, closes):
			c.closing = true
		}
	}
	if chunked {
		return true, c.readChunks()
	}
	return true, c.readBody(length)
}

func status(line []byte) (int, error) {
	// HTTP/1.1 200 OK
	if len(line) < 14 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("not a status line: %q", line)
	}
	return strconv.Atoi(string(line[9:12]))
}

// hasFold reports whether a line begins with a prefix, which is in lower case.
func hasFold(line, prefix []byte) bool {
	return len(line) >= len(prefix) && line[0]|0x20 == prefix[0] && bytes.EqualFold(line[:len(prefix)], prefix)
}

func (c *Conn) readBody(n int) error {
	at := len(c.Body)
	if cap(c.Body) < at+n {
		c.Body = append(make([]byte, 0, 2*(at+n)), c.Body...)
	}
	c.Body = c.Body[:at+n]
	_, err := io.ReadFull(c.in, c.Body[at:])
	return err
}

func (c *Conn) readChunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return err
		}
		if err := c.readBody(int(n)); err != nil {
			return err
		}
		if line, err := c.in.ReadSlice('\n'); err != nil || len(line) != 2 {
			return fmt.Errorf("no end of a chunk: %q, %w", line, err)
		}
		if n == 0 {
			return nil
		}
	}
}

// Header returns the values of a field of the last answer.
func (c *Conn) Header(name string) []string {
	var values []string
	for line := range bytes.Lines(c.Head) {
		field, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(field, []byte(name)) {
			values = append(values, string(bytes.TrimSpace(value)))
		}
	}
	return values
}
