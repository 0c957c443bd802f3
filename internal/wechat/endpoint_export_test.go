package wechat

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"wxlogin/internal/auth"
)

// Limits, for tests.
const (
	MaxCalls   = maxCalls
	BreakAfter = breakAfter
	BreakFor   = breakFor
)

// DialWith has every call use another network.
func (c *Client) DialWith(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	for _, e := range []*endpoint{c.exchange, c.refresh, c.userinfo, c.picture} {
		e.client.Transport.(*http.Transport).DialContext = dial
	}
}

// ReadToken reads a body of the token endpoint.
func ReadToken(body []byte) (auth.TokenAnswer, error) {
	a, err := parseAnswer("token", body)
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	return a.token()
}

// ReadUserinfo reads a body of the profile endpoint.
func ReadUserinfo(body []byte) (auth.Userinfo, error) {
	a, err := parseAnswer("userinfo", body)
	if err != nil {
		return auth.Userinfo{}, err
	}
	return a.userinfo()
}

// ReasonOf sorts an errcode.
func ReasonOf(errcode int64) auth.Reason { return reasonOf(errcode) }

// TrustWith has every call trust other certificates.
func (c *Client) TrustWith(config *tls.Config) {
	for _, e := range []*endpoint{c.exchange, c.refresh, c.userinfo, c.picture} {
		e.client.Transport.(*http.Transport).TLSClientConfig = config
	}
}
