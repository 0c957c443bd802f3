package wechat

import (
	"context"
	"net/url"

	"wxlogin/internal/auth"
)

// ChangeOpenID maps openids of a former account to those of this one, after an account
// migration (公众号迁移): for fifteen days, and at most 100 openids in one call (official).
// An openid that WeChat cannot map is missing from the result.
func (c *Client) ChangeOpenID(ctx context.Context, token auth.Secret, fromAppID string, openIDs []string) (map[string]string, error) {
	a, err := c.post(ctx, c.moved, "/cgi-bin/changeopenid", url.Values{"access_token": {string(token)}}, map[string]any{
		"from_appid":  fromAppID,
		"openid_list": openIDs,
	})
	if err != nil {
		return nil, err
	}
	asked := make(map[string]bool, len(openIDs))
	for _, openID := range openIDs {
		asked[openID] = true
	}
	results, ok := a["result_list"].([]any)
	if !ok {
		return nil, auth.Failf(auth.WeChatFailed, "%s: the answer has no list", movedEndpoint)
	}
	changed := make(map[string]string)
	for _, result := range results {
		fields, _ := result.(map[string]any)
		one := answer(fields)
		before, after := one.id("ori_openid"), one.id("new_openid")
		if one.text("err_msg") != "ok" || after == "" || !asked[before] {
			continue
		}
		if known, twice := changed[before]; twice && known != after {
			return nil, auth.Failf(auth.IdentityClash, "%s: one openid has become two", movedEndpoint)
		}
		changed[before] = after
	}
	return changed, nil
}
