package settings

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// Limits for texts of the pages: a screen of 360 pixels has no space for more.
const (
	maxSiteName = 40  // characters
	maxContact  = 100 // characters
	maxLogo     = 256 << 10
)

// Branding is what the pages show of the site.
type Branding struct {
	Name       string
	Logo       *Logo // nil: none
	PrivacyURL string
	TermsURL   string
	Contact    string // an e-mail address, an address of the web, or any words
}

// Logo is a picture and its media type.
type Logo struct {
	ContentType string
	Data        []byte
}

// parseBranding checks the settings of the site's name, logo and links.
func (s *Settings) parseBranding() (Branding, error) {
	b := Branding{Name: s.SiteName, PrivacyURL: s.PrivacyURL, TermsURL: s.TermsURL, Contact: s.Contact}
	var errs []error
	for _, text := range []struct {
		flag, value string
		most        int
	}{{"site-name", b.Name, maxSiteName}, {"contact", b.Contact, maxContact}} {
		switch {
		case utf8.RuneCountInString(text.value) > text.most:
			errs = append(errs, Errorf(text.flag, "is longer than %d characters", text.most))
		case !utf8.ValidString(text.value) || strings.ContainsFunc(text.value, unicode.IsControl):
			errs = append(errs, Errorf(text.flag, "holds a line break or another character that cannot be shown"))
		}
	}
	for flag, value := range map[string]string{"privacy-url": b.PrivacyURL, "terms-url": b.TermsURL} {
		if value == "" {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.User != nil || !plainHost(u) || u.Scheme != "https" && (u.Scheme != "http" || !s.AllowHTTP && !auth.IsLoopback(u.Hostname())) {
			errs = append(errs, Errorf(flag, "%q is not an address like https://www.example.com/privacy", value))
		}
	}
	var err error
	if b.Logo, err = s.readLogo(); err != nil {
		errs = append(errs, err)
	}
	return b, errors.Join(errs...)
}

// readLogo reads the logo once, at the start.
func (s *Settings) readLogo() (*Logo, error) {
	if s.SiteLogo == "" {
		return nil, nil
	}
	file, err := os.Open(s.SiteLogo)
	if err != nil {
		return nil, Errorf("site-logo", "%v", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxLogo+1))
	if err != nil {
		return nil, Errorf("site-logo", "%v", err)
	}
	if len(data) > maxLogo {
		return nil, Errorf("site-logo", "is larger than %d kB", maxLogo>>10)
	}
	contentType := http.DetectContentType(data)
	switch contentType {
	case "image/png", "image/jpeg", "image/webp":
		return &Logo{ContentType: contentType, Data: data}, nil
	}
	// An SVG runs no script in an img, and when it is opened by itself our content policy
	// applies.
	if strings.EqualFold(filepath.Ext(s.SiteLogo), ".svg") && bytes.Contains(data, []byte("<svg")) {
		return &Logo{ContentType: "image/svg+xml", Data: data}, nil
	}
	return nil, Errorf("site-logo", "%q is not a PNG, JPEG, WebP or SVG", filepath.Base(s.SiteLogo))
}
