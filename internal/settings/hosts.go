package settings

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"wxlogin/internal/auth"
)

// ParsePublicURL parses the address that visitors use. Its errors name the setting.
func (s *Settings) ParsePublicURL() (*url.URL, error) {
	const flag, form = "public-url", "for example https://h5.example.com or https://h5.example.com/wx"
	if s.PublicURL == "" {
		return nil, Errorf(flag, "is required: the address that visitors use, %s", form)
	}
	u, err := url.Parse(s.PublicURL)
	switch {
	case err != nil || !plainHost(u) || u.Scheme != "https" && u.Scheme != "http":
		hint := ""
		if err == nil {
			hint = hostHint(u.Hostname())
		}
		return nil, Errorf(flag, "%q is not an address, %s%s", s.PublicURL, form, hint)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.RawPath != "" || strings.ContainsAny(u.Path, `\{}*`) || strings.Contains(u.Path, "//") || path.Clean("/"+u.Path) != "/"+strings.Trim(u.Path, "/"):
		return nil, Errorf(flag, "has more than scheme, host and a plain path, %s", form)
	case slices.Contains([]string{"callback", "login", "admin", "scan", "verify", "signin"}, path.Base(u.Path)):
		return nil, Errorf(flag, "ends in /%s, which is an address below it; leave that out: %s", path.Base(u.Path), strings.TrimSuffix(strings.TrimRight(s.PublicURL, "/"), "/"+path.Base(u.Path)))
	case u.Scheme == "http" && !auth.IsLoopback(u.Hostname()) && !s.AllowHTTP:
		return nil, Errorf(flag, "%q is http, which sends sessions in the clear; use https, or set WXLOGIN_ALLOW_HTTP=true if this is a closed network", s.PublicURL)
	}
	return u, nil
}

// plainHost reports whether an address has a usable host: a name as it goes over the wire,
// without wildcards, or an IP address as browsers write it; and a port between 1 and 65535,
// if any.
func plainHost(u *url.URL) bool {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	host := u.Hostname()
	return host != "" && !strings.HasSuffix(u.Host, ":") && !strings.ContainsAny(host, "*?, ") && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".") &&
		isASCII(host) && (!numeric(host) || asSent(host) == strings.ToLower(host))
}

// numeric reports whether browsers take a host for an IP address: it has a colon, or its
// last label is a number (URL Standard, "ends in a number").
func numeric(host string) bool {
	end := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(end, 0, 64)
	return strings.Contains(host, ":") || err == nil || end != "" && strings.Trim(end, "0123456789") == ""
}

// asSent returns an IP address as browsers write it. It is empty for a host that browsers
// do not accept as one, or whose form differs between them.
func asSent(host string) string {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is4In6() || ip.Zone() != "" {
		return ""
	}
	return ip.String()
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// hostHint explains what is wrong with a host that looks right. Such mistakes are hard to
// see, and browsers compare letter by letter.
func hostHint(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil { // it has no port
		name = strings.Trim(host, "[]")
	}
	switch {
	case strings.ContainsAny(host, "，、；;"):
		return "; hosts are separated by the comma of ASCII (,), and this is another"
	case strings.ContainsAny(host, "。．："):
		return "; it holds a full-width dot or colon"
	case strings.HasPrefix(host, "."), strings.HasSuffix(host, "."):
		return "; leave out the dot before or behind it, and name every host by itself"
	case numeric(name) && asSent(name) == "":
		return "; write an IP address in full, and without a zone"
	case numeric(name) && asSent(name) != strings.ToLower(name):
		return "; browsers send such a name as " + asSent(name)
	case !isASCII(host):
		if plain, err := idna.Lookup.ToASCII(host); err == nil {
			return "; browsers send such a name as " + plain
		}
		return "; browsers send such a name in punycode (xn--…)"
	}
	return ""
}

func (s *Settings) parseCookieDomain(public *url.URL) (string, error) {
	domain := strings.TrimPrefix(strings.ToLower(s.CookieDomain), ".")
	if s.CookieDomain == "" || public == nil {
		return "", nil
	}
	if !isASCII(domain) || strings.ContainsAny(domain, ",;") {
		return "", Errorf("cookie-domain", "%q is not one domain%s", s.CookieDomain, hostHint(domain))
	}
	host := strings.ToLower(public.Hostname())
	// Browsers drop a cookie for a domain that does not contain the page's host, or that
	// many owners share (co.uk, github.io). The visitor would be redirected between us and
	// WeChat for ever.
	suffix, _ := publicsuffix.PublicSuffix(domain)
	if host != domain && !strings.HasSuffix(host, "."+domain) || suffix == domain {
		return "", Errorf("cookie-domain", "%q is not the domain of the public URL's host %q, nor one above it that is all yours", s.CookieDomain, host)
	}
	return domain, nil
}

// OnLoopback reports whether a listen address can be reached from this machine only.
func OnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && auth.IsLoopback(strings.ToLower(host))
}
