package web

import (
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// maxReturnTo bounds a return address, which has to fit into a cookie.
const maxReturnTo = 2048

// returnTo returns where a browser is sent after a login: raw itself, byte for byte, if it is
// a path on this site or an absolute address on an allowed host, and home otherwise.
//
// Browsers accept more than net/url does (they take a backslash for a slash, ignore tabs,
// and resolve /./), so every address that they would read differently is refused, rather
// than repaired.
func (s site) returnTo(raw string) string {
	if s.refuses(raw) == "" {
		return raw
	}
	return s.home()
}

// refuses returns why a browser may not be sent to an address, for the operator; empty if it
// may.
func (s site) refuses(raw string) string {
	const strange = "the address can be read in more than one way"
	if raw == "" || len(raw) > maxReturnTo {
		return "the address has none or more than 2048 bytes"
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] == 0x7f || raw[i] == '\\' {
			return strange
		}
	}
	relative := strings.HasPrefix(raw, "/")
	u, err := url.Parse(escapeStray(raw))
	if err != nil || u.User != nil || u.Opaque != "" || !plainPath(u) {
		return strange
	}
	if relative {
		if u.Scheme != "" || u.Host != "" || strings.HasPrefix(raw, "//") {
			return strange
		}
		return ""
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "the address is neither a path nor one of https"
	}
	if !s.hosts[usualPort(u.Scheme, strings.ToLower(u.Host))] {
		return "the host is not in WXLOGIN_RETURN_HOSTS"
	}
	if u.Scheme == "http" && !auth.IsLoopback(u.Hostname()) {
		return "the address is one of http"
	}
	// The part before the path is compared byte by byte with what we parsed, so that no
	// other parser can read another host.
	if !strings.HasPrefix(strings.ToLower(raw), u.Scheme+"://"+strings.ToLower(u.Host)) || u.Path != "" && u.Path[0] != '/' {
		return strange
	}
	return ""
}

// usualPort removes the default port of https.
func usualPort(scheme, host string) string {
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// escapeStray writes %25 for every % in a path that does not begin an escape: browsers send
// such paths as they are (/sale-50%-off), and net/url cannot parse them.
func escapeStray(raw string) string {
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + len("://")
	}
	slash := strings.IndexByte(raw[start:], '/')
	if slash < 0 || !strings.Contains(raw, "%") {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		b.WriteByte(raw[i])
		if raw[i] == '%' && i > start+slash && !(i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2])) {
			b.WriteString("25")
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// plainPath says whether a path has no segment . or .. and does not begin with two slashes,
// escaped or not.
func plainPath(u *url.URL) bool {
	if strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
