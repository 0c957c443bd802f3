package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// With a website account (网站应用), a desktop shows WeChat's own QR code, and a link to one of
// ours.

// websiteFor returns the website account by which a desktop signs in, given the account of the
// login. ok is false if the browser is not a desktop, or the person has asked for our own code.
func (s *Server) websiteFor(r *http.Request, account auth.Account) (auth.Account, bool) {
	if s.website.Name == "" || s.inWeChat(r) || onPhone(r) || r.URL.Query().Get("by") == "phone" {
		return auth.Account{}, false
	}
	if asked, _ := askedAccount(r); asked == "" && account.Kind != auth.WebsiteAccount {
		return s.website, true
	}
	return account, account.Kind == auth.WebsiteAccount
}

// firstWebsite returns the website account for desktops whose return address has none:
// preferably one of main's Open Platform account, because it identifies the same people.
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

// frameURL begins a trip with WeChat's page in a frame, as WeChat's wxLogin.js does, with the
// same parameters (official), but without that script. At the end WeChat's page navigates
// the whole window to the callback, which the frame has to be allowed to do: browsers block
// it for a frame of another site that the person has not touched.
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

// codePath returns the address of a new code of ours, even on a desktop with a website account.
func (s *Server) codePath(account, returnTo string) string {
	path := s.scanPath(account, returnTo)
	if s.website.Name != "" {
		path += "&by=phone"
	}
	return path
}
