package wechat

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
)

// sendOnce sends a request that must not be sent twice: an exchange, whose code WeChat may
// have taken when the connection breaks. net/http repeats a GET by itself when a kept-alive
// connection dies before the first byte of the answer, unless it cannot rewind the body. So
// this request has a body, an empty one.
//
// An idle connection that WeChat has closed would then cost a login. Therefore a reused
// connection is checked before anything is written to it, and replaced if it is closed.
func sendOnce(client *http.Client, req *http.Request) (*http.Response, error) {
	for {
		stale := false
		once := req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			conn := got.Conn
			if encrypted, ok := conn.(*tls.Conn); ok {
				conn = encrypted.NetConn()
			}
			if stale = got.Reused && !silent(conn); stale {
				got.Conn.Close()
			}
		}}))
		once.Body, once.TransferEncoding = noBytes{}, asItIs
		res, err := client.Do(once)
		if err == nil || !stale {
			return res, err
		}
	}
}

// asItIs keeps net/http from probing whether the body has any bytes, which takes a goroutine
// and a timer for each request. It is not sent in a header (RFC 7230 has dropped it).
var asItIs = []string{"identity"}

// noBytes is an empty body whose emptiness net/http does not know.
type noBytes struct{}

func (noBytes) Read([]byte) (int, error) { return 0, io.EOF }
func (noBytes) Close() error             { return nil }
