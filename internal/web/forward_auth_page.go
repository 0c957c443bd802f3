package web

import (
	"net/http"
	"net/url"

	"wxlogin/internal/auth"
)

// The page that a person sees under another site's address when they are not signed in and
// the site's proxy does not redirect them.

// refusedForwardAuth returns that page: a form was sent, or the page is in a frame.
func (s *Server) refusedForwardAuth(r *http.Request) messagePage {
	p := messagePage{Icon: "info", Key: "reason.not_signed_in", Action: &link{Label: "action.sign_in", Href: s.signInURL(s.backTo(r))}}
	switch {
	case inFrame(r):
		p.Key = "framed"
	case s.methodOf(r) != http.MethodGet:
		p.Key = "not_delivered"
	}
	return p
}

// forwardAuthBack is backTo for another site: the requested page, or for a form, which cannot
// be sent again, the page with the form, if it is of the same site.
func (s *Server) forwardAuthBack(r *http.Request) string {
	wanted := s.wanted(r)
	if s.methodOf(r) == http.MethodGet {
		return wanted
	}
	from := beforeAny(r.Header.Get("Referer"), "#")
	site := func(address string) string {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return ""
		}
		return u.Scheme + "://" + u.Host
	}
	if site(from) != "" && site(from) == site(wanted) && s.site.refuses(from) == "" {
		return from
	}
	return wanted
}

// pageElsewhere lets a page be shown under another site's address, which does not have our
// files, and in a frame of the allowed sites. The page has at most a link to the login, so
// there is nothing to steal a click for.
func (s *Server) pageElsewhere(h http.Header, f *frame) {
	f.Base = s.site.origin + "/"
	h.Set("Content-Security-Policy", s.elsewherePolicy)
	h.Del("X-Frame-Options") // it cannot list sites; frame-ancestors does
}

// newElsewherePolicy returns the content policy of such a page.
func newElsewherePolicy(site site, returnHosts []string) string {
	frames := "'self' " + site.origin
	for _, host := range returnHosts {
		frames += " https://" + host
		if u, err := url.Parse("//" + host); err == nil && auth.IsLoopback(u.Hostname()) {
			frames += " http://" + host
		}
	}
	return "default-src 'none'; style-src " + site.origin + "; img-src " + site.origin + " data:; form-action 'none'; base-uri " +
		site.origin + "; frame-ancestors " + frames
}
