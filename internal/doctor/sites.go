package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// checkReturnHosts finds sites that a login returns to but its cookie does not reach:
// browsers are redirected between such a site and WeChat for ever.
func (d *doctor) checkReturnHosts(context.Context) []finding {
	const subject = "return to"
	public, domain := d.config.PublicURL, d.config.CookieDomain
	switch {
	case public == nil:
		return skip(subject, "WXLOGIN_PUBLIC_URL is not valid")
	case domain == "" && d.settings.CookieDomain != "":
		return skip(subject, "WXLOGIN_COOKIE_DOMAIN is not valid")
	case len(d.config.ReturnHosts) == 0 && domain != "":
		return one(warning, subject, "WXLOGIN_COOKIE_DOMAIN is set and WXLOGIN_RETURN_HOSTS is not: people come back to no other site",
			"name the protected sites in WXLOGIN_RETURN_HOSTS, or leave out WXLOGIN_COOKIE_DOMAIN")
	}
	var outside []string
	for _, host := range d.config.ReturnHosts {
		u, err := url.Parse("//" + host)
		if err != nil {
			continue // checkSettings reports it
		}
		name := strings.ToLower(u.Hostname())
		if name != strings.ToLower(public.Hostname()) && (domain == "" || name != domain && !strings.HasSuffix(name, "."+domain)) {
			outside = append(outside, host)
		}
	}
	switch {
	case len(d.config.ReturnHosts) == 0:
		return one(good, subject, "none", "")
	case outside == nil:
		return one(good, subject, fmt.Sprintf("%d, and the session reaches all", len(d.config.ReturnHosts)), "")
	}
	text := "the session's cookie does not reach " + strings.Join(outside, ", ") + ", as WXLOGIN_COOKIE_DOMAIN is not set"
	if domain != "" {
		text = "the session's cookie does not reach " + strings.Join(outside, ", ") + ", as WXLOGIN_COOKIE_DOMAIN is " + domain
	}
	return one(warning, subject, text, "set WXLOGIN_COOKIE_DOMAIN to the domain that these sites share with "+public.Hostname()+
		"; a site below no such domain cannot be protected\nwithout it browsers go round between the site and WeChat; a site that is led back to and asks nobody who it is needs nothing")
}

// siteProbe is a page that no site has.
const siteProbe = "/wxlogin-doctor?from=doctor"

// checkSites opens every site as somebody who is not signed in, and checks that the login
// returns to the page.
func (d *doctor) checkSites(ctx context.Context) []finding {
	const subject = "forward auth"
	public := d.config.PublicURL
	switch {
	case public == nil || len(d.config.ReturnHosts) == 0:
		return nil
	case d.offline:
		return skip(subject, isOffline)
	}
	var findings []finding
	for _, host := range d.config.ReturnHosts {
		scheme := "https://"
		if u, err := url.Parse("//" + host); err == nil && auth.IsLoopback(u.Hostname()) {
			scheme = "http://"
		}
		wanted := scheme + host + siteProbe
		findings = append(findings, d.checkSite(ctx, wanted))
	}
	return findings
}

func (d *doctor) checkSite(ctx context.Context, wanted string) finding {
	const subject = "forward auth"
	r, err := d.get(ctx, wanted)
	switch {
	case err != nil:
		return finding{skipped, subject, wanted + ": " + diagnose(err).text, ""}
	case r.location == nil || !strings.HasPrefix(r.location.String(), strings.TrimRight(d.config.PublicURL.String(), "/")+"/"):
		return finding{skipped, subject, fmt.Sprintf("%s answers %d and asks for no login; not protected, or not this page", wanted, r.status), ""}
	}
	back := r.location.Query().Get("return_to")
	if back == wanted {
		return finding{good, subject, wanted + " leads to the login and back", ""}
	}
	return finding{failure, subject, wanted + " leads to the login, and from there to " + back,
		"have the proxy of that site send, with its question to /verify:\nnginx: proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Uri $request_uri;" +
			"\nand name the proxy in WXLOGIN_TRUSTED_PROXIES and the site in WXLOGIN_RETURN_HOSTS; the service's log has the reason"}
}
