package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// home is the visitor's own page. Visitors who are not signed in go to the login: inside WeChat
// a silent one, in other browsers by a phone.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	switch {
	case err == nil:
		return s.page(w, r, profilePage{User: &visit.User})
	case auth.ReasonOf(err) != auth.NotSignedIn:
		return err
	}
	if key := s.signedOutNotice(r); key != "" {
		return s.page(w, r, messagePage{
			Icon:   "success",
			Key:    key,
			Action: &link{Label: "action.login", Href: s.signInPath(r, s.site.home())},
		})
	}
	if s.inWeChat(r) {
		return redirect(w, http.StatusFound, s.loginPath("", s.site.home(), false))
	}
	return s.scan(w, r)
}

// consent asks for the profile, in our words, before WeChat asks in its own. A person who has
// agreed and is signed in has come by the Back button, and is redirected to the return
// address.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	returnTo := s.returnTo(r)
	account, err := askedAccount(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("declined") == "1" {
		return s.page(w, r, messagePage{
			Icon:   "info",
			Key:    "declined",
			Action: &link{Label: "action.login", Href: s.consentPath(account, returnTo)},
		})
	}
	p := consentPage{Site: s.config.PublicURL.Host, Follows: s.config.Following != nil, ConsentURL: s.loginPath(account, returnTo, true), SkipURL: s.consentPath(account, returnTo) + "&declined=1"}
	visit, err := s.visitor(r)
	switch {
	case err != nil:
	case r.URL.Query().Get("renew") == "1":
		p.SignedIn, p.SkipURL = true, returnTo
	case visit.User.Consented() && r.URL.Query().Has("return_to"):
		return redirect(w, http.StatusSeeOther, returnTo)
	}
	return s.page(w, r, p)
}

// consentPath returns the address that asks for the profile, on the way to returnTo.
func (s *Server) consentPath(account, returnTo string) string {
	return s.site.prefix + "/consent?" + accountParameter(account) + "return_to=" + url.QueryEscape(returnTo)
}

// logout ends the session, or with scope=all every session of the person.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if r.Form.Get("scope") == "all" {
		visit, err := s.visitor(r)
		if errors.Is(err, errRecheck) {
			return err // the person there may not end the other sessions
		}
		if err == nil {
			_, err = s.admins.EndSessions(r.Context(), admin.Self(visit), visit.User.ID)
		}
		if err != nil && auth.ReasonOf(err) != auth.NotSignedIn {
			return err
		}
	}
	if token := bearerToken(r); token != "" {
		return s.endBearer(w, r, token)
	}
	if err := s.signOut(w, r); err != nil {
		return err
	}
	s.tripsEnd(w, r)
	return redirect(w, http.StatusSeeOther, s.site.home())
}

// signOut ends this browser's session, and lets the next page say so.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.cookies.end(w, r, s.cookies.visitor); err != nil {
		return err
	}
	http.SetCookie(w, s.signedOutCookie("signed_out", signedOutLifetime))
	return nil
}

// eraseForm asks for confirmation.
func (s *Server) eraseForm(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if auth.ReasonOf(err) == auth.NotSignedIn {
		return redirect(w, http.StatusSeeOther, s.signInPath(r, s.site.prefix+"/erase"))
	}
	if err != nil {
		return err
	}
	return s.page(w, r, erasePage{User: visit.User})
}

// eraseMe deletes all that is stored on the visitor.
func (s *Server) eraseMe(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	if err := s.admins.Erase(r.Context(), admin.Self(visit), visit.User.ID); err != nil {
		return err
	}
	if err := s.cookies.end(w, r, s.cookies.visitor); err != nil {
		return err
	}
	if !acceptsHTML(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.SetCookie(w, s.signedOutCookie("erased", signedOutLifetime))
	return redirect(w, http.StatusSeeOther, s.site.home())
}

// The signed-out notice keeps a visitor who signs out inside WeChat from being signed in again
// by the very next page. It is a cookie for ten minutes, which the next login deletes. Its
// value is the key of the words on that page.
const signedOutLifetime = 10 * time.Minute

func (s *Server) signedOutNotice(r *http.Request) string {
	cookie, err := r.Cookie(s.signedOutCookie("", 0).Name)
	if err != nil || cookie.Value != "signed_out" && cookie.Value != "erased" {
		return ""
	}
	return cookie.Value
}

func (s *Server) signedOutCookie(value string, lifetime time.Duration) *http.Cookie {
	return s.site.newCookie("wxlogin_farewell", value, lifetime)
}
