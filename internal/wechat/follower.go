package wechat

import (
	"context"
	"net/url"
	"time"

	"wxlogin/internal/auth"
)

// Follower asks whether somebody follows the account, and how they found it. The answer has
// no nickname (official, since 2021).
func (c *Client) Follower(ctx context.Context, token auth.Secret, openID string) (auth.Follower, error) {
	answer, err := c.get(ctx, c.follower, "/cgi-bin/user/info", url.Values{
		"access_token": {string(token)},
		"openid":       {openID},
		"lang":         {c.config.Lang},
	})
	if err != nil {
		return auth.Follower{}, err
	}
	if answer.id("openid") != openID {
		return auth.Follower{}, auth.Failf(auth.WeChatFailed, "%s: the answer is about somebody else", followerEndpoint)
	}
	if answer.number("subscribe") == 0 {
		return auth.Follower{}, nil
	}
	f := auth.Follower{Follows: true, Scene: answer.text("subscribe_scene")}
	if at := answer.number("subscribe_time"); at > 0 {
		f.Since = time.Unix(at, 0).UTC()
	}
	return f, nil
}
