package auth

// AccountKind is WeChat's type of an account. It decides how people sign in by it.
type AccountKind string

// The kinds.
const (
	OfficialAccount AccountKind = "oa"      // 公众号: 网页授权, inside WeChat
	WebsiteAccount  AccountKind = "website" // 开放平台网站应用: qrconnect, a QR code on a desktop
	MiniProgram     AccountKind = "mini"    // 小程序: wx.login and code2Session
)

// MainAccount names the account of WXLOGIN_APPID, which is always there.
const MainAccount = "main"

// Account is one of the operator's accounts with WeChat. Only the account's Provider
// knows its AppSecret.
type Account struct {
	Name  string // chosen by the operator: [a-z][a-z0-9]{0,15}; MainAccount for the one of WXLOGIN_APPID
	Kind  AccountKind
	AppID string
	// Group is the operator's name for the Open Platform account (开放平台账号) that the
	// account is bound to. A unionid names one person within one group, and says nothing
	// outside it (official). Empty: bound to none.
	Group string
}

// SignsInPages says whether people sign in to web pages by the account. A mini program
// signs in by a call of its own.
func (a Account) SignsInPages() bool { return a.Kind != MiniProgram }

// AllAccounts returns the operator's accounts: the named ones, of which main is the first,
// or main alone, bound to no Open Platform account.
func AllAccounts(named []Account, mainAppID string) []Account {
	if len(named) > 0 {
		return named
	}
	return []Account{{Name: MainAccount, Kind: OfficialAccount, AppID: mainAppID}}
}
