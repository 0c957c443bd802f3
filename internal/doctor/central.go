package doctor

import (
	"context"
	"errors"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

// checkCentral asks WeChat for the access token of each account that has one, without
// voiding the current token. Unlike a login, this needs our address on the account's IP
// list. A refusal is a failure if the settings need the token, and a warning otherwise, as
// JS-SDK is used without a setting.
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

// explainedTrouble explains why a call failed and what to do: WeChat's refusal, or the
// trouble on the way to it.
func explainedTrouble(err error) (text, advice string) {
	if refusal, ok := errors.AsType[*wechat.Refusal](err); ok {
		return explained(refusal)
	}
	what := diagnose(err)
	return what.text, what.wechat
}
