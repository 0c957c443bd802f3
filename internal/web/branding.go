package web

import (
	"html/template"
	"net/mail"
	"net/url"
)

// Branding is what the pages for visitors show about the site that they sign in to. Every
// part may be empty.
type Branding struct {
	Name       string
	Logo       *Logo
	PrivacyURL string
	TermsURL   string
	Contact    string // an e-mail address, a web address, or any words
}

// Logo is a picture. We serve it ourselves, because pages load nothing from other hosts.
type Logo struct {
	ContentType string
	Data        []byte
}

// logoName is the logo's name among the assets.
const logoName = "site-logo"

// LogoAsset returns the logo's name for templates: that of our own if the site has none.
func (b Branding) LogoAsset() string {
	if b.Logo != nil {
		return logoName
	}
	return "logo.svg"
}

// ContactLink returns the link of the contact: to write an e-mail, or to a page; empty for
// other words.
func (b Branding) ContactLink() template.URL {
	if address, err := mail.ParseAddress(b.Contact); err == nil && address.Name == "" && address.Address == b.Contact {
		return template.URL("mailto:" + url.PathEscape(address.Address))
	}
	if u, err := url.Parse(b.Contact); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return template.URL(u.String())
	}
	return ""
}
