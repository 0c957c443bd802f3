package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// With a website account (网站应用) a desktop shows WeChat's own QR code, and a code of
// ours behind a link.

// websiteFor is the website account that a desktop signs in by where a login would go by
// some account; none for what is no desktop, and for who has asked for a code of ours.
func (s *Server) websiteFor(r *http.Request, account auth.Account) (auth.Account, bool) {
	if s.website.Name == "" || s.inWeChat(r) || onPhone(r) || r.URL.Query().Get("by") == "phone" {
		return auth.Account{}, false
	}
	if asked, _ := askedAccount(r); asked == "" && account.Kind != auth.WebsiteAccount {
		return s.website, true
	}
	return account, account.Kind == auth.WebsiteAccount
}

// firstWebsite is the website account of desktops whose place has none of its own: one
// of main's Open Platform account before others, as it knows the same people.
func firstWebsite(accounts []auth.Account) (first auth.Account) {
	for _, account := range accounts {
		switch {
		case account.Kind != auth.WebsiteAccount:
		case account.Group == accounts[0].Group:
			return account
		case first.Name == "":
			first = account
		}
	}
	return first
}

// showWebsite answers with the page that leads to a website account's QR code.
func (s *Server) showWebsite(w http.ResponseWriter, r *http.Request, account auth.Account) error {
	returnTo := s.returnTo(r)
	client, err := s.signsInTo(r.Context(), returnTo)
	if err != nil {
		return err
	}
	p := websitePage{
		App:      client.Name,
		Site:     cmp.Or(s.foreign(returnTo), s.config.PublicURL.Host),
		LoginURL: s.loginPath(account.Name, returnTo, false),
		ScanURL:  s.codePath("", returnTo),
	}
	if s.config.QRFrame {
		if p.FrameURL, err = s.frameURL(w, r, account, returnTo); err != nil {
			return err
		}
	}
	return s.page(w, r, p)
}

// frameURL begins a trip that goes by WeChat's page in a frame, as its wxLogin.js makes
// it, whose parameters these are (official); no script of theirs is needed for that. In
// the end WeChat's page takes the whole window to the callback, which the frame has to
// be allowed: browsers block it for a frame of another site that nobody has touched.
func (s *Server) frameURL(w http.ResponseWriter, r *http.Request, account auth.Account, returnTo string) (string, error) {
	address, err := s.beginTrip(w, r, account, flow{Scope: auth.ScopeLogin, ReturnTo: returnTo})
	if err != nil {
		return "", err
	}
	address, _, _ = strings.Cut(address, "#")
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	w.Header().Set("Content-Security-Policy", contentPolicy+"; frame-src "+u.Scheme+"://"+u.Host)
	return address + "&login_type=jssdk&self_redirect=default&style=black", nil
}

// codePath is the address of a new code of ours, on a desktop that could have WeChat's.
func (s *Server) codePath(account, returnTo string) string {
	path := s.scanPath(account, returnTo)
	if s.website.Name != "" {
		path += "&by=phone"
	}
	return path
}
