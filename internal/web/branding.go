package web

import (
	"html/template"
	"net/mail"
	"net/url"
)

// Branding is what the pages for visitors say of the site that they sign in to.
// Every part may be empty.
type Branding struct {
	Name       string
	Logo       *Logo
	PrivacyURL string
	TermsURL   string
	Contact    string // an e-mail address, an address of the web, or any words
}

// Logo is a picture that is served by ourselves, since pages load nothing from
// elsewhere.
type Logo struct {
	ContentType string
	Data        []byte
}

// logoName is the logo's among the assets.
const logoName = "site-logo"

// LogoAsset is what a template asks the assets for: ours if the site has none.
func (b Branding) LogoAsset() string {
	if b.Logo != nil {
		return logoName
	}
	return "logo.svg"
}

// ContactLink is where a contact leads: to write an e-mail, or to a page. Other
// words lead nowhere.
func (b Branding) ContactLink() template.URL {
	if address, err := mail.ParseAddress(b.Contact); err == nil && address.Name == "" && address.Address == b.Contact {
		return template.URL("mailto:" + url.PathEscape(address.Address))
	}
	if u, err := url.Parse(b.Contact); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return template.URL(u.String())
	}
	return ""
}
