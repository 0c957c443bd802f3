package wechatsim

import "fmt"

// apiErrors are the texts of errcodes: from samples where there are some, otherwise from the
// official lists.
var apiErrors = map[int]string{
	-1:    "system error",
	0:     "ok",
	40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40029: "invalid code",
	40030: "invalid refresh_token",
	40097: "invalid args",
	40125: "invalid appsecret",
	40163: "code been used",
	40164: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
	40226: "code blocked",
	40243: "AppSecret is frozen, please unfreeze it",
	41001: "access_token missing",
	41002: "appid missing",
	41003: "refresh_token missing",
	41004: "appsecret missing",
	41008: "missing code",
	41009: "missing openid",
	42001: "access_token expired",
	42002: "refresh_token expired",
	42003: "oauth_code expired",
	42007: "user changed password",
	43001: "require GET method",
	43002: "require POST method",
	43003: "require https",
	45009: "reach max api daily quota limit",
	45011: "api minute-quota reach limit, must slower, retry next minute",
	47001: "data format error",
	48001: "api unauthorized",
	48004: "api forbidden",
	50001: "user unauthorized",
	50002: "user limited",
	50005: "user not follower",
	61004: "access clientip is not registered",
	63178: "invalid from_appid",
}

// wrongParameter is the parameter of an /sns endpoint that an errcode is about.
var wrongParameter = map[int]string{
	41002: "appid", 40013: "appid",
	41004: "secret", 40125: "secret",
	40002: "grant_type",
	41008: "code", 40029: "code", 40163: "code", 42003: "code",
	41003: "refresh_token", 40030: "refresh_token", 42002: "refresh_token",
	41001: "access_token", 40001: "access_token", 40014: "access_token", 42001: "access_token", 48001: "access_token",
	41009: "openid", 40003: "openid",
}

// pageErrors are the sentences of the authorize page, by number (official list; worded like
// those of the real pages).
var pageErrors = map[int]string{
	10003: "redirect_uri 参数错误",
	10004: "此公众号被封禁",
	10005: "Scope 参数错误或没有 Scope 权限",
	10006: "你必须先关注此测试号",
	10009: "操作太频繁，请稍后重试",
	10010: "scope 参数不能为空",
	10011: "redirect_uri 参数不能为空",
	10012: "appid 参数不能为空",
	10013: "state 参数不能为空",
	10015: "此公众号未授权该第三方平台",
	10016: "不支持开放平台的 AppID，请使用公众号的 AppID",
}

// apiError returns WeChat's answer to a failed call: HTTP 200, text/plain, errcode, and
// errmsg with a request id. The separator before the id differs by message (samples), so
// clients cannot split on it.
func (s *Simulator) apiError(errcode int) reply {
	text, known := apiErrors[errcode]
	if !known {
		text = "error"
	}
	return s.apiErrorText(errcode, text)
}

func (s *Simulator) apiErrorText(errcode int, text string) reply {
	sep := ", rid: "
	switch errcode {
	case 41002, 40002, 48001:
		sep = " rid: "
	}
	rid := fmt.Sprintf("%08x-%s-%s", uint32(s.cfg.Now().Unix()), randomHex(4), randomHex(4))
	var o object
	o.number("errcode", errcode)
	o.text("errmsg", text+sep+rid)
	rep := apiReply(o.bytes())
	rep.errcode = errcode
	return rep
}
