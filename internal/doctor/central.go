package doctor

import (
	"context"
	"errors"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

// checkCentral asks WeChat for the access token of each account that has one, which
// voids nobody's: the account's IP list counts here, and not for logins. It is a fault
// where the settings want the token, and else worth a warning: JS-SDK needs no setting.
func (d *doctor) checkCentral(ctx context.Context) (findings []finding) {
	const subject = "token"
	for _, account := range d.config.Accounts {
		if account.Kind == auth.WebsiteAccount {
			continue
		}
		f := finding{skipped, subject, "not checked: it needs an account that WeChat takes", ""}
		if d.answered && !d.refused[account.Name] {
			f = d.judgeCentral(ctx, account)
		}
		f.text = d.which(account) + f.text
		findings = append(findings, f)
	}
	return findings
}

func (d *doctor) judgeCentral(ctx context.Context, account auth.Account) finding {
	const subject = "token"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := d.client(account).StableToken(ctx, false)
	if err == nil {
		return finding{good, subject, "WeChat gives this server the account's access token", ""}
	}
	f := finding{warning, subject, "", "JS-SDK, other back ends and followers need it; logins do not"}
	if len(d.config.BackendKeys) > 0 || d.config.Followers {
		f.verdict, f.advice = failure, ""
	}
	text, advice := explainedTrouble(err)
	f.text = "no access token: " + text
	if f.advice != "" {
		advice += "\n" + f.advice
	}
	f.advice = advice
	return f
}

// explainedTrouble says why WeChat gave nothing and what to do, whether it refused or
// did not answer as it does.
func explainedTrouble(err error) (text, advice string) {
	if refusal, ok := errors.AsType[*wechat.Refusal](err); ok {
		return explained(refusal)
	}
	what := diagnose(err)
	return what.text, what.wechat
}
