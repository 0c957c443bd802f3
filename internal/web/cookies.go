package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// maxCookies is how many cookies net/http reads at most. Of a request with more
// it reads none.
const maxCookies = 3000

// cookieValues gives the values of r.CookiesNamed, as many as there is room for.
// It makes no http.Cookie of each, which took longer than to find the session in
// memory. A fuzz test holds the two against each other.
func cookieValues(room []string, r *http.Request, name string) []string {
	values := room[:0]
	lines := r.Header["Cookie"]
	count := 0
	for _, line := range lines {
		count += strings.Count(line, ";") + 1
	}
	if count > maxCookies {
		return values
	}
	for _, line := range lines {
		for line != "" && len(values) < len(room) {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, _ := strings.Cut(textproto.TrimString(pair), "=")
			if textproto.TrimString(key) != name {
				continue
			}
			if value, ok := cookieValue(value); ok {
				values = append(values, value)
			}
		}
	}
	return values
}

// cookieValue takes the quotes away. ok is false for what no cookie may hold.
func cookieValue(raw string) (value string, ok bool) {
	value = raw
	if n := len(raw); n > 1 && raw[0] == '"' && raw[n-1] == '"' {
		value = raw[1 : n-1]
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return value, true
}

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
