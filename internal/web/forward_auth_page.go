package web

import (
	"net/http"
	"net/url"

	"wxlogin/internal/auth"
)

// What a person sees at another site, under its address, when they are not signed
// in and its proxy does not lead them on.

// refusedForwardAuth is for somebody who is not signed in at another site and whom its
// proxy does not lead on: a form was sent, or the page is part of another one.
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

// forwardAuthBack is that for another site: the page that holds the form, which a form's
// own address may not be, if it is of the site that the proxy asks about.
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

// pageElsewhere lets a page be shown under another site's address, which has none
// of our files, and in a frame of the sites that people may come back to. A message
// has a link to the login at most, and nothing that a click could be stolen for.
func (s *Server) pageElsewhere(h http.Header, f *frame) {
	f.Base = s.site.origin + "/"
	h.Set("Content-Security-Policy", s.elsewherePolicy)
	h.Del("X-Frame-Options") // knows no list; frame-ancestors stands for it
}

// newElsewherePolicy is contentPolicy for such a page.
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
