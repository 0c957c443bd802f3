package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"wxlogin/internal/auth"
)

// wanted returns the address that the person requested at the other site, if a trusted proxy
// sends it and a login may lead there; home otherwise. Small mistakes of a proxy are
// corrected if the meaning is clear: the host has to be an allowed one all the same.
func (s *Server) wanted(r *http.Request) string {
	host, uri := s.forwarded(r, "X-Forwarded-Host"), ""
	if s.fromProxy(r) {
		uri = r.Header.Get("X-Forwarded-Uri") // a path may contain a comma
		if below := strings.TrimPrefix(r.URL.EscapedPath(), s.site.prefix+verifyPath); uri == "" && host == "" && strings.HasPrefix(below, "/") {
			host, uri = r.Host, below // Envoy leaves the visitor's host and appends the path
			if r.URL.RawQuery != "" {
				uri += "?" + r.URL.RawQuery
			}
		}
	}
	switch {
	case !s.fromProxy(r) && r.Header.Get("X-Forwarded-Host") != "":
		return s.nowhere(r, "the proxy is not in WXLOGIN_TRUSTED_PROXIES", "proxy", requestStateOf(r).client)
	case host == "":
		return s.nowhere(r, "the proxy sends no X-Forwarded-Host", "", "")
	case !strings.HasPrefix(uri, "/"):
		return s.nowhere(r, "the proxy sends no X-Forwarded-Uri that begins with /", "host", host)
	case strings.ContainsAny(host, `/\?#@`):
		return s.nowhere(r, "X-Forwarded-Host is no host", "host", host)
	}
	host = s.site.meant(host, s.forwarded(r, "X-Forwarded-Proto"), s.forwarded(r, "X-Forwarded-Port"))
	// Of the allowed hosts, only this machine's may be http: if the proxy says http for
	// another one, TLS was terminated before the proxy.
	scheme := "https"
	if u, err := url.Parse("//" + host); err == nil && auth.IsLoopback(u.Hostname()) && s.forwarded(r, "X-Forwarded-Proto") != "https" {
		scheme = "http"
	}
	// Most sites take two slashes at the beginning for one, and browsers take what follows
	// them for a host.
	uri = "/" + strings.TrimLeft(uri, "/")
	address := scheme + "://" + host
	for _, place := range []string{uri, beforeAny(uri, "?#"), "/"} {
		if len(address)+len(place) <= maxReturnTo {
			address += place
			break
		}
	}
	if why := s.site.refuses(address); why != "" {
		return s.nowhere(r, why, "host", host)
	}
	return address
}

// meant normalizes a host: without the dot at its end and the default port. A port that the
// proxy sends in a header of its own is added if only the host with it is allowed.
func (s site) meant(host, proto, port string) string {
	if proto == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	host = strings.TrimSuffix(host, ":443")
	name, rest := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, rest = host[:i], host[i:]
	}
	host = strings.TrimSuffix(name, ".") + rest
	if rest == "" && port != "" && !s.hosts[strings.ToLower(host)] && s.hosts[strings.ToLower(host)+":"+port] {
		host += ":" + port
	}
	return host
}

func beforeAny(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}

// nowhere returns home, and logs once why people do not come back to the page they wanted.
func (s *Server) nowhere(r *http.Request, why, name, value string) string {
	value = value[:min(len(value), maxNoticed)]
	if s.notices.first(why + " " + value) {
		attrs := []any{"request_id", requestID(r), "reason", why}
		if name != "" {
			attrs = append(attrs, name, value)
		}
		s.log.WarnContext(r.Context(), "people do not come back to the page they wanted", attrs...)
	}
	return s.site.home()
}

// returnTo returns the return address that a request asks for, or home.
func (s *Server) returnTo(r *http.Request) string {
	raw := r.URL.Query().Get("return_to")
	// Some pages append their own "?return_to=" to a login_url, which once had none.
	raw = strings.TrimPrefix(raw, s.site.home()+"?return_to=")
	if raw == "" {
		return s.site.home()
	}
	if why := s.site.refuses(raw); why != "" {
		host := ""
		if u, err := url.Parse(beforeAny(raw, "?#")); err == nil {
			host = u.Host
		}
		return s.nowhere(r, "return_to: "+why, "host", host)
	}
	return raw
}

// notices are warnings that have been logged. Anybody can cause some, so their number is
// bounded.
type notices struct {
	mu       sync.Mutex
	reported map[string]bool
}

const (
	maxNotices = 100
	maxNoticed = 200 // bytes of a value from a request
)

// first says whether a warning is new and may be logged.
func (n *notices) first(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reported[what] || len(n.reported) >= maxNotices {
		return false
	}
	if n.reported == nil {
		n.reported = make(map[string]bool)
	}
	n.reported[what] = true
	return true
}
