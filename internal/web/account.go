package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// accountFor says by which account a login goes: the one that the address names; or
// that of the session, if all that is asked is whether its holder is still there; or
// that of the place it leads to. In WeChat a website account can sign nobody in
// (official), and the official account of the place stands in for it. NoSuchAccount for
// a name that is none of ours, or a mini program's.
func (s *Server) accountFor(r *http.Request, returnTo string) (auth.Account, error) {
	name, err := askedAccount(r)
	if err != nil {
		return auth.Account{}, err
	}
	if name == "" {
		if visit, err := s.live(r, s.cookies.visitor); err == nil && s.due(r, visit) {
			if account := s.rules.Account(visit.User.AppID); account.Name != "" && account.SignsInPages() {
				name = account.Name
			}
		}
	}
	if name == "" {
		if name, err = s.accountOf(r.Context(), returnTo); err != nil {
			return auth.Account{}, err
		}
	}
	account, err := s.rules.Named(name)
	switch {
	case err != nil:
		return auth.Account{}, err
	case !account.SignsInPages():
		return auth.Account{}, auth.Failf(auth.NoSuchAccount, "account %q signs nobody in to a page", name)
	case account.Kind == auth.WebsiteAccount && s.inWeChat(r):
		return s.officialAccount(returnTo)
	}
	return account, nil
}

// askedAccount is the account that an address names; empty for none.
func askedAccount(r *http.Request) (string, error) {
	names := r.URL.Query()["account"]
	if len(names) > 1 {
		return "", auth.Failf(auth.NoSuchAccount, "%d accounts are named", len(names))
	}
	if len(names) == 0 {
		return "", nil
	}
	return names[0], nil
}

// accountOf names the account of the place that a login leads to: an application's own,
// or the host's, or main.
func (s *Server) accountOf(ctx context.Context, returnTo string) (string, error) {
	client, err := s.signsInTo(ctx, returnTo)
	switch {
	case err != nil:
		return "", err
	case client.Account != "" && client.Account != auth.MainAccount:
		return client.Account, nil
	}
	return s.accountOfHost(returnTo), nil
}

// accountOfHost names the account of the host of an address, as the settings have it.
func (s *Server) accountOfHost(returnTo string) string {
	host := strings.ToLower(s.config.PublicURL.Host)
	if u, err := url.Parse(returnTo); err == nil && u.Host != "" {
		host = strings.ToLower(u.Host)
	}
	if account := s.accountHosts[usualPort("https", host)]; account != "" {
		return account
	}
	return auth.MainAccount
}

// officialAccount is the account of a place for browsers in WeChat.
func (s *Server) officialAccount(returnTo string) (auth.Account, error) {
	account, err := s.rules.Named(s.accountOfHost(returnTo))
	if err == nil && account.Kind == auth.OfficialAccount {
		return account, nil
	}
	return s.rules.Named(auth.MainAccount)
}

// accountToKeep is the account that the next trip of a flow is to go by, for an
// address; empty where there is but one.
func (s *Server) accountToKeep(fl flow) string {
	if len(s.rules.Accounts) < 2 {
		return ""
	}
	return fl.Account
}

// accountParameter is the account in a query; empty for an empty one.
func accountParameter(account string) string {
	if account == "" {
		return ""
	}
	return "account=" + url.QueryEscape(account) + "&"
}
