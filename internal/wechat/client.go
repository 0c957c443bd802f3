package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// Config configures a Client.
type Config struct {
	AppID     string
	AppSecret auth.Secret
	OpenURL   string // of the authorize page: https://open.weixin.qq.com
	APIURL    string // of the token endpoints: https://api.weixin.qq.com
	Lang      string // of the regions in a profile: zh_CN, zh_TW or en (official)
	// Observe, if set, is called after every call with the caller's context: the endpoint,
	// why the call failed (a Reason, empty if it did not; WeChat's errcode, 0 without one)
	// and how long it took.
	Observe func(ctx context.Context, endpoint string, reason auth.Reason, errcode int64, took time.Duration)
}

// Client talks to WeChat for one account, of whatever kind. It is safe for
// concurrent use.
type Client struct {
	config   Config
	exchange *endpoint
	session  *endpoint // code2Session, the exchange of mini programs
	refresh  *endpoint
	userinfo *endpoint
	picture  *endpoint
	stable   *endpoint // stable_token
	ticket   *endpoint // getticket, of the JS-SDK
	follower *endpoint // user/info
	moved    *endpoint // changeopenid, after an account migration
}

// Limits of a call. Together they stay within a login's 8 seconds.
const (
	exchangeTimeout = 5 * time.Second
	userinfoTimeout = 2500 * time.Millisecond
)

// tokenEndpoint is the name of the exchange's endpoint in errors and metrics.
const tokenEndpoint = "token"

// miniEndpoint is the name of code2Session there.
const miniEndpoint = "code2session"

// New makes a Client. It makes no call.
func New(config Config) *Client {
	config.OpenURL = strings.TrimRight(config.OpenURL, "/")
	config.APIURL = strings.TrimRight(config.APIURL, "/")
	c := &Client{
		config:   config,
		exchange: newEndpoint(tokenEndpoint, exchangeTimeout),
		refresh:  newEndpoint("refresh", exchangeTimeout),
		userinfo: newEndpoint("userinfo", userinfoTimeout),
		picture:  newPictureEndpoint(),
		session:  newEndpoint(miniEndpoint, exchangeTimeout),
		stable:   newEndpoint(stableEndpoint, centralTimeout),
		ticket:   newEndpoint(ticketEndpoint, centralTimeout),
		follower: newEndpoint(followerEndpoint, centralTimeout),
		moved:    newEndpoint(movedEndpoint, centralTimeout),
	}
	for _, e := range []*endpoint{c.exchange, c.session} {
		e.do = sendOnce
	}
	return c
}

// AuthorizeURL returns the address at which a browser is authorized. WeChat matches it
// against a strict pattern (official), so the parameters are in WeChat's order and not in
// that of url.Values, which sorts them.
func (c *Client) AuthorizeURL(a auth.Authorization) string {
	page := "/connect/oauth2/authorize"
	if a.Scope == auth.ScopeLogin {
		page = "/connect/qrconnect"
	}
	u := c.config.OpenURL + page +
		"?appid=" + url.QueryEscape(c.config.AppID) +
		"&redirect_uri=" + url.QueryEscape(a.RedirectURI) +
		"&response_type=code" +
		"&scope=" + url.QueryEscape(string(a.Scope)) +
		"&state=" + url.QueryEscape(a.State)
	if a.SingleHop && a.Scope != auth.ScopeLogin {
		u += "&connect_redirect=1"
	}
	return u + "#wechat_redirect"
}

// Exchange spends a code.
func (c *Client) Exchange(ctx context.Context, code string) (auth.TokenAnswer, error) {
	answer, err := c.get(ctx, c.exchange, "/sns/oauth2/access_token", c.exchangeQuery(code))
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	return answer.token()
}

// exchangeQuery returns the query that spends a code.
func (c *Client) exchangeQuery(code string) url.Values {
	return url.Values{
		"appid":      {c.config.AppID},
		"secret":     {string(c.config.AppSecret)},
		"code":       {code},
		"grant_type": {"authorization_code"},
	}
}

// CodeToSession spends a code of wx.login (official: code2Session). It does not read the
// session_key of the answer.
func (c *Client) CodeToSession(ctx context.Context, code string) (auth.TokenAnswer, error) {
	answer, err := c.get(ctx, c.session, sessionPath, c.sessionQuery(code))
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	who := auth.TokenAnswer{OpenID: answer.id("openid"), UnionID: answer.id("unionid"), Scope: auth.ScopeBase}
	if who.OpenID == "" {
		return auth.TokenAnswer{}, auth.Failf(auth.IdentityClash, "%s: the answer names no openid", miniEndpoint)
	}
	return who, nil
}

const sessionPath = "/sns/jscode2session"

// sessionQuery returns the query that spends a code of wx.login.
func (c *Client) sessionQuery(code string) url.Values {
	return url.Values{
		"appid":      {c.config.AppID},
		"secret":     {string(c.config.AppSecret)},
		"js_code":    {code},
		"grant_type": {"authorization_code"},
	}
}

// Refresh gets a new access token for a refresh_token. It works without the secret
// (official). An expired refresh_token is NeedsLogin; the documents differ on whether its
// errcode is 40030 or 40029.
func (c *Client) Refresh(ctx context.Context, refreshToken auth.Secret) (auth.TokenAnswer, error) {
	answer, err := c.get(ctx, c.refresh, "/sns/oauth2/refresh_token", url.Values{
		"appid":         {c.config.AppID},
		"grant_type":    {"refresh_token"},
		"refresh_token": {string(refreshToken)},
	})
	if auth.ReasonOf(err) == auth.CodeSpent {
		err = auth.Fail(auth.NeedsLogin, errors.Unwrap(err))
	}
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	return answer.token()
}

// Userinfo gets the profile that an access token gives access to.
func (c *Client) Userinfo(ctx context.Context, token auth.TokenAnswer) (auth.Userinfo, error) {
	answer, err := c.get(ctx, c.userinfo, "/sns/userinfo", url.Values{
		"access_token": {string(token.AccessToken)},
		"openid":       {token.OpenID},
		"lang":         {c.config.Lang},
	})
	if err != nil {
		return auth.Userinfo{}, err
	}
	return answer.userinfo()
}

// maxBody limits an answer after decompression. A profile has less than 2 KB.
const maxBody = 1 << 20

// get makes one call, within the endpoint's limits. The query holds the secret, the code or
// a token, so no error returned from here may contain the address.
func (c *Client) get(ctx context.Context, e *endpoint, path string, query url.Values) (answer, error) {
	return c.call(ctx, e, func(ctx context.Context) ([]byte, error) {
		req, err := e.request(ctx, c.config.APIURL+path+"?"+query.Encode())
		if err != nil {
			return nil, err
		}
		return e.fetch(ctx, req)
	})
}

// call makes one call with ask, and reports it to the observer.
func (c *Client) call(ctx context.Context, e *endpoint, ask func(context.Context) ([]byte, error)) (answer, error) {
	began := time.Now()
	a, err := e.guarded(func() (answer, error) {
		ctx, cancel := context.WithTimeout(ctx, e.timeout)
		defer cancel()
		body, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		return parseAnswer(e.name, body)
	})
	if c.config.Observe != nil {
		var refusal *Refusal
		errors.As(err, &refusal)
		c.config.Observe(ctx, e.name, auth.ReasonOf(err), refusal.errcode(), time.Since(began))
	}
	return a, err
}

// fetch sends a request and reads the body of an answer with status 200.
func (e *endpoint) fetch(ctx context.Context, req *http.Request) ([]byte, error) {
	res, err := e.send(ctx, req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return e.read(ctx, res, maxBody)
}

func (e *endpoint) request(ctx context.Context, address string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, auth.Failf(auth.WeChatFailed, "%s: the address of WeChat's API cannot be used", e.name)
	}
	return req, nil
}

// open sends a GET to an address. The caller closes the body.
func (e *endpoint) open(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	req, err := e.request(ctx, address)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	return e.send(ctx, req)
}

func (e *endpoint) send(ctx context.Context, req *http.Request) (*http.Response, error) {
	res, err := e.do(e.client, req)
	if err != nil {
		return nil, e.transportError(ctx, err)
	}
	return res, nil
}

// read reads the body of an answer of open, up to a limit in bytes, if its status is 200.
func (e *endpoint) read(ctx context.Context, res *http.Response, limit int64) ([]byte, error) {
	if res.StatusCode != http.StatusOK {
		return nil, auth.Failf(auth.WeChatFailed, "%s: answered with HTTP status %d", e.name, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, e.transportError(ctx, err)
	}
	if int64(len(body)) > limit {
		return nil, auth.Failf(auth.WeChatFailed, "%s: answered with more than %d bytes", e.name, limit)
	}
	return body, nil
}

// transportError makes the error of a failed call. *url.Error prints the whole address, with
// the secret, the code or a token in it, so it keeps only the error inside.
func (e *endpoint) transportError(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		return auth.Failf(auth.WeChatTimeout, "%s: no answer within %v: %w", e.name, e.timeout, ctx.Err())
	}
	return auth.Fail(auth.WeChatFailed, fmt.Errorf("%s: %w", e.name, err))
}
