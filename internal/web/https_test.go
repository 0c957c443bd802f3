package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/admin"
)

// cookieTag is what a cookie's name has of the instance, and a flow's of the flow.
var cookieTag = regexp.MustCompile(`_[0-9a-f]{8}(_.{10})?$`)

// TestHTTPS walks through a login, a scan and the admin pages on https, as every real
// service has it: browsers refuse a cookie whose name promises what its attributes
// do not keep (RFC 6265bis, 4.1.3).
func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, domain string
		want         []string // cookies, in the order of their first coming
	}{
		{"a host of its own", "", []string{"__Host-wxlogin_flow", "__Host-wxlogin", "__Host-wxlogin_farewell", "__Host-wxlogin_scan", "__Host-wxlogin_desk"}},
		{"a domain", "example.com", []string{"__Host-wxlogin_flow", "__Secure-wxlogin", "__Host-wxlogin_farewell", "__Host-wxlogin_scan", "__Host-wxlogin_desk"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, options{https: true, cookieDomain: c.domain})
			var came []string
			see := func(p *page) *page {
				if !strings.HasPrefix(w.url, p.URL.Scheme+"://"+p.URL.Host) {
					return p // WeChat's
				}
				if got := p.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
					t.Errorf("%s: Strict-Transport-Security %q", p.URL.Path, got)
				}
				for _, line := range p.Header["Set-Cookie"] {
					cookie, err := http.ParseSetCookie(line)
					check(t, err)
					name := cookieTag.ReplaceAllString(cookie.Name, "")
					if !slices.Contains(came, name) {
						came = append(came, name)
					}
					domain := ""
					if strings.HasPrefix(cookie.Name, "__Secure-") {
						domain = c.domain
					}
					if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != domain {
						t.Errorf("%s sets %s with %+v", p.URL.Path, cookie.Name, cookie)
					}
					if (cookie.Value == "") != (cookie.MaxAge < 0) || cookie.MaxAge == 0 {
						t.Errorf("%s sets %s for %d seconds with %d bytes", p.URL.Path, cookie.Name, cookie.MaxAge, len(cookie.Value))
					}
				}
				return p
			}
			phone, desktop := w.phone("lin"), w.browser(desktopWeb)
			p := see(phone.get("/login?consent=1"))
			for p.URL.Path != "/" { // where another trip would begin, as the jar keeps no cookie of another domain
				next, err := p.URL.Parse(p.Header.Get("Location"))
				check(t, err)
				p = see(phone.get(next.String()))
			}
			if c.domain == "" {
				p.wantPage(http.StatusOK, "OpenID")
				phone.wantMe("lin")
			}
			see(phone.post("/logout", nil))
			see(phone.get("/login")) // takes the notice of having signed out back
			see(desktop.get("/scan"))
			token, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
			check(t, err)
			see(desktop.post("/admin/link", url.Values{"token": {string(token)}}))
			if !slices.Equal(came, c.want) {
				t.Errorf("cookies %q, want %q", came, c.want)
			}
		})
	}
}
