package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/web"
	"wxlogin/internal/wechat"
)

// checkWeChat makes one call to WeChat's API, which checks the network, the clock and the
// account.
func (d *doctor) checkWeChat(ctx context.Context) []finding {
	host := hostOf(d.config.APIURL)
	if d.offline || host == "" {
		why := isOffline
		if host == "" {
			why = "WXLOGIN_WECHAT_API_URL is not valid"
		}
		return slices.Concat(skip("wechat", "%s", why), skip("clock", "%s", why), skip("account", "%s", why))
	}
	began := d.now()
	probe, refusal, err := d.probe(ctx, d.config.Accounts[0])
	took := d.now().Sub(began)
	if err != nil {
		what := diagnose(err)
		return slices.Concat(
			one(failure, "wechat", via(host, d.config.APIURL)+": "+what.text, what.wechat),
			skip("clock", "WeChat did not answer"), skip("account", "WeChat did not answer"))
	}
	findings := one(good, "wechat", via(host, d.config.APIURL)+" answers in "+milliseconds(took), "")
	if !d.realWeChat() && !auth.IsLoopback(host) {
		findings = one(warning, "wechat", host+" answers, and is not WeChat's own: it gets the AppSecret",
			"unset WXLOGIN_WECHAT_API_URL and WXLOGIN_WECHAT_OPEN_URL unless this is a test")
	}
	findings = append(findings, judgeClock(began.Add(took/2), probe.ServerDate))
	d.answered = true
	return append(findings, d.judgeAccount(d.config.Accounts[0], refusal))
}

// probe asks WeChat about an account. A refusal is an answer and not an error. The error
// comes without the reason that is meant for visitors.
func (d *doctor) probe(ctx context.Context, account auth.Account) (wechat.Probe, *wechat.Refusal, error) {
	probe, err := d.client(account).Probe(ctx, account.Kind)
	if refusal, ok := errors.AsType[*wechat.Refusal](err); ok {
		return probe, refusal, nil
	}
	if named, ok := errors.AsType[*auth.Error](err); ok && named.Cause != nil {
		err = named.Cause
	}
	return probe, nil, err
}

// checkAccounts asks WeChat about the AppID and secret of every account except main.
func (d *doctor) checkAccounts(ctx context.Context) (findings []finding) {
	for _, account := range d.config.Accounts[1:] {
		if !d.answered {
			findings = append(findings, skip("account", "%s: WeChat did not answer", account.Name)...)
			continue
		}
		_, refusal, err := d.probe(ctx, account)
		if err != nil {
			findings = append(findings, finding{failure, "account", account.Name + ": " + diagnose(err).text, "try again; WeChat has answered about the account main"})
			continue
		}
		findings = append(findings, d.judgeAccount(account, refusal))
	}
	return findings
}

// checkGroups finds accounts without an Open Platform account in the settings, whose people
// cannot be recognized when they come by another account.
func (d *doctor) checkGroups(context.Context) []finding {
	var without []string
	for _, account := range d.config.Accounts {
		if account.Group == "" {
			without = append(without, account.Name)
		}
	}
	switch {
	case len(d.config.Accounts) < 2:
		return nil
	case len(without) == 0:
		return one(good, "groups", "every account names its Open Platform account", "")
	}
	return one(warning, "groups", strings.Join(without, ", ")+": no Open Platform account is named, so whoever comes by one of them and by another account is two people",
		"bind the account at open.weixin.qq.com (管理中心 → 公众号、小程序) and name the Open Platform account behind @ in WXLOGIN_ACCOUNTS, for main in WXLOGIN_GROUP")
}

// maxClockOff is how wrong the clock may be. States are valid for ten minutes, WeChat's
// codes for five.
const maxClockOff = time.Minute

func judgeClock(here, there time.Time) finding {
	if there.IsZero() {
		return finding{skipped, "clock", "cannot be told: WeChat's answer has no date", ""}
	}
	off := here.Sub(there).Truncate(time.Second)
	if off.Abs() <= maxClockOff {
		return finding{good, "clock", "agrees with WeChat's to the minute", ""}
	}
	text := off.Abs().String() + " ahead of WeChat's"
	if off < 0 {
		text = off.Abs().String() + " behind WeChat's"
	}
	return finding{failure, "clock", text,
		"set it by NTP: `timedatectl set-ntp true`, or chrony; in a container or virtual machine it is the host's clock"}
}

func (d *doctor) judgeAccount(account auth.Account, refusal *wechat.Refusal) finding {
	f := d.judgeSecret(account, refusal)
	d.refused[account.Name] = f.verdict != good
	f.text = d.which(account) + f.text
	return f
}

func (d *doctor) judgeSecret(account auth.Account, refusal *wechat.Refusal) finding {
	switch {
	case account.Name != auth.MainAccount && d.config.Secrets[account.Name] == "":
		return finding{skipped, "account", "not checked: it needs " + settings.SecretVariable(account.Name), ""}
	case account.AppID == "" || d.config.Secrets[account.Name] == "":
		return finding{skipped, "account", "not checked: it needs WXLOGIN_APPID and WXLOGIN_APPSECRET", ""}
	case refusal == nil:
		return finding{good, "account", "AppID " + account.AppID + " and its AppSecret are right", ""}
	}
	text, advice := explained(refusal)
	f := finding{failure, "account", text, advice}
	if refusal.Reason() == auth.WeChatBusy {
		f.verdict = warning
	}
	if account.Name != auth.MainAccount {
		f.advice += "\nof this account the settings are WXLOGIN_ACCOUNTS and " + settings.SecretVariable(account.Name)
	}
	return f
}

// explained returns what WeChat's refusal means, and what to do.
func explained(refusal *wechat.Refusal) (text, advice string) {
	e, known := wechat.Explain(refusal.Errcode)
	text, advice = fmt.Sprintf("errcode %d: %s", refusal.Errcode, wechat.Meaning(refusal.Errcode)), e.Advice
	if e.Chinese != "" {
		text = fmt.Sprintf("errcode %d: %s (%s)", refusal.Errcode, wechat.Meaning(refusal.Errcode), e.Chinese)
	}
	if !known {
		advice = "look it up in WeChat's list (全局返回码), https://developers.weixin.qq.com/doc/"
	}
	if refusal.From != "" {
		advice += ": " + refusal.From
	}
	if refusal.RID != "" {
		text += "\nrid " + refusal.RID
	}
	return text, advice
}

// checkAuthorizePage opens each account's authorize page as a visitor's browser would. The
// service itself never needs that page, so it is not a failure if it cannot be reached.
func (d *doctor) checkAuthorizePage(ctx context.Context) (findings []finding) {
	const subject = "authorize"
	public := d.config.PublicURL
	switch {
	case d.offline:
		return skip(subject, isOffline)
	case public == nil || d.config.AppID == "" || hostOf(d.config.OpenURL) == "":
		return []finding{{skipped, subject, "not checked: it needs WXLOGIN_PUBLIC_URL, WXLOGIN_APPID and WXLOGIN_WECHAT_OPEN_URL", ""}}
	}
	for _, account := range d.config.Accounts {
		if !account.SignsInPages() {
			continue
		}
		f := d.lookAtAuthorizePage(ctx, account)
		f.text = d.which(account) + f.text
		findings = append(findings, f)
	}
	return findings
}

func (d *doctor) lookAtAuthorizePage(ctx context.Context, account auth.Account) finding {
	const subject = "authorize"
	scopes := slices.Compact([]auth.Scope{d.config.Mode.ScopeFor(false), d.config.Mode.ScopeFor(true)})
	if account.Kind == auth.WebsiteAccount {
		scopes = []auth.Scope{auth.ScopeLogin}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	advice := phoneAdvice(d.config.Issuer(), account)
	for _, scope := range scopes {
		page, err := d.client(account).AuthorizePage(ctx, auth.Authorization{Scope: scope, RedirectURI: d.config.Issuer() + web.CallbackPath(account.Name)})
		if err != nil {
			return finding{skipped, subject, "cannot be told from here: " + diagnose(err).text, advice}
		}
		if page != (wechat.PageError{}) {
			return d.judgePage(page, scope)
		}
	}
	return finding{skipped, subject, "no complaint seen, but only WeChat on a phone can tell", advice}
}

// which returns the account's name as a prefix, if there are several accounts.
func (d *doctor) which(account auth.Account) string {
	if len(d.config.Accounts) < 2 {
		return ""
	}
	return account.Name + ": "
}

func phoneAdvice(base string, account auth.Account) string {
	switch {
	case account.Kind == auth.WebsiteAccount:
		return "open " + base + "/login?account=" + account.Name + " on a desktop and scan the code; should it show a number, `server doctor 10003` explains it"
	case account.Name != auth.MainAccount:
		base += "/login?account=" + account.Name
	default:
		base += "/login"
	}
	return "open " + base + " in WeChat; should it show a number, `server doctor 10003` explains it"
}

func (d *doctor) judgePage(page wechat.PageError, scope auth.Scope) finding {
	const subject = "authorize"
	if page.Number == 0 {
		advice := "check WXLOGIN_APPID: 公众号后台 → 设置与开发 → 基本配置 → 开发者ID (AppID)"
		return finding{failure, subject, "WeChat's page says: " + page.Text, advice}
	}
	shown := strings.TrimSpace(fmt.Sprintf("%d %s", page.Number, page.Text))
	text := fmt.Sprintf("visitors see %s (%s)", shown, scope)
	e, known := wechat.Explain(page.Number)
	switch {
	case !known:
		return finding{failure, subject, text + ", a number that is not in our list", "look it up in WeChat's list (全局返回码), https://developers.weixin.qq.com/doc/"}
	case page.Number == 10009:
		return finding{warning, subject, text + ": " + e.English, e.Advice}
	case page.Number == 10003:
		e.Advice += "\nfor this service: " + d.config.PublicURL.Hostname()
	}
	return finding{failure, subject, text + ": " + e.English, e.Advice}
}
