package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/sessions"
)

// cookieName adds the prefix that makes browsers enforce a cookie's rules: __Host- for a
// cookie of this host alone, __Secure- for one that is shared with sibling hosts. Neither
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

// cookie returns the name of one of our cookies. Its tag tells this instance from others on
// the same host, with another port or path, or on the same cookie domain: with the same
// name, browsers would keep one cookie for all of them.
func (s site) cookie(domain, name string) string {
	return cookieName(s.secure, domain, name) + "_" + s.tag
}

// cookieOptions returns the options of our cookies. gorilla's defaults are SameSite=None
// without HttpOnly, so every field is set. With Strict, a cookie would not be sent on the
// way back from WeChat.
func (s site) cookieOptions(domain string, lifetime time.Duration) sessions.Options {
	return sessions.Options{
		Path:     "/",
		Domain:   domain,
		MaxAge:   int(lifetime / time.Second),
		Secure:   s.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// newCookie makes a cookie of this host alone. A negative lifetime deletes it.
func (s site) newCookie(name, value string, lifetime time.Duration) *http.Cookie {
	options := s.cookieOptions("", lifetime)
	if lifetime < 0 {
		return takeBack(s.cookie("", name), options)
	}
	return sessions.NewCookie(s.cookie("", name), value, &options)
}

// takeBack makes a cookie that deletes the one of its name.
func takeBack(name string, options sessions.Options) *http.Cookie {
	options.MaxAge = -1
	return sessions.NewCookie(name, "", &options)
}

// cookieTag returns a short hash of the public URL without its scheme.
func cookieTag(public *url.URL, prefix string) string {
	sum := sha256.Sum256([]byte(sentHost(public) + prefix))
	return hex.EncodeToString(sum[:4])
}
