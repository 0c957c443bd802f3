package wechat

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
)

// sendOnce sends a request that must not go out twice: an exchange, whose code WeChat
// may have taken by the time a connection breaks off. net/http sends a GET again by
// itself when a kept-alive connection dies before the first byte of the answer, but
// none whose body it cannot read again. So this one has a body, of no bytes.
//
// A connection that WeChat has closed while it was idle would then cost a login. It
// is looked at before anything is written on it, and another one is taken.
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

// asItIs keeps net/http from trying whether the body has any bytes, with a goroutine
// and a timer for each request. It stands in no header (RFC 7230 has dropped it).
var asItIs = []string{"identity"}

// noBytes is a body that net/http takes for one that may have some.
type noBytes struct{}

func (noBytes) Read([]byte) (int, error) { return 0, io.EOF }
func (noBytes) Close() error             { return nil }
