package wechat

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"wxlogin/internal/auth"
)

// probeCode cannot be a code of WeChat's, which have 32 characters.
const probeCode = "wxlogin-doctor"

// Probe is the result of a probe of WeChat's API.
type Probe struct {
	ServerDate time.Time // WeChat's clock, to the second; zero without an answer or its Date
}

// Probe sends a code that cannot exist to the endpoint of the account's codes: the token
// endpoint, or that of mini programs. A nil error means that WeChat accepted AppID and
// AppSecret and refused only the code. Any other result is an *auth.Error: WeChat's refusal
// is a *Refusal in its chain, a failure of the network keeps its cause, and neither contains
// the address, which has the secret in it. With a Refusal the Probe is filled in too.
//
// It bypasses the limits and the observer of the service's own calls.
func (c *Client) Probe(ctx context.Context, kind auth.AccountKind) (Probe, error) {
	path, query := "/sns/oauth2/access_token", c.exchangeQuery(probeCode)
	if kind == auth.MiniProgram {
		path, query = sessionPath, c.sessionQuery(probeCode)
	}
	e := newEndpoint(tokenEndpoint, exchangeTimeout, func(t *http.Transport) { t.DisableKeepAlives = true })
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	res, err := e.open(ctx, c.config.APIURL+path+"?"+query.Encode(), nil)
	if err != nil {
		return Probe{}, err
	}
	defer res.Body.Close()
	var p Probe
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		p.ServerDate = date
	}
	body, err := e.read(ctx, res, maxBody)
	if err != nil {
		return p, err
	}
	_, err = parseAnswer(e.name, body)
	switch {
	case err == nil:
		return p, auth.Failf(auth.WeChatFailed, "%s: took a code that does not exist; this is not WeChat", e.name)
	case auth.ReasonOf(err) == auth.CodeSpent:
		return p, nil
	}
	return p, err
}

// probeAgent is a User-Agent that passes for WeChat's browser.
const probeAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
	"Mobile/15E148 MicroMessenger/8.0.59(0x18003b2e) NetType/WIFI Language/zh_CN wxlogin-doctor"

// AuthorizePage opens the authorize page as a phone would, but outside WeChat, and returns
// the error that the page shows. The zero PageError means that this is unknown: the page of
// a correct link looks the same as one that asks to be opened in WeChat.
func (c *Client) AuthorizePage(ctx context.Context, a auth.Authorization) (PageError, error) {
	e := newEndpoint("authorize page", exchangeTimeout, func(t *http.Transport) { t.DisableKeepAlives = true })
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if a.State == "" {
		a.State = rand.Text()
	}
	res, err := e.open(ctx, c.AuthorizeURL(a), http.Header{"User-Agent": {probeAgent}})
	if err != nil {
		return PageError{}, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return PageError{}, nil // on its way to a login, or back to us
	}
	body, err := e.read(ctx, res, maxBody)
	if err != nil {
		return PageError{}, err
	}
	return readPage(body), nil
}
