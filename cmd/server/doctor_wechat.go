package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

// checkWeChat makes one call to WeChat's API and reads three things from it:
// the network, the clock and the account.
func (d *doctor) checkWeChat(ctx context.Context) []finding {
	host := hostOf(d.config.apiURL)
	if d.offline || host == "" {
		why := isOffline
		if host == "" {
			why = "WXLOGIN_WECHAT_API_URL is not valid"
		}
		return slices.Concat(skip("wechat", "%s", why), skip("clock", "%s", why), skip("account", "%s", why))
	}
	began := d.now()
	probe, err := d.client.Probe(ctx)
	took := d.now().Sub(began)
	refusal, refused := errors.AsType[*wechat.Refusal](err)
	if err != nil && !refused {
		if named, ok := errors.AsType[*auth.Error](err); ok && named.Cause != nil {
			err = named.Cause
		}
		what := diagnose(err)
		return slices.Concat(
			one(failure, "wechat", via(host, d.config.apiURL)+": "+what.text, what.wechat),
			skip("clock", "WeChat did not answer"), skip("account", "WeChat did not answer"))
	}
	findings := one(good, "wechat", via(host, d.config.apiURL)+" answers in "+milliseconds(took), "")
	if !d.realWeChat() && !auth.IsLoopback(host) {
		findings = one(warning, "wechat", host+" answers, and is not WeChat's own: it gets the AppSecret",
			"unset WXLOGIN_WECHAT_API_URL and WXLOGIN_WECHAT_OPEN_URL unless this is a test")
	}
	findings = append(findings, judgeClock(began.Add(took/2), probe.ServerDate))
	return append(findings, d.judgeAccount(refusal))
}

// maxClockOff is how wrong the clock may be. States live ten minutes, WeChat's
// codes five.
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

func (d *doctor) judgeAccount(refusal *wechat.Refusal) finding {
	switch {
	case d.settings.AppID == "" || d.settings.AppSecret == "":
		return finding{skipped, "account", "not checked: it needs WXLOGIN_APPID and WXLOGIN_APPSECRET", ""}
	case refusal == nil:
		return finding{good, "account", "AppID " + d.config.appID + " and its AppSecret are right", ""}
	}
	e, known := wechat.Explain(refusal.Errcode)
	f := finding{failure, "account", fmt.Sprintf("errcode %d: %s", refusal.Errcode, wechat.Meaning(refusal.Errcode)), e.Advice}
	if e.Chinese != "" {
		f.text = fmt.Sprintf("errcode %d: %s (%s)", refusal.Errcode, wechat.Meaning(refusal.Errcode), e.Chinese)
	}
	switch {
	case !known:
		f.advice = "look it up in WeChat's list (全局返回码), https://developers.weixin.qq.com/doc/"
	case refusal.Reason() == auth.WeChatBusy:
		f.verdict = warning
	}
	if refusal.From != "" {
		f.advice += ": " + refusal.From
	}
	if refusal.RID != "" {
		f.text += "\nrid " + refusal.RID
	}
	return f
}

// checkAuthorizePage opens the page that a visitor's phone would. This server
// never needs it, so one that cannot be reached is no failure.
func (d *doctor) checkAuthorizePage(ctx context.Context) []finding {
	const subject = "authorize"
	public := d.config.publicURL
	switch {
	case d.offline:
		return skip(subject, isOffline)
	case public == nil || d.config.appID == "" || hostOf(d.config.openURL) == "":
		return skip(subject, "it needs WXLOGIN_PUBLIC_URL, WXLOGIN_APPID and WXLOGIN_WECHAT_OPEN_URL")
	}
	base := strings.TrimRight(public.String(), "/")
	scopes := slices.Compact([]auth.Scope{d.config.mode.ScopeFor(false), d.config.mode.ScopeFor(true)})
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, scope := range scopes {
		page, err := d.client.AuthorizePage(ctx, auth.Authorization{Scope: scope, RedirectURI: base + "/callback"})
		if err != nil {
			return one(skipped, subject, "cannot be told from here: "+diagnose(err).text, phoneAdvice(base))
		}
		if page != (wechat.PageError{}) {
			return one(d.judgePage(page, scope))
		}
	}
	return one(skipped, subject, "no complaint seen, but only WeChat on a phone can tell", phoneAdvice(base))
}

func phoneAdvice(base string) string {
	return "open " + base + "/login in WeChat; should it show a number, `server doctor 10003` explains it"
}

func (d *doctor) judgePage(page wechat.PageError, scope auth.Scope) (verdict, string, string, string) {
	const subject = "authorize"
	if page.Number == 0 {
		advice := "check WXLOGIN_APPID: 公众号后台 → 设置与开发 → 基本配置 → 开发者ID (AppID)"
		return failure, subject, "WeChat's page says: " + page.Text, advice
	}
	shown := strings.TrimSpace(fmt.Sprintf("%d %s", page.Number, page.Text))
	text := fmt.Sprintf("visitors see %s (%s)", shown, scope)
	e, known := wechat.Explain(page.Number)
	switch {
	case !known:
		return failure, subject, text + ", a number that is not in our list", "look it up in WeChat's list (全局返回码), https://developers.weixin.qq.com/doc/"
	case page.Number == 10009:
		return warning, subject, text + ": " + e.English, e.Advice
	case page.Number == 10003:
		e.Advice += "\nfor this service: " + d.config.publicURL.Hostname()
	}
	return failure, subject, text + ": " + e.English, e.Advice
}
