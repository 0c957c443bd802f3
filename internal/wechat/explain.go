package wechat

// Paths through the menus of WeChat's console. Newer consoles call the first step 账号设置.
const (
	wayToSecret    = "公众号后台 → 设置与开发 → 基本配置 (开发接口管理) → 开发者密码 (AppSecret)"
	wayToAppID     = "公众号后台 → 设置与开发 → 基本配置 (开发接口管理) → 开发者ID (AppID)"
	wayToWhitelist = "公众号后台 → 设置与开发 → 基本配置 (开发接口管理) → IP白名单"
	wayToScope     = "公众号后台 → 设置与开发 → 接口权限 → 网页授权"

	// WayToDomain is where the host of callbacks is registered.
	WayToDomain = "公众号后台 → 设置与开发 → 公众号设置 → 功能设置 → 网页授权域名"
)

// Explanation is what an operator should know about one of WeChat's error codes.
type Explanation struct {
	Number  int64
	Page    bool   // shown on the authorize page on a phone; else answered by the API
	English string // what it means
	Chinese string
	Advice  string // what to do
}

// Explain explains a number of the authorize page or an errcode of the API. It returns false
// for one that is not in our list.
func Explain(number int64) (Explanation, bool) {
	e, known := explanations[number]
	_, page := pageErrors[number]
	e.Number, e.Page = number, page
	if !page {
		e.English = Meaning(number)
	}
	return e, known
}

const (
	signsInAgain = "Nothing, when it is now and then: the person signs in again. Look at the log when it is frequent"
	ourMistake   = "This should not happen with wxlogin: report it, with the version and the rid from the log"
)

// explanations have no English for errcodes: Meaning has it.
var explanations = map[int64]Explanation{
	// On a phone.
	1: {English: "the AppID is not one: gh_… is the account's original id", Chinese: "appid 不对：gh_ 开头的是原始ID",
		Advice: "Set WXLOGIN_APPID to the AppID, wx and 16 characters: " + wayToAppID},
	10003: {English: "the host of the callback is not the domain registered with the account, or has a port other than 80 and 443", Chinese: "redirect_uri 域名与后台配置不一致，或带了 80/443 以外的端口",
		Advice: WayToDomain + ": register exactly the host of WXLOGIN_PUBLIC_URL, without https://, port and path. The whole host is compared: example.com does not cover h5.example.com, nor www.example.com. No IP addresses, no ports. The account has to be a verified service account (已认证服务号)"},
	10004: {English: "the account is banned", Chinese: "此公众号被封禁",
		Advice: "公众号后台 → 通知中心 has the reason and the way to appeal"},
	10005: {English: "the account does not have this scope", Chinese: "此公众号没有这个 scope 的权限",
		Advice: wayToScope + ": only verified service accounts (已认证服务号) have it. Is WXLOGIN_APPID that of another kind (订阅号, 小程序, 网站应用)? WeChat names a wrong callback domain as a further cause"},
	10006: {English: "a test account wants its visitors to follow it first", Chinese: "必须先关注此测试号",
		Advice: "Scan the test account's QR code and follow it (测试号管理 → 测试号二维码), then open the page again"},
	10009: {English: "too many tries, WeChat wants a pause", Chinese: "操作太频繁，请稍后重试",
		Advice: "Wait some minutes. If a page goes round between you and WeChat, look for a cookie that is lost: another host (www), http instead of https, WXLOGIN_COOKIE_DOMAIN"},
	10010: {English: "the link has no scope", Chinese: "scope 不能为空",
		Advice: "WeChat's client lost a part of the link, most often when a floating window (浮窗) was restored: open the page again. If it is every time, something between (proxy, short link) cuts addresses at &"},
	10011: {English: "the link has no redirect_uri", Chinese: "redirect_uri 不能为空",
		Advice: "As 10010: open the page again; if it is every time, something between (proxy, short link) cuts addresses"},
	10012: {English: "the link has no appid", Chinese: "appid 不能为空",
		Advice: "As 10010: open the page again. If it is every time, is the page really opened by this service (/login), or by another link that somebody built?"},
	10013: {English: "the link has an empty state", Chinese: "state 不能为空",
		Advice: "As 10012; this service always sends a state"},
	10015: {English: "the account has not authorized this third-party platform", Chinese: "公众号未授权第三方平台",
		Advice: "wxlogin needs the account's own AppID and AppSecret, not those of a third-party platform: " + wayToAppID},
	10016: {English: "the AppID is one of the open platform (网站应用, 移动应用)", Chinese: "不支持微信开放平台的 AppID，请使用公众号的 AppID",
		Advice: "Set WXLOGIN_APPID and WXLOGIN_APPSECRET to those of the official account (mp.weixin.qq.com, not open.weixin.qq.com): " + wayToAppID},

	// From the API: the operator.
	40013: {Chinese: "AppID 无效", Advice: wayToAppID + ": copy it to WXLOGIN_APPID; mind letters that look alike (l, 1, O, 0)"},
	40125: {Chinese: "AppSecret 无效，可能已被重置", Advice: wayToSecret + ": WeChat does not show it again; 重置 (reset), set WXLOGIN_APPSECRET or its file, restart. The old one ends for every system that uses it. Is it the secret of this very AppID?"},
	40243: {Chinese: "AppSecret 已被冻结", Advice: wayToSecret + ": 解冻 (unfreeze); it takes some minutes to be good again. Nobody can sign in until then"},
	40164: {Chinese: "服务器 IP 不在白名单", Advice: wayToWhitelist + ": add the public address that this server calls out with"},
	41002: {Chinese: "缺少 appid", Advice: "Set WXLOGIN_APPID: " + wayToAppID},
	41004: {Chinese: "缺少 secret", Advice: "Set WXLOGIN_APPSECRET or WXLOGIN_APPSECRET_FILE: " + wayToSecret},
	48001: {Chinese: "接口未授权", Advice: wayToScope + ": profiles need a verified service account (已认证服务号). Until then WXLOGIN_SCOPE=base signs people in without nickname and picture"},
	48004: {Chinese: "接口被封禁", Advice: "公众号后台 → 通知中心 has the reason and the way to appeal"},
	61004: {Chinese: "IP 未注册", Advice: "Register this server's public address: " + wayToWhitelist + " (or the third-party platform's 白名单IP地址列表)"},
	40002: {Chinese: "grant_type 不正确", Advice: ourMistake},
	40097: {Chinese: "参数不正确", Advice: ourMistake},
	47001: {Chinese: "请求不是正确的 JSON", Advice: ourMistake},
	63178: {Chinese: "没有从该 AppID 迁移来的帐号，或已超过十五天", Advice: "Is it the AppID of the account before the migration (公众号迁移)? WeChat maps openids for fifteen days after it"},
	89503: {Chinese: "此 IP 调用需要管理员确认", Advice: "The account's administrator has a message in WeChat: confirm the address there"},

	// From the API: time helps.
	-1:    {Chinese: "系统繁忙", Advice: "Nothing; WeChat has trouble of its own. Try again in a minute"},
	45009: {Chinese: "接口调用超过当日限额", Advice: "公众号后台 → 设置与开发 → 接口权限 shows the quota of the day. Are other systems using this AppID?"},
	45011: {Chinese: "每分钟调用超限", Advice: "Wait a minute; visitors are asked to try again. Are other systems using this AppID?"},

	// From the API: the code.
	40029: {Chinese: "code 无效：过期、用过或属于别的公众号", Advice: "Nothing, when it is now and then (Back, refresh, shared links): the service tries once more by itself. If it is every login: do two programs use each code, or is WXLOGIN_APPID another account's?"},
	40163: {Chinese: "code 已被使用", Advice: "Nothing, when it is now and then (double callbacks of some phones): the service answers from its own record. If it is every login: another program or a proxy that repeats requests uses the code first"},
	41008: {Chinese: "缺少 code", Advice: ourMistake},
	42003: {Chinese: "code 超时", Advice: "Codes live five minutes. If it is frequent, this server's answers take too long: look at database and network"},

	// From the API: the tokens and the person.
	40001: {Chinese: "access_token 无效或不是最新；用 code 换令牌时则是 AppSecret 不对", Advice: signsInAgain + ". At the exchange it is the AppSecret: " + wayToSecret},
	40003: {Chinese: "openid 不正确", Advice: signsInAgain},
	40014: {Chinese: "access_token 不合法", Advice: signsInAgain},
	42001: {Chinese: "access_token 超时", Advice: signsInAgain},
	40030: {Chinese: "refresh_token 不合法", Advice: "The profile can be fetched again after the person's next login"},
	41003: {Chinese: "缺少 refresh_token", Advice: "The profile can be fetched again after the person's next login"},
	42002: {Chinese: "refresh_token 超时（30 天）", Advice: "The profile can be fetched again after the person's next login"},
	42007: {Chinese: "用户修改了微信密码，令牌失效", Advice: "The profile can be fetched again after the person's next login"},
	50001: {Chinese: "用户未授权，或取消了授权", Advice: "The person has to agree once more: the next login asks"},
	40226: {Chinese: "高风险用户，登录被微信拦截", Advice: "The person has to turn to WeChat (微信 → 帮助与反馈)"},
	50002: {Chinese: "用户受限，帐号可能被冻结", Advice: "The person has to turn to WeChat (微信 → 帮助与反馈)"},
}
