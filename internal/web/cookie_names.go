package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// cookieName adds the prefix that makes browsers hold to the rules: __Host- for
// a cookie of this host alone, __Secure- for one that siblings share. Neither
// works without https.
func cookieName(secure bool, domain, name string) string {
	switch {
	case !secure:
		return name
	case domain == "":
		return "__Host-" + name
	}
	return "__Secure-" + name
}

// cookie is the name of one of our cookies. It tells this instance from others on
// the same host, whatever their port or path, and on the same cookie domain:
// browsers would have one cookie for all of them.
func (s site) cookie(domain, name string) string {
	return cookieName(s.secure, domain, name) + "_" + s.tag
}

// cookieTag is a short hash of the public URL without its scheme.
func cookieTag(public *url.URL, prefix string) string {
	host := strings.ToLower(public.Host)
	for scheme, port := range map[string]string{"https": ":443", "http": ":80"} {
		if public.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	sum := sha256.Sum256([]byte(host + prefix))
	return hex.EncodeToString(sum[:4])
}
