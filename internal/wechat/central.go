package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"wxlogin/internal/auth"
)

// The names of the endpoints of cgi-bin, in errors and metrics.
const (
	stableEndpoint   = "stable_token"
	ticketEndpoint   = "getticket"
	followerEndpoint = "user_info"
	movedEndpoint    = "changeopenid"
)

// centralTimeout limits a call of cgi-bin. No login waits for these calls.
const centralTimeout = 5 * time.Second

// StableToken gets the account's own access token. WeChat returns the same token until five
// minutes before its end, and tokens of /cgi-bin/token stay valid (official). With force the
// previous token is void at once: at most 20 times a day, and a second call within thirty
// seconds refreshes nothing (official).
func (c *Client) StableToken(ctx context.Context, force bool) (auth.Issued, error) {
	answer, err := c.post(ctx, c.stable, "/cgi-bin/stable_token", nil, map[string]any{
		"grant_type":    "client_credential",
		"appid":         c.config.AppID,
		"secret":        string(c.config.AppSecret),
		"force_refresh": force,
	})
	if err != nil {
		return auth.Issued{}, err
	}
	return answer.issued(stableEndpoint, "access_token")
}

// JSTicket gets the ticket that signs pages for the JS-SDK.
func (c *Client) JSTicket(ctx context.Context, token auth.Secret) (auth.Issued, error) {
	answer, err := c.get(ctx, c.ticket, "/cgi-bin/ticket/getticket", url.Values{
		"access_token": {string(token)},
		"type":         {"jsapi"},
	})
	if err != nil {
		return auth.Issued{}, err
	}
	return answer.issued(ticketEndpoint, "ticket")
}

// issued reads a token or ticket and its lifetime.
func (a answer) issued(endpoint, field string) (auth.Issued, error) {
	issued := auth.Issued{
		Value:    auth.Secret(a.text(field)),
		Lifetime: time.Duration(a.number("expires_in")) * time.Second,
	}
	if issued.Value == "" || issued.Lifetime <= 0 {
		return auth.Issued{}, auth.Failf(auth.WeChatFailed, "%s: the answer has no %s, or none that lives", endpoint, field)
	}
	return issued, nil
}

// post sends JSON. The body may hold the secret and the query a token, so no error returned
// from here may contain either.
func (c *Client) post(ctx context.Context, e *endpoint, path string, query url.Values, body any) (answer, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, auth.Failf(auth.Unexpected, "%s: the question cannot be written", e.name)
	}
	address := c.config.APIURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return c.call(ctx, e, func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
		if err != nil {
			return nil, auth.Failf(auth.WeChatFailed, "%s: the address of WeChat's API cannot be used", e.name)
		}
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		return e.fetch(ctx, req)
	})
}
