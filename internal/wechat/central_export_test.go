package wechat

import "wxlogin/internal/auth"

// For is a client for another account at the same address.
func (c *Client) For(appID string, secret auth.Secret) *Client {
	config := c.config
	config.AppID, config.AppSecret = appID, secret
	return New(config)
}
