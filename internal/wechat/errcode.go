package wechat

import (
	"fmt"
	"regexp"

	"wxlogin/internal/auth"
)

// Refusal is an answer with an errcode. Its text names what the operator can look up. It
// leaves out WeChat's errmsg, which might repeat a code or token.
type Refusal struct {
	Endpoint string
	Errcode  int64
	RID      string // WeChat's request id, for its support; may be empty
	// From is this server's address as WeChat saw it; WeChat sends it with 40164.
	From string
}

func (r *Refusal) Error() string {
	meaning := Meaning(r.Errcode)
	if r.secretWrong() {
		meaning = Meaning(40125)
	}
	text := fmt.Sprintf("%s: errcode %d (%s)", r.Endpoint, r.Errcode, meaning)
	if r.RID != "" {
		text += ", rid " + r.RID
	}
	return text
}

// Reason sorts the errcode. 40001 means an invalid access token, or, at an endpoint that
// takes none, a wrong AppSecret (field reports). An access token of cgi-bin is the
// account's: a login does not renew it, but the next call may get a new one.
func (r *Refusal) Reason() auth.Reason {
	switch {
	case r.secretWrong():
		return auth.WeChatRefused
	case r.central() && (r.Errcode == 40001 || r.Errcode == 40014 || r.Errcode == 42001):
		return auth.TokenSpent
	}
	return reasonOf(r.Errcode)
}

func (r *Refusal) secretWrong() bool {
	return r.Errcode == 40001 && (r.Endpoint == tokenEndpoint || r.Endpoint == miniEndpoint || r.Endpoint == stableEndpoint)
}

// central reports whether the endpoint takes an account's own access token.
func (r *Refusal) central() bool {
	return r.Endpoint == ticketEndpoint || r.Endpoint == followerEndpoint || r.Endpoint == movedEndpoint
}

// refused is the error of an answer with an errcode.
func refused(endpoint string, errcode int64, errmsg string) error {
	r := newRefusal(endpoint, errcode, errmsg)
	return auth.Fail(r.Reason(), r)
}

// WeChatErrcode gives package auth the number, for the history of logins.
func (r *Refusal) WeChatErrcode() int64 { return r.Errcode }

// WeChatSaw gives package auth this server's address, for the operator.
func (r *Refusal) WeChatSaw() string { return r.From }

func (r *Refusal) errcode() int64 {
	if r == nil {
		return 0
	}
	return r.Errcode
}

var (
	ridPattern  = regexp.MustCompile(`rid: ?([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})`)
	fromPattern = regexp.MustCompile(`invalid ip ([0-9a-f.:]{3,45})[ ,]`)
)

func newRefusal(endpoint string, errcode int64, errmsg string) *Refusal {
	r := &Refusal{Endpoint: endpoint, Errcode: errcode}
	if m := ridPattern.FindStringSubmatch(errmsg); m != nil {
		r.RID = m[1]
	}
	if m := fromPattern.FindStringSubmatch(errmsg); m != nil {
		r.From = m[1]
	}
	return r
}

// errcodes sorts WeChat's answers by who can act on them. Texts and codes are from the
// official lists and from field reports.
var errcodes = map[int64]struct {
	reason  auth.Reason
	meaning string
}{
	-1: {auth.WeChatBusy, "WeChat is busy"},

	// The code is spent; a new trip gets a new one. An expired code is 40029 in the field,
	// and 42003 in the official list.
	40029: {auth.CodeSpent, "invalid code: expired, used, or of another account"},
	40163: {auth.CodeSpent, "code used before"},
	41008: {auth.CodeSpent, "no code"},
	42003: {auth.CodeSpent, "code expired"},

	// The token is invalid; only a new login brings another.
	40030: {auth.NeedsLogin, "invalid refresh_token"},
	41003: {auth.NeedsLogin, "no refresh_token"},
	42002: {auth.NeedsLogin, "refresh_token expired"},
	42007: {auth.NeedsLogin, "the person changed their password"},
	50001: {auth.NeedsLogin, "the person has not authorized this account, or no longer"},
	40001: {auth.NeedsLogin, "invalid access_token; at the exchange, a wrong AppSecret"},
	40003: {auth.NeedsLogin, "openid and access_token do not belong together"},
	40014: {auth.NeedsLogin, "invalid access_token"},
	42001: {auth.NeedsLogin, "access_token expired"},

	// The person.
	40226: {auth.PersonLimited, "WeChat holds this person for a risk"},
	50002: {auth.PersonLimited, "WeChat restricts this person's account"},

	// Quotas: call less often.
	45009: {auth.WeChatBusy, "over the daily quota"},
	45011: {auth.WeChatBusy, "over the quota of this minute"},

	// The operator.
	40002: {auth.WeChatRefused, "invalid grant_type"},
	40013: {auth.WeChatRefused, "invalid AppID: check WXLOGIN_APPID"},
	40125: {auth.WeChatRefused, "invalid AppSecret: check WXLOGIN_APPSECRET, it may have been reset"},
	40243: {auth.WeChatRefused, "the AppSecret is frozen: unfreeze it in the console"},
	40164: {auth.WeChatRefused, "this server's address is not on the account's IP whitelist"},
	41002: {auth.WeChatRefused, "no AppID: check WXLOGIN_APPID"},
	41004: {auth.WeChatRefused, "no AppSecret: check WXLOGIN_APPSECRET"},
	48001: {auth.WeChatRefused, "the account lacks the permission for this scope"},
	48004: {auth.WeChatRefused, "the account's permission is banned"},
	40097: {auth.WeChatRefused, "a parameter is not as WeChat wants it"},
	47001: {auth.WeChatRefused, "the question is not the JSON that WeChat wants"},
	61004: {auth.WeChatRefused, "this server's address is not registered"},
	63178: {auth.WeChatRefused, "no account of this AppID has moved to this one, or more than fifteen days ago"},
	89503: {auth.WeChatRefused, "the account's administrator has to confirm this server's address"},
}

// Meaning returns in a few words what an errcode means, for logs and admins.
func Meaning(errcode int64) string {
	if known, ok := errcodes[errcode]; ok {
		return known.meaning
	}
	return "not in our list"
}

// reasonOf sorts an errcode; an unknown one is WeChatFailed.
func reasonOf(errcode int64) auth.Reason {
	if known, ok := errcodes[errcode]; ok {
		return known.reason
	}
	return auth.WeChatFailed
}
