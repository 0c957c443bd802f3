package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/web"
)

// What a site says of itself stands where people agree, scan and read messages,
// with the host, which alone cannot be made up.
func TestBranding(t *testing.T) {
	t.Parallel()
	logo := []byte("\x89PNG\r\n\x1a\n and the rest of it")
	branding := web.Branding{
		Name: "小满 <杂货铺>", Logo: &web.Logo{ContentType: "image/png", Data: logo},
		PrivacyURL: "https://www.example.com/privacy", TermsURL: "https://www.example.com/terms?a=1&b=2", Contact: "service@example.com",
	}
	w := newWorld(t, options{branding: branding})
	byWebsite := newWorld(t, options{branding: branding, accounts: threeAccounts})
	host := strings.TrimPrefix(w.url, "http://")
	foot := []string{"小满 &lt;杂货铺&gt;", `href="https://www.example.com/privacy"`, `href="https://www.example.com/terms?a=1&amp;b=2"`, `href="mailto:service@example.com"`}
	phone := w.phone("lin")
	scan := w.browser(desktopWeb).scans("/")
	wang := w.signedIn("wang")
	confirming := wang.opens(scan.path)
	app, closed := w.app("Wiki", nil), w.app("Grafana", func(c *auth.Client) { c.Groups = []string{"staff"} })
	for name, test := range map[string]struct {
		page  *page
		wants []string
	}{
		"consent":           {phone.get("/consent"), append(foot, host)},
		"scan":              {w.browser(desktopWeb).get("/scan"), append(foot, host)},
		"a website account": {byWebsite.browser(desktopWeb).get("/scan"), append(foot, strings.TrimPrefix(byWebsite.url, "http://"))},
		"the phone's":       {confirming, append(foot, host)},
		"an application's":  {wang.get(app.begins()), append(foot[1:], "site-logo")},
		"kept out of one":   {wang.get(closed.begins()), append(foot, "Grafana")},
		"a logout of one":   {wang.get("/oidc/logout?client_id=" + app.client.ID), foot},
		"my data":           {wang.get("/me"), foot[1:]},
		"a message":         {w.browser(iPhone).get("/nowhere"), foot},
		"a cancelled login": {w.browser(iPhone).get("/consent?declined=1"), foot},
	} {
		for _, want := range test.wants {
			if !strings.Contains(test.page.Body, want) {
				t.Errorf("%s does not say %s", name, want)
			}
		}
		if n := strings.Count(test.page.Body, "<footer"); n != 1 {
			t.Errorf("%s has %d feet", name, n)
		}
	}
	src := regexp.MustCompile(`class="mark" src="(/static/[0-9a-f]+/site-logo)"`).FindStringSubmatch(phone.get("/consent").Body)
	if src == nil {
		t.Fatal("the consent page has no logo")
	}
	if p := phone.get(src[1]); p.Body != string(logo) || p.Header.Get("Content-Type") != "image/png" || !strings.Contains(p.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("the logo: status %d, %d bytes, %v", p.Status, len(p.Body), p.Header)
	}

	// Without a word of it there is our own sign, the host alone and no foot.
	bare := newWorld(t, options{})
	if body := bare.phone("lin").get("/consent").Body; !strings.Contains(body, "/logo.svg") || strings.Contains(body, "site-foot") || !strings.Contains(body, `<b class="site">`+strings.TrimPrefix(bare.url, "http://")+"</b>") {
		t.Errorf("without branding: %s", body)
	}
}

// A contact leads where it can: to an e-mail or a page, and words lead nowhere.
func TestContact(t *testing.T) {
	t.Parallel()
	for contact, want := range map[string]string{
		"service@example.com":           "mailto:service@example.com",
		"https://www.example.com/help?": "https://www.example.com/help?",
		"400-800-8800（工作日）":             "",
		"Lin <service@example.com>":     "",
		"javascript:alert(1)":           "",
		"":                              "",
	} {
		if got := (web.Branding{Contact: contact}).ContactLink(); string(got) != want {
			t.Errorf("%q leads to %q, want %q", contact, got, want)
		}
	}
}

// The consent page names all that is stored and why, and can be declined, which
// stores nothing and can be thought over.
func TestConsentCanBeDeclined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	consent := phone.opens("/login?return_to=%2Fshop")
	for _, named := range []string{"昵称、头像", "性别、地区", "OpenID、UnionID", "登录时间、网络地址（IP）、浏览器", "暂不登录"} {
		if !strings.Contains(consent.Body, named) {
			t.Errorf("the consent page does not say %q", named)
		}
	}
	declined := phone.get(regexp.MustCompile(`href="([^"]*declined=1)"`).FindStringSubmatch(strings.ReplaceAll(consent.Body, "&amp;", "&"))[1])
	declined.wantPage(http.StatusOK, "/consent?return_to="+url.QueryEscape("/shop"))
	if n := w.users(); n != 0 {
		t.Errorf("%d people are stored", n)
	}
	phone.wantNobody()
}
