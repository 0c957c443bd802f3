package web

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxReturnTo bounds an address to return to; it has to fit into a cookie.
const maxReturnTo = 2048

// returnTo decides where a browser may be sent after a login: raw itself, byte
// for byte, if it is a path on this site or an absolute address on an allowed
// host, and home for anything else.
//
// Browsers forgive more than net/url does (a backslash is a slash to them, tabs
// vanish, /./ folds away), so everything that they would read differently from
// us is refused rather than mended.
func (s site) returnTo(raw string) string {
	if s.allowsReturn(raw) {
		return raw
	}
	return s.home()
}

func (s site) allowsReturn(raw string) bool {
	if raw == "" || len(raw) > maxReturnTo {
		return false
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] == 0x7f || raw[i] == '\\' {
			return false
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || !plainPath(u) {
		return false
	}
	if strings.HasPrefix(raw, "/") {
		return u.Scheme == "" && u.Host == "" && !strings.HasPrefix(raw, "//")
	}
	scheme := u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
	// What stands before the path is compared letter by letter with what we parsed,
	// so that no reader can take another host out of it.
	return scheme && s.hosts[strings.ToLower(u.Host)] &&
		strings.HasPrefix(strings.ToLower(raw), u.Scheme+"://"+strings.ToLower(u.Host)) &&
		(u.Path == "" || u.Path[0] == '/')
}

// plainPath says that a path has no segment . or .. and does not begin with two
// slashes, in any spelling.
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

// IsLoopback says whether a host name can only mean this machine.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
