package wechat

import (
	"context"
	"net/url"

	"wxlogin/internal/auth"
)

// miniEndpoint is the name of code2Session, in errors and metrics.
const miniEndpoint = "code2session"

// CodeToSession spends a code of wx.login, and sends it once, as Exchange does. The
// answer's session_key is not read: nothing here needs it, and who holds it can forge
// what a mini program says (official: it must not leave the server). A mini program's
// grant has no tokens.
func (c *Client) CodeToSession(ctx context.Context, code string) (auth.TokenAnswer, error) {
	answer, err := c.get(ctx, c.mini, sessionPath, c.sessionQuery(code))
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	grant := auth.TokenAnswer{OpenID: answer.id("openid"), UnionID: answer.id("unionid"), Scope: auth.ScopeBase}
	if grant.OpenID == "" {
		return auth.TokenAnswer{}, auth.Failf(auth.IdentityClash, "%s: the answer names no openid", miniEndpoint)
	}
	return grant, nil
}

const sessionPath = "/sns/jscode2session"

// sessionQuery is the query that spends a code of wx.login.
func (c *Client) sessionQuery(code string) url.Values {
	return url.Values{
		"appid":      {c.config.AppID},
		"secret":     {string(c.config.AppSecret)},
		"js_code":    {code},
		"grant_type": {"authorization_code"},
	}
}
