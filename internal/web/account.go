package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// accountFor returns the account of a login: the one that the address names; for a recheck
// of a session, the session's; otherwise that of the return address. In WeChat a website
// account cannot sign anybody in (official), and the official account of the return address
// replaces it. NoSuchAccount for an unknown name or a mini program's.
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

// askedAccount returns the account that a request names; empty when it names none.
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

// accountOf returns the name of the account of a return address: the application's, or the
// host's, or main.
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

// accountOfHost returns the name of the account that the settings give the address's host.
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

// officialAccount returns the account of a return address for browsers in WeChat.
func (s *Server) officialAccount(returnTo string) (auth.Account, error) {
	account, err := s.rules.Named(s.accountOfHost(returnTo))
	if err == nil && account.Kind == auth.OfficialAccount {
		return account, nil
	}
	return s.rules.Named(auth.MainAccount)
}

// accountToKeep returns the account for the next trip of a flow; empty when there is only
// one account.
func (s *Server) accountToKeep(fl flow) string {
	if len(s.rules.Accounts) < 2 {
		return ""
	}
	return fl.Account
}

// accountParameter returns the account as a part of a query; empty for an empty one.
func accountParameter(account string) string {
	if account == "" {
		return ""
	}
	return "account=" + url.QueryEscape(account) + "&"
}
