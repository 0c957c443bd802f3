package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// authorize is where applications send people's browsers. Nothing is written for a person
// who is not signed in.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	// The address of the redirect contains a code or an application's state.
	w.Header().Set("Referrer-Policy", "no-referrer")
	if ahead(r) {
		return auth.Failf(auth.BadRequest, "a code is for who has asked for it")
	}
	a, err := s.readAuthorization(r.Context(), r.URL.RawQuery)
	if err == nil {
		err = s.decide(w, r, a)
		if err != nil && a.silent && auth.KindOf(err) == auth.Unavailable { // nobody would see a page
			err = a.refuse("temporarily_unavailable", "try again in a moment")
		}
	}
	return s.orRefused(w, r, err)
}

// orRefused redirects a refusal to its application, and returns any other error.
func (s *Server) orRefused(w http.ResponseWriter, r *http.Request, err error) error {
	if refused, ok := errors.AsType[*refusal](err); ok {
		s.refusedFor(r, refused)
		return redirect(w, http.StatusSeeOther, s.refusalAddress(refused))
	}
	return err
}

// ahead says whether a browser prefetches a page that may be opened next, or loads it for a
// preview. Older browsers use headers of their own.
func ahead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		said := r.Header.Get(name)
		if strings.Contains(said, "prefetch") || strings.Contains(said, "preview") {
			return true
		}
	}
	return false
}

// refusedFor logs and counts a refusal.
func (s *Server) refusedFor(r *http.Request, refused *refusal) {
	s.log.InfoContext(r.Context(), "authorization request refused", "request_id", requestID(r), "application", refused.a.client.Name, "error", refused)
	s.config.Application(refused.a.client.Name, "authorize", refused.code)
}

// authorizeByForm redirects a form as GET: as another site's form, it came without our
// cookie.
func (s *Server) authorizeByForm(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	query := s.sentQuery(r)
	if len(query) > maxAuthorize { // it may be too long for an address, and is then refused here
		a, err := s.readAuthorization(r.Context(), query)
		if err != nil {
			return s.orRefused(w, r, err)
		}
		query = a.query
	}
	return redirect(w, http.StatusSeeOther, s.site.absolute("/oidc/authorize?"+query))
}

// sentQuery returns the query of a request, with its form appended.
func (s *Server) sentQuery(r *http.Request) string {
	query := r.URL.RawQuery
	if form := r.PostForm.Encode(); form != "" {
		if query != "" {
			query += "&"
		}
		query += form
	}
	return query
}

// decide issues a code, or leads to what is missing: a login or a consent.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, a *authorization) error {
	if inFrame(r) && !a.silent {
		return s.page(w, r, messagePage{Icon: "info", Key: "framed", Action: &link{Label: "action.sign_in", Href: r.URL.RequestURI()}})
	}
	visit, err := s.visitor(r)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		return s.signInFor(w, r, a)
	case err != nil:
		return err
	case s.needsFresh(a, visit):
		return s.signInFor(w, r, a)
	case a.subject != "" && a.subject != visit.User.ID:
		return a.refuse("login_required", "another person is signed in than the id_token_hint names")
	case !a.client.Admits(&visit.User):
		return s.keepOut(w, r, a)
	}
	consented := !a.consent
	if consented {
		if consented, err = s.grants.Consented(r.Context(), &a.client, visit.User.ID, a.scopes); err != nil {
			return err
		}
	}
	if !consented {
		if a.silent {
			return a.refuse("consent_required", "the person has not agreed yet")
		}
		return s.page(w, r, s.askConsent(a, visit))
	}
	code, err := s.grants.Code(r.Context(), auth.CodeRequest{
		Client: &a.client, Visit: visit, RedirectURI: a.redirectURI, Scopes: a.scopes, Nonce: a.nonce, Challenge: a.challenge,
	})
	if auth.ReasonOf(err) == auth.NotSignedIn {
		return s.signInFor(w, r, a)
	}
	if err != nil {
		return err
	}
	s.config.Application(a.client.Name, "authorize", "given")
	s.log.InfoContext(r.Context(), "authorization code issued", "request_id", requestID(r), "application", a.client.Name, "user", visit.User.ID)
	return redirect(w, http.StatusSeeOther, s.answer(a, url.Values{"code": {string(code)}}))
}

// needsFresh says whether the login of a visit is not recent enough for the request.
func (s *Server) needsFresh(a *authorization, visit *auth.Visit) bool {
	old := a.maxAge >= 0 && auth.Age(s.now(), visit.Session.CreatedAt) > a.maxAge
	return (a.login || old) && !s.fresh(a.mark, a.query, visit)
}

// signInFor lets the browser sign in and come back to the same address.
func (s *Server) signInFor(w http.ResponseWriter, r *http.Request, a *authorization) error {
	if a.silent {
		return a.refuse("login_required", "nobody is signed in, or not recently enough")
	}
	query := readOneWay(a.ofTrip())
	returnTo := s.site.prefix + "/oidc/authorize?" + query
	if a.login || a.maxAge >= 0 {
		visit, err := s.live(r, s.cookies.visitor)
		if err != nil && auth.ReasonOf(err) != auth.NotSignedIn {
			return err
		}
		returnTo += markParameter + s.newMark(query, visit)
	}
	// Otherwise a person who has just signed out would be signed in again, unnoticed.
	if key := s.signedOutNotice(r); key != "" && s.inWeChat(r) {
		return s.page(w, r, messagePage{Icon: "success", Key: key, Action: &link{Label: "action.login", Href: s.signInPath(r, returnTo)}})
	}
	return redirect(w, http.StatusFound, s.signInPath(r, returnTo))
}

// readOneWay escapes what a return address must not contain: characters that browsers and
// servers read differently. The values stay the same.
func readOneWay(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' {
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// keepOut tells a person that they may not sign in to the application, and leads back to it.
func (s *Server) keepOut(w http.ResponseWriter, r *http.Request, a *authorization) error {
	denied := &refusal{a, "access_denied", "the person is in none of the groups that may enter"}
	if a.silent {
		return auth.Fail(auth.NotInGroup, denied)
	}
	s.refusedFor(r, denied)
	s.writePage(w, r, http.StatusForbidden, messagePage{
		Icon: "info", Key: "reason." + string(auth.NotInGroup), Detail: a.client.Name,
		// By a redirect with prompt=none, which can lead to an application on the phone: a
		// link on a page cannot have its scheme.
		Action: &link{Label: "action.back_to_app", Href: s.site.prefix + "/oidc/authorize?" + withPrompt(a.query, "none")},
	})
	return nil
}
