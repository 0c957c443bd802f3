package wechat

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"wxlogin/internal/auth"
)

// probeCode is no code of WeChat's: theirs have 32 characters.
const probeCode = "wxlogin-doctor"

// Probe is what a look at WeChat's API found out.
type Probe struct {
	ServerDate time.Time // WeChat's clock, to the second; zero when no answer came or it had no Date
}

// Probe asks the endpoint that an account's codes are for, the token endpoint or that of
// mini programs, for what a code that cannot exist is worth. A
// nil error means that WeChat took AppID and AppSecret and refused the code
// alone. Anything else is an *auth.Error; WeChat's own refusal is a *Refusal in
// its chain, a network that fails keeps its cause, and neither holds the
// address, which has the secret in it. With a Refusal the Probe is filled too.
//
// It goes past the limits and the observer of the service's own calls.
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

// probeAgent passes for WeChat's browser, as far as its name goes.
const probeAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
	"Mobile/15E148 MicroMessenger/8.0.59(0x18003b2e) NetType/WIFI Language/zh_CN wxlogin-doctor"

// AuthorizePage opens the authorize page as a phone would, but without anybody's
// WeChat, and returns what WeChat complains of. The zero PageError means that it
// cannot be told from here: the page of a link in order looks the same as one
// that wants WeChat first.
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

// exchangeQuery is the query that spends a code.
func (c *Client) exchangeQuery(code string) url.Values {
	return url.Values{
		"appid":      {c.config.AppID},
		"secret":     {string(c.config.AppSecret)},
		"code":       {code},
		"grant_type": {"authorization_code"},
	}
}
